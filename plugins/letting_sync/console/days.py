"""Which intervals of a pair's schedule are loaded, and the command for those that are not; pure functions."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import groupby
from zoneinfo import ZoneInfo

import pendulum
from airflow.timetables.base import TimeRestriction

from letting_sync.window import TIMEZONE, last_whole_interval, timetable

ZONE = ZoneInfo(TIMEZONE)
GRACE = timedelta(minutes=15)
"""An interval that ended just now is the scheduler's; a backfill beside it would only get in its way."""
MOST_INTERVALS = 500
"""Lag is counted up to here; the page says "more than"."""


class State(StrEnum):
    """State of an interval, or of a day with all its intervals."""

    LOADED = "loaded"
    FAILED = "failed"
    MISSED = "missed"
    RUNNING = "running"
    DUE = "due"
    COMING = "coming"
    BEFORE = "before"


GAPS = (State.FAILED, State.MISSED)
_WORST_FIRST = (
    State.FAILED, State.MISSED, State.RUNNING, State.DUE, State.LOADED, State.COMING, State.BEFORE,
)  # fmt: skip
_ACTIVE = ("queued", "running")


@dataclass(frozen=True)
class Run:
    """A run as far as the calendar needs it.

    :param start: where its window starts; ``None`` if it covers no stretch of time (a replay, a dry run).
    """

    run_id: str
    state: str
    start: datetime | None
    end: datetime | None


@dataclass(frozen=True)
class Interval:
    """One interval of the schedule, its state, and by which run."""

    start: datetime
    end: datetime
    state: State
    run_id: str | None = None


