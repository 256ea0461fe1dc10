"""The life of one prospect, read from the ledger: by external id, offer number or lease number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa
from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

from include.prospects import deployment
from include.prospects.ledger_schema import CONNECTION_ID, entries, events, locate

MOST_ENTRIES = 50
MOST_EVENTS = 200
"""The last events of an entry; the timeline says if there were more."""
_PAIRS_PER_QUERY = 500
_SHOWN = (
    entries.c.id, entries.c.pair, entries.c.external_id, entries.c.unit, entries.c.state, entries.c.reason,
    entries.c.chosen, entries.c.job, entries.c.offer_number, entries.c.business_partner_number,
    entries.c.business_partner_created, entries.c.lease_number, entries.c.acceptance,
    entries.c.acceptance_reason, entries.c.decided_by, entries.c.decided_at, entries.c.changed_at,
    entries.c.withdrawn_at, entries.c.run_id, entries.c.window_start, entries.c.window_end,
    entries.c.created_at, entries.c.updated_at,
)  # fmt: skip
"""What the page shows. The hashes and the claim's token are nobody's business outside the ledger."""


def find(text: str, pairs: Collection[str]) -> list[dict[str, Any]]:
    """Entries with this external id, offer number or lease number, each with its history.

    :param pairs: the pairs that the user may read; nothing of others is looked at.
    """
    ledger = engine()
    if ledger is None or not text or not pairs:
        return []
    found: dict[int, dict[str, Any]] = {}
    with ledger.connect() as connection:
        for query in _queries(text, pairs):
            for row in connection.execute(query.limit(MOST_ENTRIES)).mappings():
                if row["pair"] in pairs:
                    found.setdefault(row["id"], dict(row))
        chosen = sorted(found.values(), key=lambda row: row["updated_at"], reverse=True)[:MOST_ENTRIES]
        histories = _histories(connection, [row["id"] for row in chosen])
    return [row | {"events": histories[row["id"]]} for row in chosen]


def _queries(text: str, pairs: Collection[str]) -> Iterator[sa.Select[Any]]:
    """Each is answered by one index; external ids are indexed behind their pair, so all pairs are named."""
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


def states(pair: str, external_ids: Collection[str]) -> dict[str, dict[str, Any]]:
    """How prospects of a pair stand by now: the entry that changed last, by external id."""
    ledger = engine()
    if ledger is None or not external_ids:
        return {}
    columns = (
        entries.c.external_id, entries.c.state, entries.c.reason, entries.c.offer_number,
        entries.c.lease_number, entries.c.acceptance, entries.c.updated_at,
    )  # fmt: skip
    query = (
        sa.select(*columns)
        .where(entries.c.pair == pair, entries.c.external_id.in_(external_ids))
        .order_by(entries.c.updated_at)
    )
    with ledger.connect() as connection:
        return {row["external_id"]: dict(row) for row in connection.execute(query).mappings()}


def engine() -> sa.Engine | None:
    """An engine that only reads; ``None`` as long as no pair has ever written a ledger.

    The ledger's own engine is not used: it takes the write lock for every look, and makes what is not there.
    """
    url = _url()
    return None if url is None else _engine(url)


def _url() -> sa.URL | None:
    try:
        BaseHook.get_connection(CONNECTION_ID)
    except AirflowNotFoundException:
        path = deployment.ledger_file()
        return sa.URL.create("sqlite", database=str(path)) if path.exists() else None
    return locate().url


@cache
def _engine(url: sa.URL) -> sa.Engine:
    if url.get_backend_name() != "sqlite":
        return sa.create_engine(
            url, pool_pre_ping=True, connect_args={"options": "-c default_transaction_read_only=on"}
        )
    found = sa.create_engine(url, connect_args={"timeout": 10})

    @sa.event.listens_for(found, "connect")
    def _read_only(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA query_only=ON")

    return found
