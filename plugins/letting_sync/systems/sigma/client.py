"""Wodis Sigma's implementation of :class:`letting_sync.erp.Erp`, used by the load and the acceptance."""

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
"""Default of the connection's extra ``settle_seconds``, see :meth:`Sigma.within_settle_window`. Assumed: the inbox
stores a delivery at once; a proxy may delay it by up to a minute."""


class Sigma:
    """Client of one customer's Sigma, for one portal.

    :param target: the connection, the portal's name and the separator of unit numbers, as the customer has set it.
    :param connection: the Airflow connection itself, where it cannot be fetched by its id.
    """

    batch_size = PROSPECTS_PER_DELIVERY

    def __init__(self, target: ErpTarget, connection: Any = None) -> None:
        self.hook = SigmaHook(target.conn_id, connection=connection)
        self.portal = target.exchange
        self.separator = target.separator

    @property
    def scope(self) -> str:
        """The system's address: the same value for all pairs that feed this Sigma."""
        return f"sigma {self.hook.address}"

    @property
    def sent_fields(self) -> Mapping[str, str]:
        """Fields of a prospect that are sent, mapped to Sigma's names."""
        return mapping.SENT_FIELDS

    def preview(self, outgoing: Outgoing) -> Mapping[str, Any]:
        """Return a prospect in the form of the portal's inbox, without sending it."""
        return mapping.prospect_in(outgoing, self.separator)

    def check_access(self) -> bool:
        """Log in, and read the portal's latest import, which fails for an unknown portal."""
        self.hook.check_log_in()
        self.hook.latest_import(self.portal)
        return True

    def concurrently(self, function: Callable[[_T], _R], items: Iterable[_T]) -> Iterator[_R]:
        """Yield ``function(item)`` for each item, with Sigma's number of concurrent requests."""
        return self.hook.concurrently(function, items)

    def deliver(self, batch: Sequence[Outgoing], before_send: Callable[[], None]) -> Delivery:
        """Put a batch into the portal's inbox; the import is started after all batches were delivered."""
        rows, refused, texts = [], dict[str, Reason](), dict[str, str]()
        for outgoing in batch:
            try:
                rows.append(mapping.prospect_in(outgoing, self.separator))
            except RefuseRecord as refusal:
                refused[outgoing.prospect.external_id] = refusal.reason
        if rows:
            response = self.hook.deliver(self.portal, rows, before_send)
            try:
                refused |= mapping.refused_at_the_inbox(response)
                texts = mapping.refusal_texts(response)
            except StopRun as unreadable:
                raise ResponseLost(str(unreadable)) from None
        return Delivery(None, refused, texts)

    def import_going_on(self) -> str | None:
        """Return the number of the portal's running import, whoever started it; ``None`` if none is running."""
        latest = self.hook.latest_import(self.portal)
        return mapping.run_number(latest) if latest and mapping.is_going_on(latest) else None

    def start_import(self) -> str | None:
        """Start the portal's import; return its number, or ``None`` while another one is running.

        The running import may have started before our delivery, which then stays in the inbox until the next import.
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
            "Wodis Sigma did not start the import. The delivered prospects are in the portal's inbox."
        )

    def _latest_number(self) -> str | None:
        latest = self.hook.latest_import(self.portal)
        return mapping.run_number(latest) if latest else None

    def import_state(self, job: str) -> ImportState | None:
        """Return the state of an import, ``None`` if it is unknown."""
        run = self.hook.import_run(job)
        return mapping.import_state(run) if run else None

    def within_settle_window(self, sent_at: datetime) -> bool:
        """Return whether a delivery whose response was lost may still reach the inbox.

        Assumed: after ``settle_seconds`` (extra of the connection, default 120) it has reached the inbox or never will.

        :raises StopRun: ``settle_seconds`` is not a number, or is shorter than a request may take.
        """
        extra = self.hook.connection.extra_dejson
        seconds = settle_seconds(self.hook.http_conn_id, extra, SETTLE_SECONDS)
        return settle_window_open(seconds, sent_at)

    def offers(self, external_ids: Collection[str]) -> Iterator[Offer]:
        """Yield the offers with one of these external ids."""
        return (mapping.offer(row, self.separator, looked_up=True) for row in self.hook.offers(external_ids))

    def offers_on_unit(self, unit: str) -> Iterator[Offer]:
        """Yield the offers for one unit."""
        written = UnitNumber.parse(unit).written(self.separator)
        return (mapping.offer(row, self.separator) for row in self.hook.offers_on_unit(written))

    def business_partners(
        self, birth_dates: Collection[date], emails: Collection[str]
    ) -> Iterator[BusinessPartner]:
        """Yield the business partners with one of these dates of birth or e-mail addresses."""
        written = [day for day in map(mapping.written_day, birth_dates) if day]
        yield from map(mapping.business_partner, self.hook.business_partners(written))
        for row in self.hook.business_partners_by_email(emails):
            yield mapping.business_partner(row, by_day=False)

    def accept(self, offer: Offer) -> Lease:
        """Set the offer to "angenommen", which creates the lease.

        :raises RefuseRecord: ``offer_changed`` if the offer was saved since it was read, and as
            :meth:`SigmaHook.set_accepted`.
        """
        return mapping.lease(self.hook.set_accepted(offer.offer_id, offer.version))

    def close(self) -> None:
        """Close the hook's session."""
        self.hook.close()
