"""Imported by the fork server once: what every try needs is loaded before it starts, so that a try costs little."""

import contextlib
import importlib
import os

from benchmarks.chaos_task import dags

MODULES = (
    "pyarrow.parquet",
    "include.prospects.accepting",
    "include.prospects.dedup",
    "include.prospects.ledger",
    "include.prospects.loading",
    "include.prospects.suspects",
    "include.prospects.waiting",
    "sigma.erp",
    "yuneo.erp",
)

with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
    dags()
    for name in MODULES:
        importlib.import_module(name)
    # Makes Airflow look for its file systems and plugins.
    importlib.import_module("include.prospects.staging").base().exists()
