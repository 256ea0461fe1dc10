"""Offers without a lease that need attention, for the console: held offers and open approvals."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from letting_sync.ledger.records import AcceptanceState, EntryState, Event
from letting_sync.ledger.schema import entries, events
from letting_sync.reasons import Kind, Reason

_PAIRS_PER_QUERY = 500
_RELATED_AT_MOST = 10
_SHOWN = (
    entries.c.id, entries.c.pair, entries.c.external_id, entries.c.unit, entries.c.offer_number,
    entries.c.acceptance, entries.c.acceptance_reason, entries.c.acceptance_run, entries.c.decided_by,
    entries.c.updated_at,
)  # fmt: skip
QUESTION = "question"
"""Used in place of a reason for offers that await an approval."""


@dataclass(frozen=True)
class Related:
    """Another entry that is related to a held one.

    :param relation: ``rival`` (another prospect for the unit), ``together`` (let together with it) or ``other_unit``
        (the same application for another unit).
    """

    relation: str
    pair: str
    external_id: str
    unit: str
    offer_number: str | None
    lease_number: str | None


def decided_elsewhere() -> frozenset[Reason]:
    """Return the reasons that require no action."""
    return frozenset(reason for reason in Reason if reason.kind is Kind.HELD and not reason.needs_a_person)


class OpenOffers:
    """Read-only queries for held offers.

    :param engine: an engine with read access to the ledger.
    :param pairs: the pairs that the user may read; entries of others are neither returned nor counted.
    """

    def __init__(self, engine: sa.Engine, pairs: Collection[str]) -> None:
        self.engine = engine
        self.pairs = sorted(pairs)

    def count_by_reason(self) -> Counter[str]:
        """Return the number of offers by reason, including those that require no action."""
        found = Counter[str]()
        with self.engine.connect() as connection:
            for some in self._parts():
                query = (
                    sa.select(entries.c.acceptance, entries.c.acceptance_reason, sa.func.count())
                    .where(*_open(some))
                    .group_by(entries.c.acceptance, entries.c.acceptance_reason)
                )
                for acceptance, reason, count in connection.execute(query):
                    found[QUESTION if acceptance == AcceptanceState.AWAITING else str(reason)] += count
        return found

    def find(self, reason: str, offset: int, limit: int) -> list[dict[str, Any]]:
        """Return a page of offers, longest waiting first, each with ``since`` and the ``related`` entries.

        :param reason: only with this reason; ``""``: all on which a person has to decide.
        """
        rows: list[dict[str, Any]] = []
        with self.engine.connect() as connection:
            for some in self._parts():
                query = (
                    sa.select(*_SHOWN, entries.c.erp, entries.c.bundle)
                    .where(*_open(some), _with(reason))
                    .order_by(entries.c.updated_at, entries.c.id)
                    .limit(offset + limit)
                )
                rows += [dict(row) for row in connection.execute(query).mappings()]
        rows.sort(key=lambda row: (row["updated_at"], row["id"]))
        rows = rows[offset : offset + limit]
        since, related = self._since([row["id"] for row in rows]), self.related(rows)
        hidden = ("erp", "bundle")  # the ERP's address is not shown to users
        return [
            {name: value for name, value in row.items() if name not in hidden}
            | {"since": since.get(row["id"], row["updated_at"]), "related": related[row["id"]]}
            for row in rows
        ]

    def related(self, rows: Sequence[dict[str, Any]]) -> dict[int, list[Related]]:
        """Return the related entries by entry id.

        :param rows: with ``id``, ``pair``, ``erp``, ``external_id``, ``unit`` and ``bundle``.
        """
        found = defaultdict[int, list[Related]](list)
        with self.engine.connect() as connection:
            for row in rows:
                for other in connection.execute(_around(row)):
                    relation = _relation(row, other)
                    if relation and other.pair in self.pairs and len(found[row["id"]]) < _RELATED_AT_MOST:
                        numbers = (other.offer_number, other.lease_number)
                        found[row["id"]].append(
                            Related(relation, other.pair, other.external_id, other.unit, *numbers)
                        )
        return found

    def related_of(self, ids: Collection[int]) -> dict[int, list[Related]]:
        """Return the related entries, as :meth:`related`, for entries given by id."""
        query = sa.select(entries).where(entries.c.id.in_(ids))
        with self.engine.connect() as connection:
            rows = [dict(row) for row in connection.execute(query).mappings()]
        return self.related(rows)

    def _since(self, ids: Collection[int]) -> dict[int, datetime]:
        """Return since when each entry has been held for its reason, or awaiting an approval."""
        query = (
            sa.select(events.c.entry_id, events.c.at, events.c.what, events.c.reason)
            .where(
                events.c.entry_id.in_(ids), events.c.what.in_([str(Event.HELD), str(Event.APPROVAL_ASKED)])
            )
            .order_by(events.c.entry_id, events.c.id)
        )
        since: dict[int, datetime] = {}
        last: dict[int, tuple[str, str | None]] = {}
        with self.engine.connect() as connection:
            for entry, at, what, reason in connection.execute(query):
                if last.get(entry) != (what, reason):
                    since[entry], last[entry] = at, (what, reason)
        return since

    def _parts(self) -> Iterator[list[str]]:
        for start in range(0, len(self.pairs), _PAIRS_PER_QUERY):
            yield self.pairs[start : start + _PAIRS_PER_QUERY]


def _open(pairs: Sequence[str]) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        entries.c.pair.in_(pairs),
        entries.c.acceptance.in_([AcceptanceState.HELD, AcceptanceState.AWAITING]),
        entries.c.lease_number.is_(None),
    )


def _with(reason: str) -> sa.ColumnElement[bool]:
    asked = entries.c.acceptance == AcceptanceState.AWAITING
    if reason == QUESTION:
        return asked
    if reason:
        return sa.and_(sa.not_(asked), entries.c.acceptance_reason == Reason.stored(reason))
    return sa.or_(asked, entries.c.acceptance_reason.not_in(list(decided_elsewhere())))


def _around(row: dict[str, Any]) -> sa.Select[Any]:
    near = [
        sa.and_(entries.c.erp == row["erp"], entries.c.unit == row["unit"]),
        sa.and_(entries.c.pair == row["pair"], entries.c.external_id == row["external_id"]),
    ]
    if row["bundle"]:
        near.append(sa.and_(entries.c.pair == row["pair"], entries.c.bundle == row["bundle"]))
    return (
        sa.select(entries).where(sa.or_(*near), entries.c.id != row["id"]).order_by(entries.c.id).limit(200)
    )


def _relation(row: dict[str, Any], other: Any) -> str | None:
    if other.pair == row["pair"] and row["bundle"] and other.bundle == row["bundle"]:
        return "together"
    if other.pair == row["pair"] and other.external_id == row["external_id"]:
        return "other_unit"
    if other.unit != row["unit"] or other.erp != row["erp"]:
        return None
    # As ``policy.may_compete``, and whoever has the unit's lease.
    claims = other.lease_number or (
        other.chosen and not other.withdrawn_at and other.state != EntryState.CLAIMED
    )
    return "rival" if claims else None
