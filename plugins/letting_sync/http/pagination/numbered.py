"""What an ERP is asked for in bulk: lists in numbered pages, which may change while they are read, and searches."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from letting_sync.errors import WaitAndRepeat
from letting_sync.http.hook import ApiHook
from letting_sync.parsing.responses import Row

READINGS = 5
"""So often a list that changes under our eyes is begun anew, before Airflow's retry takes over."""

MOST_PAGES = 10_000
"""No look-up has more; a list that always has another page is none."""
FEWEST_OF_A_CUT_PAGE = 10
"""No system cuts its pages to fewer items (assumed). A shorter page that holds as many as are counted is the last one."""

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
    The count alone does not end the reading: one that is too low would hide an offer. So behind a page that may have
    been cut, another one is asked for.

    :raises WaitAndRepeat: it changed each time, or has not as many items as it says.
    """
    for _ in range(READINGS):
        items, total, changed = _in_one_piece(read, identity)
        if not changed and len(items) == total:
            return items
    raise WaitAndRepeat(
        f"{what}: the list changes while it is read, or is not as long as it says: {len(items)} items, {total} counted."
    )


def _in_one_piece(read: Callable[[int], Page], identity: str) -> tuple[list[Any], int, bool]:
    """The items of one reading, the count, and whether the list changed meanwhile."""
    items, total = read(0)
    found, names = list(items), {_name(item, identity) for item in items}
    for number in range(1, MOST_PAGES):
        if not items or not (len(found) < total or len(items) >= FEWEST_OF_A_CUT_PAGE):
            break
        items, total_now = read(number)
        if len(found) == total == total_now and names.issuperset(_name(item, identity) for item in items):
            break  # the last page again: so some systems answer a number that is too high
        found += items
        names |= {_name(item, identity) for item in items}
        if total_now != total or len(names) < len(found):
            return found, total, True
    return found, total, False


def _name(item: Any, identity: str) -> str:
    return str(item.get(identity)) if isinstance(item, Mapping) else repr(item)
