"""Access to the ledger's database: reads in chunks, and serialised writes that add a line of history each."""

from __future__ import annotations

import hmac
import json
import logging
import threading
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from letting_sync.errors import StopRun, WaitAndRepeat
from letting_sync.ledger import migrate
from letting_sync.ledger.bulk import among
from letting_sync.ledger.records import Entry, Event
from letting_sync.ledger.schema import Store, entries, events, locate, properties
from letting_sync.locales.errors import error_of
from letting_sync.model import CONTENT_FIELDS
from letting_sync.reasons import Reason

_ROWS_PER_STATEMENT = 500
"""Rows in one statement; SQLite allows 32,766 variables, an entry has about 20 columns."""

_WRITERS = 7_021_978
"""Class of the PostgreSQL advisory locks held by writers of the ledger, one per ERP, for milliseconds."""
_SECONDS_UNTIL_LOGGED = 5
_SECONDS_UNTIL_GIVEN_UP = 60
"""Longer than :data:`migrate.SECONDS_IDLE`, after which PostgreSQL ends the transaction of an idle writer."""
_LOCK_NOT_AVAILABLE = "55P03"
AT_WRITING: Any = object()
"""Placeholder in :func:`change` for the time of the write, by the database's clock."""

log = logging.getLogger(__name__)

HASH_KEY = "hash_key_fingerprint"
"""Name of the ledger's property with the fingerprint of its hash key, which does not reveal the key."""
_AS_TEXT = json.JSONEncoder(sort_keys=True, default=str, check_circular=False)
_CONTENT = sorted(CONTENT_FIELDS)


def now() -> datetime:
    """Return the current time in UTC, by this machine's clock."""
    return datetime.now(UTC)


class Writing(NamedTuple):
    """A write transaction.

    :param at: its start by the database's clock, after the lock was acquired.
    """

    connection: sa.Connection
    at: datetime


