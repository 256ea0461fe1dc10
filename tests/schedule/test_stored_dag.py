"""The timetable in a stored DAG: what the scheduler reads, and which runs a backfill makes of it."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pendulum
import pytest
import time_machine
from airflow.cli.cli_parser import get_parser
from airflow.dag_processing.dagbag import BundleDagBag, DagBag, sync_bag_to_db
from airflow.models.dagbundle import DagBundleModel
from airflow.models.serialized_dag import SerializedDagModel
from airflow.plugins_manager import get_timetables_plugins
from airflow.serialization.decoders import decode_timetable
from airflow.serialization.serialized_objects import DagSerialization
from airflow.utils.session import create_session
from sqlalchemy import select

from letting_sync.console import days, runs
from letting_sync.schedule.timetable import ContiguousCronDataIntervalTimetable

BUNDLE = "schedule-tests"
PAIR = """
import pendulum
from letting_sync.pipeline.dag import letting_dag
from letting_sync.pipeline.pair import Pair
from letting_sync.settings import Timing
from letting_sync.systems.immomio import IMMOMIO
from letting_sync.systems.yuneo import YUNEO

dag = letting_dag(
    Pair(
        dag_id="at_half_past_two",
        partner=IMMOMIO.at("immomio"),
        erp=YUNEO.at("yuneo", exchange="Immomio"),
        start_date=pendulum.datetime(2026, 1, 1, tz="Europe/Berlin"),
        timing=Timing(schedule="30 2 * * *"),
    )
)
"""


@pytest.fixture
def stored(tmp_path: Path, airflow_db: None) -> str:
    """A pair at half past two, stored by Airflow as its DAG processor does; returns its id."""
    _store(tmp_path, PAIR)
    return "at_half_past_two"


def _store(folder: Path, pair: str) -> None:
    (folder / "pair.py").write_text(pair)
    bag = BundleDagBag(folder, bundle_path=folder, bundle_name=BUNDLE, safe_mode=False)
    assert (len(bag.dags), bag.import_errors) == (1, {})
    with create_session() as session:
        session.merge(DagBundleModel(name=BUNDLE))
    sync_bag_to_db(bag, BUNDLE, None)


def test_a_stored_dag_has_the_same_timetable() -> None:
    dag = DagBag("dags").dags["immomio_yuneo"]
    read = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag))

    assert type(read.timetable) is ContiguousCronDataIntervalTimetable
    assert read.timetable == dag.timetable
    assert read.timetable.summary == "0 0 * * *"


def test_dags_with_one_schedule_share_a_timetable() -> None:
    """Airflow reads the timetable of a stored DAG sixteen times each time that it stores the DAG."""
    stored = DagSerialization.serialize_dag(DagBag("dags").dags["immomio_yuneo"])["timetable"]
    other = {**stored, "__var": {**stored["__var"], "timezone": 3600}}

    assert decode_timetable(stored) is decode_timetable(stored)
    assert decode_timetable(stored) == ContiguousCronDataIntervalTimetable("0 0 * * *", "Europe/Berlin")
    assert decode_timetable(stored) != decode_timetable(other)


def test_storing_an_unchanged_pair_writes_no_version(
    tmp_path: Path, airflow_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long ago it was stored: Airflow looks for changes at most every 30 seconds."""
    monkeypatch.setenv("AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL", "0")
    pair = PAIR.replace("at_half_past_two", "unchanged")
    _store(tmp_path, pair)
    before = _versions("unchanged")
    _store(tmp_path, pair)
    assert _versions("unchanged") == before

    _store(tmp_path, pair.replace("30 2", "31 2"))
    assert _versions("unchanged") != before


def _versions(dag_id: str) -> list[tuple[str, datetime]]:
    """Hash and time of writing of everything that Airflow has stored of a DAG."""
    with create_session() as session:
        rows = session.scalars(select(SerializedDagModel).where(SerializedDagModel.dag_id == dag_id))
        return [(row.dag_hash, row.last_updated) for row in rows]


def test_the_plugin_registers_the_timetable() -> None:
    assert ContiguousCronDataIntervalTimetable in get_timetables_plugins().values()


def test_the_scheduler_reads_the_timetable_from_its_database(stored: str) -> None:
    with create_session() as session:
        dag = session.scalar(SerializedDagModel.latest_item_select_object(stored)).dag

    assert type(dag.timetable) is ContiguousCronDataIntervalTimetable
    assert dag.timetable.expression == "30 2 * * *"


def _would_make(command: str, capsys: pytest.CaptureFixture[str]) -> list[datetime]:
    """Logical dates of the runs that Airflow says it would make."""
    _, *words = shlex.split(command)
    arguments = get_parser().parse_args([*words, "--dry-run"])
    capsys.readouterr()
    arguments.func(arguments)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| 20")]
    return [datetime.fromisoformat(line.split("|")[1].strip()).astimezone(UTC) for line in lines]


@pytest.mark.parametrize("change", ["2026-03-29", "2026-10-25"])
def test_the_consoles_command_makes_the_missing_runs(
    stored: str, change: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each of the days around the clock change missing by itself, and all of them together."""
    day = pendulum.parse(change, tz="Europe/Berlin")
    assert isinstance(day, pendulum.DateTime)
    since, now = day.subtract(days=3), day.add(days=3)
    with time_machine.travel(now, tick=False):
        found = days.intervals("30 2 * * *", [], since, now, since, paused=False)
        missed = [interval for interval in found if interval.state is days.State.MISSED]
        (every,) = days.gaps(stored, missed)

        assert len(missed) == 5
        assert _would_make(every.command, capsys) == [one.start.astimezone(UTC) for one in missed]
        for one in missed:
            (gap,) = days.gaps(stored, [one])
            assert _would_make(gap.command, capsys) == [one.start.astimezone(UTC)]
            assert gap.end - gap.start > timedelta(hours=22)


def test_the_console_knows_the_pair_by_its_timetable(stored: str) -> None:
    with create_session() as session:
        (pair,) = runs.pairs(session, [stored])

    assert pair.cron == "30 2 * * *"
