"""What the DAGs of many customers share: Airflow changes one of them, and no other."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum
import pytest
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG
from airflow.serialization.serialized_objects import DagSerialization

from letting_sync.alerts import callbacks
from letting_sync.pipeline.dag import letting_dag
from letting_sync.pipeline.pair import Pair
from letting_sync.settings import AlertLimits
from letting_sync.systems.immomio import IMMOMIO
from letting_sync.systems.yuneo import YUNEO

LIMIT = timedelta(minutes=7)


def _dag(name: str) -> DAG:
    return letting_dag(
        Pair(
            dag_id=name,
            partner=IMMOMIO.at("immomio"),
            erp=YUNEO.at("yuneo", exchange="Immomio"),
            start_date=pendulum.datetime(2026, 1, 1, tz="Europe/Berlin"),
            alerts=AlertLimits(retrying_after=LIMIT),
        )
    )


def _enter_a_value(dag: DAG) -> None:
    dag.params["accept"] = "off"


def _change_the_form(dag: DAG) -> None:
    dag.params.get_param("accept").schema["enum"] = ["off"]
    dag.params.get_param("accept").description = "other"


def _replace_deadlines(dag: DAG) -> None:
    assert isinstance(dag.deadline, list)
    dag.deadline.clear()


def _change_the_tasks(dag: DAG) -> None:
    extract, mapped = dag.get_task("extract"), dag.get_task("load_offers")
    extract.outlets.clear()
    extract.retries = 0
    mapped.partial_kwargs["outlets"].clear()
    mapped.partial_kwargs["retries"] = 0


def _change_the_dag(dag: DAG) -> None:
    dag.default_args["retries"] = 0
    dag.tags.add("other")
    dag.max_active_tasks = 1


@pytest.mark.parametrize(
    "change", [_enter_a_value, _change_the_form, _replace_deadlines, _change_the_tasks, _change_the_dag]
)
def test_a_change_of_one_dag_is_in_no_other(change: Any) -> None:
    """Airflow enters a run's values into the params of its DAG, and cluster policies may change DAGs and tasks."""
    changed, other = _dag("changed"), _dag("other")
    before, own = DagSerialization.to_dict(other), DagSerialization.to_dict(changed)
    change(changed)

    assert DagSerialization.to_dict(changed) != own
    assert DagSerialization.to_dict(other) == before
    assert DagSerialization.to_dict(_dag("other")) == before


def test_the_tasks_that_call_systems_know_how_long_one_may_fail() -> None:
    dag = _dag("pair")

    assert dag.get_task("extract").retrying_after == LIMIT
    assert dag.get_task("load_offers").partial_kwargs["retrying_after"] == LIMIT
    assert dag.get_task("auto_accept").partial_kwargs["retrying_after"] == LIMIT


def test_a_dag_is_found_in_a_set_whatever_has_been_added_to_it_since() -> None:
    dag = callbacks.WatchedDAG("pair")
    known = {dag}
    EmptyOperator(task_id="first", dag=dag)

    assert dag in known
    assert callbacks.WatchedDAG("pair") not in known


def test_the_limits_of_a_dag_are_those_of_the_deployment() -> None:
    """They are looked up once for all pairs."""
    ours, airflows = _dag("pair"), DAG("plain", schedule=None)

    for name in ("max_active_tasks", "max_consecutive_failed_dag_runs", "disable_bundle_versioning"):
        assert getattr(ours, name) == getattr(airflows, name), name
