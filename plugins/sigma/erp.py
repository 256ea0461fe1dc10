"""Wodis Sigma as the load and the acceptance see it: an :class:`include.prospects.erp.Erp`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any, TypeVar

from include.prospects.erp import ClaimLost, Delivery, ImportState, Outgoing
from include.prospects.errors import AnswerLost, RefuseRecord, WaitAndRepeat
from include.prospects.model import BusinessPartner, Lease, Offer, UnitNumber
from sigma import mapping
from sigma.hook import PROSPECTS_PER_DELIVERY, SigmaHook

_T = TypeVar("_T")
_R = TypeVar("_R")


class Sigma:
    """One customer's Sigma, spoken to for one portal.

    :param exchange: the portal's name there.
    :param separator: separator of unit numbers, as the customer has set it.
    :param connection: the Airflow connection itself, where it cannot be asked for by its id.
    """

    batch_size = PROSPECTS_PER_DELIVERY

    def __init__(self, conn_id: str, exchange: str, separator: str, connection: Any = None) -> None:
        self.hook = SigmaHook(conn_id, connection=connection)
        self.portal = exchange
        self.separator = separator

    @property
    def scope(self) -> str:
        """The same for all pairs that feed this Sigma: its address."""
        return f"sigma {self.hook.connection.host}:{self.hook.connection.port or ''}"

    def concurrently(self, function: Callable[[_T], _R], items: Iterable[_T]) -> Iterator[_R]:
        """Call the function for each item, as many at a time as Sigma allows."""
        return self.hook.concurrently(function, items)

    def deliver(self, batch: Sequence[Outgoing], going_out: Callable[[], None]) -> Delivery:
        """Put a batch into the portal's inbox; the import is started when all batches lie there."""
        rows, refused = [], {}
        for outgoing in batch:
            try:
                rows.append(mapping.prospect_in(outgoing, self.separator))
            except RefuseRecord as refusal:
                refused[outgoing.prospect.external_id] = refusal.reason
        if rows:
            refused |= mapping.refused_at_the_inbox(self._put(rows, going_out))
        return Delivery(None, refused)

    def _put(self, rows: Sequence[dict[str, Any]], going_out: Callable[[], None]) -> Any:
        try:
            return self.hook.deliver(self.portal, rows, going_out)
        except ClaimLost:
            raise
        except WaitAndRepeat as error:
            # Each of the tries may have left it in the inbox, where the next run of the import finds it.
            raise AnswerLost(str(error)) from None

    def import_going_on(self) -> str | None:
        """Number of the portal's import that goes on, whoever started it."""
        latest = self.hook.latest_import(self.portal)
        return mapping.run_number(latest) if latest and mapping.is_going_on(latest) else None

    def start_import(self) -> str:
        """Start the portal's import, or find the one that goes on; returns its number.

        A run that goes on may have begun before our delivery: what its protocol lacks is delivered again
        after it has ended, which is harmless, since the inbox replaces and a run empties it.
        """
        before = self._latest_number()
        try:
            return self.hook.start_import(self.portal)
        except (AnswerLost, RefuseRecord) as error:
            if isinstance(error, RefuseRecord) and error.reason != "import_running":
                raise
            latest = self.hook.latest_import(self.portal)
        if latest and (mapping.is_going_on(latest) or mapping.run_number(latest) != before):
            return mapping.run_number(latest)
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

    def may_still_come(self, sent_at: datetime) -> bool:
        """Whether an import goes on that may have taken a delivery; without one the inbox just keeps it."""
        del sent_at
        return self.import_going_on() is not None

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
