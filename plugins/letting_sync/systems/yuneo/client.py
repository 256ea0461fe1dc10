"""Wodis Yuneo as the load and the acceptance see it: an :class:`letting_sync.erp.Erp`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, TypeVar

from letting_sync.erp import Delivery, ErpTarget, ImportState, Outgoing, settle_window_open
from letting_sync.errors import RefuseRecord
from letting_sync.http.limits import settle_seconds
from letting_sync.model import BusinessPartner, Lease, Offer, UnitNumber
from letting_sync.reasons import Reason
from letting_sync.systems.yuneo import mapping
from letting_sync.systems.yuneo.hook import PROSPECTS_PER_IMPORT, YuneoHook

_T = TypeVar("_T")
_R = TypeVar("_R")

UNKNOWN_ID = "connection-test"
"""An external id that no offer has: the partners' are numbers or UUIDs."""
SETTLE_SECONDS = 3600.0
"""Default of the connection's extra ``settle_seconds``, see :meth:`Yuneo.within_settle_window`.

Assumed: the import is a planned work order, half-hourly or hourly. Only after a crash or a lost response is it waited
for."""


class Yuneo:
    """One customer's Yuneo, spoken to for one exchange (Immobilienbörse).

    :param target: the connection and the exchange's name; the separator is always the same here.
    :param connection: the Airflow connection itself, where it cannot be asked for by its id.
    """

    batch_size = PROSPECTS_PER_IMPORT

    def __init__(self, target: ErpTarget, connection: Any = None) -> None:
        self.hook = YuneoHook(target.conn_id, connection=connection)
        self.target = target

    @property
    def scope(self) -> str:
        """The same for all pairs that feed this Yuneo: its address."""
        return f"yuneo {self.hook.address}"

    @property
    def sent_fields(self) -> Mapping[str, str]:
        """Which fields of a prospect are sent, and under which names."""
        return mapping.SENT_FIELDS

    def preview(self, outgoing: Outgoing) -> Mapping[str, Any]:
        """A prospect as the import would take it."""
        return mapping.prospect_in(outgoing)

    def check_access(self) -> bool:
        """Log in and look an id up that no offer has; the interface has no list of exchanges."""
        self.hook.check_log_in()
        for _ in self.hook.offers([UNKNOWN_ID]):
            pass
        return False

    def concurrently(self, function: Callable[[_T], _R], items: Iterable[_T]) -> Iterator[_R]:
        """Call the function for each item, as many at a time as the hook allows."""
        return self.hook.concurrently(function, items)

    def deliver(self, batch: Sequence[Outgoing], before_send: Callable[[], None]) -> Delivery:
        """Hand a batch over; the work order that carries it starts by itself."""
        rows, refused = [], dict[str, Reason]()
        for outgoing in batch:
            try:
                rows.append(mapping.prospect_in(outgoing))
            except RefuseRecord as refusal:
                refused[outgoing.prospect.external_id] = refusal.reason
        job = self.hook.import_prospects(self.target.exchange, rows, before_send) if rows else None
        return Delivery(job, refused)

    def import_going_on(self) -> None:
        """Yuneo has no list of work orders, and several go on side by side."""

    def start_import(self) -> None:
        """Nothing to do: a delivery starts its work order itself."""

    def import_state(self, job: str) -> ImportState | None:
        """How far a work order is."""
        work_order = self.hook.work_order(job)
        return mapping.import_state(work_order) if work_order else None

    def within_settle_window(self, sent_at: datetime) -> bool:
        """Whether a work order whose number was lost may still be waiting or running.

        The interface has no list of work orders. Assumed: after ``settle_seconds`` (extra of the connection,
        default 3600) a work order that was accepted has run.

        :raises StopRun: the connection's ``settle_seconds`` is no number, or shorter than a request may take.
        """
        extra = self.hook.connection.extra_dejson
        seconds = settle_seconds(self.hook.http_conn_id, extra, SETTLE_SECONDS)
        return settle_window_open(seconds, sent_at)

    def offers(self, external_ids: Collection[str]) -> Iterator[Offer]:
        """All offers with these external ids."""
        return (mapping.offer(row, looked_up=True) for row in self.hook.offers(external_ids))

    def offers_on_unit(self, unit: str) -> Iterator[Offer]:
        """All offers for one unit."""
        return map(mapping.offer, self.hook.offers_on_unit(UnitNumber.parse(unit).written(mapping.SEPARATOR)))

    def business_partners(
        self, birth_dates: Collection[date], emails: Collection[str]
    ) -> Iterator[BusinessPartner]:
        """Stored persons with one of these dates of birth or addresses."""
        yield from map(mapping.business_partner, self.hook.business_partners(birth_dates))
        for row in self.hook.business_partners_by_email(emails):
            yield mapping.business_partner(row, by_day=False)

    def accept(self, offer: Offer) -> Lease:
        """Accept and create the lease."""
        start = offer.lease_start.isoformat() if offer.lease_start else None
        return mapping.lease(self.hook.accept(offer.offer_id, start), offer.offer_id)

    def close(self) -> None:
        """Give the connections back."""
        self.hook.close()
