"""Imported once by the fork server, so that the modules of every try are loaded before it starts."""

import gc
import importlib
import os

from tests.harness.task_process import dags

MODULES = (
    "pyarrow.parquet",
    "letting_sync.tasks.auto_accept.acceptor",
    "letting_sync.matching.dedup",
    "letting_sync.ledger.ledger",
    "letting_sync.tasks.load_offers.loader",
    "letting_sync.matching.suspects.suspects",
    "letting_sync.tasks.load_offers.trigger",
    "letting_sync.systems.sigma.client",
    "letting_sync.systems.yuneo.client",
)

# Airflow tells what it loads. Its loggers keep the stream that they find, so the stream itself must stay.
_stdout, _nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
os.dup2(_nowhere, 1)
dags()
for _name in MODULES:
    importlib.import_module(_name)
# Makes Airflow look for its file systems and plugins.
importlib.import_module("letting_sync.staging.folders").base().exists()
# As Airflow's executors do before they fork: the garbage collector need not look at all this again in every task.
gc.freeze()
os.dup2(_stdout, 1)
os.close(_stdout)
os.close(_nowhere)
