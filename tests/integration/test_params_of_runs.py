"""What a run was started with is done, or the run is refused before it has done anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag

from include.sandbox import Sandbox
from tests.integration.conftest import ROOT, Runner

PAIR = "immomio_yuneo"
NOTHING = {"window_start": None, "window_end": None, "external_ids": None, "dry_run": False, "accept": None}


def started(dag_id: str, **conf: Any) -> Any:
    """A run, whatever its end; every param is given, since runs of one process share them."""
    params = NOTHING if dag_id == PAIR else {"dry_run": False}
    dag = DagBag(ROOT / "dags" / f"{dag_id}.py").dags[dag_id]
    return dag.test(run_conf={**params, **conf})


@pytest.mark.parametrize(
    "conf", [{"dryrun": True}, {"external_ids": ["1"], "window_end": "2026-11-10T00:00:00+01:00"}]
)
def test_a_run_that_was_started_wrongly_does_nothing(
    airflow_db: None, own_ledger: Path, box: Sandbox, conf: dict[str, Any]
) -> None:
    requests = [len(system.requests) for system in box.systems]

    assert started(PAIR, **conf).state == "failed"

    assert [len(system.requests) for system in box.systems] == requests


def test_a_retention_that_was_started_wrongly_deletes_nothing(
    airflow_db: None, own_ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("letting_sync.privacy.retention.delete_staged", None)
    monkeypatch.setattr("letting_sync.privacy.retention.delete_ledger_rows", None)
    assert started("prospect_retention", dry_runn=True).state == "failed"


def test_ids_that_are_not_found_are_counted_and_the_run_is_not_green(
    airflow_db: None, own_ledger: Path, box: Sandbox
) -> None:
    """The one that exists is handed over all the same, and the counts of the run are there."""
    known = next(a["id"] for a in box.immomio.applications if a["status"] == "ACCEPTED_AS_TENANT")
    run = started(PAIR, external_ids=[known, "no-such-id", "nor-this"])

    assert run.state == "failed"
    counts = Runner.xcoms(run)["reconcile"]
    assert (counts["extracted"], counts["not_found"]) == (1, 2)
    assert {task.task_id: task.state for task in run.get_task_instances()}["auto_accept"] == "success"
