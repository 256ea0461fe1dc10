"""Imported by the fork server once: what every try needs is loaded before it starts, so that a try costs little."""

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

# Airflow tells what it loads. Its loggers keep the stream that they find, so the stream itself must stay.
_stdout, _nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
os.dup2(_nowhere, 1)
dags()
for _name in MODULES:
    importlib.import_module(_name)
# Makes Airflow look for its file systems and plugins.
importlib.import_module("include.prospects.staging").base().exists()
os.dup2(_stdout, 1)
os.close(_stdout)
os.close(_nowhere)
