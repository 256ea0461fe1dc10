"""DAGs in bundles: what a run keeps when the project changes in the middle of it."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from include.demo.processes import ROOT
from tests.harness.live_airflow import LiveAirflow, option

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1200)]
PAIR = """\
partner: immomio
partner_conn_id: immomio
erp: sigma
erp_conn_id: sigma
erp_separator: "."
exchange: {exchange}
start_date: 2026-11-01
"""
CHANGED = PAIR.format(exchange="Unknown") + 'clients: ["999"]\n'
"""With an exchange that the ERP does not know, and clients of whom the partner has nothing."""
LOCAL = "airflow.dag_processing.bundles.local.LocalDagBundle"
GIT = "airflow.providers.git.bundles.git.GitDagBundle"


def project(folder: Path, customer: str) -> Path:
    """A project with one customer; returns the customer's file."""
    (folder / "dags").mkdir(parents=True)
    for name in ("customer_pairs.py", *(["prospect_retention.py"] if customer == "local" else [])):
        shutil.copy(ROOT / "dags" / name, folder / "dags")
    file = folder / "include" / "pairs" / f"{customer}.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(PAIR.format(exchange="Immomio"))
    return file


def commit(folder: Path) -> str:
    """Commit all files; returns the commit."""
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    for command in (("add", "--all"), (*who, "commit", "--quiet", "--message", "change")):
        subprocess.run(["git", *command], cwd=folder, check=True)
    done = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The customer's file in each of two projects: a folder, and a Git repository."""
    folder = tmp_path_factory.mktemp("projects")
    made = {name: project(folder / name, name) for name in ("local", "git")}
    subprocess.run(["git", "init", "--quiet", "--initial-branch", "main", str(folder / "git")], check=True)
    commit(folder / "git")
    return made


@pytest.fixture(scope="module")
def bundles(files: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveAirflow]:
    """Airflow with both projects as bundles, and the package installed beside them."""
    pytest.importorskip("airflow.providers.git")
    projects = {name: file.parents[2] for name, file in files.items()}
    each = {"refresh_interval": 5}
    config: list[dict[str, Any]] = [
        {"name": "local", "classpath": LOCAL, "kwargs": {"path": str(projects["local"] / "dags")} | each},
        {
            "name": "git",
            "classpath": GIT,
            "kwargs": {"repo_url": str(projects["git"]), "tracking_ref": "main", "subdir": "dags"} | each,
        },
    ]
    settings = {
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(config),
        "AIRFLOW__DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL": "2",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "5",
    }
    with LiveAirflow(tmp_path_factory.mktemp("live"), settings=settings) as started:
        yield started


def run_with_a_change(live: LiveAirflow, pair: str, change: Any, is_known: Any) -> str:
    """A run whose project changes while its first task works; returns its id when it has ended."""
    live.until(lambda: live.rest("GET", f"/dags/{pair}")[0] == 200, f"{pair} is not known")
    with option(live.systems["immomio"], latency_seconds=15):
        live.unpause(pair)
        runs = f"/dags/{pair}/dagRuns?run_type=scheduled"
        live.until(lambda: live.rest("GET", runs)[1].get("dag_runs"), f"{pair}: no run")
        run_id = str(live.rest("GET", runs)[1]["dag_runs"][0]["dag_run_id"])
        live.until(lambda: has_begun(live, pair, run_id), f"{pair}: extract does not begin")
        change()
        live.until(is_known, f"the change of {pair} is not known")
        assert live.tasks(pair, run_id)["extract"] == "running", "the change came too late"
    live.ends(pair, run_id)
    return run_id


def has_begun(live: LiveAirflow, pair: str, run_id: str) -> bool:
    """Whether the run's first task has read the DAG file and works."""
    if live.tasks(pair, run_id).get("extract") != "running":
        return False
    return any("Reading what changed" in str(line) for line in live.log_of(pair, run_id, "extract"))


def counts_of(live: LiveAirflow, pair: str, run_id: str) -> dict[str, Any]:
    path = f"/dags/{pair}/dagRuns/{run_id}/taskInstances/reconcile/xcomEntries/return_value?deserialize=true"
    return dict(live.rest("GET", path)[1]["value"])


def versions_of(live: LiveAirflow, pair: str, run_id: str) -> set[str | None]:
    """Versions of the bundle that the tasks of a run had."""
    found = live.rest("GET", f"/dags/{pair}/dagRuns/{run_id}/taskInstances")[1]["task_instances"]
    return {(task["dag_version"] or {}).get("bundle_version") for task in found}


def test_a_run_of_a_git_bundle_ends_with_the_version_that_it_began_with(
    bundles: LiveAirflow, files: dict[str, Path]
) -> None:
    """DAG files and customers' files are those of the run's commit; the next run has the new ones."""
    file = files["git"]
    before = bundles.rest("GET", "/dags/git")[1].get("bundle_version")
    made: list[str] = []

    def change() -> None:
        file.write_text(CHANGED)
        made.append(commit(file.parents[2]))

    def is_known() -> bool:
        return bool(bundles.rest("GET", "/dags/git")[1].get("bundle_version") == made[0])

    run_id = run_with_a_change(bundles, "git", change, is_known)

    assert bundles.state("git", run_id) == "success", bundles.tasks("git", run_id)
    assert len(versions_of(bundles, "git", run_id)) == 1
    assert made[0] not in versions_of(bundles, "git", run_id)
    assert before != made[0]
    counts = counts_of(bundles, "git", run_id)
    assert counts["offers_created"] > 0

    next_run = bundles.trigger("git")
    assert bundles.ends("git", next_run) == "success"
    assert versions_of(bundles, "git", next_run) == {made[0]}
    assert counts_of(bundles, "git", next_run)["skipped"] >= counts["offers_created"], "of other clients"


def test_a_run_of_a_local_bundle_goes_on_with_the_files_as_they_are_then(
    bundles: LiveAirflow, files: dict[str, Path]
) -> None:
    """Nothing is versioned: a change reaches the tasks that begin after it."""
    file = files["local"]

    run_id = run_with_a_change(bundles, "local", lambda: file.write_text(CHANGED), lambda: True)

    assert bundles.state("local", run_id) == "failed"
    assert bundles.tasks("local", run_id)["load_offers"] == "failed"
    assert versions_of(bundles, "local", run_id) == {None}
