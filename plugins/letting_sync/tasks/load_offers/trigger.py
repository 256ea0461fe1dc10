"""Trigger that waits for an ERP's imports without occupying a worker slot."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, TypeVar

from airflow.providers.common.compat.connection import get_async_connection
from airflow.triggers.base import BaseTrigger, TriggerEvent

from letting_sync.erp import Erp, ErpTarget
from letting_sync.errors import StopRun, WaitAndRepeat
from letting_sync.http.deadline import single_try
from letting_sync.value_errors import value_errors

_T = TypeVar("_T")

FIRST_PAUSE = 5.0
"""Seconds before the first poll; the interval grows. Assumed: the scheduler notices the end of a process sooner."""
LONGEST_LOOK = 90.0
"""Maximum seconds of one poll of all imports of a trigger; its calls are not retried."""

log = logging.getLogger(__name__)


class ImportTrigger(BaseTrigger):
    """Fire when all given imports of an ERP have ended, or at the time limit; without imports, after one pause.

    The task itself reads the results, since a trigger's event is stored in Airflow's database, which must not contain
    personal data.

    :param target: the ERP, from :meth:`~letting_sync.erp.ErpTarget.serialize`.
    :param jobs: the ERP's numbers of the imports.
    :param pause: maximum seconds between two polls, or until it fires without imports.
    :param memory: data that the task needs after the deferral; returned as the event.
    :param until: time limit, ISO 8601; ``None``, as from earlier releases: no limit.
    :param other_release: arguments of an earlier or later release whose tasks may still be deferred: ``since`` is now
        part of ``memory``, any other is ignored.
    """

    def __init__(
        self,
        target: dict[str, str],
        jobs: Collection[str],
        pause: float,
        memory: dict[str, Any] | None = None,
        until: str | None = None,
        **other_release: Any,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow leaves it untyped
        self.target = target
        self.jobs = list(jobs)
        self.pause = pause
        self.memory = memory if memory is not None else {"since": other_release.get("since")}
        self.until = until

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return class path and arguments, with which Airflow recreates the trigger in another process."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "target": self.target,
                "jobs": self.jobs,
                "pause": self.pause,
                "memory": self.memory,
                "until": self.until,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Poll the imports until none is running or the time limit is reached."""
        # The task itself has waited for a short import. The first poll must not be sooner: Airflow marks a task as
        # failed that is queued again before the scheduler has noticed the end of its first process.
        pause = min(FIRST_PAUSE, self.pause) if self.jobs else self.pause
        await asyncio.sleep(pause)
        if self.jobs:
            connection = await get_async_connection(self.target["conn_id"])
            watch = _Watch(ErpTarget.deserialize(self.target).open(connection), set(self.jobs))
            try:
                while self._seconds_left() > 0 and not await watch.all_ended(self._seconds_left()):
                    await asyncio.sleep(min(pause, self._seconds_left()))
                    pause = min(2 * pause, self.pause)
            finally:
                watch.close()
        yield TriggerEvent(self.memory)

    def _seconds_left(self) -> float:
        if self.until is None:
            return math.inf
        return max(0.0, (datetime.fromisoformat(self.until) - datetime.now(UTC)).total_seconds())


class _Watch:
    """Poll imports in a thread of its own.

    The hooks are blocking, and the triggerer's threads are few and shared: a few unresponsive ERPs would occupy all of
    them and block the triggers of the others. A blocked thread is not interrupted, and no second one is started
    meanwhile.
    """

    def __init__(self, erp: Erp, jobs: set[str]) -> None:
        self.erp, self.jobs = erp, jobs
        self._look: asyncio.Future[set[str]] | None = None

    async def all_ended(self, longest: float) -> bool:
        """Poll once with a timeout in seconds; return whether no import is running any more."""
        if self._look is None:
            self._look = self._in_a_thread(lambda: _unfinished(self.erp, self.jobs))
        await asyncio.wait({self._look}, timeout=min(longest, LONGEST_LOOK))
        if self._look.done():
            self.jobs, self._look = self._look.result(), None
        return not self.jobs

    def close(self) -> None:
        """Close the client, unless a poll still uses it."""
        if self._look is None:
            self._in_a_thread(self.erp.close)

    def _in_a_thread(self, function: Callable[[], _T]) -> asyncio.Future[_T]:
        pool = ThreadPoolExecutor(1, thread_name_prefix="look at imports")
        future = asyncio.get_running_loop().run_in_executor(pool, function)
        pool.shutdown(wait=False)
        return future


def _unfinished(erp: Erp, jobs: set[str]) -> set[str]:
    try:
        with single_try(LONGEST_LOOK), value_errors():
            states = {job: erp.import_state(job) for job in jobs}
    except WaitAndRepeat as trouble:
        log.info("%s; checking again later.", trouble)
        return jobs
    except StopRun:
        # The task gets the same error and reports it in its own log.
        return set()
    return {job for job, state in states.items() if state is not None and not state.finished}
