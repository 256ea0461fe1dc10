"""Bulk reads of an ERP: searches, and lists in numbered pages that may change while they are read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from letting_sync.errors import WaitAndRepeat
from letting_sync.http.hook import ApiHook
from letting_sync.parsing.responses import Row

READINGS = 5
"""Number of times a list that changes while it is read is read from the start, before Airflow's retry takes over."""

MOST_PAGES = 10_000
"""Upper limit of pages, against a list that never ends."""
FEWEST_OF_A_CUT_PAGE = 10
"""No system limits its pages to fewer items (assumed). So a shorter page is the last one if it completes the count."""

Page = tuple[list[Any], int]
"""Items of one page, and the total number of items of the list."""


def in_parts(
    hook: ApiHook, find: Callable[[list[str]], Iterable[Any]], values: Collection[str], size: int
) -> Iterator[Any]:
    """Call ``find`` with chunks of at most ``size`` distinct values, concurrently, and yield all results."""
    asked = sorted(set(values))
    for found in hook.concurrently(find, [asked[at : at + size] for at in range(0, len(asked), size)]):
        yield from found


def search(hook: ApiHook, path: str, order: Mapping[str, Any], *, what: str, items: str) -> list[Any]:
    """Send a search whose response holds all results.

    :param order: the request's body.
    :param items: field of the response with the results.
    :raises StopRun: the response has no such field.
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
    """Read all items of a paginated list, see :func:`whole_list`.

    :param params: returns the query of a page; the first page has number 0.
    :param items: field of the response with the page's items.
    :param total: field of the response with the total number of items.
    """

    def page(number: int) -> Page:
        response = hook.call("GET", path, what=what, refusals=(), params=params(number))
        return hook.field(response, items, list), Row(hook.system, response).count(total)

    return whole_list(page, identity, f"{hook.system}: {what}")


def whole_list(read: Callable[[int], Page], identity: str, what: str) -> list[Any]:
    """Read all pages; return each item exactly once, with none missing.

    A missing offer would be made a second time, and an offer returned twice would be held for a person. An item added
    or removed between two requests moves others across a page's border; the list is then read from the start.

    The total alone does not end the pagination, since one that is too low would hide an offer: after a page that may
    have been cut, the next one is requested.

    :param read: reads a page; the first page has number 0.
    :param identity: field that identifies an item.
    :param what: the list in plain words, for the error message.
    :raises WaitAndRepeat: the list changed each time, or does not have as many items as its total says.
    """
    for _ in range(READINGS):
        items, total, changed = _in_one_piece(read, identity)
        if not changed and len(items) == total:
            return items
    raise WaitAndRepeat(
        f"{what}: the list changes while it is read, or its total is wrong: {len(items)} items, {total} counted. Airflow retries the task."
    )


def _in_one_piece(read: Callable[[int], Page], identity: str) -> tuple[list[Any], int, bool]:
    """Read all pages once; return the items, the total, and whether the list changed meanwhile."""
    items, total = read(0)
    found, names = list(items), {_name(item, identity) for item in items}
    for number in range(1, MOST_PAGES):
        if not items or not (len(found) < total or len(items) >= FEWEST_OF_A_CUT_PAGE):
            break
        items, total_now = read(number)
        if len(found) == total == total_now and names.issuperset(_name(item, identity) for item in items):
            break  # the last page again: some systems return it for a page number that is too high
        found += items
        names |= {_name(item, identity) for item in items}
        if total_now != total or len(names) < len(found):
            return found, total, True
    return found, total, False


def _name(item: Any, identity: str) -> str:
    return str(item.get(identity)) if isinstance(item, Mapping) else repr(item)
