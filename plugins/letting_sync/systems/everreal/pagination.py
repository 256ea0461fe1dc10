"""Complete reading of EverReal's lists, although their records move while they are read.

**Problem.** ``skip`` and ``take`` cut a page from the state at the time of the request. A record that is updated or
leaves the list between two requests moves all records after it; a reader that only counts places skips some of them.

**Direction: newest first.** Both lists are requested by ``updatedAt`` descending (the contract names ASC for
contracts; ``direction`` takes both). An updated record then moves to the top and pushes the others *down*: a record
is seen twice, none is missed. The reading stops at the window's start, so older records cost nothing, and a day's
window costs one day even if it covers parts of two days at EverReal. Only a record that leaves the list (deleted, or
updated beyond the filter's ``to``) moves the others *up*.

**Overlap.** Therefore each page begins a few places before the end of the last one, and its first record must have
been found before, in the same version. If so, all records before it were found as well. If not, some may have been
skipped, and the reading steps back half a page until the overlap matches.

A page whose overlap does not match proves nothing about the records before it, but its own records are kept, in case
they leave the window before they are found again.

**Concurrency.** The proof does not depend on the order in which the pages were cut: records that are not updated keep
their order among each other, so a matching overlap proves the same for pages of any two moments. So while a page is awaited,
the next ones are requested, at the places where they are expected to begin: the more pages were read, the more of them.

**Updates during the reading.** An updated record has a later time than all others. If that is after the window's end,
the next window returns it. If the window is still open (a run started by hand), the record is at the top of the window,
above the reader: so at the end the top is read again until a page contains nothing new.

**Unreliable order.** The sort is assumed, not published. A page out of order shows that it is not honoured. A list that
is in order by chance is detected before the reading stops early: the same list requested in the other direction must
begin with a record that is not newer. If so many records share one ``updatedAt`` that an overlap is within them, their
order may differ between two requests. In each of these cases the list is read (to its end, if it is not sorted) until a
whole pass finds nothing new.

**End of the list.** A page that contains nothing but the overlap with the one before ends the list, not a page shorter
than requested or than an earlier one: EverReal limits ``take`` silently, perhaps by the size of the response. The list
has no total that would prove its end.

**Cost.** 10,000 records, 100 a page: 106 requests, one for the other direction, one to read the top again. A list of
one page: one request if it is empty, else three. Up to three more pages are read that are not needed, as they were under
way when the end was found.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Generic, Protocol, TypeVar

from letting_sync.http.pagination.versions import Met, Version, Versions, same, too_fast
from letting_sync.systems.everreal.graphql_errors import PLACE
from letting_sync.systems.everreal.queries import Direction

_V = TypeVar("_V")
_W = TypeVar("_W")

TAKE = 100
"""Records a page holds at most (assumed; published is only that ``take`` exists)."""
OVERLAP = 4
"""Records of a page that the next one repeats. If more of them leave between two requests, the reading steps back."""
MOST_AHEAD = 4
"""Pages under way at a time, some of them possibly unused; the hook limits the concurrency further."""
_MOST_STEPS_BACK = 100
_MOST_PASSES = 8
_ALL_TIMES = datetime.min.replace(tzinfo=UTC)


class _Versions(Versions):
    """Identity of records; one that failed as a whole is identified by its place in the list."""

    def key(self, record: Any) -> str:
        place = record.get(PLACE) if isinstance(record, dict) else None
        return super().key(record) if place is None else f"(place {place})"


_VERSIONS = _Versions(id_field="id", time_field="updatedAt")

log = logging.getLogger(__name__)


class Fetch(Protocol):
    """Fetch a page of a list sorted by ``updatedAt``."""

    def __call__(self, skip: int, take: int, direction: Direction = "DESC") -> list[Any]: ...


class _AtOnce(Executor):
    """Makes a call when it is submitted."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(fn(*args, **kwargs))
        return done


@dataclass(frozen=True)
class ListByPlace(Generic[_V]):
    """One of EverReal's lists. :meth:`read` and :meth:`read_all` send the requests.

    :param executor: runs several requests of :meth:`read` concurrently.
    :param value: maps each record in the thread that fetched its page, see :meth:`mapped`.
    """

    fetch: Fetch
    executor: Callable[[], AbstractContextManager[Executor]] = _AtOnce
    value: Callable[[Any], _V] = same

    def mapped(self, value: Callable[[Any], _W]) -> ListByPlace[_W]:
        """Return the same list with a function that maps each record in the thread that fetched its page.

        :param value: takes a record; must be thread-safe.
        """
        return replace(self, value=value)  # type: ignore[arg-type, return-value]

    def page(self, skip: int) -> list[Version[_V]]:
        """Fetch the page that begins at a place, from 0."""
        return _VERSIONS.of(self.fetch(skip, TAKE), self.value)

    def read(self, start: datetime, end: datetime) -> list[_V]:
        """Return each record updated in ``[start, end)`` exactly once, in the newest version found.

        A record without a readable id or time is returned too, so that it goes to quarantine.

        :raises WaitAndRepeat: the records move faster than they can be read.
        """
        met = Met[_V](start, end)
        with self.executor() as executor:
            descent = _Descent(self, start, executor)
            places = [descent.skip for page in descent.pages() if met.take(page)]
            descent.take_unproven(met)
        if descent.doubtful:
            log.warning("EverReal's sort order is not reliable; reading until a pass finds nothing new")
            _read_until_nothing_new(self, met)
        elif descent.count > 1:  # a single page reflects a single state: no record can have moved
            _look_back(self, met, places[0] if places else 0)
        return met.values

    def read_all(self) -> Iterator[_V]:
        """Yield all records, newest first; pages are requested lazily. A record that moves may be yielded twice."""
        descent = _Descent(self, _ALL_TIMES)
        for page in descent.pages():
            yield from (version.value for version in page)
        if descent.doubtful:
            for page in _Descent(self, _ALL_TIMES).pages():
                yield from (version.value for version in page)
        else:  # records updated meanwhile are at the top now
            yield from (version.value for version in self.page(0))


