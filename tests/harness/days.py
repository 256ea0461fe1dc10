"""A pair over several days: people act at noon, and the day's run starts at four the next morning, in this process.

The operators are those of the real DAG files. This module replaces Airflow: it creates the context, tracks running runs,
keeps a question and returns its answer. ``dag.test()`` and the scheduler are tested in ``tests/integration`` and ``tests/live``.
"""

from __future__ import annotations

import asyncio
import copy
import fnmatch
import importlib
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.providers.standard.triggers.temporal import DateTimeTrigger
from airflow.sdk.exceptions import (
    AirflowRuntimeError,
    DownstreamTasksSkipped,
    ErrorType,
    TaskDeferred,
)
from airflow.sdk.execution_time.comms import ErrorResponse
from airflow.sdk.execution_time.context import OutletEventAccessors

from include.sandbox import Sandbox, world
from letting_sync.errors import IdsNotFound, WaitAndRepeat
from letting_sync.ledger.ledger import Ledger
from letting_sync.ledger.records import Entry
from letting_sync.staging import folders, tables
from letting_sync.staging.chunks import Chunk
from tests.harness.crash import Crash, crash
from tests.harness.installation import NAMES
from tests.harness.platforms import PLATFORMS, Platform
from tests.harness.task_process import PARAMS, TASKS, dags, operator_settings

PAIRS = [(partner, erp) for partner in ("immomio", "everreal") for erp in ("yuneo", "sigma")]
all_pairs = pytest.mark.parametrize("days", PAIRS, ids="_".join, indirect=True)
"""Runs a test with all four pairs; by default the fixture ``days`` uses two, so that each system occurs once."""

LOAD, ACCEPT = "load_offers", "auto_accept"
UP_TO_LOAD, FROM_LOAD, FROM_ACCEPT = TASKS[:3], TASKS[2:], TASKS[3:]


@dataclass
class DayRun:
    """A run of a pair.

    :ivar state: its state in Airflow: ``running``, ``success`` or ``failed``; ``None``: it was deleted.
    :ivar question: numbers of the offers that a person is asked about, while the task waits for the answer.
    :ivar done: tasks that have succeeded at least once.
    :ivar pushed: values that tasks pushed to XCom, by key.
    :ivar deferred: the trigger of the load, if a test keeps it deferred.
    """

    pair: str
    run_id: str
    start: datetime
    end: datetime
    folder: str
    params: dict[str, Any] = field(default_factory=dict)
    state: str | None = "running"
    question: list[str] | None = None
    deferred: TaskDeferred | None = None
    done: set[str] = field(default_factory=set)
    pushed: dict[str, Any] = field(default_factory=dict)
    counts: dict[str, Any] = field(default_factory=dict)

    def handed_on(self, task: str) -> Any:
        """Return the result of the preceding task."""
        return {"extract": None, "dedup": self.folder}.get(task, [Chunk(self.folder).handed_on])


class Question(Exception):
    """Raised when a task waits for a person; Airflow would defer it."""


