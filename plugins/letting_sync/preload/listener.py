"""Loads the tasks' modules into a scheduler with the LocalExecutor, which forks the tasks' processes."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from airflow.configuration import conf
from airflow.listeners import hookimpl

if TYPE_CHECKING:
    from airflow.jobs.job import Job

log = logging.getLogger(__name__)


@hookimpl
def on_starting(component: Job) -> None:
    """Airflow's listener: a component starts."""
    del component  # a job that does not know its own type yet (Airflow 3.3.2)
    if forks_tasks(sys.argv, conf.get("core", "executor")):
        from letting_sync.preload import tasks

        log.info("%d modules of the tasks are loaded, for all tasks that start here", len(tasks.LOADED))


def forks_tasks(command: list[str], executor: str) -> bool:
    """Whether a process is one that tasks are forked from: a scheduler with the LocalExecutor.

    :param command: its program and arguments.
    :param executor: Airflow's setting, which may name several.
    """
    return (
        Path(command[0]).name == "airflow" and command[1:2] == ["scheduler"] and "LocalExecutor" in executor
    )
