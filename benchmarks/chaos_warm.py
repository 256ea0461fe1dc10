"""Imported by the fork server once: what every try needs is loaded before it starts, so that a try costs little."""

import pandas  # noqa: F401
import pyarrow.parquet  # noqa: F401

from benchmarks.chaos_task import dags

dags()

import include.prospects.accepting  # noqa: E402
import include.prospects.dedup  # noqa: E402
import include.prospects.ledger  # noqa: E402
import include.prospects.loading  # noqa: E402
import include.prospects.suspects  # noqa: E402
import include.prospects.waiting  # noqa: E402, F401
import sigma.erp  # noqa: E402, F401
import yuneo.erp  # noqa: E402, F401
from include.prospects import staging  # noqa: E402

staging.base().exists()  # makes Airflow look for its file systems and plugins
