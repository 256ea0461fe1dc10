"""Intervals, calendar, gaps and lag: pure functions, around the change of the clock above all."""

from __future__ import annotations

import itertools
import shlex
from datetime import UTC, datetime, timedelta

import pytest

from letting_sync.console import days
from letting_sync.console.days import ZONE, Run, State

DAILY, HOURLY, WEEKLY = "0 0 * * *", "0 * * * *", "0 0 * * 1"


def berlin(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=ZONE)  # type: ignore[arg-type, misc]


def ran(start: datetime, end: datetime, state: str = "success") -> Run:
    return Run(f"run of {start}", state, start.astimezone(UTC), end.astimezone(UTC))


def found(cron: str, runs: list[Run], since: datetime, now: datetime) -> list[days.Interval]:
    return days.intervals(cron, runs, since, now, since, paused=False)


def options(command: str) -> dict[str, str]:
    words = shlex.split(command)
    assert words[:3] == ["airflow", "backfill", "create"]
    return dict(zip(words[3::2], words[4::2], strict=True))


def test_gap_across_the_end_of_summer_time_has_both_offsets():
    since, now = berlin(2026, 10, 22), berlin(2026, 10, 28, 8)
    runs = [ran(berlin(2026, 10, d), berlin(2026, 10, d + 1)) for d in (22, 23, 27)]
    gaps = days.gaps("p", found(DAILY, runs, since, now))
    assert len(gaps) == 1
    assert options(gaps[0].command) == {
        "--dag-id": "p",
        "--from-date": "2026-10-24T00:00:00+02:00",
        "--to-date": "2026-10-26T00:00:00+01:00",
    }
    assert gaps[0].intervals == 3
    assert gaps[0].end - gaps[0].start == timedelta(hours=73), "the 25th of October has 25 hours"


def test_gap_across_the_start_of_summer_time():
    since, now = berlin(2027, 3, 27), berlin(2027, 3, 30, 8)
    gaps = days.gaps("p", found(DAILY, [ran(berlin(2027, 3, 27), berlin(2027, 3, 28))], since, now))
    asked = options(gaps[0].command)
    assert asked["--from-date"] == "2027-03-28T00:00:00+01:00"
    assert asked["--to-date"] == "2027-03-29T00:00:00+02:00"


@pytest.mark.parametrize(
    ("day", "hours"), [(berlin(2026, 10, 25), 25), (berlin(2027, 3, 28), 23), (berlin(2026, 11, 2), 24)]
)
def test_hourly_pair_has_as_many_intervals_as_the_day_has_hours(day: datetime, hours: int):
    now = day + timedelta(days=1, hours=3)
    intervals = found(HOURLY, [], day, now)
    first = days.calendar(intervals, day, now)[0]
    assert (first.state, first.loaded, first.total) == (State.MISSED, 0, hours)
    starts = [interval.start.astimezone(UTC) for interval in intervals]
    assert all(later - earlier == timedelta(hours=1) for earlier, later in itertools.pairwise(starts))


def test_one_command_for_all_gaps_comes_before_those_for_each():
    since, now = berlin(2026, 11, 2), berlin(2026, 11, 7, 8)
    runs = [
        ran(berlin(2026, 11, d), berlin(2026, 11, d + 1), "failed" if d == 5 else "success")
        for d in (2, 4, 5, 6)
    ]
    every, missed, failed = days.gaps("p", found(DAILY, runs, since, now))
    assert options(every.command)["--from-date"] == "2026-11-03T00:00:00+01:00"
    assert options(every.command)["--to-date"] == "2026-11-05T00:00:00+01:00"
    assert options(every.command)["--reprocess-behavior"] == "failed"
    assert "--reprocess-behavior" not in options(missed.command)
    assert options(failed.command)["--reprocess-behavior"] == "failed"


def test_a_run_by_hand_with_a_window_fills_the_gap_but_one_that_leaves_a_hole_does_not():
    since, now = berlin(2026, 11, 2), berlin(2026, 11, 4, 8)
    whole = [
        ran(berlin(2026, 11, 2), berlin(2026, 11, 3, 12)),
        ran(berlin(2026, 11, 3, 11), berlin(2026, 11, 4, 2)),
    ]
    assert days.gaps("p", found(DAILY, whole, since, now)) == []
    hole = [
        ran(berlin(2026, 11, 2), berlin(2026, 11, 3, 11)),
        ran(berlin(2026, 11, 3, 12), berlin(2026, 11, 4)),
    ]
    assert [gap.intervals for gap in days.gaps("p", found(DAILY, hole, since, now))] == [1]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("success", State.LOADED),
        ("failed", State.FAILED),
        ("running", State.RUNNING),
        ("queued", State.RUNNING),
    ],
)
def test_state_of_an_interval(state: str, expected: State):
    run = ran(berlin(2026, 11, 2), berlin(2026, 11, 3), state)
    assert found(DAILY, [run], berlin(2026, 11, 2), berlin(2026, 11, 3, 8))[0].state is expected


