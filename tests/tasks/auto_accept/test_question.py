"""When a question ends, how it shows what systems have written, and how an answer that nobody gave is read."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from test_policy import ENTRY, OFFER

from letting_sync.model import UnitNumber
from letting_sync.settings import AcceptancePolicy
from letting_sync.systems.immomio import IMMOMIO
from letting_sync.systems.sigma import SIGMA
from letting_sync.tasks.auto_accept import question
from letting_sync.tasks.auto_accept.operator import _without_answer
from letting_sync.tasks.auto_accept.policy import Decision, Verdict

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


def _rendered(table: str) -> str:
    return MarkdownIt("commonmark").enable("table").render(table)


def _cells(table: str) -> list[list[str]]:
    """The cells of a table's rows as a browser shows them."""
    rows = re.findall(r"<tr>(.*?)</tr>", _rendered(table), re.DOTALL)
    cells = [re.findall(r"<td>(.*?)</td>", row, re.DOTALL) for row in rows[1:]]
    return [[html.unescape(re.sub(r"</?a[^>]*>", "", cell)) for cell in row] for row in cells]


@pytest.mark.parametrize("separator", ["|", "*", "_", "~", "`", "."])
def test_a_unit_is_shown_as_the_erp_writes_it_whatever_its_separator(
    monkeypatch: pytest.MonkeyPatch, separator: str
) -> None:
    """Whoever approves must see offer, unit and start of the lease in the columns that say so."""
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "http://airflow.example")
    task = SIGMA.accept(
        task_id="auto_accept",
        chunk={},
        erp=SIGMA.at("sigma", exchange="Immomio", separator=separator),
        partner=IMMOMIO.at("immomio"),
        policy=AcceptancePolicy(),
    )
    offer = OFFER.model_copy(
        update={"number": "[4711](http://elsewhere)", "unit": UnitNumber.parse("01/02/03/04")}
    )

    asked = task._question([Decision(ENTRY, Verdict.ACCEPT, offer)])

    ((number, unit, _),) = _cells(asked)
    assert (number, unit) == ("[4711](http://elsewhere)", separator.join(("01", "02", "03", "04")))


@given(st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1))
@example("![x](http://elsewhere/pixel.png)")
@example("<img src=x>")
@example("&#124;")
@example("\\|")
def test_a_cell_shows_what_a_system_has_written_and_nothing_else(written: str) -> None:
    (row,) = _cells(f"| a | b |\n| --- | --- |\n| {question.cell(written)} | end |")

    assert row == [written, "end"]
