"""All that a task of a pair imports: loading this module loads it.

A forked process shares these modules with the one that it was forked from, so each costs a worker its time and its memory once,
not once a task. Airflow's Celery provider does the same for its own modules.
"""

from __future__ import annotations

import importlib
import pkgutil

import letting_sync

PACKAGES = ("alerts", "customers", "ledger", "matching", "pipeline", "schedule", "systems", "tasks")
ALSO = (
    "pandas.core.arrays.arrow.extension_types",
    "pyarrow.dataset",
    "pyarrow.json",
    "pyarrow.parquet",
    "airflow.providers.http.hooks.http",
    "airflow.providers.standard.triggers.temporal",
    "upath.implementations.local",
)
"""What is imported only where it is used."""


def _names() -> list[str]:
    """The modules of our packages, and the others."""
    found = list(ALSO)
    for package in PACKAGES:
        name = f"{letting_sync.__name__}.{package}"
        folders = [f"{folder}/{package}" for folder in letting_sync.__path__]
        found += [module.name for module in pkgutil.walk_packages(folders, f"{name}.")]
    # Airflow loads plugins itself, and Alembic the migrations.
    return [name for name in found if not name.endswith(".plugin") and ".migrations." not in name]


LOADED = [importlib.import_module(name) for name in _names()]
