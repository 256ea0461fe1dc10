"""The package on several versions of Airflow; ``make test-airflow VERSION=3.2.0`` runs this file, and whole pairs, on one."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from datetime import timedelta

import pytest
from airflow import __version__

from letting_sync import compat
from letting_sync.alerts.callbacks import dag_callbacks
from tests.conftest import ROOT


def _read_dags_as(version: str) -> tuple[list[str], int]:
    """Two DAG files read by a fresh process whose Airflow says it has this version: the DAGs, and the number of warnings."""
    script = f"""
import json
import airflow
airflow.__version__ = {version!r}
from airflow.dag_processing.dagbag import DagBag
bags = [DagBag({str(ROOT / "dags")!r} + "/" + file) for file in ("immomio_yuneo.py", "everreal_sigma.py")]
print(json.dumps([dag for bag in bags for dag in bag.dags]))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    warnings = re.findall(rf"letting_sync is tested with .*{re.escape(version)}", done.stdout + done.stderr)
    return json.loads(done.stdout.splitlines()[-1]), len(warnings)


@pytest.mark.skipif(compat.AIRFLOW < compat.NEWEST, reason="an older Airflow cannot do what a newer one can")
@pytest.mark.parametrize(("version", "warnings"), [("3.3.9", 0), ("3.4.0b2", 1), ("3.10.1", 1)])
def test_a_newer_airflow_than_tested_gives_one_warning_and_all_dags(version: str, warnings: int) -> None:
    dags, warned = _read_dags_as(version)

    assert dags == ["immomio_yuneo", "everreal_sigma"]
    assert warned == warnings


def test_deadlines_have_names_where_airflow_knows_names() -> None:
    hour = timedelta(hours=1)
    alerts = dag_callbacks(late_after=2 * hour, remind_after=hour)["deadline"]

    names = ["late", "reminder"] if compat.minor_version(__version__) >= (3, 3) else [None, None]
    assert [getattr(alert, "name", None) for alert in alerts] == names
    assert [alert.interval for alert in alerts] == [2 * hour, hour]


def test_the_versions_are_the_same_in_package_ci_and_lock() -> None:
    """CI runs the oldest version that the package allows, and the one that is locked."""
    dependencies = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    (allowed,) = [name for name in dependencies if re.match(r"apache-airflow\W*>=", name)]
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    in_ci = re.search(r"airflow: \[(.+)\]", workflow)
    locked = re.search(r"^apache-airflow==(.+)$", (ROOT / "requirements.in").read_text(), re.M)
    assert in_ci
    assert locked

    oldest, newest = (version.strip(' "') for version in in_ci[1].split(","))

    assert allowed == f"apache-airflow>={oldest},<4"
    assert compat.minor_version(oldest) == compat.OLDEST
    assert newest == locked[1]
    assert compat.minor_version(newest) == compat.NEWEST
