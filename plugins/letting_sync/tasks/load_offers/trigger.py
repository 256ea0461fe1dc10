"""Waiting for an ERP's import without holding a worker slot."""

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

_T = TypeVar("_T")

FIRST_PAUSE = 5.0
"""Seconds before the first look; later ones come ever less often. Assumed: a scheduler notices an end sooner."""
LONGEST_LOOK = 90.0
"""Seconds that one look at all imports of a trigger may take; each call of it is tried once."""

log = logging.getLogger(__name__)


class ImportTrigger(BaseTrigger):
    """Fire when all the given imports of an ERP have ended, or the time is over; without any, after one pause.

    What came of them is read by the task itself: a trigger's event is stored in Airflow's database, and an
    import's results do not belong there.

    :param target: the ERP, as :meth:`~letting_sync.erp.ErpTarget.serialize` writes it down.
    :param jobs: the ERP's numbers of the imports.
    :param pause: longest pause between two looks, in seconds.
    :param memory: what the task has to know after the wait; handed back as the event.
    :param until: when the task is woken whatever the ERP says, ISO 8601; ``None``, as earlier versions wrote it: never.
    :param other_release: arguments of the release before or after this one, whose tasks may still wait: ``since`` was
        what is in ``memory`` now, any other is ignored.
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
        """What Airflow needs to make this trigger anew in another process."""
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
        """Look at the imports until none goes on or the time is over."""
        # The task itself has waited for an import that takes a moment. Not sooner: a task that is queued again before the
        # scheduler has noticed that its first process is gone counts as failed to Airflow.
        pause = min(FIRST_PAUSE, self.pause)
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
    """Looks at imports, each time in a thread of its own.

    The hooks block, and the triggerer's threads are few and shared: some ERPs that say nothing would hold all of them,
    and the triggers of the others would wait. A thread that is stuck is left alone, and no second one begins meanwhile.
    """

    def __init__(self, erp: Erp, jobs: set[str]) -> None:
        self.erp, self.jobs = erp, jobs
        self._look: asyncio.Future[set[str]] | None = None

    async def all_ended(self, longest: float) -> bool:
        """Look once, and wait for it no longer than so many seconds; returns whether no import goes on any more."""
        if self._look is None:
            self._look = self._in_a_thread(lambda: _unfinished(self.erp, self.jobs))
        await asyncio.wait({self._look}, timeout=min(longest, LONGEST_LOOK))
        if self._look.done():
            self.jobs, self._look = self._look.result(), None
        return not self.jobs

    def close(self) -> None:
        """Give the connections back, unless a look still uses them."""
        if self._look is None:
            self._in_a_thread(self.erp.close)

    def _in_a_thread(self, function: Callable[[], _T]) -> asyncio.Future[_T]:
        pool = ThreadPoolExecutor(1, thread_name_prefix="look at imports")
        future = asyncio.get_running_loop().run_in_executor(pool, function)
        pool.shutdown(wait=False)
        return future


def _unfinished(erp: Erp, jobs: set[str]) -> set[str]:
    try:
        with single_try(LONGEST_LOOK):
            states = {job: erp.import_state(job) for job in jobs}
    except WaitAndRepeat as trouble:
        log.info("%s; looking again later", trouble)
        return jobs
    except StopRun:
        # The task meets the same refusal and says so in its own log.
        return set()
    return {job for job, state in states.items() if state is not None and not state.finished}
