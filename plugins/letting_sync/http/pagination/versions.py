"""Identity and versions of records, shared by all paginated readers of partners.

Records move while a list is read. How a reader misses none of them depends on the partner's pagination:

* filter by time, oldest first: :mod:`letting_sync.http.pagination.by_time`;
* offset only: newest first with overlapping pages, as in :mod:`letting_sync.systems.everreal.pagination`;
* cursor with a fixed order: follow it, and let :class:`Met` keep the newest versions.
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
    """Map a function over items, concurrently as ``ApiHook.concurrently`` or sequentially as ``map``.

    Results are in the order of the items. With concurrent calls the pages reflect states of different times, in no
    particular order.
    """

    def __call__(self, function: Callable[[_T], _R], items: Iterable[_T], /) -> Iterator[_R]: ...


class Version(NamedTuple, Generic[_V]):
    """One version of a record, as found on a page.

    :param key: identity of the record.
    :param updated: time of its last change, ``None`` if unreadable.
    :param value: the record, or the result of mapping it.
    """

    key: str
    updated: datetime | None
    value: _V


def same(record: Any) -> Any:
    """Return the record unchanged: the default for the mapping of a list."""
    return record


@dataclass(frozen=True)
class Versions:
    """Identity and time of a partner's records.

    :param id_field: field of a record's id.
    :param time_field: field of the time of its last change, ISO 8601; UTC if it has no offset.
    """

    id_field: str
    time_field: str

    def key(self, record: Any) -> str:
        """Return the identity of a record: its id, or its JSON if it has no readable id."""
        record_id = record.get(self.id_field) if isinstance(record, dict) else None
        if isinstance(record_id, float) and record_id.is_integer():
            record_id = int(record_id)
        if isinstance(record_id, str | int) and not isinstance(record_id, bool):
            return str(record_id).strip()
        return json.dumps(record, sort_keys=True)

    def updated(self, record: Any) -> datetime | None:
        """Return the time of the record's last change, ``None`` if unreadable.

        ``parsing.records.moment`` checks more, but is thirty times slower.
        """
        try:
            time = datetime.fromisoformat(record[self.time_field])
            return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
        except (KeyError, TypeError, IndexError, ValueError, OverflowError):
            return None

    def of(self, records: Iterable[Any], value: Callable[[Any], _V]) -> list[Version[_V]]:
        """Return the versions on a page; called in the thread that fetched it.

        :param value: maps a record to the value of its version.
        """
        return [Version(self.key(record), self.updated(record), value(record)) for record in records]


class Met(Generic[_V]):
    """Collection of the records found so far, each in its newest version; those outside ``[start, end)`` are left out.

    A record without a readable time is kept, so that it goes to quarantine.
    """

    def __init__(self, start: datetime, end: datetime) -> None:
        # In the zone of the records' times: two zones take longer to compare than all else that is done here.
        self.start, self.end = start.astimezone(UTC), end.astimezone(UTC)
        self._newest: dict[str, tuple[datetime, _V]] = {}
        self._shown: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._newest)

    @property
    def count(self) -> int:
        """Number of records on the pages so far, inside the window or not.

        A record on several pages has moved and counts once; a record twice on the same page counts twice.
        """
        return sum(self._shown.values())

    @property
    def values(self) -> list[_V]:
        """Value of each record's newest version, in the order in which the records were first found."""
        return [value for _, value in self._newest.values()]

    def take(self, page: Iterable[Version[_V]]) -> int:
        """Add the versions of a page; return how many of them were new."""
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
    """Return the exception for a partner that counts more records than its pages show."""
    return WaitAndRepeat(
        f"{system} counts {counted} records, but its pages show {shown}. Nothing of this window was loaded, so that "
        "none is lost. Airflow retries the task. If the error persists, report both numbers to the system's support."
    )


def too_fast(system: str) -> WaitAndRepeat:
    """Return the exception for a list whose pagination does not end."""
    return WaitAndRepeat(
        f"{system}: records change faster than they can be read. Nothing is lost; Airflow retries the task."
    )
