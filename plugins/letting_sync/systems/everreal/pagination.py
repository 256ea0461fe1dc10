"""Reading EverReal's lists completely, although their records move while one reads.

**The trouble.** ``skip`` and ``take`` cut a page from the state at the time of the request. A record that is updated
or goes away between two requests moves all those behind it; a reader that only counts places jumps over some.

**The direction: newest first.** Both lists are asked for by ``updatedAt`` descending (the contract names ASC for
contracts; ``direction`` takes both). An updated record then jumps to the top and pushes the others *down*: a record
is seen twice, none is missed. The reading stops at the window's start, so what is older costs nothing, and a
day's window costs one day although it touches two of EverReal's days. Only a record that leaves the list (deleted,
or updated beyond the filter's ``to``) pulls the others *up*.

**The overlap.** Therefore each page begins a few places before the end of the last one, and its first record must
have been met before, in the same version. If it was, all above it was met as well; if not, something
slipped past the seam, and the reading steps back half a page until it meets known ground.

A page whose seam does not fit proves nothing about what is above it, but the records on it were served: they are kept,
in case they leave the window before they are met again.

**Side by side.** Nothing of this asks in which order of time the pages were cut: records that are not updated keep their
order among each other, so a seam that fits proves the same for pages of any two moments. So once two pages were read, as
many as were read so far are asked for side by side, where they are expected to begin.

**Updated during the reading.** An updated record carries a time that is later than all others. If that lies behind
the window's end, the next window brings it. If the window is still open (a run by hand), it stands at
the window's top, above the reader: so at the end the top is looked at again until a page brings nothing new.

**Doubts.** The sort is assumed, not published. A page out of order says that it is not honoured. A list that
is in order by chance is found out before the reading stops early: the same list asked for from its other end must
begin with a record no younger. And where so many records share one ``updatedAt`` that an overlap lies within them,
their order between two requests is anybody's guess. In each of these cases nothing is left out: the list
is read (to its end, if it is not sorted) until a whole pass brings nothing new.

**The end of the list** is a page that holds nothing but the overlap with the one before, not one shorter than what was
asked for or than an earlier one: EverReal cuts ``take`` silently, perhaps by the size of the response. The list has no
count that would prove it.

**Cost.** 10,000 records of 100 a page: 106 requests, one for the other end, one for the look back. A list of one page:
one request where it is empty, else three. Of a list that is longer than the window up to seven pages too many are read.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Generic, Protocol, TypeVar

from letting_sync.http.pagination.versions import Met, SideBySide, Version, Versions, same, too_fast
from letting_sync.systems.everreal.graphql_errors import PLACE
from letting_sync.systems.everreal.queries import Direction

_V = TypeVar("_V")
_W = TypeVar("_W")

TAKE = 100
"""Records a page holds at most (published)."""
OVERLAP = 4
"""Records of a page met again on the next one; more than that many leaving between two requests cost steps back."""
MOST_AHEAD = 8
"""Pages asked for side by side, some of them perhaps in vain; the hook makes fewer calls at a time."""
_MOST_STEPS_BACK = 100
_MOST_PASSES = 8
_ALL_TIMES = datetime.min.replace(tzinfo=UTC)


class _Versions(Versions):
    """Tells a record that failed as a whole by its place in the list; its neighbours give it a time, if at all."""

    def key(self, record: Any) -> str:
        place = record.get(PLACE) if isinstance(record, dict) else None
        return super().key(record) if place is None else f"(place {place})"


_VERSIONS = _Versions(id_field="id", time_field="updatedAt")

log = logging.getLogger(__name__)


class Fetch(Protocol):
    """Ask for a page of a list, by ``updatedAt``."""

    def __call__(self, skip: int, take: int, direction: Direction = "DESC") -> list[Any]: ...


@dataclass(frozen=True)
class ListByPlace(Generic[_V]):
    """One of EverReal's lists. Nothing is asked before one of the two ways of reading.

    :param side_by_side: makes several calls at a time.
    :param value: what to make of each record in the thread that fetched its page, see :meth:`mapped`.
    """

    fetch: Fetch
    side_by_side: SideBySide = map
    value: Callable[[Any], _V] = same

    def mapped(self, value: Callable[[Any], _W]) -> ListByPlace[_W]:
        """The same list, of what a function makes of each record where its page was fetched.

        :param value: takes a record; must touch nothing that another thread uses.
        """
        return replace(self, value=value)  # type: ignore[arg-type, return-value]

    def page(self, skip: int) -> list[Version[_V]]:
        """The page that begins at a place."""
        return _VERSIONS.of(self.fetch(skip, TAKE), self.value)

    def read(self, start: datetime, end: datetime) -> list[_V]:
        """Return each record updated in ``[start, end)`` exactly once, in the newest version met.

        A record without a readable id or time is returned too: it belongs into quarantine, not nowhere.

        :raises WaitAndRepeat: the records move faster than they can be read.
        """
        met = Met[_V](start, end)
        descent = _Descent(self, start, self.side_by_side)
        places = [descent.skip for page in descent.pages() if met.take(page)]
        descent.take_unproven(met)
        if descent.doubtful:
            log.warning("EverReal's order cannot be relied on; reading until a pass brings nothing new")
            _read_until_nothing_new(self, met)
        elif descent.count > 1:  # one page is one state: nothing can have moved within it
            _look_back(self, met, places[0] if places else 0)
        return met.values

    def read_all(self) -> Iterator[_V]:
        """Yield the records of all times, newest first, a page at a time; a record that moves comes twice.

        Stop taking them to stop the reading.
        """
        descent = _Descent(self, _ALL_TIMES)
        for page in descent.pages():
            yield from (version.value for version in page)
        if descent.doubtful:
            for page in _Descent(self, _ALL_TIMES).pages():
                yield from (version.value for version in page)
        else:  # what was updated meanwhile stands at the top now
            yield from (version.value for version in self.page(0))


class _Descent(Generic[_V]):
    """One way down a list to a time.

    :param floor: records older than this are not asked for, if the list is in order.
    """

    def __init__(self, records: ListByPlace[_V], floor: datetime, side_by_side: SideBySide = map) -> None:
        self.list, self.floor, self._side_by_side = records, floor, side_by_side
        self._fetched: dict[int, list[Version[_V]]] = {}
        self._unproven: list[list[Version[_V]]] = []
        self._in_a_row = 0
        self.skip = self.count = 0
        self.ordered = True
        self.doubtful = False

    def pages(self) -> Iterator[list[Version[_V]]]:
        """Yield page after page; ``skip`` is the place of the one just yielded, ``count`` how many there were."""
        step, overlap, steps_back, seam_in_tie = 1, 0, 0, False
        met: set[tuple[str, datetime | None]] = set()
        while True:
            page = self._page(step)
            if not page and self.skip == self.count == 1:
                return  # a list of one record: nothing could overlap
            versions = [(version.key, version.updated) for version in page]
            # A record that failed as a whole has no time here; if the one below it was met, so was it.
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
                self._in_a_row = 1  # probably the last one: the page that proves it needs no others beside it
            step = max(step, len(page) - overlap)
            self.skip += len(page) - overlap

    def take_unproven(self, met: Met[_V]) -> None:
        """Keep what was on pages that :meth:`pages` has not yielded: their seam did not fit, or they were in vain."""
        for page in (*self._unproven, *self._fetched.values()):
            met.take(page)

    def _page(self, step: int) -> list[Version[_V]]:
        """The page at ``skip``; with it, others are asked for, ``step`` places apart."""
        if self.skip not in self._fetched:
            places = [self.skip + step * number for number in range(min(max(1, self._in_a_row), MOST_AHEAD))]
            self._unproven += self._fetched.values()
            pages = self._side_by_side(self.list.page, places)
            self._fetched = dict(zip(places, pages, strict=True))
        return self._fetched.pop(self.skip)

    def _below_floor(self, times: list[datetime]) -> bool:
        """Judge a page's order; returns whether all that follows is older than the floor."""
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
    """Read the window's top again, from a place at or above it, until a page of it brings nothing new."""
    while page := records.page(skip):
        times = [version.updated for version in page if version.updated]
        if not met.take(page) and (not times or times[-1] < met.end):
            return
        skip += max(1, len(page) - OVERLAP)


def _read_until_nothing_new(records: ListByPlace[_V], met: Met[_V]) -> None:
    for _ in range(_MOST_PASSES):
        # A comprehension over all pages: any() would end the pass at the first page with something new.
        descent = _Descent(records, met.start)
        fresh = sum([met.take(page) for page in descent.pages()])
        descent.take_unproven(met)
        if not fresh:
            return
    raise too_fast("EverReal")
