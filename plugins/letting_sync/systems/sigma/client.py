"""Wodis Sigma as the load and the acceptance see it: an :class:`letting_sync.erp.Erp`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, TypeVar

from letting_sync.erp import Delivery, ErpTarget, ImportState, Outgoing, settle_window_open
from letting_sync.errors import RefuseRecord, ResponseLost, StopRun, WaitAndRepeat
from letting_sync.http.limits import settle_seconds
from letting_sync.model import BusinessPartner, Lease, Offer, UnitNumber
from letting_sync.reasons import Reason
from letting_sync.systems.sigma import mapping
from letting_sync.systems.sigma.hook import PROSPECTS_PER_DELIVERY, SigmaHook

_T = TypeVar("_T")
_R = TypeVar("_R")

SETTLE_SECONDS = 120.0
"""Default of the connection's extra ``settle_seconds``, see :meth:`Sigma.within_settle_window`. Assumed: the inbox takes
what it is sent at once; a proxy may hold it for a minute."""


class Sigma:
    """One customer's Sigma, spoken to for one portal.

    :param target: the connection, the portal's name and the separator of unit numbers, as the customer has set it.
    :param connection: the Airflow connection itself, where it cannot be asked for by its id.
    """

    batch_size = PROSPECTS_PER_DELIVERY

    def __init__(self, target: ErpTarget, connection: Any = None) -> None:
        self.hook = SigmaHook(target.conn_id, connection=connection)
        self.portal = target.exchange
        self.separator = target.separator

    @property
    def scope(self) -> str:
        """The same for all pairs that feed this Sigma: its address."""
        return f"sigma {self.hook.address}"

    @property
    def sent_fields(self) -> Mapping[str, str]:
        """Which fields of a prospect are sent, and under which names."""
        return mapping.SENT_FIELDS

    def preview(self, outgoing: Outgoing) -> Mapping[str, Any]:
        """A prospect as the portal's inbox would take it."""
        return mapping.prospect_in(outgoing, self.separator)

    def check_access(self) -> bool:
        """Log in, and ask for the portal's latest import: an unknown portal is refused there."""
        self.hook.check_log_in()
        self.hook.latest_import(self.portal)
        return True

    def concurrently(self, function: Callable[[_T], _R], items: Iterable[_T]) -> Iterator[_R]:
        """Call the function for each item, as many at a time as Sigma allows."""
        return self.hook.concurrently(function, items)

    def deliver(self, batch: Sequence[Outgoing], before_send: Callable[[], None]) -> Delivery:
        """Put a batch into the portal's inbox; the import is started when all batches lie there."""
        rows, refused = [], dict[str, Reason]()
        for outgoing in batch:
            try:
                rows.append(mapping.prospect_in(outgoing, self.separator))
            except RefuseRecord as refusal:
                refused[outgoing.prospect.external_id] = refusal.reason
        if rows:
            response = self.hook.deliver(self.portal, rows, before_send)
            try:
                refused |= mapping.refused_at_the_inbox(response)
            except StopRun as unreadable:
                raise ResponseLost(str(unreadable)) from None
        return Delivery(None, refused)

    def import_going_on(self) -> str | None:
        """Number of the portal's import that goes on, whoever started it."""
        latest = self.hook.latest_import(self.portal)
        return mapping.run_number(latest) if latest and mapping.is_going_on(latest) else None

    def start_import(self) -> str | None:
        """Start the portal's import; returns its number, or ``None`` while another one goes on.

        The other one may have begun before our delivery, which then waits in the inbox for a run of ours.
        """
        before = self._latest_number()
        try:
            return self.hook.start_import(self.portal)
        except RefuseRecord:
            return None
        except ResponseLost:
            latest = self.hook.latest_import(self.portal)
        if latest and mapping.run_number(latest) != before:
            return mapping.run_number(latest)
        if latest and mapping.is_going_on(latest):
            return None
        raise WaitAndRepeat(
            "Wodis Sigma did not start the import. What was delivered lies in the portal's inbox."
        )

    def _latest_number(self) -> str | None:
        latest = self.hook.latest_import(self.portal)
        return mapping.run_number(latest) if latest else None

    def import_state(self, job: str) -> ImportState | None:
        """How far an import is."""
        run = self.hook.import_run(job)
        return mapping.import_state(run) if run else None

    def within_settle_window(self, sent_at: datetime) -> bool:
        """Whether a delivery whose answer was lost may still reach the inbox.

        Assumed: after ``settle_seconds`` (extra of the connection, default 120) it has reached the inbox or never will.

        :raises StopRun: the connection's ``settle_seconds`` is no number, or shorter than a request may take.
        """
        extra = self.hook.connection.extra_dejson
        seconds = settle_seconds(self.hook.http_conn_id, extra, SETTLE_SECONDS)
        return settle_window_open(seconds, sent_at)

    def offers(self, external_ids: Collection[str]) -> Iterator[Offer]:
        """All offers with these external ids."""
        return (mapping.offer(row, self.separator, looked_up=True) for row in self.hook.offers(external_ids))

    def offers_on_unit(self, unit: str) -> Iterator[Offer]:
        """All offers for one unit."""
        written = UnitNumber.parse(unit).written(self.separator)
        return (mapping.offer(row, self.separator) for row in self.hook.offers_on_unit(written))

    def business_partners(
        self, birth_dates: Collection[date], emails: Collection[str]
    ) -> Iterator[BusinessPartner]:
        """Stored persons with one of these dates of birth or addresses."""
        written = [day for day in map(mapping.written_day, birth_dates) if day]
        yield from map(mapping.business_partner, self.hook.business_partners(written))
        for row in self.hook.business_partners_by_email(emails):
            yield mapping.business_partner(row, by_day=False)

    def accept(self, offer: Offer) -> Lease:
        """Set the offer to "angenommen" and save, unless somebody saved since it was read."""
        return mapping.lease(self.hook.set_accepted(offer.offer_id, offer.version))

    def close(self) -> None:
        """Give the connections back."""
        self.hook.close()
