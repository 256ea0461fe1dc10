"""An ERP's numbers, however JSON writes them."""

from __future__ import annotations

from typing import Any

import pytest

from letting_sync.errors import StopRun
from letting_sync.parsing.responses import Row


@pytest.mark.parametrize("value", ["4711", 4711, 4711.0])
def test_a_number_is_the_same_however_it_is_written(value: Any) -> None:
    assert Row("an ERP", {"nr": value}).required("nr") == "4711"


@pytest.mark.parametrize(
    "value", [1e17, 12345678901234567890.0, float("nan"), float("inf"), 0.5, True, [], {}]
)
def test_a_number_that_may_be_another_one_is_not_taken(value: Any) -> None:
    with pytest.raises(StopRun, match="'nr'"):
        Row("an ERP", {"nr": value}).required("nr")


@pytest.mark.parametrize(("value", "count"), [(0, 0), (3, 3), (3.0, 3), ("3", 3)])
def test_a_count_is_read(value: Any, count: int) -> None:
    assert Row("a partner", {"total": value}).count("total") == count


@pytest.mark.parametrize("value", [-1, 2.5, None, True, "", "3 of 5", [3]])
def test_what_is_no_count_stops(value: Any) -> None:
    with pytest.raises(StopRun, match="'total'"):
        Row("a partner", {"total": value}).count("total")
