"""The ledger's database: opened, read in statements, and written by one at a time with a line of history each."""

from __future__ import annotations

import hmac
import json
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import starmap
from typing import Any

import sqlalchemy as sa

from letting_sync.ledger import migrate
from letting_sync.ledger.records import Entry, Event
from letting_sync.ledger.schema import Store, entries, events, locate
from letting_sync.reasons import Reason

_ROWS_PER_STATEMENT = 500
"""Rows in one statement; SQLite takes 32,766 variables, an entry has about 20 columns."""

_WRITERS = 7_021_978
"""Advisory lock of PostgreSQL that writers of the ledger hold, for milliseconds."""


_AS_TEXT = json.JSONEncoder(sort_keys=True, default=str)


def now() -> datetime:
    """The present in UTC."""
    return datetime.now(UTC)


class LedgerDatabase:
    """What all methods of :class:`~letting_sync.ledger.ledger.Ledger` stand on.

    :param store: where it stands; by default :func:`~letting_sync.ledger.schema.locate` finds it.
    :raises StopRun: if its database is of another version than this package.
    """

    def __init__(self, store: Store | None = None) -> None:
        store = store or locate()
        self._key = store.hash_key
        self.engine = migrate.open_engine(store)
        self._one_writer = threading.Lock()
        migrate.ready(self.engine)

    def hash(self, values: Mapping[str, Any]) -> str:
        """Keyed hash of some fields: equal fields, equal hash; without the key nothing can be tried out."""
        return hmac.digest(self._key, _AS_TEXT.encode(values).encode(), "sha256").hex()

    def _select(self, *conditions: sa.ColumnElement[bool]) -> list[Entry]:
        with self._reading() as connection:
            return list(read(connection, sa.select(entries).where(*conditions).order_by(entries.c.id)))

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        """A transaction that only reads; on SQLite it neither waits for a writer nor keeps one waiting."""
        with self.engine.connect().execution_options(**migrate.READS_ONLY) as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        """One writer at a time, as SQLite has it anyway.

        Two transactions that lock some hundred rows each, in the order in which each finds them, would end in a
        deadlock sooner or later. Threads of one process stand in line here: SQLite's own way to wait for another
        writer is to look again after a pause, up to a tenth of a second each time.
        """
        with self._one_writer, self.engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_WRITERS)))
            yield connection

    def _change(
        self,
        ids: Collection[int],
        what: Event,
        *,
        by_run: str | None = None,
        reason: Reason | None = None,
        reference: str | None = None,
        only_if: sa.ColumnElement[bool] | None = None,
        **values: Any,
    ) -> None:
        """Write ``values`` into some entries and one line of history for each that was changed.

        :param by_run: the run named in the history.
        """
        if not ids:
            return
        at = now()
        if reason is not None and "acceptance" not in values:
            values["reason"] = reason
        with self._writing() as connection:
            for some in statements(sorted(set(ids))):
                conditions = [entries.c.id.in_(some)] + ([only_if] if only_if is not None else [])
                statement = sa.update(entries).where(*conditions).values(updated_at=at, **values)
                changed = connection.execute(statement.returning(entries.c.id)).scalars().all()
                note(connection, changed, what, at, by_run, reason, reference)


def note(
    connection: sa.Connection,
    ids: Collection[int],
    what: Event,
    at: datetime,
    run_id: str | None = None,
    reason: Reason | sa.ColumnElement[Any] | None = None,
    reference: str | sa.ColumnElement[str] | None = None,
) -> None:
    """Write one line of history for each of these entries, at most a statement's worth.

    :param reason: the same for all, or a column of the entries; so is ``reference``.
    """
    if not ids:
        return
    same = {"at": at, "run_id": run_id, "what": what, "reason": reason, "reference": reference}
    values = [
        value if isinstance(value, sa.ColumnElement) else sa.literal(value, events.c[name].type)
        for name, value in same.items()
    ]
    lines = sa.select(entries.c.id, *values).where(entries.c.id.in_(ids)).order_by(entries.c.id)
    connection.execute(sa.insert(events).from_select(["entry_id", *same], lines))


def read(connection: sa.Connection, query: sa.Select[Any]) -> Iterator[Entry]:
    """The entries that a query of the whole table finds; its columns stand in the order of an entry's fields."""
    return starmap(Entry, connection.execute(query).all())


def statements(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Parts of a list that fit into one statement."""
    return (items[start : start + _ROWS_PER_STATEMENT] for start in range(0, len(items), _ROWS_PER_STATEMENT))
