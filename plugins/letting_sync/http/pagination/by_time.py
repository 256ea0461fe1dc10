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

**Proof.** If fewer records were met than the first page counted, they are counted once more. If that does not explain
it, or if the answers do not keep to the order asked for, all pages of the window
are read until two passes agree.

**Cost.** A page overlaps the next by the records of one instant, usually one: 1,000 records, 200 a page, are 6 requests,
one after the other. 10,000 are 53, of which all but four go side by side.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain, pairwise
from math import ceil
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from letting_sync.http.pagination.versions import Met, SideBySide, Version, Versions, same, too_fast

_V = TypeVar("_V")
_W = TypeVar("_W")

_MOST_PASSES = 8
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

        :raises WaitAndRepeat: the records move faster than they can be read.
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
        while since < met.end:
            page = self._page(since, met.end, 0)
            times = _times(page)
            if any(later < earlier for earlier, later in pairwise([since, *times])):
                return False
            met.take(page.versions)
            if len(page.versions) >= page.total:
                return len(met) >= (page.total if counted is None else counted) or self._all_met(met)
            if not times:
                return False
            if counted is None:
                counted = page.total
                if page.total > MANY_PAGES * len(page.versions):
                    since = self._read_the_past(met, times[-1], ceil(page.total / len(page.versions)))
                    continue
            if times[-1] > since:
                since = times[-1]
            else:
                self._read_instant(met, since)
                since += self.instant
        return self._all_met(met)

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
        rest = self.side_by_side(lambda number: self._page(since, until, number), numbers)
        keys = set[str]()
        for page in chain([first], rest):
            met.take(page.versions)
            keys.update(version.key for version in page.versions)
        return until if len(keys) == first.total else since

    def _all_met(self, met: Met[_V]) -> bool:
        return len(met) >= self.fetch(met.start, met.end, 0).total

    def _read_instant(self, met: Met[_V], instant: datetime) -> None:
        """Read the records of one instant by page number until a stretch of unchanged counts proves them all met."""
        until = min(instant + self.instant, met.end)
        total, keys = -1, set[str]()
        for _ in range(_MOST_PASSES):
            number, more = 0, True
            while more:
                page = self._page(instant, until, number)
                if page.total != total:
                    total, keys = page.total, set()
                met.take(page.versions)
                keys.update(version.key for version in page.versions)
                if len(keys) >= total:
                    return
                number += 1
                more = bool(page.versions)
        raise too_fast(self.system)

    def _read_until_two_passes_agree(self, met: Met[_V]) -> None:
        """Read all pages of the window by number, again and again until a pass brings nothing new."""
        for attempt in range(_MOST_PASSES):
            fresh, number, seen, total = 0, 0, 0, 1
            while seen < total:
                page = self._page(met.start, met.end, number)
                if not page.versions:
                    break
                fresh += met.take(page.versions)
                number, seen, total = number + 1, seen + len(page.versions), page.total
            if attempt and not fresh:
                return
        raise too_fast(self.system)


def _times(page: _Page[Any]) -> list[datetime]:
    return [version.updated for version in page.versions if version.updated]
