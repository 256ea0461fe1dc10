"""One frozen worker stops the ledger for nobody for long: a real PostgreSQL, and a holder of the lock that is stopped."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from letting_sync.errors import WaitAndRepeat
from letting_sync.ledger import database, migrate
from letting_sync.ledger.ledger import Ledger
from letting_sync.ledger.records import EntryState, Intent, Run
from letting_sync.ledger.schema import Store
from tests.harness.postgres_server import PostgresServer
from tests.harness.task_process import server

ERP, OTHER_ERP = "yuneo http://erp", "sigma http://erp"
INTENT = Intent("prospect", "1/1/1/1", True, "content", None)


def run(erp: str = ERP, run_id: str = "run") -> Run:
    return Run(f"pair of {erp}", erp, run_id)


@pytest.fixture
def store(postgres: PostgresServer) -> Store:
    store = Store(postgres.new_database(), b"key")
    Ledger(store).engine.dispose()  # makes the tables
    return store


class Frozen:
    """A worker that is stopped in the middle of a transaction, as by SIGSTOP or a paused machine."""

    def __init__(self, store: Store, idle: int) -> None:
        self._pipe, theirs = server().Pipe()
        self.process = server().Process(target=_freeze, args=(theirs, store, idle))
        self.process.start()
        self._pipe.recv()
        os.kill(self.process.pid or 0, signal.SIGSTOP)

    def wakes_up(self) -> str:
        """Let it go on; returns how its transaction ended."""
        os.kill(self.process.pid or 0, signal.SIGCONT)
        self._pipe.send("go on")
        return str(self._pipe.recv())

    def end(self) -> None:
        self.process.kill()
        self.process.join()


def _freeze(parent: Any, store: Store, idle: int) -> None:
    migrate._SERVER_SIDE = (f"SET idle_in_transaction_session_timeout = '{idle}s'",)
    ledger = Ledger(store, ERP)
    try:
        with ledger._writing() as (connection, at):
            connection.execute(sa.text("UPDATE prospect_ledger SET run_id = 'frozen'"))
            parent.send(at)
            parent.recv()
        parent.send("committed")
    except sa.exc.DBAPIError as error:
        parent.send(type(error).__name__)


@pytest.fixture
def frozen_for_good(store: Store) -> Iterator[Frozen]:
    """PostgreSQL does not end its transaction while the test lasts."""
    holder = Frozen(store, idle=600)
    yield holder
    holder.end()


@pytest.fixture
def frozen(store: Store) -> Iterator[Frozen]:
    """PostgreSQL ends its transaction after three seconds."""
    Ledger(store, ERP).claim(run(), [INTENT])
    holder = Frozen(store, idle=3)
    yield holder
    holder.end()


def test_other_erps_are_not_kept_waiting(
    store: Store, frozen_for_good: Frozen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_SECONDS_UNTIL_LOGGED", 1)
    monkeypatch.setattr(database, "_SECONDS_UNTIL_GIVEN_UP", 1)

    assert set(Ledger(store, OTHER_ERP).claim(run(OTHER_ERP), [INTENT])) == {INTENT.key}


def test_who_waits_for_too_long_says_so_and_is_tried_again(
    store: Store,
    frozen_for_good: Frozen,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(database, "_SECONDS_UNTIL_LOGGED", 1)
    monkeypatch.setattr(database, "_SECONDS_UNTIL_GIVEN_UP", 2)
    ledger = Ledger(store, ERP)

    with pytest.raises(WaitAndRepeat, match="kept the ledger locked for 2 s"):
        ledger.claim(run(), [INTENT])
    assert "locked by another process for 1 s (session " in caplog.text
    assert "idle in transaction" in caplog.text
    assert ledger.find(run().pair, [INTENT.external_id]) == {}


def test_a_frozen_transaction_is_ended_and_its_late_writing_is_lost(
    store: Store, frozen: Frozen, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The one who waited goes on without an error; the other one finds its transaction ended when it wakes up."""
    monkeypatch.setattr(database, "_SECONDS_UNTIL_LOGGED", 1)
    ledger = Ledger(store, ERP)
    claimed = ledger.claim(run(), [INTENT])
    assert "locked by another process" in caplog.text

    assert frozen.wakes_up() != "committed"
    (entry,) = ledger.find(run().pair, [INTENT.external_id]).values()
    assert (entry.run_id, entry.state, entry.claim) == (
        "run",
        EntryState.CLAIMED,
        claimed[INTENT.key].claim,
    )


def test_sessions_have_the_time_limits(store: Store) -> None:
    names = ("idle_in_transaction_session_timeout", "lock_timeout", "application_name")
    with Ledger(store).engine.connect() as connection:
        values = [connection.exec_driver_sql(f"SHOW {name}").scalar_one() for name in names]

    assert values == ["30s", "1min", "letting_sync ledger"]


def test_the_lock_of_migrations_is_held_without_a_transaction(store: Store) -> None:
    """Else PostgreSQL would end it while a long migration runs."""
    engine = migrate.open_engine(store)
    query = "SELECT state FROM pg_stat_activity JOIN pg_locks USING (pid) WHERE locktype = 'advisory'"
    with migrate._one_at_a_time(engine), engine.connect() as connection:
        assert connection.exec_driver_sql(query).scalars().all() == ["idle"]


def test_a_sqlite_file_that_stays_locked_says_so_and_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(database, "_SECONDS_UNTIL_LOGGED", 1)
    monkeypatch.setattr(database, "_SECONDS_UNTIL_GIVEN_UP", 1)
    ledger = Ledger(Store(sa.URL.create("sqlite", database=str(tmp_path / "ledger.db")), b"key"))
    other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(WaitAndRepeat, match="kept the ledger locked"):
        ledger.claim(run(), [INTENT])
    assert "locked by another process" in caplog.text

    other.execute("ROLLBACK")
    assert set(ledger.claim(run(), [INTENT])) == {INTENT.key}