class Days:
    """One pair, its partner and its ERP, at noon of the first day.

    :param clock: moved by :meth:`next_noon` and :meth:`night`; it also runs by itself.
    """

    def __init__(self, box: Sandbox, partner: str, erp: str, home: Path, clock: Clock) -> None:
        self.box, self.home, self.clock = box, home, clock
        self.pair = f"{partner}_{erp}"
        self.platform: Platform = PLATFORMS[partner](box)
        self.erp: Any = getattr(box, erp)
        self.names = NAMES[erp]
        self.runs: list[DayRun] = []

    # --- runs -----------------------------------------------------------------------------------------------

    def night(self, **params: Any) -> DayRun:
        """Move to four the next morning and create the run of the day that has ended, without running its tasks."""
        today = self.clock.to_next(4)
        return self.new_run(today - timedelta(days=1), today, **params)

    def new_run(self, start_day: Any, end_day: Any, **params: Any) -> DayRun:
        """Return a run of these days, without the second one."""
        run_id = f"run-{len(self.runs) + 1}"
        folder = str(folders.path_of(self.pair, run_id))
        start, end = world.midnight(start_day), world.midnight(end_day)
        self.runs.append(DayRun(self.pair, run_id, start, end, folder, params))
        return self.runs[-1]

    def does(self, run: DayRun, tasks: Sequence[str] = TASKS, wait: bool = True) -> DayRun:
        """Run these tasks of a run. It ends with its last task and waits if a question is asked.

        :param wait: ``False``: a deferred load stays deferred until :meth:`resumes`.
        """
        run.state, run.question, run.deferred = "running", None, None
        handed_on = run.handed_on(tasks[0])
        for task in tasks:
            try:
                handed_on = self._execute(run, task, handed_on, wait)
                run.done.add(task)
            except Question as question:
                run.question = question.args[0]
                return run
            except TaskDeferred as deferred:
                run.deferred = deferred
                return run
            except DownstreamTasksSkipped:
                run.state, run.counts = "success", run.pushed["counts"]
                return run
        if tasks[-1] == TASKS[-1]:
            run.state, run.counts = "success", handed_on
        return run

    def goes_on(self, run: DayRun) -> DayRun:
        """Clear the first task of a run that has not succeeded, with the following tasks."""
        missing = [at for at, task in enumerate(TASKS) if task not in run.done]
        return self.does(run, TASKS[missing[0] :]) if missing else run

    def next_day(self, **params: Any) -> DayRun:
        """Run the night's run completely, and move to noon."""
        run = self.does(self.night(**params))
        self.clock.to_next(12)
        return run

    def undecided_offer(self, unit: int) -> str:
        """Let somebody apply whose offer is made in the night and not decided on, and move to noon; return the id."""
        applicant = self.platform.apply(unit)
        self.fails(self.does(self.night(), UP_TO_LOAD), FROM_ACCEPT)
        self.clock.to_next(12)
        return applicant

    def resumes(self, run: DayRun) -> DayRun:
        """Resume the deferred load, and run the rest of the run."""
        assert run.deferred is not None, "nothing was deferred"
        operator = self._operator(run, LOAD, run.handed_on(LOAD)[0])
        self._resume(run, operator, run.deferred)
        return self.does(run, FROM_ACCEPT)

    def dies(self, run: DayRun, tasks: Sequence[str], at: Crash) -> DayRun:
        """Run tasks until their process is killed; Airflow then fails the run."""
        with crash(at):
            self.does(run, tasks)
        assert at.happened, "it never came to that"
        run.state, run.question = "failed", None
        return run

    def fails(self, run: DayRun, tasks: Sequence[str] = TASKS) -> DayRun:
        """Run tasks of which one fails, with the ERP down from the load on; Airflow then fails the run."""
        before = [task for task in tasks if task in TASKS[:2]]
        if before:
            self.does(run, before)
        with self.erp.down():
            self.breaks(run, [task for task in tasks if task not in before])
        return run

    def breaks(self, run: DayRun, tasks: Sequence[str]) -> None:
        """Run tasks that fail until Airflow's retries are used up."""
        try:
            self.does(run, tasks)
        except WaitAndRepeat:
            run.state = "failed"
        else:
            raise AssertionError("nothing failed")

    def answers(self, run: DayRun, yes: bool, only: Sequence[str] | None = None, user: bool = True) -> DayRun:
        """Answer the run's question, or let its time expire, and run the rest of the run."""
        assert run.question is not None, "nobody was asked"
        operator = self._operator(run, ACCEPT, run.handed_on(ACCEPT)[0])
        event = {
            "chosen_options": [operator.options[0 if yes else 1]],
            "params_input": {"offers": list(run.question if only is None else only)},
            "responded_at": datetime.now(UTC),
            "responded_by_user": {"id": "1", "name": "meier"} if user else None,
            "timedout": not user,
        }
        run.question = None
        operator.execute_complete(self._context(run, operator), event=event)
        return self.does(run, TASKS[4:])

    def ends(self, run: DayRun, state: str | None = "failed") -> None:
        """Mark a run as a user does, or delete it (``None``)."""
        run.state, run.question = state, None

    def replay(self, *applicants: str, **params: Any) -> DayRun:
        """Replay applicants by their ids, as the page does by default."""
        today = self.clock.today
        run = self.new_run(today, today + timedelta(days=1), external_ids=list(applicants), **params)
        try:
            return self.does(run)
        except IdsNotFound:
            run.state = "failed"
            return run

    # --- Airflow's part ---------------------------------------------------------------------------------------

    def _operator(self, run: DayRun, task: str, handed_on: Any) -> Any:
        from airflow.sdk.definitions.mappedoperator import MappedOperator

        # Each try has an operator of its own, as in a process of its own: it keeps its hook.
        operator = copy.copy(dags()[run.pair].get_task(task))
        if isinstance(operator, MappedOperator):
            operator = operator.unmap({"chunk": handed_on})
        elif task == "reconcile":
            operator.chunks = handed_on
        elif handed_on is not None:
            operator.folder = handed_on
        for name, value in operator_settings().items():
            if hasattr(operator, name):
                setattr(operator, name, value)
        return operator

    def _execute(self, run: DayRun, task: str, handed_on: Any, wait: bool) -> Any:
        if task in (LOAD, ACCEPT):
            return [self._execute_one(run, self._operator(run, task, chunk), wait) for chunk in handed_on]
        return self._execute_one(run, self._operator(run, task, handed_on), wait)

    def _execute_one(self, run: DayRun, operator: Any, wait: bool) -> Any:
        step: Callable[..., Any] = lambda _: operator.execute(self._context(run, operator))  # noqa: E731
        arguments: dict[str, Any] = {}
        while True:
            try:
                return step(run, **arguments)
            except TaskDeferred as deferred:
                if not wait:
                    raise
                step, arguments = self._resume, {"operator": operator, "deferred": deferred}

    def _resume(self, run: DayRun, operator: Any, deferred: TaskDeferred) -> Any:
        """Resume a task as the triggerer does: with the first event of the trigger, recreated from its stored form."""
        path, settings = deferred.trigger.serialize()
        module, _, name = path.rpartition(".")
        trigger = getattr(importlib.import_module(module), name)(**settings)
        if isinstance(trigger, DateTimeTrigger):
            self.clock.jump(trigger.moment)
        event = asyncio.run(_first_event(trigger))
        method = getattr(operator, deferred.method_name)
        return method(self._context(run, operator), event=event, **(deferred.kwargs or {}))

    def _context(self, run: DayRun, operator: Any) -> dict[str, Any]:
        import pendulum

        dag_run = SimpleNamespace(dag_id=run.pair, run_id=run.run_id, run_after=pendulum.instance(run.end))
        instance = SimpleNamespace(
            id=run.run_id, dag_id=run.pair, run_id=run.run_id, task_id=operator.task_id, map_index=0,
            get_dr_count=self.count_runs, get_dagrun_state=self.state_of,
            xcom_push=run.pushed.__setitem__,
        )  # fmt: skip
        return {
            "dag_run": dag_run,
            "ti": instance,
            "task_instance": instance,
            "outlet_events": OutletEventAccessors(),
            "params": PARAMS | {"accept": "auto"} | run.params,
            "data_interval_start": pendulum.instance(run.start),
            "data_interval_end": pendulum.instance(run.end),
        }

    def count_runs(self, dag_id: str, run_ids: Sequence[str], states: Sequence[str]) -> int:
        """Return Airflow's states of runs of a DAG."""
        return sum(run.pair == dag_id and run.run_id in run_ids and run.state in states for run in self.runs)

    def back_up(self) -> Path:
        """Return a copy of the ledger."""
        return _copy(self.home / "ledger.db", self.home / "backup.db")

    def restore(self, backup: Path) -> None:
        """Restore a copy of the ledger."""
        _copy(backup, self.home / "ledger.db")

    def state_of(self, dag_id: str, run_id: str) -> str:
        """Return Airflow's state of a run; a deleted run raises an error."""
        known = [run.state for run in self.runs if (run.pair, run.run_id) == (dag_id, run_id)]
        if not known or known[0] is None:
            raise AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR))
        return known[0]

    # --- what the world looks like ----------------------------------------------------------------------------

    def unit(self, number: int) -> str:
        """Return a unit's number in the form of the ledger."""
        return "/".join(world.unit(number))

    def entries(self, *applicants: str) -> list[Entry]:
        return list(Ledger().find(self.pair, applicants or self.platform.ids).values())

    def entry(self, applicant: str, unit: int | None = None) -> Entry:
        (found,) = [one for one in self.entries(applicant) if unit is None or one.unit == self.unit(unit)]
        return found

    def held(self, applicant: str, unit: int | None = None) -> str | None:
        """Return the reason why somebody has no lease; ``None`` otherwise."""
        entry = self.entry(applicant, unit)
        return str(entry.acceptance_reason) if entry.acceptance == "held" else None

    def outcome(self, run: DayRun, applicant: str) -> list[tuple[str, str | None]]:
        """Return kind and reason of each outcome of somebody's records in a run."""
        rows = tables.outcomes(run.folder)
        return sorted((row["kind"], row["reason"] or None) for row in rows if row["external_id"] == applicant)

    def offers(self, applicant: str) -> list[Any]:
        return list(self.erp.offers_for(applicant))

    def offered_units(self, applicant: str) -> list[str]:
        return sorted(one.unit.replace(self.erp.separator, "/") for one in self.offers(applicant))

    def leases(self, applicant: str) -> list[str]:
        """Return the units for which somebody has a lease."""
        numbers = {offer.number for offer in self.offers(applicant)}
        return sorted(
            lease.unit.replace(self.erp.separator, "/")
            for lease in self.erp.leases
            if lease.offer_number in numbers
        )

    def all_leases(self) -> Counter[str]:
        return Counter(lease.unit.replace(self.erp.separator, "/") for lease in self.erp.leases)


