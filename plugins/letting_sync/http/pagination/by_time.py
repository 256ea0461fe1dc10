"""Reading a window completely from a list that can be asked for by time, although its records move meanwhile.

**The trouble.** A page is cut from the state at the time of its request, ordered by the time of the last change. A
record that is updated between two requests goes to the end (or out of the window), and every one behind it moves one
place forward: a reader that counts pages jumps over one of them.

**The answer: ask by time, not by page number.** Each request asks for the first page of ``[since, end)``, where
``since`` is the newest time met so far. Suppose a record stands in the window when the reading begins.

* It is not updated meanwhile: its time stays. ``since`` only ever grows to the time of a record on a page
  that held *everything* from the old ``since`` up to there, and includes its own instant, so ``since`` cannot pass
  it unmet. What moves before or behind it does not matter, as no place is counted.
* It is updated to a time inside the window: times of updates grow, so it stands ahead of ``since`` and is met
  (again) there; the newest version is kept.
* It is updated to a time behind the window's end: the next window brings it, in its new version. If it was met
  before that, this window brings it too, which costs nothing: everything after reading is idempotent.

The window's end is not cut at the worker's clock: a clock that is slow would lose records, and the reading ends
anyway, since every request moves ``since`` forward.

**One instant, more than a page.** A bulk update may give more records the same time than a page holds. Then
that instant alone is read by page number. Nothing can join a past instant, records can only leave it; so a stretch of
requests between which the count did not change saw one state, and if it met as many ids as are counted, it met all.

**A long window: the past first, several pages at a time.** Nothing can join a past stretch of time either. So where a
window holds many pages, its last page is looked at for the newest time there is, and what lies a moment before that is
read by page number: the first page, which counts the stretch, then the others side by side. Whatever they bring was
among those counted; so if as many ids were met as were counted, all were. Then the rest is read by time from there on:
what was updated meanwhile stands there. If some were not met, the reading goes on by time as if there were no past.

**Proof.** The end is a page behind which there is none: the count says so, and the next page is empty. A count that is too
low thus ends nothing. If fewer different records were met than the first page counted, they are counted once more. If that
does not explain it, or if the answers do not keep to the order asked for, all pages of the window are read until two
passes agree. If the partner then still counts more than it has shown, the reading is an error: a run is green only if
all was read.

**Cost.** A page overlaps the next by the records of one instant, usually one: 1,000 records, 200 a page, are 7 requests,
one after the other. 10,000 are 54, of which all but five go side by side.
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
"""No window has more; a list that always has another page is none."""
_PAGES_AHEAD = 64
"""Pages asked for side by side at once: a count that is much too high costs no more in vain."""
_MOST_PASSES = 8
_MOST_PASSES_IN_VAIN = 3
"""So many passes that bring nothing new, although the partner counts more, are enough."""
MANY_PAGES = 8
"""A window of more pages is read side by side; for fewer, finding out what is past takes as long as it saves."""
SETTLE_MARGIN = timedelta(minutes=1)
"""So far before the newest record the past begins: clocks of a partner's machines may differ. Assumed."""

log = logging.getLogger(__name__)


class Page(NamedTuple):
    """One answer: its records, and how many the asked stretch of time holds in all."""

    records: list[Any]
    total: int


class _Page(NamedTuple, Generic[_V]):
    """A page whose records have been made into versions."""

    versions: list[Version[_V]]
    total: int


class Fetch(Protocol):
    """Ask for a page of the records changed in ``[since, until)``, oldest first; pages are numbered from 0."""

    def __call__(self, since: datetime, until: datetime, number: int, /) -> Page: ...


@dataclass(frozen=True)
class ListByTime(Generic[_V]):
    """A partner's list that can be asked for by time. Nothing is asked before :meth:`read`.

    :param system: whose it is, for the person on call.
    :param side_by_side: makes several calls at a time.
    :param instant: smallest step of its times; a shorter stretch could be empty for it.
    :param value: what to make of each record in the thread that fetched its page, see :meth:`mapped`.
    """

    system: str
    fetch: Fetch
    versions: Versions
    side_by_side: SideBySide = map
    instant: timedelta = timedelta(milliseconds=1)
    value: Callable[[Any], _V] = same

    def mapped(self, value: Callable[[Any], _W]) -> ListByTime[_W]:
        """The same list, of what a function makes of each record where its page was fetched.

        :param value: takes a record; must touch nothing that another thread uses.
        """
        return replace(self, value=value)  # type: ignore[arg-type, return-value]

    def read(self, start: datetime, end: datetime) -> list[_V]:
        """Return each record changed in ``[start, end)`` exactly once, in the newest version met.

        A record without a readable id or time is returned too: it belongs into quarantine, not nowhere.

        :raises WaitAndRepeat: the records move faster than they can be read, or the partner counts more than it shows.
        """
        met = Met[_V](start, end)
        if start < end and not self._read_by_time(met):
            log.warning(
                "%s does not keep to the order asked for; reading until two passes agree", self.system
            )
            self._read_until_two_passes_agree(met)
        return met.values

    def _read_by_time(self, met: Met[_V]) -> bool:
        """Read with ``since`` going forward; returns whether everything was met."""
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
        """Whether the first page from there on is the only one: a count that is too low must not end the reading."""
        more = self._page(since, met.end, 1)
        met.take(more.versions)
        return not more.versions

    def _page(self, since: datetime, until: datetime, number: int) -> _Page[_V]:
        page = self.fetch(since, until, number)
        return _Page(self.versions.of(page.records, self.value), page.total)

    def _read_the_past(self, met: Met[_V], since: datetime, pages: int) -> datetime:
        """Read what nothing can join any more, side by side; returns from where to go on by time.

        :param since: up to where all was met.
        :param pages: how many the whole window holds.
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
                break  # there are fewer than are counted
        return until if len(keys) == first.total else since

    def _all_met(self, met: Met[_V]) -> bool:
        return met.count >= self.fetch(met.start, met.end, 0).total

    def _read_instant(self, met: Met[_V], instant: datetime) -> None:
        """Read the records of one instant by page number until a stretch of unchanged counts proves them all met."""
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
        """Yield page after page by number, the first empty one too, or one that shows nothing but what others did."""
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
        """Read all pages of the window by number, again and again until a pass brings nothing new."""
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
