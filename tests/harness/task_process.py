"""Runs one try of a task (or of several) in its own process, which may be killed, as Airflow does.

The operator comes from the real DAG file and gets the context that the scheduler would give it. A deferred task
waits with its own trigger and continues with the method that it named. Every try is forked from a clean fork server,
since a fork of the caller would inherit its threads and sockets.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

ROOT = Path(__file__).resolve().parents[2]
TASKS = ("extract", "dedup", "load_offers", "auto_accept", "reconcile")
PARAMS = {"window_start": None, "window_end": None, "external_ids": None, "dry_run": False, "accept": None}


@dataclass(frozen=True)
class Run:
    """A run of a pair, as Airflow's scheduler or a backfill would make it.

    :param environment: connections, ledger and staging, as environment variables.
    :param operator: settings of the operators that the pair's file would set, by attribute.
    :param modules: module attributes to set in the process, such as a constant that makes tests wait for minutes.
    :param ended: other runs of the pair of which Airflow says that they have ended.
    :param under_way: other runs of the pair that Airflow counts among those that are queued or running.
    :param clock_ahead: how far the clock of the machine that the process runs on is ahead; below 0: behind.
    """

    pair: str
    run_id: str
    start: datetime
    end: datetime
    environment: Mapping[str, str]
    log: Path
    params: Mapping[str, Any] = field(default_factory=dict)
    operator: Mapping[str, Any] = field(default_factory=dict)
    modules: Mapping[str, Any] = field(default_factory=dict)
    ended: Sequence[str] = ()
    under_way: Sequence[str] = ()
    clock_ahead: timedelta = timedelta(0)


@dataclass(frozen=True)
class Death:
    """Where the process kills itself with SIGKILL: at the ``nth`` call of a function, before or after its work.

    :param at: dotted path of a function or method, such as ``letting_sync.ledger.ledger.Ledger.mark_in_import``; or
        ``"moment"``: any request to a system or write into the ledger, whichever comes.
    """

    at: str
    when: Literal["before", "after"] = "before"
    nth: int = 1


@dataclass(frozen=True)
class Ended:
    """How a try ended. ``value``: what the task handed on; ``error``: its exception in one line."""

    how: Literal["done", "failed", "stopped", "killed"]
    value: Any = None
    error: str = ""


class Try:
    """A try under way.

    :param tasks: one task, or several that follow each other where only their end is of interest.
    :param handed_on: what the task before handed on: the run's staging folder, or its chunks.
    """

    def __init__(
        self, run: Run, tasks: Sequence[str], handed_on: Any = None, death: Death | None = None
    ) -> None:
        self._mine, theirs = multiprocessing.Pipe(duplex=False)
        self.process: BaseProcess = server().Process(
            target=_body, args=(run, tasks, handed_on, death, theirs)
        )
        self.process.start()
        theirs.close()

    def end(self, kill_after: float | None = None) -> Ended:
        """Wait for the end; kill the process if it takes longer than ``kill_after`` seconds."""
        if kill_after is not None:
            self.process.join(kill_after)
            self.kill()
        try:
            ended: Ended = self._mine.recv()
        except EOFError:
            ended = Ended("killed")
        self.process.join()
        return ended

    def kill(self) -> None:
        """SIGKILL, if it still runs."""
        if self.process.is_alive():
            self.process.kill()


@cache
def server() -> Any:
    """Return the context of the fork server: a process that has loaded all modules and has no open resources."""
    context = multiprocessing.get_context("forkserver")
    # Python imports the caller's own main module in every child; pytest's is not small.
    context.set_forkserver_preload(["tests.harness.task_process_warm", *({"pytest"} & set(sys.modules))])
    return context


# --- in the process of the try ------------------------------------------------------------------------------


@cache
def dags() -> Any:
    """The real DAG files, read once before the first fork."""
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(ROOT / "dags")
    if bag.import_errors:
        raise RuntimeError(str(bag.import_errors))
    return bag.dags


def _body(run: Run, tasks: Sequence[str], handed_on: Any, death: Death | None, response: Connection) -> None:
    """The whole life of the process."""
    _log_to(run.log)
    os.environ.update(run.environment)
    for path, value in run.modules.items():
        module, _, name = path.rpartition(".")
        owner = importlib.import_module(module)
        assert hasattr(owner, name), f"{module} has no {name}: what was to be replaced is elsewhere"
        setattr(owner, name, value)
    if death:
        _arm(death)
    if run.clock_ahead:
        import time_machine

        time_machine.travel(datetime.now(UTC) + run.clock_ahead).start()
    response.send(_outcome(run, tasks, handed_on))


def _outcome(run: Run, tasks: Sequence[str], handed_on: Any) -> Ended:
    from airflow.sdk.exceptions import AirflowFailException, DownstreamTasksSkipped

    pushed: dict[str, Any] = {}
    try:
        for task in tasks:
            handed_on = _execute(run, task, handed_on, pushed)
        return Ended("done", handed_on)
    except DownstreamTasksSkipped:
        return Ended("done", pushed["return_value" if len(tasks) == 1 else "counts"])
    except AirflowFailException as error:
        traceback.print_exc()
        return Ended("stopped", error=f"{type(error).__name__}: {error}")
    except Exception as error:
        traceback.print_exc()
        return Ended("failed", error=f"{type(error).__name__}: {error}")


def _execute(run: Run, task: str, handed_on: Any, pushed: dict[str, Any]) -> Any:
    """One task; a mapped one for each chunk, one after the other, as a pool of one place would have it.

    :param pushed: takes what the task pushes to XCom itself, by key.
    """
    from airflow.sdk.definitions.mappedoperator import MappedOperator

    operator = dags()[run.pair].get_task(task)
    if isinstance(operator, MappedOperator):
        return [_execute_one(run, operator.unmap({"chunk": chunk}), pushed) for chunk in handed_on]
    if task == "reconcile":
        operator.chunks = handed_on
    elif handed_on is not None:
        operator.folder = handed_on
    return _execute_one(run, operator, pushed)


def _execute_one(run: Run, operator: Any, pushed: dict[str, Any]) -> Any:
    from airflow.sdk.exceptions import TaskDeferred

    for name, value in run.operator.items():
        if hasattr(operator, name):
            setattr(operator, name, value)
    context = _context(run, pushed)
    step: Callable[[], Any] = lambda: operator.execute(context)  # noqa: E731
    while True:
        try:
            return step()
        except TaskDeferred as deferred:
            event = asyncio.run(_wait(deferred))
            method = getattr(operator, deferred.method_name)
            step = lambda: method(context, event=event)  # noqa: B023, E731


async def _wait(deferred: Any) -> Any:
    """Do what the triggerer does: recreate the trigger from its stored form, and return its first event."""
    path, arguments = deferred.trigger.serialize()
    module, _, name = path.rpartition(".")
    trigger = getattr(importlib.import_module(module), name)(**arguments)
    async for event in trigger.run():
        return event.payload
    return None


def _context(run: Run, pushed: dict[str, Any]) -> dict[str, Any]:
    import pendulum
    from airflow.sdk.execution_time.context import OutletEventAccessors

    dag_run = SimpleNamespace(dag_id=run.pair, run_id=run.run_id, run_after=pendulum.instance(run.end))
    ti = SimpleNamespace(
        xcom_push=pushed.__setitem__,
        get_dagrun_state=lambda dag_id, run_id: "failed" if run_id in run.ended else "running",
        get_dr_count=lambda dag_id, run_ids, states: len(set(run_ids) & set(run.under_way)),
    )
    return {
        "dag_run": dag_run,
        "ti": ti,
        "outlet_events": OutletEventAccessors(),
        "params": PARAMS | dict(run.params),
        "data_interval_start": pendulum.instance(run.start),
        "data_interval_end": pendulum.instance(run.end),
    }


def _log_to(path: Path) -> None:
    """Output of all tries of a run into one file; libraries' handlers that stand already are left alone."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(file, 1)
    os.dup2(file, 2)
    logging.getLogger().setLevel(logging.INFO)


