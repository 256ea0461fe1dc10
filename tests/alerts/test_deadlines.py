"""Airflow's deadline of a run: it does not keep the run from being cleared, and each start of the run begins it anew."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from airflow_runs import a_run, deadlines_of
from alert_receiver import PAIR, context, run

from letting_sync.alerts import callbacks as alerts
from letting_sync.alerts import deadlines

HOURS = timedelta(hours=6)


def test_a_run_that_hangs_is_reported_by_airflows_own_deadline(airflow_db, received):
    """The real way: serialized DAG, a run in Airflow's database, the scheduler's miss, the triggerer's trigger."""
    assert _miss_deadline("deadline_pair", "running") == ["success"]
    assert received.headlines == ["deadline_pair: a run is late"]
    assert len(received.posts) == 1
    assert _miss_deadline("deadline_failed", "failed") == ["success"]
    assert len(received.mails) == 1, "that it failed was reported when it failed"


def _miss_deadline(dag_id: str, state: str) -> list[str]:
    from airflow.triggers.callback import CallbackTrigger

    with a_run(dag_id, state) as (session, a_late_run):
        (deadline,) = deadlines_of(a_late_run, session)
        deadline.handle_miss(session)
        session.flush()
        trigger = CallbackTrigger(**deadline.callback.trigger.kwargs)
    return asyncio.run(_states(trigger))


async def _states(trigger) -> list[str]:
    events = [event.payload async for event in trigger.run()]
    return [event["state"] for event in events if event["state"] != "running"]


@pytest.mark.parametrize("state", ["running", "failed"])
def test_a_run_whose_deadline_is_open_can_be_cleared(airflow_db, state):
    """With Airflow's own reference it cannot (apache/airflow#70368): error 500 until the deadline has passed."""
    from airflow.models.taskinstance import clear_task_instances

    with a_run(f"cleared_{state}", state, late_after=HOURS) as (session, to_clear):
        tasks = to_clear.get_task_instances(session=session)
        tasks[0].state = "failed"
        clear_task_instances(tasks, session)
        session.flush()
        assert [ti.state for ti in to_clear.get_task_instances(session=session)] == [None]
        assert len(deadlines_of(to_clear, session)) == 1


@pytest.mark.parametrize("what_became_of_it", ["open", "missed", "gone"])
def test_each_start_of_a_run_begins_its_deadline_anew(airflow_db, what_became_of_it):
    with a_run(f"started_{what_became_of_it}", late_after=HOURS) as (session, started):
        started.dag = _dag_of(started, session)
        (before,) = deadlines_of(started, session)
        before.deadline_time = datetime(2026, 11, 10, tzinfo=UTC)
        before.missed = what_became_of_it == "missed"
        if what_became_of_it == "gone":
            session.delete(before)
        session.flush()

        deadlines.on_dag_run_running(started, "started")
        session.flush()

        still_open = [deadline for deadline in deadlines_of(started, session) if not deadline.missed]
        assert len(still_open) == 1
        left = still_open[0].deadline_time - datetime.now(UTC)
        assert HOURS - timedelta(minutes=1) < left <= HOURS


def test_a_run_from_before_the_upgrade_gets_no_second_deadline_of_the_old_kind(airflow_db):
    """It could not be cleared again."""
    with a_run("from_before", late_after=HOURS) as (session, started):
        started.dag = _dag_of(started, session)
        (deadline,) = deadlines_of(started, session)
        deadline.deadline_alert.reference = {"reference_type": "DagRunQueuedAtDeadline"}
        deadline.missed = True
        session.flush()

        deadlines.on_dag_run_running(started, "started")
        session.flush()

        assert deadlines_of(started, session) == [deadline]


def _dag_of(started, session):
    from airflow.models.serialized_dag import SerializedDagModel

    return SerializedDagModel.get_dag(started.dag_id, session=session)


def test_a_day_of_a_backfill_is_not_late_before_its_turn_has_come(received):
    waits = run(run_type="backfill", state="queued")
    alerts.run_is_late(context(waits))
    assert received.mails == []

    alerts.run_is_late(context(waits | {"state": "running"}))
    assert received.headlines == [f"{PAIR}: a run is late"]


def test_a_scheduled_run_that_does_not_start_is_late(received):
    """No worker is free, or too many runs go on."""
    alerts.run_is_late(context(run(state="queued")))
    assert received.headlines == [f"{PAIR}: a run is late"]