def schedule_between(cron: str, earliest: datetime, latest: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The intervals that start in ``[earliest, latest]``, oldest first."""
    table = timetable(cron)
    restriction = TimeRestriction(pendulum.instance(earliest), pendulum.instance(latest), catchup=True)
    last = None
    while info := table.next_dagrun_info(last_automated_data_interval=last, restriction=restriction):
        last = info.data_interval
        if last is None:
            return
        yield last.start, last.end


def intervals(
    cron: str, runs: Sequence[Run], since: datetime, now: datetime, live_since: datetime | None, paused: bool
) -> list[Interval]:
    """All intervals from ``since`` to the one that goes on now, each with its state.

    :param live_since: where the first window ever read starts; earlier ones were never promised to anybody.
    """
    found = []
    for start, end in schedule_between(cron, since, now):
        near = [run for run in runs if run.start and run.end and run.start < end and run.end > start]
        state, run_id = _judge(near, start, end)
        if state is State.MISSED:
            state = _without_a_run(start, end, now, live_since, paused)
        found.append(Interval(start, end, state, run_id))
    return found


def _judge(near: Sequence[Run], start: datetime, end: datetime) -> tuple[State, str | None]:
    good = [run for run in near if run.state == "success"]
    if _covered(good, start, end):
        return State.LOADED, good[-1].run_id
    for state, matching in (
        (State.RUNNING, [run for run in near if run.state in _ACTIVE]),
        (State.FAILED, [run for run in near if run.state == "failed"]),
    ):
        if matching:
            return state, matching[-1].run_id
    return State.MISSED, None


def _covered(runs: Sequence[Run], start: datetime, end: datetime) -> bool:
    """Whether the windows together leave no hole in ``[start, end)``."""
    reached = start
    for run in sorted(runs, key=lambda run: (run.start, run.end)):
        if run.start and run.end and run.start <= reached:
            reached = max(reached, run.end)
    return reached >= end


def _without_a_run(
    start: datetime, end: datetime, now: datetime, live_since: datetime | None, paused: bool
) -> State:
    if end > now:
        return State.COMING
    if live_since is None or start < live_since:
        return State.BEFORE
    return State.DUE if now - end < GRACE and not paused else State.MISSED


@dataclass(frozen=True)
class Day:
    """A day of the calendar with the intervals that touch it."""

    date: date
    state: State
    loaded: int
    total: int
    run_id: str | None


def calendar(found: Sequence[Interval], since: datetime, now: datetime) -> list[Day]:
    """The days (midnight to midnight in the pairs' zone) from ``since`` to today."""
    days, midnight = [], since.astimezone(ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    position = 0
    while midnight <= now:
        next_midnight = midnight + timedelta(
            days=1
        )  # wall-clock arithmetic: 23 or 25 hours where the clock changes
        while position < len(found) and found[position].end <= midnight:
            position += 1
        touching = []
        for interval in found[position:]:
            if interval.start >= next_midnight:
                break
            touching.append(interval)
        days.append(_day(midnight.date(), touching))
        midnight = next_midnight
    return days


def _day(day: date, touching: Sequence[Interval]) -> Day:
    states = {interval.state for interval in touching} or {State.COMING}
    worst = next(state for state in _WORST_FIRST if state in states)
    counted = [interval for interval in touching if interval.state not in (State.COMING, State.BEFORE)]
    loaded = sum(interval.state is State.LOADED for interval in counted)
    run_id = next((interval.run_id for interval in reversed(touching) if interval.state is worst), None)
    return Day(day, worst, loaded, len(counted), run_id)


@dataclass(frozen=True)
class Gap:
    """Intervals one after the other that are not loaded, and what loads them.

    :param command: Airflow's command line.
    :param request: the same as the body of Airflow's ``POST /api/v2/backfills``.
    """

    start: datetime
    end: datetime
    intervals: int
    command: str
    request: dict[str, str]


def gaps(dag_id: str, found: Sequence[Interval]) -> list[Gap]:
    """The stretches that are missed or failed; more than one is preceded by one command for all of them.

    Airflow runs one backfill of a DAG at a time, and leaves alone what has been loaded; so one is enough.
    """
    stretches = [list(group) for is_gap, group in groupby(found, lambda i: i.state in GAPS) if is_gap]
    result = [_gap(dag_id, stretch) for stretch in stretches]
    if len(result) > 1:
        result.insert(0, _gap(dag_id, [interval for stretch in stretches for interval in stretch]))
    return result


def _gap(dag_id: str, stretch: Sequence[Interval]) -> Gap:
    first, last = stretch[0], stretch[-1]
    # Bare dates would be UTC; the last date is inclusive and means the start of an interval.
    request = {
        "dag_id": dag_id,
        "from_date": first.start.astimezone(ZONE).isoformat(),
        "to_date": last.start.astimezone(ZONE).isoformat(),
    }
    if any(interval.state is State.FAILED for interval in stretch):
        request["reprocess_behavior"] = "failed"
    options = [word for name, value in request.items() for word in (f"--{name.replace('_', '-')}", value)]
    command = shlex.join(["airflow", "backfill", "create", *options])
    return Gap(first.start, last.end, len(stretch), command, request)


@dataclass(frozen=True)
class Lag:
    """How far a pair is behind its schedule.

    :param loaded_until: end of the newest interval that is loaded; ``None`` if none is.
    :param intervals: how many intervals have ended since, at most ``MOST_INTERVALS``.
    """

    loaded_until: datetime | None
    seconds: int | None
    intervals: int | None


def lag(cron: str, loaded: Sequence[tuple[datetime, datetime]], now: datetime) -> Lag:
    """Judge by the windows of successful runs.

    A pair on time is up to one interval behind: what goes on now cannot have been loaded yet.
    """
    # The latest first: cron arithmetic is slow, and the first window that holds a whole interval decides it.
    latest_first = sorted(loaded, key=lambda window: window[1], reverse=True)
    until = next((end for window in latest_first if (end := _newest_in(cron, *window))), None)
    if until is None:
        return Lag(None, None, None)
    ended = 0
    for _, end in schedule_between(cron, until, now):
        if end > now or ended >= MOST_INTERVALS:
            break
        ended += 1
    return Lag(until, max(0, int((now - until).total_seconds())), ended)


def _newest_in(cron: str, start: datetime, end: datetime) -> datetime | None:
    """End of the last whole interval inside a window."""
    last = last_whole_interval(cron, end)
    return last.end if last.start >= start else None