def _arm(death: Death) -> None:
    strike = _Strike(death.nth)
    if death.at == "moment":
        _strike_any(strike)
        return
    owner, name = _find(death.at)
    original = getattr(owner, name)

    def dying(*args: Any, **kwargs: Any) -> Any:
        if death.when == "before":
            strike()
        value = original(*args, **kwargs)
        if death.when == "after":
            strike()
        return value

    setattr(owner, name, dying)


def _strike_any(strike: _Strike) -> None:
    """Count every request before it goes and after its answer came, and every write just before it is kept."""
    import requests
    import sqlalchemy

    original = requests.Session.send

    def send(*args: Any, **kwargs: Any) -> Any:
        strike()
        value = original(*args, **kwargs)
        strike()
        return value

    requests.Session.send = send  # type: ignore[method-assign]
    sqlalchemy.event.listen(sqlalchemy.engine.Engine, "commit", lambda _: strike())


class _Strike:
    """Kill this process at the nth call, whichever of its threads makes it."""

    def __init__(self, nth: int) -> None:
        self._left = nth
        self._lock = threading.Lock()

    def __call__(self) -> None:
        with self._lock:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def _find(path: str) -> tuple[Any, str]:
    """Owner and name of ``package.module.Class.method`` or ``package.module.function``."""
    parts = path.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        try:
            owner: Any = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for part in parts[cut:-1]:
            owner = getattr(owner, part)
        return owner, parts[-1]
    raise ValueError(f"nothing is found under {path}")


def operator_settings() -> dict[str, Any]:
    """Return settings of a pair for the sandbox: frequent polls and no approvals."""
    from letting_sync.settings import AcceptancePolicy

    return {"poll": timedelta(seconds=0.2), "policy": AcceptancePolicy(max_accepts_per_run=10_000)}
