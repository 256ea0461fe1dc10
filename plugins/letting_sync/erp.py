"""Interface of an ERP, used by the load and the acceptance. Each ERP's package implements it."""

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

UNKNOWN_ID = "connection-test"
"""An external id that no offer has, to try a look-up with: those of the partners are numbers or UUIDs."""


@dataclass(frozen=True)
class ErpSystem:
    """One kind of ERP; its package has one such value.

    :param name: name of the package, and ``erp:`` in a customer's file.
    :param title: name for people, in DAG descriptions.
    :param path: import path of this value, with which a trigger imports it in another process.
    :param client: import path of its :class:`Erp`, called with an :class:`ErpTarget` and the connection or ``None``.
    :param load: its operator for ``load_offers``, called with an :class:`ErpTarget`.
    :param accept: its operator for ``auto_accept``, called with an :class:`ErpTarget`.
    :param separator: character between the four parts of a unit number; ``None`` if each customer sets it.
    :param pool_slots: slots of the ERP's pool that one task takes, see :mod:`letting_sync.pools.listener`.
    """

    name: str
    title: str
    path: str
    client: str
    load: Any
    accept: Any
    separator: str | None = None
    pool_slots: int = 2

    def __repr__(self) -> str:
        """Its path: Airflow stores this text with each DAG, twice."""
        return self.path

    def at(
        self, conn_id: str, *, exchange: str, separator: str | None = None, pool: str | None = None
    ) -> ErpTarget:
        """Return the target for this ERP at one customer.

        :param conn_id: Airflow connection.
        :param exchange: the ERP's name of the source of imported prospects (Immobilienbörse, Portal).
        :param separator: character between the four parts of a unit number, if the ERP's customers set it.
        :param pool: Airflow pool shared by all tasks at this ERP; by default one per ERP, created when first needed.
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
        """Return this target if it fits an operator of one system.

        :param system: name of the operator's system; ``None`` for any.
        :raises InvalidSettings: the target belongs to another system.
        """
        if system not in (None, self.system.name):
            raise InvalidSettings(
                "operator", [("erp", f"erp = {self.system.name!r}: this operator is made for {system!r}")]
            )
        return self

    def serialize(self) -> dict[str, str]:
        """Return the target as plain data for a trigger, without secrets."""
        names = ("conn_id", "exchange", "separator", "pool")
        return {"system": self.system.path} | {name: getattr(self, name) for name in names}

    @classmethod
    def deserialize(cls, data: Mapping[str, str]) -> ErpTarget:
        """Return the target from the data of :meth:`serialize`."""
        return cls(**dict(data) | {"system": pkgutil.resolve_name(data["system"])})

    def open(self, connection: Any = None) -> Erp:
        """Create the client of this ERP.

        :param connection: the Airflow connection itself, where it cannot be fetched by its id (in a trigger).
        """
        client: Erp = pkgutil.resolve_name(self.system.client)(self, connection)
        return client


_T = TypeVar("_T")
_R = TypeVar("_R")


class ClaimLost(WaitAndRepeat):
    """Another run has taken over prospects while this one waited; nothing was sent, and nothing may be sent."""


def settle_window_open(seconds: float, sent_at: datetime) -> bool:
    """Return whether fewer than ``seconds`` have passed since a delivery was sent, so that it may still take effect.

    :param seconds: the ERP's ``settle_seconds``, see :func:`letting_sync.http.limits.settle_seconds`.
    """
    return datetime.now(UTC) - sent_at < timedelta(seconds=seconds)


@dataclass(frozen=True)
class Outgoing:
    """The part of a candidate that is sent to the ERP.

    :param business_partner_number: the ERP's number of this person if it is known; the ERP then runs no duplicate
        check of its own.
    """

    prospect: Prospect
    business_partner_number: str | None = None


@dataclass(frozen=True)
class Delivery:
    """Result of sending a batch.

    :param job: number of the import for this batch, if the ERP starts one by itself.
    :param refused: reason by external id of the prospects that the ERP refused.
    :param refusal_texts: the ERP's own messages on these, if it sends any; they may contain personal data.
    """

    job: str | None = None
    refused: Mapping[str, Reason] = field(default_factory=dict)
    refusal_texts: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class ImportState:
    """State of an import; results may be incomplete, even after its end.

    :param broken_off: whether it ended before it had processed all delivered prospects.
    """

    finished: bool
    results: Sequence[ImportResult] = ()
    broken_off: bool = False


class Erp(Protocol):
    """Client of one customer's ERP, for one exchange (Immobilienbörse, Portal)."""

    @property
    def batch_size(self) -> int:
        """Maximum number of prospects in one delivery."""

    @property
    def scope(self) -> str:
        """Identifier of the ERP: the same value for all pairs that feed it."""

    @property
    def sent_fields(self) -> Mapping[str, str]:
        """Fields of a :class:`Prospect` that are sent, mapped to the ERP's names."""

    def preview(self, outgoing: Outgoing) -> Mapping[str, Any]:
        """Return what :meth:`deliver` would send of one prospect, by the ERP's names; send nothing.

        :raises RefuseRecord: the prospect would not be sent.
        """

    def check_access(self) -> bool:
        """Log in and check the exchange; write nothing.

        :return: ``True`` if the exchange exists, ``False`` if the API offers no way to check it.
        :raises StopRun: the log-in is refused, or the exchange is unknown.
        """

    def concurrently(self, function: Callable[[_T], _R], items: Iterable[_T]) -> Iterator[_R]:
        """Yield ``function(item)`` for each item, in order, with the ERP's number of concurrent requests."""

    def deliver(self, batch: Sequence[Outgoing], before_send: Callable[[], None]) -> Delivery:
        """Send a batch of at most :attr:`batch_size` prospects.

        :param before_send: called immediately before each request is sent, after every wait; raises
            :class:`ClaimLost` if the request must not be sent any more.
        :raises ResponseLost: the batch may have been accepted.
        :raises WaitAndRepeat: the batch was confirmed not accepted.
        :raises RefuseRecord: the whole batch is refused because of a record in it; nothing was accepted.
        """

    def import_going_on(self) -> str | None:
        """Return the number of a running import, whoever started it; ``None`` also if the ERP cannot tell."""

    def start_import(self) -> str | None:
        """Start the import of the delivered prospects, if a delivery does not start it itself.

        :return: number of the import, which began after the last delivery; ``None`` if there is nothing to start, or
            another import is running, see :meth:`import_going_on`.
        """

    def import_state(self, job: str) -> ImportState | None:
        """Return the state of an import; ``None`` if the ERP does not know it (any more)."""

    def within_settle_window(self, sent_at: datetime) -> bool:
        """Return whether a delivery may, by its age alone, still take effect although nothing of it was found."""

    def offers(self, external_ids: Collection[str]) -> Iterator[Offer]:
        """Yield the offers with one of these external ids, looked up in bulk."""

    def offers_on_unit(self, unit: str) -> Iterator[Offer]:
        """Yield the offers for one unit, given as ``1/2/3/4``."""

    def business_partners(
        self, birth_dates: Collection[date], emails: Collection[str]
    ) -> Iterator[BusinessPartner]:
        """Yield the business partners with one of these dates of birth or e-mail addresses, looked up in bulk."""

    def accept(self, offer: Offer) -> Lease:
        """Turn an offer into a lease. The call may be repeated: the ERP refuses an offer that is no longer open.

        :raises RefuseRecord: ``offer_changed``, ``unit_let`` or ``expired``; read the offer and decide again.
        """

    def close(self) -> None:
        """Close the client's session."""