class LedgerDatabase:
    """Base class of :class:`~letting_sync.ledger.ledger.Ledger`: transactions, locks and hashes.

    :param store: the database; by default that of :func:`~letting_sync.ledger.schema.locate`.
    :param scope: the ERP whose entries are written. Writers of different ERPs do not wait for each other; all writers of
        one ERP must use the same value.
    :raises StopRun: the database has another version than this package, or another hash key.
    """

    def __init__(self, store: Store | None = None, scope: str = "") -> None:
        store = store or locate()
        self._lock = zlib.crc32(scope.encode()) - 2**31
        self._key = store.hash_key
        self.engine = migrate.open_engine(store)
        self._one_writer = threading.Lock()
        migrate.ready(self.engine)
        self._check_hash_key()

    def _check_hash_key(self) -> None:
        """Check that the hash key is the one with which the ledger's hashes were computed.

        :raises StopRun: the key differs, so every prospect would seem to have changed after the load.
        """
        fingerprint = self.hash({"purpose": "fingerprint"})
        of_key = properties.c.name == HASH_KEY
        with self._reading() as connection:
            stored = connection.execute(sa.select(properties.c.value).where(of_key)).scalar_one_or_none()
        if stored is None:
            with self._writing() as (connection, _):
                insert = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(properties)
                connection.execute(insert.values(name=HASH_KEY, value=fingerprint).on_conflict_do_nothing())
        elif not hmac.compare_digest(stored, fingerprint):
            raise error_of(StopRun, "other_hash_key")

    def hash(self, values: Mapping[str, Any]) -> str:
        """Return the keyed hash of some fields; without the key, values cannot be guessed by trying."""
        return hmac.digest(self._key, _AS_TEXT.encode(values).encode(), "sha256").hex()

    def now(self) -> datetime:
        """Return the current time by the ledger's clock: the database server's, with SQLite this machine's.

        Clocks of workers differ, so times of entries must only be compared with this time.
        """
        with self._reading() as connection:
            return _time(connection)

    def hash_of_content(self, prospect: Mapping[str, Any]) -> str:
        """Return the keyed hash of the fields of a prospect that an ERP receives."""
        return self.hash({name: prospect.get(name) for name in _CONTENT})

    def _select(self, *conditions: sa.ColumnElement[bool]) -> list[Entry]:
        with self._reading() as connection:
            return list(read(connection, sa.select(entries).where(*conditions).order_by(entries.c.id)))

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        """Open a read-only transaction; on SQLite it neither waits for a writer nor blocks one."""
        with self.engine.connect().execution_options(**migrate.READS_ONLY) as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Writing]:
        """Open a write transaction; there is one writer at a time per ERP, with SQLite one for all ERPs.

        Two transactions that each lock hundreds of rows in different orders would sooner or later deadlock. Threads of
        one process wait on a lock of the process: SQLite itself waits for another writer by polling, with pauses of up
        to a tenth of a second.

        :raises WaitAndRepeat: another process has held the lock for too long; nothing was written.
        """
        with self._one_writer, self.engine.connect() as connection:
            try:
                at = self._lock_for_writing(connection)
                yield Writing(connection, at)
                connection.commit()
            except sa.exc.OperationalError as error:
                if not _is_locked(error):
                    raise
                raise WaitAndRepeat(
                    f"Another process has kept the ledger locked for {_SECONDS_UNTIL_GIVEN_UP} s, so nothing was written. "
                    "Airflow retries the task. If the error persists, look for a frozen worker (docs/operations.md)."
                ) from None

    def _lock_for_writing(self, connection: sa.Connection) -> datetime:
        """Begin a transaction as the only writer; return its start by the database's clock."""
        try:
            return self._wait_for_lock(connection, _SECONDS_UNTIL_LOGGED)
        except sa.exc.OperationalError as error:
            if not _is_locked(error):
                raise
        connection.rollback()
        log.warning(
            "The ledger has been locked by another process for %d s%s; waiting for up to %d s",
            _SECONDS_UNTIL_LOGGED, self._holder(connection), _SECONDS_UNTIL_GIVEN_UP,
        )  # fmt: skip
        return self._wait_for_lock(connection, _SECONDS_UNTIL_GIVEN_UP)

    def _wait_for_lock(self, connection: sa.Connection, seconds: int) -> datetime:
        if connection.dialect.name != "postgresql":
            # On the raw connection, since SQLAlchemy's method would begin the transaction.
            raw: Any = connection.connection.dbapi_connection
            raw.execute(f"PRAGMA busy_timeout = {1000 * seconds}")
            try:
                connection.begin()
            finally:
                raw.execute(f"PRAGMA busy_timeout = {1000 * migrate.SECONDS_TO_WAIT}")
            return now()
        limit = sa.func.set_config("lock_timeout", f"{seconds}s", True)
        lock = sa.func.pg_advisory_xact_lock(_WRITERS, self._lock)
        return _utc(connection.execute(sa.select(limit, lock, sa.func.clock_timestamp())).one()[2])

    def _holder(self, connection: sa.Connection) -> str:
        """Describe the PostgreSQL session that holds the lock, for the log; empty for SQLite, which cannot tell."""
        if connection.dialect.name != "postgresql":
            return ""
        about = {"writers": _WRITERS, "lock": self._lock % 2**32}
        sessions = connection.execute(_HOLDER, about).all()
        connection.rollback()
        return "".join(f" (session {row.pid} of {row.client}, {row.state})" for row in sessions)

    def _change(self, ids: Collection[int], what: Event, **how: Any) -> list[int]:
        """Change some entries in a transaction of their own, see :func:`change`."""
        if not ids:
            return []
        with self._writing() as writing:
            return change(writing, ids, what, **how)


