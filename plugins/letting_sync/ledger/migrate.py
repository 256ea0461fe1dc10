"""Bring the ledger's database to the newest version: ``letting-sync migrate``."""

from __future__ import annotations

import argparse
import fcntl
import logging
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from typing import Any, TextIO

import sqlalchemy as sa
import tenacity
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from letting_sync.errors import StopRun
from letting_sync.ledger.schema import MIGRATIONS, Store, locate
from letting_sync.locales.errors import error_of

VERSION_TABLE = "prospect_ledger_version"
"""Name of Alembic's version table; a name of its own, so that the ledger may share a database with Airflow."""
_ADVISORY_LOCK = 7_021_977
READS_ONLY = {"prospects_reads_only": True}
"""Execution options of a read-only connection."""
SECONDS_TO_WAIT = 60
"""Seconds to wait for another process that has locked SQLite's file."""
PAUSE = tenacity.wait_random(0.01, 0.05)

_GIVE_UP_ON_A_LOST_HOST = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
    "application_name": "letting_sync ledger",
}
"""Seconds (the last one but one: milliseconds), of libpq: a host that is gone is noticed within a minute; TCP alone would
take up to two hours."""
SECONDS_IDLE = 30
"""How long PostgreSQL lets a transaction do nothing: then its process is frozen, and its locks are released. Ours take
milliseconds. Assumed: no process that is alive pauses for longer."""
_SERVER_SIDE = (
    f"SET idle_in_transaction_session_timeout = '{SECONDS_IDLE}s'",
    "SET lock_timeout = '60s'",
    "SET tcp_keepalives_idle = 30",
    "SET tcp_keepalives_interval = 10",
    "SET tcp_keepalives_count = 3",
)
"""What PostgreSQL itself watches, as a process that is frozen cannot."""

log = logging.getLogger(__name__)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


def upgrade(engine: sa.Engine) -> None:
    """Run all pending migrations, one process at a time."""
    with _one_at_a_time(engine), engine.begin() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def ready(engine: sa.Engine) -> None:
    """Create the tables in an empty database; refuse one with an older or newer version than this package.

    A new ledger needs no manual step. One with data is migrated by an operator, at a time of their choice.

    :raises StopRun: the version differs; the message says what to do.
    """
    # A task's log is for the person on call: what Alembic says of an ordinary look at the version is not.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    revisions, current = _revisions(), _version(engine)
    if current is None:
        upgrade(engine)
    elif current not in revisions:
        raise error_of(StopRun, "package_too_old", ledger=current, package=revisions[0])
    elif current != revisions[0]:
        raise error_of(StopRun, "ledger_too_old", ledger=current, package=revisions[0])


@cache  # a task opens the ledger several times, and Alembic executes every migration's file to list them
def _revisions() -> tuple[str, ...]:
    """Return the versions that this package knows, the newest first."""
    return tuple(script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions())


def _version(engine: sa.Engine) -> str | None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        return context.get_current_revision()


@contextmanager
def _one_at_a_time(engine: sa.Engine) -> Iterator[None]:
    """Hold a lock during migrations: two first runs may start at the same time, and Alembic takes no lock."""
    if engine.dialect.name == "sqlite":
        private = partial(os.open, mode=0o600)
        with open(f"{engine.url.database}.lock", "w", opener=private) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
        return
    # Autocommit, since PostgreSQL would end a transaction that is idle during the migrations.
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.select(sa.func.pg_advisory_lock(_ADVISORY_LOCK)))
        try:
            yield
        finally:
            connection.execute(sa.select(sa.func.pg_advisory_unlock(_ADVISORY_LOCK)))


def _watch(connection: Any, _record: Any) -> None:
    """Set the session's time limits. Connection options are not used, since connection poolers refuse them."""
    connection.autocommit = True
    with connection.cursor() as cursor:
        for setting in _SERVER_SIDE:
            cursor.execute(setting)
    connection.autocommit = False


def open_engine(store: Store) -> sa.Engine:
    """Create an engine for the ledger's database, configured for several processes on one SQLite file.

    Error messages contain no parameter values, since they are written to the tasks' logs.
    """
    if store.url.get_backend_name() != "sqlite":
        server = sa.create_engine(
            store.url, pool_pre_ping=True, hide_parameters=True, connect_args=_GIVE_UP_ON_A_LOST_HOST
        )
        sa.event.listen(server, "connect", _watch)
        return server
    engine = sa.create_engine(store.url, hide_parameters=True, connect_args={"timeout": SECONDS_TO_WAIT})

    @sa.event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        # The only statement for which SQLite does not wait by itself: two first runs may begin with it at once.
        locked = tenacity.retry_if_exception_type(sqlite3.OperationalError)
        until = tenacity.stop_after_delay(SECONDS_TO_WAIT)
        for attempt in tenacity.Retrying(retry=locked, wait=PAUSE, stop=until, reraise=True):
            with attempt:
                connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA foreign_keys=ON")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        # A writer takes the lock at once: a lock taken half-way through fails instead of waiting.
        reads_only = READS_ONLY.keys() <= connection.get_execution_options().keys()
        connection.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")

    @sa.event.listens_for(engine, "checkin")
    def _end(connection: Any, _record: Any) -> None:
        # SQLAlchemy takes a commit that failed for a rollback, but SQLite keeps the transaction and its lock.
        if connection is not None and connection.in_transaction:
            connection.rollback()

    return engine


def main(arguments: Sequence[str] | None = None, out: TextIO | None = None, prog: str | None = None) -> int:
    """Bring the ledger's database to the newest version and print it. May be run again at any time; returns 0."""
    argparse.ArgumentParser(prog, description=main.__doc__).parse_args(arguments)
    engine = open_engine(locate())
    upgrade(engine)
    # Not its settings for TLS either, of which one is a password.
    print(f"ledger at {engine.url.set(query={}).render_as_string()}: {_version(engine)}", file=out)
    return 0
