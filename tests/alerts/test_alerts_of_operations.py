"""What is wrong about no single run: a system that does not serve us, data that is not deleted, wrong files of customers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
import time_machine
from airflow.dag_processing.dagbag import DagBag
from alert_receiver import PAIR, context, counts, run, waiting_offer
from hypothesis import given
from hypothesis import strategies as st

from letting_sync.alerts import callbacks
from letting_sync.alerts.incidents import Incident, Incidents, persists
from letting_sync.errors import IdsNotFound, ResponseLost, StopRun, StorageUnavailable, WaitAndRepeat
from letting_sync.ledger.ledger import Ledger
from letting_sync.ledger.retention_runs import note_end
from letting_sync.settings import AlertLimits
from tests.conftest import ROOT

MINUTE = timedelta(minutes=1)
START = datetime(2026, 11, 10, 12, tzinfo=UTC)
UNREACHABLE = WaitAndRepeat("Yuneo: the list of offers: no response.")


@pytest.fixture
def clock():
    with time_machine.travel(START, tick=False) as clock:
        yield clock


# --- a system that does not serve us -----------------------------------------------------------------------


def test_a_retryable_error_that_lasts_is_reported_once_and_its_end_too(received, clock):
    for minutes in (0, 5, 15, 19):
        clock.move_to(START + minutes * MINUTE)
        callbacks.still_failing(context(run(), "extract"), UNREACHABLE, 20 * MINUTE, timedelta(0))
    assert received.headlines == []

    for minutes in (20, 25):
        clock.move_to(START + minutes * MINUTE)
        callbacks.still_failing(context(run(), "extract"), UNREACHABLE, 20 * MINUTE, timedelta(0))
    assert received.headlines == [f"{PAIR}: a run cannot continue for now"]
    assert "no response" in received.text

    callbacks.succeeded(context(run()))
    assert received.headlines[1:] == [f"{PAIR}: resolved (a run cannot continue for now)"]


def test_what_would_be_due_before_the_next_try_is_reported_now(received, clock):
    callbacks.still_failing(context(run(), "extract"), UNREACHABLE, 20 * MINUTE, 5 * MINUTE)
    clock.shift(16 * MINUTE)
    callbacks.still_failing(context(run(), "extract"), UNREACHABLE, 20 * MINUTE, 5 * MINUTE)
    assert len(received.mails) == 1


def test_a_short_error_is_reported_to_nobody_and_leaves_nothing_behind(received, clock):
    callbacks.still_failing(context(run(), "extract"), UNREACHABLE, 20 * MINUTE, MINUTE)
    callbacks.succeeded(context(run()))
    assert received.mails == []
    with Incidents().engine.begin() as connection:
        told = "select subjects from prospect_alert where kind = 'retrying'"
        assert connection.exec_driver_sql(told).scalar() == "{}"


def test_a_run_that_fails_in_the_end_is_reported_as_failed_alone(received, clock):
    callbacks.still_failing(context(run(), "extract"), UNREACHABLE, MINUTE, 2 * MINUTE)
    callbacks.failed(context(run(), "extract", UNREACHABLE))
    assert received.headlines == [f"{PAIR}: a run cannot continue for now", f"{PAIR}: a run has failed"]


@given(st.lists(st.integers(0, 30), min_size=1, max_size=12), st.integers(1, 60))
def test_whatever_the_pauses_it_is_reported_at_most_once_and_never_late(pauses, limit):
    """Looks with such pauses between them: the report comes with the last look that is in time, or before."""
    incident, at, reported = Incident(), START, []
    for pause in pauses:
        change = persists(incident, "r", None, at, limit * MINUTE, pause * MINUTE)
        incident = change.after
        reported += [at] if change.notify else []
        at += pause * MINUTE
    assert len(reported) <= 1
    assert bool(reported) == (at - START >= limit * MINUTE)
    assert all(moment - START <= limit * MINUTE for moment in reported)


def test_the_pause_before_the_next_try_is_airflows(received, clock):
    """After the fifth try Airflow waits at least 8 minutes: the 20 minutes would pass meanwhile."""
    task = SimpleNamespace(
        retry_delay=timedelta(seconds=30), retry_exponential_backoff=True, max_retry_delay=10 * MINUTE
    )
    for number, minutes in enumerate((0, 1, 3, 6, 13), start=1):
        clock.move_to(START + minutes * MINUTE)
        at = context(run(), "extract", UNREACHABLE)
        at["ti"].task, at["ti"].try_number = task, number
        callbacks.retrying(at)
    assert received.headlines == [f"{PAIR}: a run cannot continue for now"]


# --- the advice fits the moment ----------------------------------------------------------------------------


def test_when_the_tries_are_used_up_the_alert_does_not_promise_another(received):
    callbacks.failed(context(run(), "load_offers", UNREACHABLE))
    assert "All retries are used up" in received.text
    assert "retries automatically" not in received.text


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (UNREACHABLE, "Ask the operators of the system"),
        (ResponseLost("Yuneo: the import: no response."), "Ask the operators of the system"),
        (StorageUnavailable("A file cannot be used: No space left."), "Repair what the message names"),
        (KeyError("unit"), "The error was not expected"),
    ],
)
def test_the_alert_about_a_run_that_retries_says_who_can_help(received, error, advice):
    callbacks.still_failing(context(run(), "extract"), error, MINUTE, 2 * MINUTE)
    assert f"What to do: {advice}" in received.text


def test_an_error_that_says_what_to_do_is_not_contradicted(received):
    """Not every one is over with a cleared task: counts that do not add up, wrong params of a run."""
    callbacks.failed(context(run(), "extract", StopRun("The param is wrong. Start a new run.")))
    assert "Do what the message says" in received.text
    assert "fix the cause" not in received.text


def test_ids_that_were_not_found_are_no_loss(received):
    callbacks.failed(context(run(), "reconcile", IdsNotFound("2 ids were not found.")))
    assert "Do not clear this run" in received.text
    assert "no record was lost has failed" not in received.text


@pytest.mark.parametrize(
    ("callback", "error", "line"),
    [
        (callbacks.failed, StopRun("Wrong password."), "Wrong password."),
        (
            callbacks.failed,
            UNREACHABLE,
            f"{UNREACHABLE} Airflow does not retry: fix the cause, then clear the task.",
        ),
        (
            callbacks.retrying,
            UNREACHABLE,
            f"{UNREACHABLE} Airflow retries automatically, in 0 seconds or later.",
        ),
    ],
)
def test_the_reason_is_the_last_line_of_the_log(received, caplog, callback, error, line):
    callback(context(run(), "extract", error))
    assert caplog.messages[-1] == line


# --- data that is not deleted ------------------------------------------------------------------------------


def test_a_retention_that_does_not_run_is_reported_once_and_its_next_end_too(received, clock):
    engine = Ledger().engine
    waiting_offer("1")
    reconcile = lambda: callbacks.check_retention()  # noqa: E731
    reconcile()
    assert received.mails == [], "a ledger that is new needs none yet"

    clock.shift(timedelta(days=3))
    reconcile()
    reconcile()
    assert received.headlines == ["prospect_retention: personal data is not deleted"]
    assert "last successful run: never" in received.text

    note_end(engine, datetime.now(UTC))
    reconcile()
    assert received.headlines[1:] == ["prospect_retention: resolved (personal data is not deleted)"]

    clock.shift(timedelta(days=3))
    reconcile()
    assert len(received.mails) == 3, "a new incident"
    assert "last successful run: 2026-11-13 13:00" in received.text


def test_every_run_of_a_pair_looks_at_the_retention(received, clock):
    waiting_offer("1", reason="expired")
    clock.shift(timedelta(days=3))
    callbacks.reconciled(context(run()), counts(), AlertLimits())
    assert "prospect_retention: personal data is not deleted" in received.headlines


# --- wrong files of customers ------------------------------------------------------------------------------


def test_a_wrong_file_is_reported_once_with_line_and_reason_and_when_all_are_right(received):
    north = {"nord.yaml": "nord.yaml, line 3: erp = 'yunneo': there is no such system"}
    south = {"sued.yaml": "sued.yaml, line 1: partner is missing"}
    callbacks.customer_files({})
    callbacks.customer_files(north)
    callbacks.customer_files(north)
    assert received.headlines == ["customers: customer files have errors"]
    assert "nord.yaml, line 3: erp = 'yunneo'" in received.text

    callbacks.customer_files(north | south)
    assert len(received.mails) == 2, "another file"
    callbacks.customer_files(south)
    assert len(received.mails) == 2
    callbacks.customer_files({})
    assert received.headlines[2:] == ["customers: resolved (customer files have errors)"]


def test_the_dag_that_looks_at_the_files(airflow_db, received, tmp_path, monkeypatch):
    dag = DagBag(ROOT / "dags" / "customer_files.py").dags["customer_files"]
    assert dag.is_paused_upon_creation is False
    monkeypatch.setenv("AIRFLOW__PROSPECTS__PAIRS", str(tmp_path))
    (tmp_path / "nord.yaml").write_text("partner: immomo\n")
    assert dag.test().state == "success"
    assert received.headlines == ["customers: customer files have errors"]
    assert "nord.yaml, line 1: partner = 'immomo'" in received.text

    (tmp_path / "nord.yaml").unlink()
    dag.test()
    assert received.headlines[1:] == ["customers: resolved (customer files have errors)"]
