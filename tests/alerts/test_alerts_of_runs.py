"""A run that fails or is late is reported once, and once when it is resolved."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta

import pendulum
from airflow.sdk import DAG, BaseOperator, CronDataIntervalTimetable
from alert_receiver import PAIR, SECRET, context, run, waiting_offer

from letting_sync.alerts import callbacks as alerts
from letting_sync.alerts.incidents import Incidents
from letting_sync.alerts.messages import written
from letting_sync.errors import StopRun, WaitAndRepeat
from letting_sync.ledger.ledger import Ledger
from letting_sync.window import TIMEZONE

# --- failed -----------------------------------------------------------------------------------------------


class Failing(BaseOperator):
    """Fails as told, as a task of ours would."""

    def __init__(self, *, error: Exception | None, **kwargs) -> None:
        super().__init__(**kwargs)
        self.error = error

    def execute(self, context):
        if self.error:
            raise self.error


def pair_dag(error: Exception | None, dag_id: str = PAIR, **settings) -> DAG:
    callbacks = alerts.dag_callbacks(timedelta(hours=1))
    tries = {
        "retries": 2,
        "retry_delay": timedelta(0),
        "on_failure_callback": callbacks["on_failure_callback"],
    }
    start = pendulum.datetime(2026, 1, 1)
    with alerts.WatchedDAG(dag_id, start_date=start, default_args=tries, **callbacks, **settings) as dag:
        (
            Failing(task_id="load_offers", error=error)
            >> Failing(task_id="reconcile", error=None, on_success_callback=alerts.succeeded)
        )
    return dag


def test_a_failed_run_by_hand_is_reported_with_the_window_that_it_reads(airflow_db, received):
    """It has no data interval: it reads the last whole interval of its schedule, and the alert says so."""
    daily = CronDataIntervalTimetable("@daily", timezone=TIMEZONE)
    pair_dag(StopRun("wrong password"), schedule=daily).test()

    midnight = pendulum.now(TIMEZONE).start_of("day")
    assert f"{written(midnight.subtract(days=1), 'en')} to {written(midnight, 'en')}" in received.text


def test_a_failed_run_is_reported_once_on_both_ways_and_its_recovery_too(airflow_db, received):
    """Three tries, a callback of the task and one of the run: one alert. The next good run: one note."""
    pair_dag(WaitAndRepeat("Yuneo answered 503 again and again.")).test(
        logical_date=pendulum.datetime(2026, 11, 9)
    )
    assert received.headlines == [f"{PAIR}: a run has failed"]

    pair_dag(WaitAndRepeat("Yuneo answered 503.")).test(logical_date=pendulum.datetime(2026, 11, 10))
    assert len(received.mails) == 1, "the outage is reported already"

    with Incidents().engine.begin() as connection:
        assert (
            connection.exec_driver_sql("select count(*) from prospect_alert where kind = 'failed'").scalar()
            == 1
        )
    (mail,) = received.mails
    body = mail.get_body(("html",)).get_content() if mail.get_body(("html",)) else received.text
    for part in (
        PAIR,
        "load_offers",
        "Yuneo answered 503",
        "Clear the task",
        "https://airflow.example.org/dags/",
    ):
        assert part in body
    assert mail["to"] == "oncall@example.org, lead@example.org"
    assert received.posts[0][0] == f"/{SECRET}"


def test_a_failed_run_that_is_cleared_and_succeeds_is_ok_again(airflow_db, received):
    the_run = {"logical_date": pendulum.datetime(2026, 11, 9), "run_after": pendulum.datetime(2026, 11, 10)}
    pair_dag(StopRun("Wrong password.")).test(**the_run)
    pair_dag(None).test(**the_run)

    assert received.headlines == [f"{PAIR}: a run has failed", f"{PAIR}: resolved (a run has failed)"]
    assert len(received.posts) == 2


def test_a_killed_task_is_reported_by_the_run(received):
    """The task could call nobody; the scheduler failed the run, and the run's callback knows no exception."""
    alerts.failed({"dag": type("D", (), {"dag_id": PAIR})(), "run_id": "scheduled__1", "reason": "timed_out"})
    assert received.headlines == [f"{PAIR}: a run has failed"]
    assert "the run as a whole" in received.text


def test_the_schedule_is_ok_again_with_a_later_scheduled_run_and_names_what_is_left(received):
    for hours in (0, 1):
        alerts.failed(context(run(hours), "extract"))
    alerts.succeeded(context(run(-5, run_type="backfill")))
    assert len(received.mails) == 1, "a backfill says nothing of the schedule"

    alerts.succeeded(context(run(2)))
    assert received.headlines[1:] == [f"{PAIR}: resolved (a run has failed)"]
    assert all(run(hours)["dag_run_id"] in received.text for hours in (0, 1))

    alerts.failed(context(run(3), "extract"))
    assert len(received.mails) == 3, "a new incident"


def test_of_thirty_backfilled_days_every_second_fails_and_that_is_one_incident(received):
    for day in range(30):
        callback = alerts.failed if day % 2 else alerts.succeeded
        callback(context(run(24 * day - 1000, run_type="backfill"), "extract"))
    assert received.headlines == [f"{PAIR}: a run has failed"]


def test_parallel_runs_that_fail_at_the_same_moment_are_one_incident(received):
    Ledger()
    threads = [threading.Thread(target=alerts.failed, args=(context(run(h), "extract"),)) for h in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(received.mails) == len(received.posts) == 1


def test_pairs_do_not_hide_each_other(received):
    for dag_id in (PAIR, "everreal_sigma"):
        alerts.failed(context(run(dag_id=dag_id), "extract"))
    assert len(received.mails) == 2


# --- late -------------------------------------------------------------------------------------------------


def test_a_run_that_waits_for_a_person_is_not_late(received):
    """Whoever is asked has been notified; a second alert about the same run would cry wolf."""
    dag_run = run()
    waiting_offer("1", run_id=dag_run["dag_run_id"], awaiting=True)
    alerts.run_is_late(context(dag_run))
    assert received.mails == []


def test_a_late_run_by_hand_is_reported_with_the_window_that_it_reads(received):
    """The triggerer knows no DAG: the deadline brings the schedule along."""
    by_hand = run(0, run_type="manual") | {"data_interval_start": None, "data_interval_end": None}
    (deadline,) = alerts.dag_callbacks(timedelta(hours=1), "@daily")["deadline"]
    asyncio.run(alerts.late(context(by_hand), **deadline.callback.kwargs))

    assert "2026-11-09 00:00 +0100 to 2026-11-10 00:00 +0100" in received.text


def test_a_late_run_that_ends_is_ok_again_and_one_that_fails_is_reported_as_failed(received):
    alerts.run_is_late(context(run(0)))
    alerts.succeeded(context(run(0)))
    alerts.run_is_late(context(run(1)))
    alerts.failed(context(run(1), "load_offers"))
    late, failed = f"{PAIR}: a run is late", f"{PAIR}: a run has failed"
    assert received.headlines == [late, f"{PAIR}: resolved (a run is late)", late, failed]