def test_success_outweighs_an_earlier_failure():
    window = berlin(2026, 11, 2), berlin(2026, 11, 3)
    runs = [ran(*window, "failed"), ran(*window)]
    assert found(DAILY, runs, window[0], berlin(2026, 11, 3, 8))[0].state is State.LOADED


def test_what_is_not_over_is_coming_and_what_ended_just_now_is_the_schedulers():
    start, live = berlin(2026, 11, 2), berlin(2026, 10, 1)

    def state(now: datetime, paused: bool = False) -> State:
        return days.intervals(DAILY, [], start, now, live, paused)[0].state

    assert state(berlin(2026, 11, 2, 8)) is State.COMING
    assert state(berlin(2026, 11, 3, 0, 5)) is State.DUE
    assert state(berlin(2026, 11, 3, 0, 5), paused=True) is State.MISSED
    assert state(berlin(2026, 11, 3, 0, 30)) is State.MISSED


def test_days_before_the_first_run_are_no_gaps():
    since, now = berlin(2026, 11, 2), berlin(2026, 11, 5, 8)
    runs = [ran(berlin(2026, 11, 4), berlin(2026, 11, 5))]
    intervals = days.intervals(DAILY, runs, since, now, berlin(2026, 11, 4), paused=False)
    assert [day.state for day in days.calendar(intervals, since, now)][:3] == [
        State.BEFORE,
        State.BEFORE,
        State.LOADED,
    ]
    assert days.gaps("p", intervals) == []


def test_a_week_colours_all_its_days():
    since, now = berlin(2026, 11, 2), berlin(2026, 11, 10, 8)
    run = ran(berlin(2026, 11, 2), berlin(2026, 11, 9), "failed")
    calendar = days.calendar(found(WEEKLY, [run], since, now), since, now)
    assert [day.state for day in calendar] == [State.FAILED] * 7 + [State.COMING] * 2


def test_one_failed_hour_makes_the_day_failed():
    since, now = berlin(2026, 11, 2), berlin(2026, 11, 3, 0, 30)
    runs = [
        ran(since + timedelta(hours=h), since + timedelta(hours=h + 1), "failed" if h == 7 else "success")
        for h in range(24)
    ]
    day = days.calendar(found(HOURLY, runs, since, now), since, now)[0]
    assert (day.state, day.loaded, day.total) == (State.FAILED, 23, 24)
    assert day.run_id == runs[7].run_id


def test_lag_counts_the_intervals_that_have_ended_since():
    loaded = [(berlin(2026, 10, 23), berlin(2026, 10, 24))]
    lag = days.lag(DAILY, loaded, berlin(2026, 10, 27, 6))
    assert lag.loaded_until == berlin(2026, 10, 24)
    assert (lag.intervals, lag.seconds) == (3, (3 * 24 + 1 + 6) * 3600), "an hour more: the clock went back"


def test_lag_is_nothing_when_only_the_present_interval_is_open():
    lag = days.lag(DAILY, [(berlin(2026, 11, 2), berlin(2026, 11, 3))], berlin(2026, 11, 3, 23))
    assert lag.intervals == 0


def test_part_of_an_interval_does_not_count_for_the_lag():
    whole, part = (berlin(2026, 11, 2), berlin(2026, 11, 3)), (berlin(2026, 11, 3, 5), berlin(2026, 11, 4, 2))
    assert days.lag(DAILY, [whole, part], berlin(2026, 11, 5)).loaded_until == berlin(2026, 11, 3)


def test_lag_of_a_pair_that_never_loaded_and_of_one_far_behind():
    assert days.lag(DAILY, [], berlin(2026, 11, 5)) == days.Lag(None, None, None)
    far = days.lag(HOURLY, [(berlin(2026, 1, 1), berlin(2026, 1, 1, 1))], berlin(2026, 11, 5))
    assert far.intervals == days.MOST_INTERVALS


def test_the_command_is_quoted_for_the_shell():
    gap = days.gaps("a; rm -rf /", found(DAILY, [], berlin(2026, 11, 2), berlin(2026, 11, 3, 8)))[0]
    assert options(gap.command)["--dag-id"] == "a; rm -rf /"
