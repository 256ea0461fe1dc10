"""When a question ends, and how an answer that nobody gave is read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letting_sync.tasks.auto_accept import question
from letting_sync.tasks.auto_accept.operator import _without_answer

BERLIN = ZoneInfo("Europe/Berlin")
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))
TIMEOUTS = st.timedeltas(timedelta(minutes=1), timedelta(days=30))


@pytest.mark.parametrize(
    ("asked", "hours", "end"),
    [
        (datetime(2026, 12, 1, 0, 10), 10, datetime(2026, 12, 1, 10, 10)),  # a Tuesday, in office hours
        (datetime(2026, 12, 1, 0, 10), 20, datetime(2026, 12, 2, 10)),  # its evening: the next morning
        (datetime(2026, 12, 1, 0, 10), 4, datetime(2026, 12, 1, 10)),  # its early morning
        (datetime(2026, 12, 4, 0, 10), 20, datetime(2026, 12, 7, 10)),  # Friday evening: Monday
        (datetime(2026, 12, 5, 0, 10), 12, datetime(2026, 12, 7, 10)),  # Saturday noon: Monday
    ],
)
def test_a_question_ends_in_office_hours(asked: datetime, hours: int, end: datetime) -> None:
    found = question.end_of(asked.replace(tzinfo=BERLIN), timedelta(hours=hours), "working_hours")

    assert found == end.replace(tzinfo=BERLIN)


@given(MOMENTS, TIMEOUTS)
def test_no_question_ends_at_night_or_on_a_weekend_or_before_its_time(
    asked: datetime, timeout: timedelta
) -> None:
    end = question.end_of(asked, timeout, "working_hours").astimezone(BERLIN)

    assert end.weekday() < 5
    assert 8 <= end.hour <= 18
    assert asked + timeout <= end <= asked + timeout + timedelta(days=3)


@given(MOMENTS, TIMEOUTS)
def test_a_question_may_be_set_to_end_at_any_time(asked: datetime, timeout: timedelta) -> None:
    # In UTC: Python calls no two times of different zones equal where one of them is in the hour that comes twice.
    assert question.end_of(asked, timeout, "any_time").astimezone(UTC) == asked + timeout


def test_a_question_whose_time_has_passed_is_answered_by_nobody_with_nothing() -> None:
    read = _without_answer({"error": "no response", "error_type": "timeout"})

    assert (read["chosen_options"], read["params_input"], read["responded_by_user"]) == ([], {}, None)
    assert "error" not in read
    assert not question.is_yes(read["chosen_options"])
