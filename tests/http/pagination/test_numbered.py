"""An ERP's list is read whole: an offer that is overlooked would be made a second time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letting_sync.errors import WaitAndRepeat
from letting_sync.http.pagination.numbered import FEWEST_OF_A_CUT_PAGE, Page, whole_list

SIZE = 20


def offers(count: int) -> list[dict[str, Any]]:
    return [{"id": f"o{number}"} for number in range(count)]


def pages(count: int, size: int = SIZE, total: Callable[[int], int] = int) -> Callable[[int], Page]:
    listed = offers(count)
    return lambda number: (listed[number * size :][:size], total(count))


def read(page: Callable[[int], Page]) -> list[Any]:
    return whole_list(page, "id", "an ERP: look offers up")


@given(count=st.integers(0, 130), size=st.integers(FEWEST_OF_A_CUT_PAGE, 40))
def test_each_item_once_however_the_pages_are_cut(count: int, size: int) -> None:
    assert read(pages(count, size)) == offers(count)


@pytest.mark.parametrize("count", [1, 9, 20, 45, 300])
@pytest.mark.parametrize(
    "wrong", [lambda total: total + 1, lambda total: total - 1, lambda total: 10**9, lambda _: 0]
)
def test_a_count_that_is_not_what_is_shown_is_an_error_with_both_numbers(
    count: int, wrong: Callable[[int], int]
) -> None:
    with pytest.raises(WaitAndRepeat, match=rf" {count} items, {wrong(count)} counted"):
        read(pages(count, total=wrong))


@pytest.mark.parametrize("count", [45, 300])
def test_a_count_of_the_page_instead_of_the_list_hides_nothing(count: int) -> None:
    with pytest.raises(WaitAndRepeat, match="items, 20 counted"):
        read(pages(count, total=lambda _: SIZE))


@pytest.mark.parametrize("count", [1, 20, 45])
def test_the_last_page_in_place_of_one_that_is_not_there_is_no_item_twice(count: int) -> None:
    """So some systems answer a number that is too high."""
    listed = offers(count)

    def clamped(number: int) -> Page:
        last = (count - 1) // SIZE
        return listed[min(number, last) * SIZE :][:SIZE], count

    assert read(clamped) == listed


def test_an_item_on_two_pages_is_read_anew() -> None:
    """Something was added in front meanwhile, and what slipped over the border is there the second time."""
    states = iter([offers(25)[:20], offers(25)[19:24], offers(25)[:20], offers(25)[20:]])

    assert len(read(lambda number: (next(states, []), 25))) == 25
