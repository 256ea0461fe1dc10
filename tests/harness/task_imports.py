"""What a task of a pair imports: it runs in a new process, in which nothing was loaded before, as in a pod of Kubernetes."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from typing import Any, NamedTuple

from tests.harness import task_process
from tests.harness.task_process import Run


class Done(NamedTuple):
    """A task that was done.

    :param value: what it handed on.
    :param imported: the modules that it imported, with those that its DAG file imports.
    """

    value: Any
    imported: set[str]


def do(run: Run, task: str, handed_on: Any, loaded_before: str | None = None) -> Done:
    """Do a task in a new process.

    :param loaded_before: a module that the process has loaded before, as a worker may.
    """
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_do, run, task, handed_on, loaded_before).result()


def _do(run: Run, task: str, handed_on: Any, loaded_before: str | None) -> Done:
    os.environ.update(run.environment)
    if loaded_before:
        importlib.import_module(loaded_before)
    before = set(sys.modules)
    # As Airflow does for a task: the file of its DAG alone is read.
    from airflow.dag_processing.dagbag import DagBag

    found = DagBag(task_process.ROOT / "dags" / f"{run.pair}.py").dags
    task_process.dags = lambda: found  # type: ignore[assignment]
    ended = task_process._outcome(run, (task,), handed_on)
    if ended.how != "done":
        raise RuntimeError(ended.error)
    return Done(ended.value, set(sys.modules) - before)
