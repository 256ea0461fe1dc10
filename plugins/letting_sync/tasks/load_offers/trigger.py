"""Waiting for an ERP's import without holding a worker slot."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from typing import Any

from airflow.providers.common.compat.connection import get_async_connection
from airflow.triggers.base import BaseTrigger, TriggerEvent

from letting_sync.erp import ErpTarget
from letting_sync.errors import StopRun, WaitAndRepeat

FIRST_PAUSE = 5.0
"""Seconds before the first look; later ones come ever less often. Assumed: a scheduler notices an end sooner."""


class ImportTrigger(BaseTrigger):
    """Fire when all the given imports of an ERP have ended; without any, after one pause.

    What came of them is read by the task itself: a trigger's event is stored in Airflow's database, and an
    import's results do not belong there.

    :param target: the ERP, as :meth:`~letting_sync.erp.ErpTarget.serialize` writes it down.
    :param jobs: the ERP's numbers of the imports.
    :param pause: longest pause between two looks, in seconds.
    :param memory: what the task has to know after the wait; handed back as the event.
    """

    def __init__(
        self, target: dict[str, str], jobs: Collection[str], pause: float, memory: dict[str, Any]
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow leaves it untyped
        self.target = target
        self.jobs = list(jobs)
        self.pause = pause
        self.memory = memory

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """What Airflow needs to make this trigger anew in another process."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "target": self.target,
                "jobs": self.jobs,
                "pause": self.pause,
                "memory": self.memory,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look at the imports until none goes on."""
        connection = await get_async_connection(self.target["conn_id"])
        erp = ErpTarget.deserialize(self.target).open(connection)
        jobs = set(self.jobs)
        # The task itself has waited for an import that takes a moment. Not sooner: a task that is queued again before the
        # scheduler has noticed that its first process is gone counts as failed to Airflow.
        pause = min(FIRST_PAUSE, self.pause)
        await asyncio.sleep(pause)
        while jobs:
            # The hooks are blocking; a thread keeps the triggerer's loop free for the other triggers.
            jobs = await asyncio.to_thread(_unfinished, erp, jobs)
            if jobs:
                await asyncio.sleep(pause)
                pause = min(2 * pause, self.pause)
        await asyncio.to_thread(erp.close)
        yield TriggerEvent(self.memory)


def _unfinished(erp: Any, jobs: set[str]) -> set[str]:
    try:
        states = {job: erp.import_state(job) for job in jobs}
    except WaitAndRepeat:
        return jobs
    except StopRun:
        # The task meets the same refusal and says so in its own log.
        return set()
    return {job for job, state in states.items() if state is not None and not state.finished}
