"""Approvers are reminded of a question before its time is over."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from alert_receiver import PAIR, run, waiting_offer

from letting_sync.alerts import callbacks


def _remind(dag_run: dict) -> None:
    """As the triggerer does when the second deadline of a run has passed."""
    late, reminder = callbacks.dag_callbacks(timedelta(hours=6), "@daily", timedelta(hours=15))["deadline"]
    assert (late.interval, reminder.interval) == (timedelta(hours=6), timedelta(hours=15))
    asyncio.run(callbacks.question_open({"dag_run": dag_run}, **reminder.callback.kwargs))


def test_a_question_that_is_still_open_is_reminded_of(received):
    dag_run = run()
    waiting_offer("K-4711", run_id=dag_run["dag_run_id"], awaiting=True)

    _remind(dag_run)

    assert set(received.headlines) == {f"{PAIR}: reminder: offers wait for approval"}


def test_a_question_that_has_been_answered_is_not(received):
    _remind(run())

    assert received.headlines == []


def test_a_run_that_has_ended_asks_nobody(received):
    dag_run = run(state="failed")
    waiting_offer("K-4711", run_id=dag_run["dag_run_id"], awaiting=True)

    _remind(dag_run)

    assert received.headlines == []
