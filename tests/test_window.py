"""Each run reads a true stretch of time, however it was started."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pendulum
import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import Context
from airflow.serialization.serialized_objects import DagSerialization
from airflow.timetables.base import DataInterval, TimeRestriction

from letting_sync import window
from letting_sync.alerts.messages import facts_of
from letting_sync.console.runs import covered
from letting_sync.errors import StopRun
from letting_sync.staging import tables
from letting_sync.window import Window, WrongWindow, window_from_outside, window_of

NO_INTERVAL = (None, None)


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _context(params: dict[str, Any] | None = None, **more: Any) -> Context:
    return {"params": params or {}, **more}  # type: ignore[return-value]


def _scheduled_dag() -> Any:
    """A real DAG as the scheduler holds it."""
    dag = DagBag("dags").dags["immomio_yuneo"]
    return DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag))


def _next_interval(last: DataInterval) -> DataInterval:
    info = _scheduled_dag().timetable.next_dagrun_info(
        last_automated_data_interval=last,
        restriction=TimeRestriction(earliest=pendulum.datetime(2025, 1, 1), latest=None, catchup=True),
    )
    return info.data_interval


def test_a_scheduled_run_reads_the_whole_day_of_berlin() -> None:
    day = DataInterval(_p("2026-11-17T23:00Z"), _p("2026-11-18T23:00Z"))

    following = _next_interval(day)

    assert (following.start, following.end) == (_p("2026-11-18T23:00Z"), _p("2026-11-19T23:00Z"))


def test_the_days_of_the_clock_change_have_23_and_25_hours() -> None:
    spring = _next_interval(DataInterval(_p("2026-03-27T23:00Z"), _p("2026-03-28T23:00Z")))
    autumn = _next_interval(DataInterval(_p("2026-10-23T22:00Z"), _p("2026-10-24T22:00Z")))

    assert (spring.end - spring.start).total_hours() == 23
    assert (autumn.end - autumn.start).total_hours() == 25


def test_a_backfilled_run_gets_the_windows_of_its_days() -> None:
    """Airflow's backfill asks the DAG for the runs between two dates."""
    infos = _scheduled_dag().iter_dagrun_infos_between(
        _p("2026-10-24T00:00+02:00"), _p("2026-10-26T00:00+01:00")
    )

    assert [(i.data_interval.start, i.data_interval.end) for i in infos] == [
        (_p("2026-10-23T22:00Z"), _p("2026-10-24T22:00Z")),
        (_p("2026-10-24T22:00Z"), _p("2026-10-25T23:00Z")),
        (_p("2026-10-25T23:00Z"), _p("2026-10-26T23:00Z")),
    ]


def test_a_run_with_a_data_interval_reads_it() -> None:
    context = _context(
        data_interval_start=_utc("2026-11-18T23:00"), data_interval_end=_utc("2026-11-19T23:00")
    )

    assert window.of_run(context, "@daily") == (_utc("2026-11-18T23:00"), _utc("2026-11-19T23:00"))


@pytest.mark.parametrize(
    ("schedule", "started", "start", "end"),
    [
        ("@daily", "2026-11-20T08:00", "2026-11-18T23:00", "2026-11-19T23:00"),
        ("@daily", "2026-11-19T22:59", "2026-11-17T23:00", "2026-11-18T23:00"),
        ("@daily", "2026-11-19T23:00", "2026-11-18T23:00", "2026-11-19T23:00"),
        ("@hourly", "2026-11-20T08:20", "2026-11-20T07:00", "2026-11-20T08:00"),
        ("@daily", "2026-10-26T08:00", "2026-10-24T22:00", "2026-10-25T23:00"),
    ],
)
def test_a_run_started_by_hand_reads_the_last_whole_interval(
    schedule: str, started: str, start: str, end: str
) -> None:
    """Airflow 3 gives it neither logical date nor data interval."""
    context = _context(dag_run=SimpleNamespace(run_after=_utc(started)))

    assert window.of_run(context, schedule) == (_utc(start), _utc(end))


def test_the_params_come_first() -> None:
    params = {"window_start": "2026-11-10T00:00:00+01:00", "window_end": "2026-11-12T00:00:00+01:00"}
    context = _context(
        params, data_interval_start=_utc("2026-11-18T23:00"), data_interval_end=_utc("2026-11-19T23:00")
    )

    assert window.of_run(context, "@daily") == (_utc("2026-11-09T23:00"), _utc("2026-11-11T23:00"))


