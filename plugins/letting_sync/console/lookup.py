"""The life of one prospect, read from the ledger: by external id, offer number or lease number."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Any

import sqlalchemy as sa
from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

from letting_sync import config
from letting_sync.ledger.open_offers import OpenOffers, Related
from letting_sync.ledger.reports import LedgerReports
from letting_sync.ledger.schema import CONNECTION_ID, locate


def find(text: str, pairs: Collection[str]) -> list[dict[str, Any]]:
    """Entries with this external id, offer number or lease number, each with its history.

    :param pairs: the pairs that the user may read; nothing of others is looked at.
    """
    ledger = engine()
    if ledger is None or not text or not pairs:
        return []
    return LedgerReports(ledger).find_by_number(text, pairs)


def held(
    pairs: Collection[str], reason: str, offset: int, limit: int
) -> tuple[dict[str, int], list[dict[str, Any]]]:
    """How many offers are held or asked about, by reason, and a page of them.

    :param pairs: the pairs that the user may read.
    :param reason: only with this reason; ``""``: all on which a person has to decide.
    """
    ledger = engine()
    if ledger is None or not pairs:
        return {}, []
    offers = OpenOffers(ledger, pairs)
    return dict(offers.count_by_reason()), offers.find(reason, offset, limit) if limit else []


def related(ids: Collection[int], pairs: Collection[str]) -> dict[int, list[Related]]:
    """The entries that have to do with these, by the id of each: rivals, units let together, other units."""
    ledger = engine()
    return {} if ledger is None or not ids else OpenOffers(ledger, pairs).related_of(ids)


def states(pair: str, external_ids: Collection[str]) -> dict[str, dict[str, Any]]:
    """How prospects of a pair stand by now: the entry that changed last, by external id."""
    ledger = engine()
    if ledger is None or not external_ids:
        return {}
    return LedgerReports(ledger).find_states(pair, external_ids)


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
        path = config.ledger_file()
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
