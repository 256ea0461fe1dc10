"""What the load and the acceptance need of an ERP, whichever it is. Each ERP's package fulfils it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol, TypeVar

from include.prospects.errors import WaitAndRepeat
from include.prospects.model import BusinessPartner, ImportResult, Lease, Offer, Prospect
from include.prospects.reasons import Reason

_T = TypeVar("_T")
_R = TypeVar("_R")


class ClaimLost(WaitAndRepeat):
    """Another run has taken prospects over while this one waited: nothing was sent, and nothing may be."""


@dataclass(frozen=True)
class Outgoing:
    """A prospect ready to be sent.

    :param business_partner_number: the ERP's number of this person if it knows them already; then the ERP runs
        no duplicate check of its own.
    """

    prospect: Prospect
    business_partner_number: str | None = None


@dataclass(frozen=True)
class Delivery:
    """What the ERP said when a batch was handed over.

    :param job: number of the import that will carry it, if the ERP starts one by itself.
    :param refused: reason by external id for those it would not take.
    """

    job: str | None = None
    refused: Mapping[str, Reason] = field(default_factory=dict)


@dataclass(frozen=True)
class ImportState:
    """How far an import is; results may be incomplete, even after its end.

    :param broken_off: it ended before it had looked at all that was delivered.
    """

    finished: bool
    results: Sequence[ImportResult] = ()
    broken_off: bool = False


class Erp(Protocol):
    """One customer's ERP, spoken to for one exchange (Immobilienbörse, Portal)."""

    @property
    def batch_size(self) -> int:
        """Prospects in one delivery, as many as the interface takes."""

    @property
    def scope(self) -> str:
        """The same for all pairs that feed this ERP."""

    def concurrently(self, function: Callable[[_T], _R], items: Iterable[_T]) -> Iterator[_R]:
        """Call the function for each item, as many at a time as the ERP allows."""

    def deliver(self, batch: Sequence[Outgoing], going_out: Callable[[], None]) -> Delivery:
        """Hand a batch over.

        :param going_out: to be called each time just before the request goes out, after every wait; raises
            :class:`ClaimLost` if it must not go any more.
        :raises AnswerLost: it may have been taken.
        :raises WaitAndRepeat: it was surely not taken.
        :raises RefuseRecord: the batch as a whole is refused because of something in it; nothing was taken.
        """

    def import_going_on(self) -> str | None:
        """Number of an import that goes on, whoever started it; ``None`` too where the ERP cannot tell."""

    def start_import(self) -> str | None:
        """Start the import of what was delivered, where a delivery does not do so itself.

        :return: its number, of an import that surely began after the last delivery. ``None``: there is nothing to
            start, or another import goes on, see :meth:`import_going_on`.
        """

    def import_state(self, job: str) -> ImportState | None:
        """How far an import is; ``None`` if the ERP does not know it (any more)."""

    def may_still_come(self, sent_at: datetime) -> bool:
        """Whether a delivery of which nothing is found may still be worked on, by its age alone."""

    def offers(self, external_ids: Collection[str]) -> Iterator[Offer]:
        """All offers with these external ids, looked up in bulk."""

    def offers_on_unit(self, unit: str) -> Iterator[Offer]:
        """All offers for one unit, given as ``1/2/3/4``."""

    def business_partners(
        self, birth_dates: Collection[date], emails: Collection[str]
    ) -> Iterator[BusinessPartner]:
        """Stored persons with one of these dates of birth or e-mail addresses, looked up in bulk."""

    def accept(self, offer: Offer) -> Lease:
        """Turn an offer into a lease. Safe to repeat: the ERP refuses an offer that is no longer open.

        :raises RefuseRecord: ``offer_changed``, ``unit_let`` or ``expired``; read the offer again and decide anew.
        """

    def close(self) -> None:
        """Give the connections back."""