def change(
    writing: Writing,
    ids: Collection[int],
    what: Event,
    *,
    by_run: str | None = None,
    reason: Reason | None = None,
    reference: str | None = None,
    only_if: sa.ColumnElement[bool] | None = None,
    **values: Any,
) -> list[int]:
    """Write ``values`` to some entries, and one line of history for each changed entry.

    :param by_run: the run in the history.
    :return: ids of the changed entries.
    """
    changed = list[int]()
    connection, at = writing
    if reason is not None and "acceptance" not in values:
        values["reason"] = reason
    values = {name: at if value is AT_WRITING else value for name, value in values.items()}
    for some in statements(sorted(set(ids))):
        conditions = [among(connection.dialect.name, entries.c.id, some)]
        conditions += [only_if] if only_if is not None else []
        statement = sa.update(entries).where(*conditions).values(updated_at=at, **values)
        these = connection.execute(statement.returning(entries.c.id)).scalars().all()
        note(connection, these, what, at, by_run, reason, reference)
        changed += these
    return changed


_HOLDER = sa.text(
    "SELECT pid, coalesce(host(client_addr), 'this host') AS client, state FROM pg_locks JOIN pg_stat_activity USING (pid) "
    "WHERE locktype = 'advisory' AND granted AND classid = :writers AND CAST(objid AS bigint) = :lock AND objsubid = 2"
)


def _is_locked(error: sa.exc.OperationalError) -> bool:
    cause = error.orig
    return getattr(cause, "pgcode", None) == _LOCK_NOT_AVAILABLE or "database is locked" in str(cause)


def _time(connection: sa.Connection) -> datetime:
    if connection.dialect.name != "postgresql":
        return now()
    return _utc(connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one())


def _utc(time: datetime) -> datetime:
    return time.astimezone(UTC)


ONCE = {Event.CLAIMED: True, Event.HELD: False, Event.ACCEPTING: True, Event.APPROVAL_ASKED: True}
"""Events of which a repetition is no news, and whether it is news by another run."""


def note(
    connection: sa.Connection,
    ids: Collection[int],
    what: Event,
    at: datetime,
    run_id: str | None = None,
    reason: Reason | sa.ColumnElement[Any] | None = None,
    reference: str | sa.ColumnElement[str] | None = None,
) -> None:
    """Write one line of history for each of these entries, at most as many as fit into one statement.

    :param reason: one value for all, or a column of the entries; the same for ``reference``.

    What a repeated task only confirms is no news: of the events in :data:`ONCE` a line that repeats the last one of its
    entry is left out.
    """
    if not ids:
        return
    same = {"at": at, "run_id": run_id, "what": what, "reason": reason, "reference": reference}
    values: dict[str, sa.ColumnElement[Any]] = {
        name: value if isinstance(value, sa.ColumnElement) else sa.literal(value, events.c[name].type)
        for name, value in same.items()
    }
    of_these = among(connection.dialect.name, entries.c.id, ids)
    lines = sa.select(entries.c.id, *values.values()).where(of_these).order_by(entries.c.id)
    if what in ONCE:
        compared = ("what", "reason", "reference", *(["run_id"] if ONCE[what] else []))
        lines = lines.where(sa.not_(_is_last_line({name: values[name] for name in compared})))
    connection.execute(sa.insert(events).from_select(["entry_id", *same], lines))


def _is_last_line(values: Mapping[str, sa.ColumnElement[Any]]) -> sa.Exists:
    """Whether the last line of an entry has these values, by column."""
    line, any_line = events.alias(), events.alias()
    # Correlated explicitly: from a query within a query SQLAlchemy would not reach the entries, and read all of them anew.
    last = sa.select(sa.func.max(any_line.c.id)).where(any_line.c.entry_id == entries.c.id).correlate(entries)
    same = [line.c[name].is_not_distinct_from(value) for name, value in values.items()]
    return sa.exists().where(line.c.id == last.scalar_subquery(), *same).correlate(entries)


def read(connection: sa.Connection, query: sa.Select[Any]) -> Iterator[Entry]:
    """Yield the entries of a query for all columns of the table, in the order of an entry's fields."""
    return map(Entry._make, connection.execute(query).all())


def statements(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Yield chunks of a list that fit into one statement."""
    return (items[start : start + _ROWS_PER_STATEMENT] for start in range(0, len(items), _ROWS_PER_STATEMENT))