@pytest.mark.parametrize(
    ("start", "end", "rule"),
    [
        ("2026-11-10T00:00:00+01:00", None, "both"),
        (None, "2026-11-10T00:00:00+01:00", "both"),
        ("2026-11-10T00:00:00", "2026-11-11T00:00:00", "offset"),
        ("yesterday", "today", "ISO 8601"),
        ("2026-11-11T00:00:00+01:00", "2026-11-11T00:00:00+01:00", "before"),
        ("2026-11-11T00:00:00Z", "2026-11-10T00:00:00Z", "before"),
    ],
)
def test_a_wrong_window_is_refused_with_its_rule(start: str | None, end: str | None, rule: str) -> None:
    asked = {"window_start": start, "window_end": end}

    with pytest.raises(StopRun, match=rule):
        window.of_run(_context(asked), "@daily")
    assert window_from_outside(asked, NO_INTERVAL, _utc("2026-11-20T08:00"), "@daily") is None


def test_an_empty_window_is_an_error_and_never_a_green_run() -> None:
    """A timetable without intervals (a plain ``"@daily"`` in Airflow 3) gives each run an empty one."""
    moment = _utc("2026-11-19T23:00")
    context = _context(data_interval_start=moment, data_interval_end=moment)

    with pytest.raises(
        StopRun, match=r"from 2026-11-19T23:00:00\+00:00 to 2026-11-19T23:00:00\+00:00 \(schedule '@daily'\)"
    ):
        window.of_run(context, "@daily")


def test_a_run_of_which_nothing_names_the_window_has_none() -> None:
    with pytest.raises(WrongWindow, match="neither"):
        window_of(None, NO_INTERVAL, None, None)


DAY = {"window_start": "2026-11-10T00:00:00+01:00", "window_end": "2026-11-11T00:00:00+01:00"}
SCHEDULED = (_utc("2026-11-18T23:00"), _utc("2026-11-19T23:00"))


@pytest.mark.parametrize(
    ("conf", "interval", "expected"),
    [
        ({}, SCHEDULED, SCHEDULED),
        (None, SCHEDULED, SCHEDULED),
        (DAY, SCHEDULED, (_utc("2026-11-09T23:00"), _utc("2026-11-10T23:00"))),
        ({}, NO_INTERVAL, SCHEDULED),
        (None, NO_INTERVAL, SCHEDULED),
        ({"accept": "off"}, NO_INTERVAL, SCHEDULED),
        ({"external_ids": ["A"]}, NO_INTERVAL, None),
        ({"window_start": DAY["window_start"]}, NO_INTERVAL, None),
        ({"window_start": "2026-11-10T00:00:00", "window_end": "2026-11-11T00:00:00"}, NO_INTERVAL, None),
        ({"window_start": "yesterday", "window_end": 7}, NO_INTERVAL, None),
        ({"window_start": DAY["window_end"], "window_end": DAY["window_start"]}, SCHEDULED, None),
        ({}, (SCHEDULED[0], SCHEDULED[0]), None),
    ],
)
def test_alerts_and_console_name_the_window_that_the_tasks_read(
    conf: Any, interval: Any, expected: Any
) -> None:
    """Also of a run started by hand without params, which reads the last whole interval."""
    run_after = _utc("2026-11-20T08:00")
    names = ("data_interval_start", "data_interval_end")
    dag_run = {"dag_id": "d", "run_id": "r", "conf": conf, "run_after": run_after.isoformat()}
    dag_run |= {name: moment and moment.isoformat() for name, moment in zip(names, interval, strict=True)}
    context = _context(
        conf, dag_run=SimpleNamespace(run_after=run_after), **dict(zip(names, interval, strict=True))
    )

    told = facts_of(dag_run, "@daily")

    assert (told.start, told.end) == (expected or (None, run_after))
    assert covered(conf, interval, run_after, "@daily") == expected
    if expected:
        assert window.of_run(context, "@daily") == expected


def test_later_tasks_read_the_window_from_the_run(tmp_path: Any) -> None:
    for extent in (tables.Extent(20, Window(*SCHEDULED)), tables.Extent(0, None)):
        tables.write_extent(f"file://{tmp_path}", extent)

        assert tables.extent(f"file://{tmp_path}") == extent


def _p(text: str) -> pendulum.DateTime:
    return pendulum.instance(datetime.fromisoformat(text))
