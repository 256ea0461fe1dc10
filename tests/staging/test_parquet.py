"""What is staged comes back as it was."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from letting_sync.staging import parquet

KINDS: parquet.Kinds = {
    "text": "text",
    "whole": "whole",
    "number": "number",
    "flag": "flag",
    "day": "day",
    "time": "time",
}
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
ROWS = st.fixed_dictionaries(
    {
        "text": st.none() | TEXTS,
        "whole": st.none() | st.integers(-(2**63), 2**63 - 1),
        "number": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "flag": st.none() | st.booleans(),
        "day": st.none() | st.dates(),
        "time": st.none() | st.datetimes(min_value=datetime(1, 1, 2), timezones=st.just(UTC)),
    }
)


def staged(rows: list[dict[str, Any]]) -> io.BytesIO:
    file = io.BytesIO()
    parquet.write(file, rows, KINDS)
    return io.BytesIO(file.getvalue())


@given(st.lists(ROWS, max_size=5))
def test_rows_come_back_as_they_were(rows: list[dict[str, Any]]) -> None:
    """Whatever the texts hold, dates of any year, and nothing at all."""
    assert parquet.read(staged(rows)) == rows


def test_more_rows_than_go_in_at_a_time() -> None:
    rows = [dict.fromkeys(KINDS) | {"whole": number, "text": f"Nr. {number}"} for number in range(25_000)]

    assert parquet.read(staged(rows)) == rows


def test_only_some_columns() -> None:
    row = dict.fromkeys(KINDS) | {"day": date(1990, 2, 3)}

    assert parquet.read(staged([row]), ["day", "flag"]) == [{"day": date(1990, 2, 3), "flag": None}]


def test_a_time_of_another_zone_is_the_same_moment() -> None:
    noon = datetime(2026, 11, 30, 12, tzinfo=timezone(timedelta(hours=1)))

    (row,) = parquet.read(staged([{"time": noon}]))

    assert row["time"] == noon
