"""What the load and the acceptance need of an ERP, whichever it is. Each ERP's package fulfils it."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import starmap
from typing import Any, Protocol, TypeVar

from letting_sync.errors import InvalidSettings, WaitAndRepeat, about_text
from letting_sync.model import BusinessPartner, ImportResult, Lease, Offer, Prospect
from letting_sync.reasons import Reason


@dataclass(frozen=True)
class ErpSystem:
    """One kind of ERP; its package under ``plugins/`` has one such value.

    :param name: name of the package, and ``erp:`` in a customer's file.
    :param path: import path of this value itself, by which a trigger finds it again in another process.
    :param client: import path of its :class:`Erp`, called with an :class:`ErpTarget` and the connection or ``None``.
    :param load: its operator for ``load_offers``, called with an :class:`ErpTarget`.
    :param accept: the same for ``auto_accept``.
    :param separator: what the ERP writes between the four parts of a unit number; ``None``: its customers set it.
    :param pool_slots: slots of the ERP's pool that one task takes, see :mod:`letting_sync.pools.listener`.
    """

    name: str
    path: str
    client: str
    load: Any
    accept: Any
    separator: str | None = None
    pool_slots: int = 2

    def at(
        self, conn_id: str, *, exchange: str, separator: str | None = None, pool: str | None = None
    ) -> ErpTarget:
        """This ERP at one customer.

        :param conn_id: Airflow connection.
        :param exchange: the ERP's name for the place prospects are imported from (Immobilienbörse, Portal).
        :param separator: between the four parts of a unit number, where the ERP's customers set it.
        :param pool: Airflow pool that all tasks at this ERP share; by default one of its own, made when first needed.
        :raises InvalidSettings: naming each wrong setting, its value and the rule.
        """
        texts = {"erp_conn_id": conn_id, "exchange": exchange, "erp_pool": pool or f"erp_{conn_id}"}
        problems = [problem for problem in starmap(about_text, texts.items()) if problem]
        problems += self._about_separator(separator)
        if problems:
            raise InvalidSettings(self.name, problems)
        name, place, shared = (text.strip() for text in texts.values())
        return ErpTarget(self, name, place, separator or self.separator or "", shared)

    def _about_separator(self, separator: Any) -> list[tuple[str, str]]:
        said = f"erp_separator = {separator!r:.80}"
        if separator is None:
            missing = "erp_separator is missing: this ERP's customer sets it freely, so it must be given"
            return [] if self.separator else [("erp_separator", missing)]
        if not isinstance(separator, str) or len(separator) != 1:
            return [("erp_separator", f"{said}: must be one character")]
        if self.separator and separator != self.separator:
            return [("erp_separator", f"{said}: this ERP always writes {self.separator!r}")]
        return []


@dataclass(frozen=True)
class ErpTarget:
    """An ERP at one customer; made by :meth:`ErpSystem.at`."""

    system: ErpSystem
    conn_id: str
    exchange: str
    separator: str
    pool: str

    def checked_for(self, system: str | None) -> ErpTarget:
        """This target, for an operator that is made for one system.

        :raises InvalidSettings: it is another system's.
        """
        if system not in (None, self.system.name):
            raise InvalidSettings(
                "operator", [("erp", f"erp = {self.system.name!r}: this operator is made for {system!r}")]
            )
        return self

    def serialize(self) -> dict[str, str]:
        """The target as plain data for a trigger; nothing in it is secret."""
        names = ("conn_id", "exchange", "separator", "pool")
        return {"system": self.system.path} | {name: getattr(self, name) for name in names}

    @classmethod
    def deserialize(cls, data: Mapping[str, str]) -> ErpTarget:
        """The target that :meth:`serialize` wrote down."""
        return cls(**dict(data) | {"system": pkgutil.resolve_name(data["system"])})

    def open(self, connection: Any = None) -> Erp:
        """The client that speaks to this ERP.

        :param connection: the Airflow connection itself, where it cannot be asked for by its id (in a trigger).
        """
        client: Erp = pkgutil.resolve_name(self.system.client)(self, connection)
        return client


_T = TypeVar("_T")
_R = TypeVar("_R")


class ClaimLost(WaitAndRepeat):
    """Another run has taken prospects over while this one waited: nothing was sent, and nothing may be."""


def settle_window_open(seconds: float, sent_at: datetime) -> bool:
    """Whether less than so many seconds have passed since a delivery was sent: it may still take effect.

    :param seconds: the ERP's ``settle_seconds``, see :func:`letting_sync.http.limits.settle_seconds`.
    """
    return datetime.now(UTC) - sent_at < timedelta(seconds=seconds)


@dataclass(frozen=True)
class Outgoing:
    """What an ERP sees of a prospect that is to be sent to it.

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
    :param refusal_texts: the ERP's own words on these, where it has some; they may quote the person.
    """

    job: str | None = None
    refused: Mapping[str, Reason] = field(default_factory=dict)
    refusal_texts: Mapping[str, str] = field(default_factory=dict, repr=False)


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

    @property
    def sent_fields(self) -> Mapping[str, str]:
        """The fields of a :class:`Prospect` that the ERP takes -> its own names for them."""

    def preview(self, outgoing: Outgoing) -> Mapping[str, Any]:
        """What :meth:`deliver` would send of one prospect, by the ERP's own names; sends nothing.

        :raises RefuseRecord: it would not be sent at all.
        """

    def check_access(self) -> bool:
        """Log in and ask for the exchange; writes nothing.

        :return: whether the exchange is known there; ``False``: the interface cannot tell.
        :raises StopRun: the log-in is refused, or the exchange is unknown.
        """

    def concurrently(self, function: Callable[[_T], _R], items: Iterable[_T]) -> Iterator[_R]:
        """Call the function for each item, as many at a time as the ERP allows."""

    def deliver(self, batch: Sequence[Outgoing], before_send: Callable[[], None]) -> Delivery:
        """Hand a batch over.

        :param before_send: to be called each time just before the request goes out, after every wait; raises
            :class:`ClaimLost` if it must not go any more.
        :raises ResponseLost: it may have been taken.
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

    def within_settle_window(self, sent_at: datetime) -> bool:
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
