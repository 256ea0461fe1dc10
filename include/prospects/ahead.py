"""Work on what has come while the rest is still on its way."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Generic, NamedTuple, TypeVar

_R = TypeVar("_R")

SWITCH_SECONDS = 0.0005
"""After so long the worker lets the reader go on. Python's 5 ms, several times before a request is out, would cost as
much as the work done beside it saves."""


class _Place(NamedTuple, Generic[_R]):
    records: Sequence[Any]
    number: int
    results: Future[list[_R]]


class Ahead(Generic[_R]):
    """Does a piece of work on each record in one thread beside the reader, which mostly waits for the network.

    :param work: what to do with a record; must touch nothing that the reader uses.
    """

    def __init__(self, work: Callable[[Any], _R]) -> None:
        self._work = work
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="ahead")
        self._switch_seconds = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH_SECONDS)
        # By the object itself: two versions of a record are two objects. The place holds the record too, since
        # Python may give the number of an object that is gone to a new one.
        self._places: dict[int, _Place[_R]] = {}

    def take(self, records: Sequence[Any]) -> None:
        """Begin with these records; returns at once."""
        results = self._pool.submit(lambda: [self._work(record) for record in records])
        for number, record in enumerate(records):
            self._places[id(record)] = _Place(records, number, results)

    def result(self, record: Any) -> _R:
        """The result for a record, done now if it was never taken; raises whatever the work raised."""
        place = self._places.get(id(record))
        return place.results.result()[place.number] if place else self._work(record)

    def close(self) -> None:
        """End the thread; what it has not begun with is dropped."""
        self._pool.shutdown(cancel_futures=True)
        self._places.clear()
        sys.setswitchinterval(self._switch_seconds)
