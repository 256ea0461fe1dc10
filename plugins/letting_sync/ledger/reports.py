"""Read-only queries of alerts and the console on the ledger."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from letting_sync.ledger.records import AcceptanceState
from letting_sync.ledger.schema import entries, events
from letting_sync.reasons import Kind, Reason

MOST_ENTRIES = 50
MOST_EVENTS = 200
"""Maximum number of events of an entry, newest ones; the timeline says if there are more."""
_PAIRS_PER_QUERY = 500
_SHOWN = (
    entries.c.id, entries.c.pair, entries.c.external_id, entries.c.unit, entries.c.state, entries.c.reason,
    entries.c.chosen, entries.c.job, entries.c.offer_number, entries.c.business_partner_number,
    entries.c.business_partner_created, entries.c.lease_number, entries.c.acceptance,
    entries.c.acceptance_reason, entries.c.decided_by, entries.c.decided_at, entries.c.changed_at,
    entries.c.withdrawn_at, entries.c.run_id, entries.c.window_start, entries.c.window_end,
    entries.c.created_at, entries.c.updated_at,
)  # fmt: skip
"""Columns that the console shows. Hashes and the claim's token are never shown outside the ledger."""


class LedgerReports:
    """Read-only queries on the ledger for people.

    :param engine: the ledger's own engine, or one with read access only.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine

    # --- for alerts ---------------------------------------------------------------------------------------

    def find_waiting(self, pair: str) -> dict[str, Reason]:
        """Return the offers of a pair that wait for a person: ids of their entries, each with the reason."""
        decided = [reason for reason in Reason if reason.kind is Kind.HELD and not reason.needs_a_person]
        query = sa.select(entries.c.id, entries.c.acceptance_reason).where(
            entries.c.pair == pair,
            entries.c.acceptance == AcceptanceState.HELD,
            entries.c.lease_number.is_(None),
            entries.c.acceptance_reason.not_in(decided),
        )
        with self.engine.begin() as connection:
            return {str(row.id): row.acceptance_reason for row in connection.execute(query)}

    def find_number_awaiting(self, pair: str, run_id: str) -> int:
        """Return the number of offers of a run that await an approval."""
        query = sa.select(sa.func.count()).where(
            entries.c.pair == pair,
            entries.c.acceptance == AcceptanceState.AWAITING,
            entries.c.acceptance_run == run_id,
        )
        with self.engine.begin() as connection:
            return int(connection.execute(query).scalar_one())

    def find_windows_with_prospects(self, pair: str, since: datetime) -> list[datetime]:
        """Return the distinct ends of the windows with prospects of a pair, from ``since`` on."""
        query = (
            sa.select(entries.c.window_end)
            .distinct()
            .where(entries.c.pair == pair, entries.c.window_end >= since)
        )
        with self.engine.begin() as connection:
            return list(connection.scalars(query))

    # --- for the console ----------------------------------------------------------------------------------

    def find_by_number(self, text: str, pairs: Collection[str]) -> list[dict[str, Any]]:
        """Return entries with this external id, offer number or lease number, each with its history.

        :param pairs: entries of other pairs are not returned.
        """
        found: dict[int, dict[str, Any]] = {}
        with self.engine.connect() as connection:
            for query in _queries(text, pairs):
                for row in connection.execute(query.limit(MOST_ENTRIES)).mappings():
                    if row["pair"] in pairs:
                        found.setdefault(row["id"], dict(row))
            chosen = sorted(found.values(), key=lambda row: row["updated_at"], reverse=True)[:MOST_ENTRIES]
            histories = _histories(connection, [row["id"] for row in chosen])
        return [row | {"events": histories[row["id"]]} for row in chosen]

    def find_states(self, pair: str, external_ids: Collection[str]) -> dict[str, dict[str, Any]]:
        """Return the current state of prospects of a pair: the entry that changed last, by external id."""
        columns = (
            entries.c.external_id, entries.c.state, entries.c.reason, entries.c.offer_number,
            entries.c.lease_number, entries.c.acceptance, entries.c.updated_at,
        )  # fmt: skip
        query = (
            sa.select(*columns)
            .where(entries.c.pair == pair, entries.c.external_id.in_(external_ids))
            .order_by(entries.c.updated_at)
        )
        with self.engine.connect() as connection:
            return {row["external_id"]: dict(row) for row in connection.execute(query).mappings()}


def _queries(text: str, pairs: Collection[str]) -> Iterator[sa.Select[Any]]:
    """Yield queries that each use one index; that of external ids begins with the pair, so all pairs are listed."""
    base = sa.select(*_SHOWN)
    yield base.where(entries.c.offer_number == text)
    yield base.where(entries.c.lease_number == text)
    names = sorted(pairs)
    for start in range(0, len(names), _PAIRS_PER_QUERY):
        yield base.where(
            entries.c.pair.in_(names[start : start + _PAIRS_PER_QUERY]), entries.c.external_id == text
        )


def _histories(connection: sa.Connection, ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for entry_id in ids:
        query = (
            sa.select(events.c.at, events.c.run_id, events.c.what, events.c.reason, events.c.reference)
            .where(events.c.entry_id == entry_id)
            .order_by(events.c.id.desc())
            .limit(MOST_EVENTS)
        )
        rows = connection.execute(query).mappings().all()
        found[entry_id] = [dict(row) for row in reversed(rows)]
    return found
