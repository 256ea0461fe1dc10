"""Concurrent calls in an order that the test chooses, independently of the order of their results."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from random import Random
from typing import Any

from letting_sync.http.pagination.versions import SideBySide


def in_any_order(random: Random) -> SideBySide:
    """Instead of ``ApiHook.concurrently``: the answers are cut from the partner's list at moments in any order."""

    def side_by_side(function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        order = list(enumerate(items))
        results = {number: function(item) for number, item in random.sample(order, len(order))}
        return iter([results[number] for number, _ in order])

    return side_by_side


def noted_in(together: list[list[Any]]) -> SideBySide:
    """One after the other; what was to be done side by side is added to the list."""

    def side_by_side(function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        together.append(list(items))
        return map(function, together[-1])

    return side_by_side
