"""The ledger's database: opened, read in statements, and written by one at a time with a line of history each."""

from __future__ import annotations

import hmac
import json
import logging
import threading
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import starmap
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from letting_sync.errors import StopRun, WaitAndRepeat
from letting_sync.ledger import migrate
from letting_sync.ledger.records import Entry, Event
from letting_sync.ledger.schema import Store, entries, events, locate, properties
from letting_sync.model import CONTENT_FIELDS
from letting_sync.reasons import Reason

_ROWS_PER_STATEMENT = 500
"""Rows in one statement; SQLite takes 32,766 variables, an entry has about 20 columns."""

_WRITERS = 7_021_978
"""Advisory locks of PostgreSQL that writers of the ledger hold, one for each ERP, for milliseconds."""
_SECONDS_UNTIL_LOGGED = 5
_SECONDS_UNTIL_GIVEN_UP = 60
"""Longer than :data:`migrate.SECONDS_IDLE`: after it PostgreSQL has ended a writer that does nothing."""
_LOCK_NOT_AVAILABLE = "55P03"
AT_WRITING: Any = object()
"""As a value of :meth:`LedgerDatabase._change`: the time of the writing, by the database's clock."""

log = logging.getLogger(__name__)

HASH_KEY = "hash_key_fingerprint"
"""Name of the ledger's property that tells its hash key from any other, without telling the key."""
_AS_TEXT = json.JSONEncoder(sort_keys=True, default=str)


def now() -> datetime:
    """The present in UTC, by this machine's clock."""
    return datetime.now(UTC)


class Writing(NamedTuple):
    """A transaction that writes.

    :param at: when it began, by the database's clock, after all other writers have been waited for.
    """

    connection: sa.Connection
    at: datetime


class LedgerDatabase:
    """What all methods of :class:`~letting_sync.ledger.ledger.Ledger` stand on.

    :param store: where it stands; by default :func:`~letting_sync.ledger.schema.locate` finds it.
    :param scope: the ERP whose entries are written. Writers of different ERPs do not wait for each other; all writers of
        one ERP must name it in the same way.
    :raises StopRun: if its database is of another version than this package.
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
        """Compare the hash key with the one that the ledger's hashes were made with.

        :raises StopRun: it is another one. Every prospect would seem to have changed after the load.
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
            raise StopRun(
                "The hash key of the ledger is another one than its entries were written with, so nothing can be compared. "
                'Put the old key back (docs/operations.md, "Restore the ledger"). If it is lost, run '
                "`letting-sync ledger restored --new-hash-key`, then clear the task."
            )

    def hash(self, values: Mapping[str, Any]) -> str:
        """Keyed hash of some fields: equal fields, equal hash; without the key nothing can be tried out."""
        return hmac.digest(self._key, _AS_TEXT.encode(values).encode(), "sha256").hex()

    def now(self) -> datetime:
        """The present by the clock that all times in the ledger are of: the database server's, with SQLite this machine's.

        Clocks of workers differ. Compare a time of an entry with this one only.
        """
        with self._reading() as connection:
            return _time(connection)

    def hash_of_content(self, prospect: Mapping[str, Any]) -> str:
        """Keyed hash of what an ERP gets of a prospect, given by field."""
        return self.hash({name: prospect.get(name) for name in CONTENT_FIELDS})

    def _select(self, *conditions: sa.ColumnElement[bool]) -> list[Entry]:
        with self._reading() as connection:
            return list(read(connection, sa.select(entries).where(*conditions).order_by(entries.c.id)))

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        """A transaction that only reads; on SQLite it neither waits for a writer nor keeps one waiting."""
        with self.engine.connect().execution_options(**migrate.READS_ONLY) as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Writing]:
        """One writer at a time for an ERP, with SQLite for all of them.

        Two transactions that lock some hundred rows each, in the order in which each finds them, would end in a
        deadlock sooner or later. Threads of one process stand in line here: SQLite's own way to wait for another
        writer is to look again after a pause, up to a tenth of a second each time.

        :raises WaitAndRepeat: another process has kept the lock for a minute; nothing was written.
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
                    "The task is tried again. If it stays so, look for a worker that is frozen (docs/operations.md)."
                ) from None

    def _lock_for_writing(self, connection: sa.Connection) -> datetime:
        """Begin a transaction as the only writer; returns when, by the database's clock."""
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
            # Not by the connection's own method, which would begin the transaction.
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
        """Which session of PostgreSQL holds the lock, for the log; SQLite cannot tell."""
        if connection.dialect.name != "postgresql":
            return ""
        about = {"writers": _WRITERS, "lock": self._lock % 2**32}
        sessions = connection.execute(_HOLDER, about).all()
        connection.rollback()
        return "".join(f" (session {row.pid} of {row.client}, {row.state})" for row in sessions)

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
        if reason is not None and "acceptance" not in values:
            values["reason"] = reason
        with self._writing() as (connection, at):
            values = {name: at if value is AT_WRITING else value for name, value in values.items()}
            for some in statements(sorted(set(ids))):
                conditions = [entries.c.id.in_(some)] + ([only_if] if only_if is not None else [])
                statement = sa.update(entries).where(*conditions).values(updated_at=at, **values)
                changed = connection.execute(statement.returning(entries.c.id)).scalars().all()
                note(connection, changed, what, at, by_run, reason, reference)


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
