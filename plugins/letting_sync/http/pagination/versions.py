"""What every partner's reader needs: which record is the same one on two pages, and which version is the newest.

Records move while a list is read. How none is missed depends on what the partner can be asked for:

* by time, oldest first: :mod:`letting_sync.http.pagination.by_time`;
* only by place: newest first with overlapping pages, as a ``reading.py`` under ``plugins/`` does;
* by a cursor that stands for a place in a fixed order: follow it, and let :class:`Met` keep the newest versions.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from letting_sync.errors import WaitAndRepeat

_T = TypeVar("_T")
_R = TypeVar("_R")
_V = TypeVar("_V")


class SideBySide(Protocol):
    """Makes several calls at a time, as ``ApiHook.concurrently`` does; ``map`` makes them one after the other.

    Results come in the order of the items. Each page is then cut from a state of its own, in no certain order of time.
    """

    def __call__(self, function: Callable[[_T], _R], items: Iterable[_T], /) -> Iterator[_R]: ...


class Version(NamedTuple, Generic[_V]):
    """One version of a record, as it was met on a page.

    :param key: what makes a record the same one on two pages.
    :param updated: when it was last changed, if that can be read.
    :param value: the record, or what was made of it where its page was fetched.
    """

    key: str
    updated: datetime | None
    value: _V


def same(record: Any) -> Any:
    """The value of a version where nothing is to be made of the record."""
    return record


@dataclass(frozen=True)
class Versions:
    """How versions of a partner's records are told apart.

    :param id_field: the field that holds a record's id.
    :param time_field: the field that holds the time of its last change, ISO 8601; without an offset in UTC.
    """

    id_field: str
    time_field: str

    def key(self, record: Any) -> str:
        """What makes a record the same one on two pages: its id, or all of it where it has none."""
        record_id = record.get(self.id_field) if isinstance(record, dict) else None
        if isinstance(record_id, float) and record_id.is_integer():
            record_id = int(record_id)
        if isinstance(record_id, str | int) and not isinstance(record_id, bool):
            return str(record_id).strip()
        return json.dumps(record, sort_keys=True)

    def updated(self, record: Any) -> datetime | None:
        """The record's time. Read here and not by ``fields.moment``, which is thorough and thirty times slower."""
        try:
            time = datetime.fromisoformat(record[self.time_field])
            return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
        except (KeyError, TypeError, IndexError, ValueError, OverflowError):
            return None

    def of(self, records: Iterable[Any], value: Callable[[Any], _V]) -> list[Version[_V]]:
        """The versions on a page; called in the thread that fetched it.

        :param value: what to make of each record.
        """
        return [Version(self.key(record), self.updated(record), value(record)) for record in records]


class Met(Generic[_V]):
    """The records met so far, each in its newest version; those outside ``[start, end)`` are left out.

    A record without a readable time is kept: it belongs into quarantine, not nowhere.
    """

    def __init__(self, start: datetime, end: datetime) -> None:
        self.start, self.end = start, end
        self._newest: dict[str, tuple[datetime, _V]] = {}
        self._shown: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._newest)

    @property
    def count(self) -> int:
        """How many records the pages showed, inside the window or not.

        One that was on several pages counts once: it moved. One that a single page shows twice is there twice.
        """
        return sum(self._shown.values())

    @property
    def values(self) -> list[_V]:
        """The value of each record's newest version, in the order in which they were first met."""
        return [value for _, value in self._newest.values()]

    def take(self, page: Iterable[Version[_V]]) -> int:
        """Keep what is new; returns how many versions were."""
        fresh = 0
        page = list(page)
        for key, times in Counter(version.key for version in page).items():
            self._shown[key] = max(times, self._shown.get(key, 0))
        for key, time, value in page:
            updated = time or self.start
            known = self._newest.get(key)
            if self.start <= updated < self.end and (known is None or known[0] < updated):
                self._newest[key] = (updated, value)
                fresh += 1
        return fresh


def incomplete(system: str, shown: int, counted: int) -> WaitAndRepeat:
    """What a reader raises where a partner counts more records than its pages show."""
    return WaitAndRepeat(
        f"{system} counts {counted} records, but its pages show {shown}. Nothing of this window was loaded, since the "
        "others would be lost: Airflow tries again. If it stays so, ask the system's support, with both numbers."
    )


def too_fast(system: str) -> WaitAndRepeat:
    """What a reader raises that never gets to an end."""
    return WaitAndRepeat(
        f"{system}: records change faster than they can be read. Nothing is lost: Airflow tries again."
    )
