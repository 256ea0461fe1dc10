"""Every minute belongs to exactly one interval: schedules, both clock changes, time zones."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pendulum
import pytest
import time_machine
from airflow.exceptions import AirflowTimetableInvalid
from airflow.timetables.base import DataInterval, TimeRestriction
from airflow.timetables.interval import CronDataIntervalTimetable
from hypothesis import example, given
from hypothesis import strategies as st

from letting_sync.schedule.timetable import ContiguousCronDataIntervalTimetable
from letting_sync.window import TIMEZONE

CHANGES = {
    "Europe/Berlin": ("2026-03-29T01:00Z", "2026-10-25T01:00Z"),
    "America/New_York": ("2026-03-08T07:00Z", "2026-11-01T06:00Z"),
    "America/Santiago": ("2026-04-05T03:00Z", "2026-09-06T04:00Z"),  # at midnight
    "Australia/Lord_Howe": ("2026-04-04T15:00Z", "2026-10-03T15:30Z"),  # by half an hour
    "Pacific/Apia": ("2011-12-30T10:00Z",),  # by a whole day
    "Asia/Kolkata": ("2026-03-29T01:00Z",),  # never
}
PLACES = [(zone, _change) for zone, changes in CHANGES.items() for _change in changes]


@st.composite
def schedules(draw: Any) -> str:
    """Cron expressions as the pairs take them, and finer ones."""
    hour = st.integers(0, 23)
    hours = st.one_of(
        st.just("*"),
        hour.map(str),
        st.integers(2, 12).map(lambda step: f"*/{step}"),
        st.sets(hour, min_size=1, max_size=6).map(lambda some: ",".join(map(str, sorted(some)))),
    )
    minutes = st.one_of(st.integers(0, 59).map(str), st.sampled_from(["0,30", "15,45", "*/20"]))
    days = st.sampled_from(["* * *", "* * *", "* * 0", "* * 1-5", "1,28-31 * *"])
    return f"{draw(minutes)} {draw(hours)} {draw(days)}"


def at(text: str) -> pendulum.DateTime:
    return pendulum.instance(datetime.fromisoformat(text))


def table(schedule: str, zone: str = TIMEZONE) -> ContiguousCronDataIntervalTimetable:
    return ContiguousCronDataIntervalTimetable(schedule, timezone=zone)


def following(
    timetable: CronDataIntervalTimetable, since: datetime, until: datetime
) -> Iterator[DataInterval]:
    """Intervals as the scheduler, with catchup, and a backfill make them."""
    restriction = TimeRestriction(pendulum.instance(since), pendulum.instance(until), catchup=True)
    last = None
    while info := timetable.next_dagrun_info(last_automated_data_interval=last, restriction=restriction):
        last = info.data_interval
        assert last is not None
        yield last


@given(schedule=schedules(), place=st.sampled_from(PLACES), hours=st.integers(-60, 60))
@example("30 2 * * *", PLACES[0], -30)
@example("30 2 * * *", PLACES[1], -30)
@example("0 * * * *", PLACES[1], -30)
@example("0,30 * * * *", PLACES[0], -3)
def test_every_minute_is_in_exactly_one_interval(schedule: str, place: tuple[str, str], hours: int) -> None:
    zone, change = place
    since = at(change) + timedelta(hours=hours)
    intervals = list(following(table(schedule, zone), since, since + timedelta(days=12)))

    assert all(interval.start < interval.end for interval in intervals)
    assert all(earlier.end == later.start for earlier, later in pairwise(intervals))


@given(schedule=schedules(), place=st.sampled_from(PLACES), minutes=st.integers(-3 * 24 * 60, 3 * 24 * 60))
@example("30 2 * * *", PLACES[0], 10)
def test_a_boundary_is_the_same_from_both_sides(schedule: str, place: tuple[str, str], minutes: int) -> None:
    """However a moment is reached: forward, backward, by hand, or as the latest one without catchup."""
    zone, change = place
    timetable, moment = table(schedule, zone), at(change) + timedelta(minutes=minutes)
    earlier, later = timetable._get_prev(moment), timetable._get_next(moment)

    assert earlier < moment < later
    assert timetable._get_next(earlier) in (moment, later)
    assert timetable._get_prev(later) in (moment, earlier)
    by_hand = timetable.infer_manual_data_interval(run_after=moment)
    assert by_hand.start < by_hand.end <= moment < timetable._get_next(by_hand.end)


@given(schedule=schedules(), place=st.sampled_from(PLACES), minutes=st.integers(-3 * 24 * 60, 3 * 24 * 60))
def test_the_boundaries_are_those_of_airflow_away_from_the_change(
    schedule: str, place: tuple[str, str], minutes: int
) -> None:
    zone, change = place
    moment = at(change) + timedelta(days=5, minutes=minutes)
    ours, theirs = table(schedule, zone), CronDataIntervalTimetable(schedule, timezone=zone)

    if ours._get_next(moment) - moment < timedelta(days=20):
        assert ours._get_next(moment) == theirs._get_next(moment)


@pytest.mark.parametrize(
    ("schedule", "day", "hours"),
    [
        ("30 2 * * *", "2026-03-28", 24),
        ("30 2 * * *", "2026-03-29", 23),
        ("30 2 * * *", "2026-10-24", 25),
        ("0 2 * * *", "2026-03-28", 24),
        ("@daily", "2026-03-29", 23),
        ("@daily", "2026-10-25", 25),
    ],
)
def test_the_intervals_of_the_clock_change(schedule: str, day: str, hours: int) -> None:
    start = pendulum.parse(day, tz=TIMEZONE)
    assert isinstance(start, pendulum.DateTime)
    first = next(following(table(schedule), start, start + timedelta(days=2)))

    assert (first.end - first.start).total_seconds() == hours * 3600


@given(st.datetimes(datetime(2026, 3, 28, 12), datetime(2026, 3, 30, 12)))
@example(datetime(2026, 3, 29, 1, 10))
@example(datetime(2026, 3, 29, 1, 30))
def test_no_reading_of_the_dag_file_moves_the_next_run_past_a_day(now: datetime) -> None:
    """Without catchup, while the last whole interval has no run yet; that of 28 March is due at 03:30 on the 29th."""
    timetable, now = table("30 2 * * *"), now.replace(tzinfo=UTC)
    due = timetable.infer_manual_data_interval(run_after=pendulum.instance(now))
    last = timetable.infer_manual_data_interval(run_after=due.start)
    restriction = TimeRestriction(at("2026-01-01T00:00Z"), None, catchup=False)
    with time_machine.travel(now, tick=False):
        info = timetable.next_dagrun_info(last_automated_data_interval=last, restriction=restriction)

    assert info is not None
    assert info.data_interval is not None
    assert info.data_interval == due


@pytest.mark.parametrize(
    ("before", "after"), [("@hourly", "@daily"), ("@daily", "30 6 * * *"), ("@weekly", "@hourly")]
)
def test_a_changed_schedule_goes_on_where_the_old_one_ended(before: str, after: str) -> None:
    last = table(before).infer_manual_data_interval(run_after=at("2026-11-20T10:20+01:00"))
    restriction = TimeRestriction(at("2026-01-01T00:00Z"), None, catchup=True)
    info = table(after).next_dagrun_info(last_automated_data_interval=last, restriction=restriction)

    assert info is not None
    assert info.data_interval is not None
    assert (info.data_interval.start, info.data_interval.end) == (last.end, table(after)._get_next(last.end))


def test_after_an_interval_without_length_the_day_is_read_all_the_same() -> None:
    """Airflow's own timetable made such runs; their logical date is taken."""
    empty = DataInterval(at("2026-03-29T01:30Z"), at("2026-03-29T01:30Z"))
    restriction = TimeRestriction(at("2026-01-01T00:00Z"), None, catchup=True)
    info = table("30 2 * * *").next_dagrun_info(last_automated_data_interval=empty, restriction=restriction)

    assert info is not None
    assert info.data_interval is not None
    assert empty.end < info.data_interval.start < empty.end + timedelta(seconds=1)
    assert info.data_interval.end == at("2026-03-30T00:30Z")


def test_a_wrong_expression_is_refused_each_time_that_airflow_looks_at_it() -> None:
    right, wrong = table("30 2 * * *"), table("61 2 * * *")

    for _ in range(2):
        right.validate()
        with pytest.raises(AirflowTimetableInvalid, match="61"):
            wrong.validate()
