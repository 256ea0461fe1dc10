"""What others see of a run in Airflow's assets: one event a task that has done its work, with its window and what it made."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from airflow.models.asset import AssetEvent, AssetModel, AssetPartitionDagRun
from airflow.sdk import DAG, Asset, BaseOperator, PartitionedAssetTimetable
from airflow.utils.session import create_session

from include.sandbox import Sandbox
from letting_sync.window import TIMEZONE

RunPair = Callable[..., dict[str, Any]]
PAIR = "immomio_yuneo"
TIMES = {"window_start", "window_end"}
HOUR = {"window_start": "2026-11-10T12:00:00+01:00", "window_end": "2026-11-10T13:00:00+01:00"}


def events_of(run: Callable[[], Any]) -> list[tuple[str, str | None, dict[str, Any]]]:
    """The events that a run makes: the asset's name, partition key and extra of each."""
    with create_session() as session:
        before = session.query(AssetEvent).count()
    run()
    with create_session() as session:
        query = session.query(AssetModel.name, AssetEvent.partition_key, AssetEvent.extra)
        found = query.filter(AssetModel.id == AssetEvent.asset_id).order_by(AssetEvent.id).offset(before)
        return [tuple(row) for row in found]


def test_the_events_say_what_the_run_made_and_what_it_found(box: Sandbox, run_pair: RunPair) -> None:
    counts: list[dict[str, Any]] = []
    for _ in range(2):
        found = events_of(lambda: counts.append(run_pair(PAIR)))
        events = {name: extra for name, _, extra in found}
        offers, leases = events[f"{PAIR}_offers_loaded"], events[f"{PAIR}_leases_created"]
        assert {k: v for k, v in (offers | leases).items() if k not in TIMES}.items() <= counts[-1].items()
        assert (offers.keys() - TIMES, leases.keys() - TIMES) == (
            {"offers_created", "already_there"},
            {"leases_created", "leases_for_other_runs", "leases_found"},
        )
    first, second = counts
    assert first["offers_created"] == second["already_there"] > 0
    assert first["leases_created"] > 0 == second["leases_created"]


def test_a_dry_run_is_no_event(box: Sandbox, run_pair: RunPair) -> None:
    assert events_of(lambda: run_pair(PAIR, dry_run=True)) == []


@pytest.fixture
def waiting_dag(airflow_db: None) -> str:
    """A DAG of somebody else that runs for each day whose leases are made."""
    from airflow.dag_processing.collection import update_dag_parsing_results_in_db
    from airflow.models.dagbundle import DagBundleModel
    from airflow.serialization.serialized_objects import LazyDeserializedDAG

    leases = Asset(name=f"{PAIR}_leases_by_day", uri=f"prospects://{PAIR}/leases_by_day")
    with DAG("waits_for_leases", schedule=PartitionedAssetTimetable(assets=leases)) as dag:
        BaseOperator(task_id="report")
    dag.is_paused_upon_creation = False
    with create_session() as session:
        session.merge(DagBundleModel(name="tests"))
        session.flush()
        stored = [LazyDeserializedDAG.from_dag(dag)]
        update_dag_parsing_results_in_db("tests", None, stored, {}, None, set(), session)
    return dag.dag_id


def days_asked_for(dag_id: str) -> list[str | None]:
    with create_session() as session:
        found = session.query(AssetPartitionDagRun).filter_by(target_dag_id=dag_id)
        return [row.partition_key for row in found.order_by(AssetPartitionDagRun.id)]


def test_a_dag_that_waits_for_the_leases_of_a_day_is_asked_to_run_once_for_it(
    box: Sandbox, run_pair: RunPair, waiting_dag: str
) -> None:
    """The run is that of yesterday."""
    events = events_of(lambda: run_pair(PAIR))

    (by_day,) = [(key, extra) for name, key, extra in events if name == f"{PAIR}_leases_by_day"]
    key, extra = by_day
    day = datetime.fromisoformat(extra["window_start"]).astimezone(ZoneInfo(TIMEZONE)).date()
    assert key == day.isoformat()
    assert extra["extracted"] >= extra["leases_created"]
    assert all(isinstance(value, int) for name, value in extra.items() if name not in TIMES)
    assert days_asked_for(waiting_dag) == [key]
    others = {name: (key, extra.keys() >= TIMES) for name, key, extra in events if "by_day" not in name}
    assert others == {f"{PAIR}_offers_loaded": (None, True), f"{PAIR}_leases_created": (None, True)}


@pytest.mark.parametrize("conf", [HOUR, {"external_ids": ["nobody"]}], ids=["an hour", "a replay"])
def test_a_run_with_which_no_day_is_over_names_none(
    box: Sandbox, run_pair: RunPair, conf: dict[str, Any]
) -> None:
    dag = run_pair.bag.dags[PAIR]
    names = {name for name, _, _ in events_of(lambda: dag.test(run_conf=conf))}

    assert f"{PAIR}_leases_by_day" not in names


def test_a_day_without_prospects_is_over_too(box: Sandbox, run_pair: RunPair) -> None:
    """The run is one task; whoever waits for three days, the clock change among them, would wait for ever."""
    window = {"window_start": "2020-03-28T00:00:00+01:00", "window_end": "2020-03-31T00:00:00+02:00"}
    dag = run_pair.bag.dags[PAIR]
    events = events_of(lambda: dag.test(run_conf=window))

    assert {name for name, _, _ in events} == {f"{PAIR}_leases_by_day"}
    assert sorted(str(key) for _, key, _ in events) == ["2020-03-28", "2020-03-29", "2020-03-30"]
    assert {extra["leases_created"] for _, _, extra in events} == {0}