def _copy(source: Path, target: Path) -> Path:
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)
    return target


def after_response(system: Any, method: str, path: str, do: Callable[[], None]) -> None:
    """Call a function when a system has responded to the first matching request; ``path`` is a pattern."""
    original, waiting = system.requests.add, [do]

    def add(entry: Any, query: str, connection: int | None) -> None:
        original(entry, query, connection)
        if entry.method == method and fnmatch.fnmatchcase(entry.path, path) and waiting:
            system.requests.add = original
            waiting.pop()()

    system.requests.add = add


async def _first_event(trigger: Any) -> Any:
    async for event in trigger.run():
        return event.payload
    return None


class Clock:
    """The clock of this process; it starts at noon of the anchor's day and runs by itself."""

    def __init__(self, box: Sandbox) -> None:
        self.today = box.world.anchor
        self._traveller = time_machine.travel(self._moment(12), tick=True)
        self._coordinates = self._traveller.start()

    def to_next(self, hour: int) -> Any:
        """Move to this hour of the customer's day, or of the next one if it has passed; return the day."""
        if datetime.now(UTC) >= self._moment(hour):
            self.today += timedelta(days=1)
        self._coordinates.move_to(self._moment(hour))
        return self.today

    def jump(self, moment: datetime) -> None:
        """Move to a time of the same day."""
        self._coordinates.move_to(moment)

    def stop(self) -> None:
        self._traveller.stop()

    def _moment(self, hour: int) -> datetime:
        return world.midnight(self.today) + timedelta(hours=hour)


@contextmanager
def questions() -> Iterator[None]:
    """Within this context a question ends the task's try with :class:`Question`, as Airflow would defer the task."""
    original = HITLOperator.execute

    def ask(self: Any, context: Any) -> None:
        raise Question(self.params["offers"])

    HITLOperator.execute = ask  # type: ignore[method-assign]
    try:
        yield
    finally:
        HITLOperator.execute = original  # type: ignore[method-assign]
