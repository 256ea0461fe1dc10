"""How the ledger's database is opened: what its errors show, and how long a host that is gone is waited for,
what reading waits for and how it finds what it asks for.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
import time_machine

from letting_sync.ledger import migrate
from letting_sync.ledger.ledger import Ledger
from letting_sync.ledger.records import Run
from letting_sync.ledger.schema import Store, entries
from tests.harness.ledger_entries import NOW


def test_an_error_of_the_database_shows_no_values(own_ledger: Path) -> None:
    """It ends in a task's log, and ids and hashes of prospects have no business there."""
    ledger = Ledger()
    with ledger.engine.begin() as connection:
        connection.execute(sa.text(f"ALTER TABLE {entries.name} RENAME TO gone"))
    with pytest.raises(sa.exc.OperationalError, match="no such table") as error:
        ledger.find("immomio_yuneo", ["A-4711"])
    assert "A-4711" not in str(error.value)


def test_a_commit_that_fails_keeps_no_lock(own_ledger: Path) -> None:
    """Of a full disk, or of a process that is ended just then."""
    ledger = Ledger()

    def fail(_: sa.Connection) -> None:
        raise KeyboardInterrupt

    sa.event.listen(ledger.engine, "commit", fail)
    with pytest.raises(KeyboardInterrupt):
        ledger.mark_reviewed([1])

    other = sqlite3.connect(ledger.engine.url.database or "", timeout=0)
    other.execute("BEGIN IMMEDIATE")
    other.close()


def test_a_first_run_waits_for_another_one_that_sets_the_new_file_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite does not change a file's journal while another one is about to write, and does not wait by itself."""
    other = sqlite3.connect(tmp_path / "ledger.db")
    other.execute("BEGIN IMMEDIATE")
    waits: list[object] = []

    def give_way(state: object) -> float:
        waits.append(state)
        other.rollback()
        return 0.0

    monkeypatch.setattr(migrate, "PAUSE", give_way)
    Ledger(Store(sa.make_url(f"sqlite:///{tmp_path}/ledger.db"), b"key"))
    other.close()

    assert len(waits) == 1


def test_a_postgresql_that_is_gone_is_not_waited_for_endlessly() -> None:
    """TCP itself would take two minutes to give a connection up, and two hours to notice that its other end is lost."""
    engine = migrate.open_engine(
        Store(sa.make_url("postgresql+psycopg2://ledger@database/prospects"), b"key")
    )
    asked: dict[str, object] = {}

    @sa.event.listens_for(engine, "do_connect")
    def _look(_dialect, _record, _arguments, parameters):  # type: ignore[no-untyped-def]
        asked.update(parameters)
        raise ConnectionError("looked")

    with pytest.raises(ConnectionError, match="looked"):
        engine.connect()
    assert 0 < int(str(asked["connect_timeout"])) <= 30
    lost_after = int(str(asked["keepalives_idle"])) + int(str(asked["keepalives_interval"])) * int(
        str(asked["keepalives_count"])
    )
    assert lost_after <= 120


def test_the_time_is_that_of_the_database(store: Store) -> None:
    """Of PostgreSQL's server, since workers' clocks differ; SQLite has the clock of the only worker."""
    ledger = Ledger(store)
    true = datetime.now(UTC)
    with time_machine.travel(datetime(2001, 2, 3, tzinfo=UTC)):
        time = ledger.now()
    assert time.tzinfo is UTC
    assert (time.year == 2001) is (ledger.engine.dialect.name == "sqlite")
    assert time.year == 2001 or abs(time - true) < timedelta(hours=1)


def test_reading_waits_for_no_writer(own_ledger: Path) -> None:
    """A load writes all the time; the page of the console and other runs look on."""
    ledger = Ledger()
    with Ledger().engine.begin() as connection:
        connection.execute(sa.delete(entries))
        assert ledger.find("immomio_yuneo", ["A-4711"]) == {}


@pytest.mark.parametrize(
    "asks",
    [
        lambda ledger, texts: ledger.find("p", texts),
        lambda ledger, texts: ledger.find_on_units("e", texts),
        lambda ledger, texts: ledger.find_let_together("p", texts),
        lambda ledger, texts: ledger.find_person_on_unit("p", texts),
        lambda ledger, texts: ledger.find_retractions("p", texts),
        lambda ledger, texts: ledger.mark_reviewed(range(len(texts))),
        lambda ledger, texts: ledger.mark_sent(range(len(texts)), "token"),
        lambda ledger, texts: ledger.mark_changed(range(len(texts))),
    ],
    ids=["ids", "units", "bundles", "persons", "retractions", "reviewed", "sent", "changed"],
)
def test_a_list_of_any_length_is_few_parameters(
    own_ledger: Path, asks: Callable[[Ledger, list[str]], object]
) -> None:
    """SQLite takes 32,766 parameters in a statement, PostgreSQL's protocol 65,535."""
    ledger = Ledger()
    numbers = list[int]()

    @sa.event.listens_for(ledger.engine, "before_cursor_execute")
    def _count(_connection, _cursor, _statement, parameters, *_):  # type: ignore[no-untyped-def]
        numbers.append(len(parameters))

    asks(ledger, [f"text {number}" for number in range(40_000)])

    assert 0 < max(numbers) <= 20


@pytest.mark.parametrize(
    ("asks", "index"),
    [
        (lambda ledger: ledger.find_person_on_unit("p", ["h1", "h2"]), "ix_prospect_ledger_person"),
        (lambda ledger: ledger.find_decided_by(Run("p", "e", "r")), "ix_prospect_ledger_acceptance_run"),
        (lambda ledger: ledger.find("p", ["a", "b"]), "external_id=?"),
        (lambda ledger: ledger.find_sent("p"), "ix_prospect_ledger_state"),
        (lambda ledger: ledger.find_anything_open("p", NOW), "ix_prospect_ledger_without_lease"),
        (lambda ledger: ledger.find_on_units("e", ["1/1/1/1", "1/1/1/2"]), "ix_prospect_ledger_unit"),
        (lambda ledger: ledger.find_let_together("p", ["c1", "c2"]), "ix_prospect_ledger_bundle"),
    ],
    ids=["persons", "a run's decisions", "ids", "sent", "open", "units", "bundles"],
)
def test_what_a_run_asks_for_is_found_by_index(
    own_ledger: Path, asks: Callable[[Ledger], object], index: str
) -> None:
    """In a ledger of years, of which a run needs a few rows."""
    ledger = Ledger()
    plans = list[str]()

    @sa.event.listens_for(ledger.engine, "before_cursor_execute")
    def _explain(_connection, cursor, statement, parameters, *_):  # type: ignore[no-untyped-def]
        if statement.startswith("SELECT"):
            plans.extend(str(row) for row in cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters))

    asks(ledger)
    assert plans
    assert all(index in plan for plan in plans if "prospect_ledger" in plan), plans