class _Descent(Generic[_V]):
    """One pass through a list, newest first, down to a time.

    :param floor: records older than this are not requested, if the list is sorted.
    """

    def __init__(self, records: ListByPlace[_V], floor: datetime, executor: Executor | None = None) -> None:
        self.list, self.floor, self._executor = records, floor, executor or _AtOnce()
        self._under_way: dict[int, Future[list[Version[_V]]]] = {}
        self._unproven: list[list[Version[_V]]] = []
        self._in_a_row = 0
        self.skip = self.count = 0
        self.ordered = True
        self.doubtful = False

    def pages(self) -> Iterator[list[Version[_V]]]:
        """Yield the pages; ``skip`` is the place of the last one yielded, ``count`` the number of pages so far."""
        step, overlap, steps_back, seam_in_tie = 1, 0, 0, False
        met: set[tuple[str, datetime | None]] = set()
        while True:
            page = self._page(step)
            if not page and self.skip == self.count == 1:
                return  # a list of one record has no overlap
            versions = [(version.key, version.updated) for version in page]
            # A record that failed as a whole has no time here; if the next one was found before, so was this one.
            first = next((version for version in versions if version[1]), versions[0] if versions else None)
            if self.skip and (first is None or first not in met):
                steps_back += 1
                if steps_back > _MOST_STEPS_BACK:
                    raise too_fast("EverReal")
                self._unproven.append(page)
                self.skip = max(0, self.skip - TAKE // 2)
                self._in_a_row = 0
                continue
            self.doubtful |= seam_in_tie and not met.issuperset(versions)
            met.update(versions)
            self.count += 1
            self._in_a_row += 1
            yield page
            times = [time for _, time in versions if time]
            if not page or len(page) <= overlap or self._below_floor(times):
                return
            seam_in_tie = len(times) > OVERLAP and times[-1] == times[-OVERLAP - 1]
            overlap = min(OVERLAP, len(page) - 1)
            if len(page) - overlap < step:
                self._in_a_row = 1  # probably the last page: request only the one that proves it
            step = max(step, len(page) - overlap)
            self.skip += len(page) - overlap

    def take_unproven(self, met: Met[_V]) -> None:
        """Keep the records of pages that :meth:`pages` has not yielded: their overlap did not match, or were unused."""
        self._give_up_what_is_under_way()
        for page in self._unproven:
            met.take(page)

    def _page(self, step: int) -> list[Version[_V]]:
        """Return the page at ``skip``; meanwhile the next ones, ``step`` places apart, are requested."""
        if self.skip not in self._under_way:
            self._give_up_what_is_under_way()
        place = max(self._under_way, default=self.skip - step)
        while len(self._under_way) < min(1 + self._in_a_row // 2, MOST_AHEAD):
            place += step
            self._under_way[place] = self._executor.submit(self.list.page, place)
        return self._under_way.pop(self.skip).result()

    def _give_up_what_is_under_way(self) -> None:
        """Cancel requests that are not sent yet; keep the pages of the others, as their records may move on."""
        self._unproven += [page.result() for page in self._under_way.values() if not page.cancel()]
        self._under_way = {}

    def _below_floor(self, times: list[datetime]) -> bool:
        """Check a page's order; return whether all following records are older than the floor."""
        if any(upper < lower for upper, lower in pairwise(times)):
            self.ordered, self.doubtful = False, True
        if not self.ordered or not times or times[-1] >= self.floor:
            return False
        other_end = [time for time in map(_VERSIONS.updated, self.list.fetch(0, OVERLAP, "ASC")) if time]
        if other_end and other_end[0] <= times[-1]:
            return True
        self.ordered, self.doubtful = False, True
        return False


def _look_back(records: ListByPlace[_V], met: Met[_V], skip: int) -> None:
    """Read the top of the window again, from a place at or above it, until a page contains nothing new."""
    while page := records.page(skip):
        times = [version.updated for version in page if version.updated]
        if not met.take(page) and (not times or times[-1] < met.end):
            return
        skip += max(1, len(page) - OVERLAP)


def _read_until_nothing_new(records: ListByPlace[_V], met: Met[_V]) -> None:
    for _ in range(_MOST_PASSES):
        # A list over all pages, since any() on a generator would end the pass at the first page with something new.
        descent = _Descent(records, met.start)
        fresh = sum([met.take(page) for page in descent.pages()])
        descent.take_unproven(met)
        if not fresh:
            return
    raise too_fast("EverReal")
