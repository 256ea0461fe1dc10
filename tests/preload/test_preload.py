"""What tasks import is loaded once, in the process that they are forked from."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

from letting_sync.preload.listener import forks_tasks
from tests.harness import compose_file

SCHEDULER = ["venv/bin/airflow", "scheduler"]
STARTS = """
import sys
sys.argv = {command}
from airflow.listeners.listener import get_listener_manager
get_listener_manager().hook.on_starting(component=None)
print(*(name in sys.modules for name in ("pandas", "pyarrow.parquet", "letting_sync.tasks.load_offers.sender",
    "letting_sync.systems.sigma.client", "letting_sync.ledger.ledger")))
"""


def loaded_at_the_start_of(command: list[str], executor: str) -> set[str]:
    """Whether what tasks need is loaded when a component of Airflow has started: ``True`` or ``False`` for all of it."""
    code = STARTS.replace("{command}", repr(command))
    environment = os.environ | {"AIRFLOW__CORE__EXECUTOR": executor}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines()[-1].split())


def test_a_scheduler_that_forks_tasks_has_loaded_all_that_they_need() -> None:
    """The plugin is found by Airflow, and its listener called."""
    assert loaded_at_the_start_of(SCHEDULER, "LocalExecutor") == {"True"}


@pytest.mark.parametrize(
    ("command", "executor"),
    [
        (SCHEDULER, "CeleryExecutor"),
        (["airflow", "dag-processor"], "LocalExecutor"),
        (["airflow", "triggerer"], "LocalExecutor"),
    ],
)
def test_other_components_do_not_hold_what_they_do_not_need(command: list[str], executor: str) -> None:
    assert not forks_tasks(command, executor)


def test_a_scheduler_with_several_executors_forks_tasks_too() -> None:
    assert forks_tasks(["/usr/bin/airflow", "scheduler", "-v"], "CeleryExecutor,LocalExecutor")


def test_celery_workers_of_the_deployment_load_a_module_that_exists() -> None:
    """A misspelt name would keep every worker from starting."""
    worker = compose_file.load()["services"]["worker"]["environment"]
    (name,) = json.loads(worker["AIRFLOW__CELERY__EXTRA_CELERY_CONFIG"])["imports"]

    assert find_spec(name)
