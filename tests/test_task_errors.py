"""A task that meets an expected error is deferred, tried again or fails, and its log stays readable."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas
import pyarrow
import pytest
import time_machine
from airflow.sdk.exceptions import TaskDeferred
from pydantic import TypeAdapter

from letting_sync.alerts.incidents import Incidents
from letting_sync.alerts.messages import failure
from letting_sync.errors import AskedToWait, StopRun, UnexpectedError, WaitAndRepeat
from letting_sync.task_errors import LONGEST_PAUSE, LONGEST_WAIT, ExpectedErrorsMixin

NOON = datetime(2026, 11, 10, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Reads(ExpectedErrorsMixin):
    """A task of ours, and what happens at each of its attempts."""

    def __init__(self, *, happens: list[Any], **kwargs: Any) -> None:
        super().__init__(task_id="extract", **kwargs)
        self.happens = happens
        self.seen: list[dict[str, Any]] = []

    def execute(self, context: Any) -> Any:
        return self.expecting_errors(context, "read", page=1)

    def read(self, context: Any, **arguments: Any) -> str:
        self.seen.append(arguments)
        what = self.happens.pop(0)
        if isinstance(what, Exception):
            self._deep_down(what)
        return str(what)

    def _deep_down(self, error: Exception) -> None:
        try:
            raise KeyError("of a library")
        except KeyError:
            raise error from None


@pytest.fixture
def context(own_ledger: Path) -> dict[str, Any]:
    run = {
        "dag_id": "pair", "dag_run_id": "r", "run_type": "manual", "state": "running", "conf": {},
        "run_after": NOON.isoformat(),
    }  # fmt: skip
    return {"dag_run": run, "ti": SimpleNamespace(task_id="extract"), "params": {}}


def test_a_system_that_asks_to_wait_defers_the_task_until_it_serves(context: dict[str, Any]) -> None:
    """The task begins anew after each wait, with what it was called with; the waits grow up to some minutes."""
    asks = AskedToWait("Yuneo: the offers: not available (503).", 2.0)
    task = Reads(happens=[*[asks] * 5, "read"])
    pauses = []
    with time_machine.travel(NOON, tick=False) as clock:
        deferred = _deferred(lambda: task.execute(context))
        for _ in range(4):
            pauses.append(deferred.trigger.moment - datetime.now(UTC))
            clock.move_to(deferred.trigger.moment)
            deferred = _deferred(lambda: _resumed(task, context, deferred))  # noqa: B023
        assert _resumed(task, context, deferred) == "read"

    assert pauses == [MINUTE, 2 * MINUTE, 4 * MINUTE, LONGEST_PAUSE]
    assert task.seen == [{"page": 1}] * 6


def test_a_longer_wait_that_a_system_asks_for_is_granted_within_reason(context: dict[str, Any]) -> None:
    with time_machine.travel(NOON, tick=False):
        asked = _deferred(lambda: Reads(happens=[AskedToWait("Maintenance.", 1800.0)]).execute(context))
        for_days = _deferred(lambda: Reads(happens=[AskedToWait("Maintenance.", 1e6)]).execute(context))
    assert asked.trigger.moment - NOON == 30 * MINUTE
    assert for_days.trigger.moment - NOON == 60 * MINUTE


def test_a_wait_that_lasts_is_reported_and_ends_one_day(context: dict[str, Any]) -> None:
    task = Reads(happens=[AskedToWait("Not now.", 1.0)] * 999)
    with time_machine.travel(NOON, tick=False) as clock:
        deferred = _deferred(lambda: task.execute(context))
        while not (reported := _reported()):
            clock.move_to(deferred.trigger.moment)
            deferred = _deferred(lambda: _resumed(task, context, deferred))  # noqa: B023
        assert reported - NOON <= 20 * MINUTE

        clock.move_to(NOON + LONGEST_WAIT + MINUTE)
        with pytest.raises(StopRun, match="for 12 hours"):
            _resumed(task, context, deferred)


@pytest.mark.parametrize("error", [StopRun("Wrong password."), WaitAndRepeat("No response.")])
def test_an_expected_error_ends_with_its_message_and_hardly_a_traceback(
    context: dict[str, Any], error: Exception
) -> None:
    """None of the lines says where in our code it was raised, nor what it was made of."""
    with pytest.raises(type(error)) as failed:
        Reads(happens=[error]).execute(context)
    lines = "".join(traceback.format_exception(failed.value))
    assert "_deep_down" not in lines
    assert "KeyError" not in lines
    assert failed.value.__suppress_context__


def test_any_other_error_keeps_its_traceback(context: dict[str, Any]) -> None:
    with pytest.raises(ZeroDivisionError) as failed:
        Reads(happens=[ZeroDivisionError()]).execute(context)
    assert "_deep_down" in "".join(traceback.format_exception(failed.value))


def _error_about(record: dict[str, Any], read: Callable[[dict[str, Any]], Any]) -> Exception:
    with pytest.raises(Exception, match="eheim") as raised:
        read(record)
    return raised.value


@pytest.mark.parametrize(
    ("read", "kind"),
    [
        (lambda record: {}[record["name"]], "KeyError"),
        (lambda record: int(record["name"]), "ValueError"),
        (lambda record: pyarrow.array([1, record["name"]]), "ArrowInvalid"),
        (lambda record: pandas.to_datetime(record["name"]), "DateParseError"),
        (lambda record: TypeAdapter(int).validate_python(record["name"]), "ValidationError"),
    ],
)
def test_an_error_about_a_value_is_logged_without_the_value(
    context: dict[str, Any], read: Callable[[dict[str, Any]], Any], kind: str
) -> None:
    """Its kind and the lines of code stay; a library's text, and that of what caused it, may quote a person."""
    error = _error_about({"name": "Annegret Geheimrat"}, read)

    with pytest.raises(UnexpectedError) as failed:
        Reads(happens=[error]).execute(context)

    lines = "".join(traceback.format_exception(failed.value)) + repr(failed.value)
    assert "eheim" not in lines
    assert f"unexpected {kind}" in lines
    assert "_deep_down" in lines
    assert kind in failure("extract", failed.value, "en")


def _deferred(attempt: Any) -> TaskDeferred:
    with pytest.raises(TaskDeferred) as deferred:
        attempt()
    return deferred.value


def _resumed(task: Reads, context: dict[str, Any], deferred: TaskDeferred) -> Any:
    return getattr(task, deferred.method_name)(context, event={}, **(deferred.kwargs or {}))


def _reported() -> datetime | None:
    with Incidents().engine.begin() as connection:
        told = "select told_at from prospect_alert where kind = 'retrying'"
        value = connection.exec_driver_sql(told).scalar()
    return datetime.fromisoformat(value).replace(tzinfo=UTC) if value else None
