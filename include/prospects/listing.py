"""Reading a list that comes in numbered pages and may change while it is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from include.prospects.errors import WaitAndRepeat

READINGS = 5
"""So often a list that changes under our eyes is begun anew, before Airflow's retry takes over."""

Page = tuple[list[Any], int]
"""Items of one page, and how many items the list has in all."""


def whole_list(read: Callable[[int], Page], identity: str, what: str) -> list[Any]:
    """Read all pages; each item once and none missing.

    Who overlooked an offer would make a second one, and who took one offer for two would hold it for a person.
    Something added or removed between two pages moves items across their border: then the list is read anew.

    :param read: reads a page; the first one has number 0.
    :param identity: field that tells one item from another.
    :param what: whose list it is, for the person on call.
    :raises WaitAndRepeat: it changed each time, or has fewer items than it says.
    """
    for _ in range(READINGS):
        items = _in_one_piece(read, identity)
        if items is not None:
            return items
    raise WaitAndRepeat(f"{what}: the list changes while it is read, or has fewer items than it says.")


def _in_one_piece(read: Callable[[int], Page], identity: str) -> list[Any] | None:
    items, total = read(0)
    found, number = list(items), 1
    while len(found) < total:
        items, total_now = read(number)
        if not items or total_now != total:
            return None
        found += items
        number += 1
    names = [item.get(identity) for item in found if isinstance(item, Mapping)]
    return None if number > 1 and len(set(map(str, names))) < len(names) else found
