"""Complete reading of a time window from a list that can be filtered by time, although its records move meanwhile.

**Problem.** A page reflects the state at the time of its request, ordered by the time of the last change. A record that
is updated between two requests moves to the end, or out of the window, and every record after it moves one place
forward: a reader that counts pages skips one of them.

**Solution: continue by time, not by page number.** Each request asks for the first page of ``[since, end)``, where
``since`` is the newest time found so far. Consider a record that is in the window when the reading starts:

* It is not updated meanwhile: its time stays. ``since`` only ever increases to the time of a record on a page that
  contained *everything* from the old ``since`` up to there, and the range includes its own instant. So ``since``
  cannot pass the record before it was found. Other records may move, since no places are counted.
* It is updated to a time inside the window: update times increase, so it is after ``since`` and is found there (again);
  the newest version is kept.
* It is updated to a time after the window's end: the next window returns its new version. If this window has already
  found it, it returns it too. That does no harm, since everything after the extraction is idempotent.

The window's end is not limited to the worker's clock: a slow clock would lose records. The reading ends anyway, since
every request increases ``since``.

**One instant with more than a page.** A bulk update may give more records the same time than a page holds. Then that
instant alone is read by page number. No record can enter a past instant, records can only leave it. So requests between
which the total did not change saw the same state, and if they found as many ids as counted, they found all.

**Long windows: the past first, concurrently.** No record can enter a past time range either. If a window has many
pages, its last page is read for the newest time. The range up to :data:`SETTLE_MARGIN` before that is read by page
number: the first page with its total, then the others concurrently. All records found were among those counted; so if
as many ids were found as counted, all were. The rest is read by time from there on; it includes what was updated
meanwhile. If some ids are missing, the reading continues by time where the concurrent part began.

**Proof of completeness.** The reading ends at a page with no page after it: the total says so, and the next page is
empty. So a total that is too low ends nothing. If fewer records were found than the first page counted, the total is
requested again. If that does not explain the difference, or if the responses are not sorted as requested, all pages of
the window are read until two passes agree. If the partner still counts more than it shows, the reading fails: a run
succeeds only if everything was read.

**Cost.** A page overlaps the next by the records of one instant, usually one: 1,000 records, 200 a page, take 7
requests, one after the other. 10,000 take 54, of which all but five are concurrent.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from math import ceil
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from letting_sync.http.pagination.versions import (
    Met,
    SideBySide,
    Version,
    Versions,
    incomplete,
    same,
    too_fast,
)

_V = TypeVar("_V")
_W = TypeVar("_W")

MOST_PAGES = 10_000
"""Upper limit of pages, against a list that never ends."""
_PAGES_AHEAD = 64
"""Pages requested concurrently in one batch; limits the useless requests if the total is much too high."""
_MOST_PASSES = 8
_MOST_PASSES_IN_VAIN = 3
"""Passes without a new record after which the reading fails, if the partner counts more records than it shows."""
MANY_PAGES = 8
"""A window of more pages is read concurrently; for fewer, the additional requests cost as much time as they save."""
SETTLE_MARGIN = timedelta(minutes=1)
"""Records older than the newest one by this margin count as the past. Assumed: the clocks of a partner's machines
differ by less."""

log = logging.getLogger(__name__)


class Page(NamedTuple):
    """A response: its records, and the total number of records of the requested time range."""

    records: list[Any]
    total: int


class _Page(NamedTuple, Generic[_V]):
    """A page whose records were converted to versions."""

    versions: list[Version[_V]]
    total: int


class Fetch(Protocol):
    """Fetch a page of the records changed in ``[since, until)``, oldest first; pages are numbered from 0."""

    def __call__(self, since: datetime, until: datetime, number: int, /) -> Page: ...


@dataclass(frozen=True)
class ListByTime(Generic[_V]):
    """A partner's list that can be filtered by time. :meth:`read` sends the requests.

    :param system: the partner's name in log and error messages.
    :param side_by_side: runs several requests concurrently.
    :param instant: resolution of the partner's times; a shorter range could be empty.
    :param value: maps each record in the thread that fetched its page, see :meth:`mapped`.
    """

    system: str
    fetch: Fetch
    versions: Versions
    side_by_side: SideBySide = map
    instant: timedelta = timedelta(milliseconds=1)
    value: Callable[[Any], _V] = same

    def mapped(self, value: Callable[[Any], _W]) -> ListByTime[_W]:
        """Return the same list with a function that maps each record in the thread that fetched its page.

        :param value: takes a record; must be thread-safe.
        """
        return replace(self, value=value)  # type: ignore[arg-type, return-value]

    def read(self, start: datetime, end: datetime) -> list[_V]:
        """Return each record changed in ``[start, end)`` exactly once, in the newest version found.

        A record without a readable id or time is returned too, so that it goes to quarantine.

        :raises WaitAndRepeat: the records move faster than they can be read, or the partner counts more than it shows.
        """
        met = Met[_V](start, end)
        if start < end and not self._read_by_time(met):
            log.warning("%s does not sort by time as requested; reading until two passes agree", self.system)
            self._read_until_two_passes_agree(met)
        return met.values

    def _read_by_time(self, met: Met[_V]) -> bool:
        """Read with an increasing ``since``; return whether the reading is proven complete."""
        since, counted = met.start, None
        for _ in range(MOST_PAGES):
            if since >= met.end:
                return self._all_met(met)
            page = self._page(since, met.end, 0)
            times = _times(page)
            if any(later < earlier for earlier, later in pairwise([since, *times])):
                return False
            met.take(page.versions)
            first, counted = counted is None, page.total if counted is None else counted
            if not page.versions or (len(page.versions) >= page.total and self._is_last(met, since)):
                return met.count >= counted or self._all_met(met)
            if not times:
                return False
            if first and page.total > MANY_PAGES * len(page.versions):
                since = self._read_the_past(met, times[-1], ceil(page.total / len(page.versions)))
                continue
            if times[-1] > since:
                since = times[-1]
            else:
                self._read_instant(met, since)
                since += self.instant
        raise too_fast(self.system)

    def _is_last(self, met: Met[_V], since: datetime) -> bool:
        """Return whether no page follows the first one from ``since``: a total that is too low must not end the reading."""
        more = self._page(since, met.end, 1)
        met.take(more.versions)
        return not more.versions

    def _page(self, since: datetime, until: datetime, number: int) -> _Page[_V]:
        page = self.fetch(since, until, number)
        return _Page(self.versions.of(page.records, self.value), page.total)

    def _read_the_past(self, met: Met[_V], since: datetime, pages: int) -> datetime:
        """Read the past part of the window concurrently; return the time from which to continue.

        :param since: time up to which all records were found.
        :param pages: number of pages of the whole window.
        """
        last = self.fetch(met.start, met.end, pages - 1)
        newest = max(filter(None, map(self.versions.updated, last.records)), default=since)
        until = newest - SETTLE_MARGIN
        if until <= since:
            return since
        first = self._page(since, until, 0)
        numbers = range(1, ceil(first.total / max(1, len(first.versions))))
        keys = {version.key for version in first.versions}
        met.take(first.versions)

        def fetch(number: int) -> _Page[_V]:
            return self._page(since, until, number)

        for at in range(0, len(numbers), _PAGES_AHEAD):
            rest = list(self.side_by_side(fetch, numbers[at : at + _PAGES_AHEAD]))
            for one in rest:
                met.take(one.versions)
                keys.update(version.key for version in one.versions)
            if not all(one.versions for one in rest):
                break  # an empty page: the total was too high
        return until if len(keys) == first.total else since

    def _all_met(self, met: Met[_V]) -> bool:
        return met.count >= self.fetch(met.start, met.end, 0).total

    def _read_instant(self, met: Met[_V], instant: datetime) -> None:
        """Read the records of one instant by page number, until an unchanged total proves that all were found."""
        until = min(instant + self.instant, met.end)
        total, keys = -1, set[str]()
        for _ in range(_MOST_PASSES):
            for page in self._pages(instant, until):
                if page.total != total:
                    total, keys = page.total, set()
                met.take(page.versions)
                keys.update(version.key for version in page.versions)
            if len(keys) >= total:
                return
        raise incomplete(self.system, len(keys), total)

    def _pages(self, since: datetime, until: datetime) -> Iterator[_Page[_V]]:
        """Yield the pages by number, up to and including the first one without a record that is new."""
        seen = set[str]()
        for number in range(MOST_PAGES):
            page = self._page(since, until, number)
            yield page
            keys = {version.key for version in page.versions}
            if keys <= seen:
                return
            seen |= keys
        raise too_fast(self.system)

    def _read_until_two_passes_agree(self, met: Met[_V]) -> None:
        """Read all pages of the window by number, repeatedly until a pass finds nothing new."""
        missing = 0
        for attempt in range(_MOST_PASSES):
            fresh, total = 0, 0
            for page in self._pages(met.start, met.end):
                fresh += met.take(page.versions)
                total = page.total
            if fresh:
                continue
            if attempt and met.count >= total:
                return
            missing += 1
            if missing == _MOST_PASSES_IN_VAIN:
                raise incomplete(self.system, met.count, total)
        raise too_fast(self.system)


def _times(page: _Page[Any]) -> list[datetime]:
    return [version.updated for version in page.versions if version.updated]
