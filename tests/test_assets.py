"""With which run a day of the customers is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from letting_sync.assets import days_over
from letting_sync.window import Window

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


def test_a_day_is_over_with_the_window_that_contains_its_end() -> None:
    assert days_over(Window(at("2026-11-10"), at("2026-11-11"))) == ["2026-11-10"]
    assert days_over(Window(at("2026-11-10T23:00"), at("2026-11-11"))) == ["2026-11-10"]
    assert days_over(Window(at("2026-11-10T00:17"), at("2026-11-11T00:17"))) == ["2026-11-10"]
    assert days_over(Window(at("2026-11-10T00:00"), at("2026-11-10T23:00"))) == []


@given(
    st.datetimes(datetime(2024, 1, 1), datetime(2027, 1, 1)),
    st.lists(st.timedeltas(timedelta(minutes=1), timedelta(days=3)), min_size=1, max_size=8),
)
def test_windows_side_by_side_name_each_day_once(start: datetime, lengths: list[timedelta]) -> None:
    edges = [start.replace(tzinfo=UTC)]
    for length in lengths:
        edges.append(edges[-1] + length)
    windows = [Window(*pair) for pair in pairwise(edges)]

    named = [day for window in windows for day in days_over(window)]

    assert named == days_over(Window(edges[0], edges[-1]))
    assert len(named) == (edges[-1].astimezone(BERLIN).date() - edges[0].astimezone(BERLIN).date()).days
