"""What every partner's reader needs: which record is the same one on two pages, and which version is the newest.

Records move while a list is read. How none is missed depends on what the partner can be asked for:

* by time, oldest first: :mod:`include.prospects.reading_by_time`;
* only by place: newest first with overlapping pages, as a ``reading.py`` under ``plugins/`` does;
* by a cursor that stands for a place in a fixed order: follow it, and let :class:`Met` keep the newest versions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

from include.prospects.errors import WaitAndRepeat

_T = TypeVar("_T")
_R = TypeVar("_R")

OnPage = Callable[[list[Any]], None]
"""Is told of the records of each page as they come, before it is known which of them are the newest versions."""


class SideBySide(Protocol):
    """Makes several calls at a time, as ``ApiHook.concurrently`` does; ``map`` makes them one after the other.

    Results come in the order of the items. Each page is then cut from a state of its own, in no certain order of time.
    """

    def __call__(self, function: Callable[[_T], _R], items: Iterable[_T], /) -> Iterator[_R]: ...


def ignore_page(records: list[Any]) -> None:
    """For a reading whose pages nobody waits for."""


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
        return str(record_id) if isinstance(record_id, str | int) else json.dumps(record, sort_keys=True)

    def updated(self, record: Any) -> datetime | None:
        """The record's time. Read here and not by ``fields.moment``, which is thorough and thirty times slower."""
        try:
            time = datetime.fromisoformat(record[self.time_field])
            return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
        except (KeyError, TypeError, IndexError, ValueError, OverflowError):
            return None


class Met:
    """The records met so far, each in its newest version; those outside ``[start, end)`` are left out.

    A record without a readable time is kept: it belongs into quarantine, not nowhere.
    """

    def __init__(self, start: datetime, end: datetime, versions: Versions) -> None:
        self.start, self.end = start, end
        self._versions = versions
        self._newest: dict[str, tuple[datetime, Any]] = {}

    def __len__(self) -> int:
        return len(self._newest)

    @property
    def records(self) -> list[Any]:
        """The newest version of each record, in the order in which they were first met."""
        return [record for _, record in self._newest.values()]

    def take(self, records: Iterable[Any]) -> int:
        """Keep what is new; returns how many versions were."""
        fresh = 0
        for record in records:
            updated = self._versions.updated(record) or self.start
            key = self._versions.key(record)
            known = self._newest.get(key)
            if self.start <= updated < self.end and (known is None or known[0] < updated):
                self._newest[key] = (updated, record)
                fresh += 1
        return fresh


def too_fast(system: str) -> WaitAndRepeat:
    """What a reader raises that never gets to an end."""
    return WaitAndRepeat(
        f"{system}: records change faster than they can be read. Nothing is lost: Airflow tries again."
    )
