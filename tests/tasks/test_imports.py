"""What each task imports on an ordinary day, where nothing was loaded before it started.

Importing pandas takes longer than all else that a small task does; only what compares persons as tables may do so.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.harness.installation import Installation
from tests.harness.task_imports import do
from tests.harness.task_process import TASKS

HEAVY = (
    "pandas",
    "pyarrow",
    "pyarrow.dataset",
    "requests",
    "airflow.providers.http.hooks.http",
    "letting_sync.ledger.ledger",
    "babel",
    "alembic",
)
COSTLY = (
    *("pandas", "numpy", "pyarrow", "requests", "alembic", "anyascii", "ruamel", "upath.implementations"),
    *(f"letting_sync.{name}" for name in ("customers", "ledger", "matching", "pipeline", "systems", "tasks")),
)
"""Beginnings of names: what a task's process would take long to import."""
HTTP = {"requests", "airflow.providers.http.hooks.http"}
LEDGER = {"letting_sync.ledger.ledger", "alembic"}
ALLOWED = {
    "extract": {"pyarrow", *HTTP, *LEDGER},
    "dedup": {"pyarrow", "pyarrow.dataset", "pandas"},
    "load_offers": {"pyarrow", *HTTP, *LEDGER},
    "auto_accept": {"pyarrow", *HTTP, *LEDGER},
    "reconcile": {"pyarrow", *LEDGER},
}


def test_an_ordinary_day_imports_pandas_once(installation: Installation) -> None:
    installation.add()
    handed_on: Any = None
    for task in TASKS:
        done = do(installation.run, task, handed_on)
        found = done.imported & set(HEAVY)
        assert found <= ALLOWED[task], f"{task} imports {sorted(found - ALLOWED[task])}"
        handed_on = done.value
    installation.all_is_well()


@pytest.mark.parametrize("installation", ["yuneo"], indirect=True)
def test_a_worker_that_has_loaded_the_tasks_leaves_nothing_to_import(installation: Installation) -> None:
    """A module that is missing in the list would cost each task its import."""
    installation.add()
    handed_on: Any = None
    for task in TASKS:
        done = do(installation.run, task, handed_on, loaded_before="letting_sync.preload.tasks")
        found = {name for name in done.imported if name.startswith(COSTLY)}
        assert not found, f"{task} imports {sorted(found)}"
        handed_on = done.value
