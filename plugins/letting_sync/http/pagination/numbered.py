"""What an ERP is asked for in bulk: lists in numbered pages, which may change while they are read, and searches."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from letting_sync.errors import WaitAndRepeat
from letting_sync.http.hook import ApiHook
from letting_sync.parsing.responses import Row

READINGS = 5
"""So often a list that changes under our eyes is begun anew, before Airflow's retry takes over."""

Page = tuple[list[Any], int]
"""Items of one page, and how many items the list has in all."""


def in_parts(
    hook: ApiHook, find: Callable[[list[str]], Iterable[Any]], values: Collection[str], size: int
) -> Iterator[Any]:
    """Yield what ``find`` returns for the values, ``size`` of them in a call and each of them in one call only."""
    asked = sorted(set(values))
    for found in hook.concurrently(find, [asked[at : at + size] for at in range(0, len(asked), size)]):
        yield from found


def search(hook: ApiHook, path: str, order: Mapping[str, Any], *, what: str, items: str) -> list[Any]:
    """What a search finds, in one answer.

    :param order: the request's body.
    :param items: field of the answer that holds what was found.
    """
    return hook.field(hook.call("POST", path, what=what, refusals=(), json=order), items, list)


def list_pages(
    hook: ApiHook,
    path: str,
    params: Callable[[int], Mapping[str, Any]],
    *,
    what: str,
    items: str,
    total: str,
    identity: str,
) -> list[Any]:
    """All items of a list that comes in pages, see :func:`whole_list`.

    :param params: the query for a page; the first one has number 0.
    :param items: field of the answer that holds the page's items; ``total``: how many the list has in all.
    """

    def page(number: int) -> Page:
        response = hook.call("GET", path, what=what, refusals=(), params=params(number))
        return hook.field(response, items, list), Row(hook.system, response).count(total)

    return whole_list(page, identity, f"{hook.system}: {what}")


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
