"""Airflow in a directory of its own, set up before the first import of airflow."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent
_HOME = tempfile.mkdtemp(prefix="prospects-airflow-")
sys.path.append(str(ROOT / "tests" / "examples"))  # as if its packages lay under plugins/
atexit.register(shutil.rmtree, _HOME, ignore_errors=True)
for _name in [name for name in os.environ if name.startswith("AIRFLOW")]:
    del os.environ[_name]
os.environ |= {
    "AIRFLOW_HOME": _HOME,
    "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
    "AIRFLOW__CORE__PLUGINS_FOLDER": str(
        Path(_HOME) / "plugins"
    ),  # empty: the plugins are those of the installed package
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
}
pytest_plugins = ["tests.harness.fixtures"]
settings.register_profile("no time limit", deadline=None)  # a busy machine is no error
settings.load_profile("no time limit")


@pytest.fixture(autouse=True)
def settings_read_anew() -> None:
    """A process reads these settings of the deployment once; a test may set others."""
    from letting_sync import config, deployment
    from letting_sync.pipeline import doc

    for read_once in (deployment.check_deployment, config._language, doc._page_of_pair):
        read_once.cache_clear()


@pytest.fixture(scope="session")
def airflow_db() -> None:
    """Airflow's own database, made once for all tests that run a DAG."""
    from airflow.utils.db import initdb

    initdb()


@pytest.fixture
def own_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty ledger and an empty staging folder, for this test alone."""
    monkeypatch.setenv("AIRFLOW__PROSPECTS__LEDGER", str(tmp_path / "ledger.db"))
    monkeypatch.setenv("AIRFLOW__PROSPECTS__STAGING", f"file://{tmp_path}/staging")
    return tmp_path
