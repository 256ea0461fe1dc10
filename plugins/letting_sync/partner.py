"""Interface of a letting platform, used by pairs and the acceptance. Each partner's package implements it."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from letting_sync.errors import InvalidSettings, RefuseRecord, about_text
from letting_sync.model import PARTNER_SEPARATORS, Prospect

Selection = Literal["partner", "erp"]
"""Where prospects are chosen: in the partner's system, or in the ERP (then all are transferred and none accepted)."""


@dataclass(frozen=True)
class PartnerSystem:
    """One kind of letting platform; its package has one such value.

    :param name: name of the package, and ``partner:`` in a customer's file.
    :param title: name for people, in DAG descriptions.
    :param client: import path of its :class:`Partner`, called with a :class:`PartnerTarget`.
    :param extract: its extract operator, called with a :class:`PartnerTarget`.
    :param selections: where its prospects can be chosen.
    :param options: settings that only this system has -> their allowed values, the default first.
    """

    name: str
    title: str
    client: str
    extract: Any
    selections: tuple[Selection, ...] = ("partner",)
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Its name: Airflow stores this text with each DAG."""
        return f"PartnerSystem({self.name!r})"

    def at(
        self, conn_id: str, *, separator: str | None = None, selection: Selection = "partner", **options: str
    ) -> PartnerTarget:
        """Return the target for this system at one customer.

        :param conn_id: Airflow connection.
        :param separator: character between the four parts of a unit number; ``None``: it is detected in each number,
            if the number contains exactly one of the five that are possible.
        :param selection: where prospects are chosen.
        :param options: settings that only this system has.
        :raises InvalidSettings: naming each wrong setting, its value and the rule.
        """
        problems = []
        if problem := about_text("partner_conn_id", conn_id):
            problems.append(problem)
        if separator is not None and separator not in PARTNER_SEPARATORS:
            known = " ".join(PARTNER_SEPARATORS)
            problems.append(
                ("partner_separator", f"partner_separator = {separator!r:.80}: must be one of {known}")
            )
        if selection not in self.selections:
            allowed = " or ".join(self.selections)
            problems.append(("selection", f"selection = {selection!r:.80}: must be {allowed}"))
        for name, value in options.items():
            problems += self._about(name, value)
        if problems:
            raise InvalidSettings(self.name, problems)
        defaults = {name: values[0] for name, values in self.options.items()}
        return PartnerTarget(self, conn_id.strip(), separator, selection, defaults | options)

    def _about(self, name: str, value: Any) -> list[tuple[str, str]]:
        allowed = self.options.get(name)
        if allowed is None:
            return [(name, f"{name} = {value!r:.80}: {self.name} has no such setting; leave it out")]
        if value not in allowed:
            return [(name, f"{name} = {value!r:.80}: must be {' or '.join(allowed)}")]
        return []


@dataclass(frozen=True)
class PartnerTarget:
    """A letting platform at one customer; made by :meth:`PartnerSystem.at`."""

    system: PartnerSystem
    conn_id: str
    separator: str | None
    selection: Selection
    options: Mapping[str, str]

    def open(self) -> Partner:
        """Create the client of this partner."""
        client: Partner = pkgutil.resolve_name(self.system.client)(self)
        return client


@dataclass(frozen=True)
class Reference:
    """Reference to a prospect that was read from the partner before.

    :param source_id: the partner's id of the record, if one external id may have several; ``None`` also for prospects
        loaded by a release that did not store it.
    """

    external_id: str
    source_id: str | None = None


Current = Sequence[Prospect | RefuseRecord]
"""The current state of a reference, mapped as by the task ``extract``: one prospect per unit, or the reason why it
cannot be mapped. Empty if the record no longer exists."""


class Partner(Protocol):
    """Client of one customer's letting platform that fetches the current state of single prospects."""

    def current(self, references: Sequence[Reference]) -> Sequence[Current]:
        """Fetch the current state of each reference, in order, with concurrent calls.

        :raises WaitAndRepeat: the partner cannot be reached; nothing may be concluded from that.
        :raises StopRun: a response violates the contract.
        """

    def close(self) -> None:
        """Close the client's session."""
