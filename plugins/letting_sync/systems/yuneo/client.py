"""Wodis Yuneo's implementation of :class:`letting_sync.erp.Erp`, used by the load and the acceptance."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, TypeVar

from letting_sync.erp import (
    UNKNOWN_ID,
    Delivery,
    ErpTarget,
    ImportState,
    Outgoing,
    settle_window_open,
)
from letting_sync.errors import RefuseRecord
from letting_sync.http.limits import settle_seconds
from letting_sync.model import BusinessPartner, Lease, Offer, UnitNumber
from letting_sync.reasons import Reason
from letting_sync.systems.yuneo import mapping
from letting_sync.systems.yuneo.hook import PROSPECTS_PER_IMPORT, YuneoHook

_T = TypeVar("_T")
_R = TypeVar("_R")

SETTLE_SECONDS = 3600.0
"""Default of the connection's extra ``settle_seconds``, see :meth:`Yuneo.within_settle_window`.

Assumed: the import is a scheduled work order that runs every half hour or hour. This time matters only after a crash, a
lost response, or a work order that failed: the prospects for which it has no result are sent again after it."""


class Yuneo:
    """Client of one customer's Yuneo, for one exchange (Immobilienbörse).

    :param target: the connection and the exchange's name; Yuneo's separator of unit numbers is fixed.
    :param connection: the Airflow connection itself, where it cannot be fetched by its id.
    """

    batch_size = PROSPECTS_PER_IMPORT

    def __init__(self, target: ErpTarget, connection: Any = None) -> None:
        self.hook = YuneoHook(target.conn_id, connection=connection)
        self.target = target

    @property
    def scope(self) -> str:
        """The system's address: the same value for all pairs that feed this Yuneo."""
        return f"yuneo {self.hook.address}"

    @property
    def sent_fields(self) -> Mapping[str, str]:
        """Fields of a prospect that are sent, mapped to Yuneo's names."""
        return mapping.SENT_FIELDS

    def preview(self, outgoing: Outgoing) -> Mapping[str, Any]:
        """Return a prospect in the form of the import, without sending it."""
        return mapping.prospect_in(outgoing)

    def check_access(self) -> bool:
        """Log in and look up an id that no offer has; the API has no list of exchanges to check the name against."""
        self.hook.check_log_in()
        for _ in self.hook.offers([UNKNOWN_ID]):
            pass
        return False

    def concurrently(self, function: Callable[[_T], _R], items: Iterable[_T]) -> Iterator[_R]:
        """Yield ``function(item)`` for each item, with the hook's number of concurrent requests."""
        return self.hook.concurrently(function, items)

    def deliver(self, batch: Sequence[Outgoing], before_send: Callable[[], None]) -> Delivery:
        """Send a batch; Yuneo starts the work order for it by itself."""
        rows, refused = [], dict[str, Reason]()
        for outgoing in batch:
            try:
                rows.append(mapping.prospect_in(outgoing))
            except RefuseRecord as refusal:
                refused[outgoing.prospect.external_id] = refusal.reason
        job = self.hook.import_prospects(self.target.exchange, rows, before_send) if rows else None
        return Delivery(job, refused)

    def import_going_on(self) -> None:
        """Return ``None``: Yuneo has no list of work orders, and several may run at the same time."""

    def start_import(self) -> None:
        """Do nothing: a delivery starts its work order."""

    def import_state(self, job: str) -> ImportState | None:
        """Return the state of a work order, ``None`` if it is unknown."""
        work_order = self.hook.work_order(job)
        return mapping.import_state(work_order) if work_order else None

    def within_settle_window(self, sent_at: datetime) -> bool:
        """Return whether a work order whose number was lost may still be waiting or running.

        The API has no list of work orders. Assumed: after ``settle_seconds`` (extra of the connection, default 3600)
        an accepted work order has run.

        :raises StopRun: ``settle_seconds`` is not a number, or is shorter than a request may take.
        """
        extra = self.hook.connection.extra_dejson
        seconds = settle_seconds(self.hook.http_conn_id, extra, SETTLE_SECONDS)
        return settle_window_open(seconds, sent_at)

    def offers(self, external_ids: Collection[str]) -> Iterator[Offer]:
        """Yield the offers with one of these external ids."""
        return (mapping.offer(row, looked_up=True) for row in self.hook.offers(external_ids))

    def offers_on_unit(self, unit: str) -> Iterator[Offer]:
        """Yield the offers for one unit."""
        return map(mapping.offer, self.hook.offers_on_unit(UnitNumber.parse(unit).written(mapping.SEPARATOR)))

    def business_partners(
        self, birth_dates: Collection[date], emails: Collection[str]
    ) -> Iterator[BusinessPartner]:
        """Yield the business partners with one of these dates of birth or e-mail addresses."""
        yield from map(mapping.business_partner, self.hook.business_partners(birth_dates))
        for row in self.hook.business_partners_by_email(emails):
            yield mapping.business_partner(row, by_day=False)

    def accept(self, offer: Offer) -> Lease:
        """Accept the offer and create the lease.

        :raises RefuseRecord: as :meth:`YuneoHook.accept`.
        """
        start = offer.lease_start.isoformat() if offer.lease_start else None
        return mapping.lease(self.hook.accept(offer.offer_id, start), offer.offer_id)

    def close(self) -> None:
        """Close the hook's session."""
        self.hook.close()
