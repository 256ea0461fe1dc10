"""Concurrent calls in an order that the test chooses, independently of the order of their results."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from random import Random
from typing import Any

from letting_sync.http.pagination.versions import SideBySide


def in_any_order(random: Random) -> SideBySide:
    """Instead of ``ApiHook.concurrently``: the answers are cut from the partner's list at moments in any order."""

    def side_by_side(function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        order = list(enumerate(items))
        results = {number: function(item) for number, item in random.sample(order, len(order))}
        return iter([results[number] for number, _ in order])

    return side_by_side


class InAnyOrder(Executor):
    """Instead of ``ApiHook.executor``: while one call is awaited, others are answered before it, or not yet.

    :ivar noted: for each call, how many others had been awaited to their end, and how many were under way with it.
    """

    def __init__(self, random: Random) -> None:
        self.noted: list[tuple[int, int]] = []
        self._random = random
        self._open: list[_Call] = []
        self._submitted = self._awaited = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self._open.append(_Call(self, lambda: fn(*args, **kwargs)))
        self._submitted += 1
        self.noted.append((self._awaited, self._submitted - self._awaited))
        return self._open[-1]

    def wait_for(self, call: Future[Any]) -> None:
        while not call.done():
            self._open.pop(self._random.randrange(len(self._open))).answer()
        self._awaited += 1


class _Call(Future[Any]):
    def __init__(self, executor: InAnyOrder, send: Callable[[], Any]) -> None:
        super().__init__()
        self._executor, self._send = executor, send

    def answer(self) -> None:
        if self.set_running_or_notify_cancel():
            self.set_result(self._send())

    def result(self, timeout: float | None = None) -> Any:
        self._executor.wait_for(self)
        return super().result(timeout)


def noted_in(together: list[list[Any]]) -> SideBySide:
    """One after the other; what was to be done side by side is added to the list."""

    def side_by_side(function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        together.append(list(items))
        return map(function, together[-1])

    return side_by_side
