"""A pair that falls silent is distinguished from one that has a quiet week."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letting_sync.tasks.extract.silence import silent_since

NOW = datetime(2026, 3, 1, 23, tzinfo=UTC)
DAY = timedelta(days=1)


def brought(every: int, until: int, count: int = 20) -> list[datetime]:
    """Windows with prospects, so many days apart; the last one so many days ago."""
    return [NOW - (until + every * number) * DAY for number in range(count)]


@pytest.mark.parametrize(
    ("every", "until", "suspicious"),
    [
        (1, 6, False),
        (1, 7, True),
        (3, 7, True),
        (5, 9, False),
        (5, 10, True),
        (30, 59, False),
        (30, 60, True),
    ],
)
def test_a_silence_is_measured_by_the_pairs_own_habit(every: int, until: int, suspicious: bool) -> None:
    assert (silent_since(brought(every, until), NOW) is not None) is suspicious


@pytest.mark.parametrize(("until", "suspicious"), [(2, False), (3, True), (60, True)])
def test_a_set_limit_needs_no_habit(until: int, suspicious: bool) -> None:
    assert (silent_since(brought(1, until, 1), NOW, 3 * DAY) is not None) is suspicious
    assert silent_since([], NOW, 3 * DAY) is None


@pytest.mark.parametrize("count", [0, 1, 4])
def test_a_new_pair_has_no_habit(count: int) -> None:
    assert silent_since(brought(1, 100, count), NOW) is None


def test_a_backfill_of_an_older_window_is_not_silent() -> None:
    assert silent_since(brought(1, 0), NOW - 300 * DAY) is None


@given(st.lists(st.integers(0, 180), max_size=40))
def test_never_within_a_week_and_always_since_a_window_that_brought_some(days: list[int]) -> None:
    ends = [NOW - number * DAY for number in days]
    since = silent_since(ends, NOW)

    assert since is None or (since == max(ends) and NOW - since >= timedelta(days=7))
