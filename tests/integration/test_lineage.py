"""What a run reports to OpenLineage: systems as datasets, counts, and nothing personal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from include.sandbox import Sandbox

ROOT = Path(__file__).resolve().parents[2]
PAIR = "immomio_yuneo"
RUN = f"""
import json, sys
from airflow.dag_processing.dagbag import DagBag
dag = DagBag({str(ROOT / "dags" / f"{PAIR}.py")!r}).dags[{PAIR!r}]
print(dag.test(run_conf=json.loads(sys.argv[1])).state)
"""
Dataset = tuple[str, str]
Run = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def events(airflow_db: None, box: Sandbox, own_ledger: Path, tmp_path: Path) -> Run:
    """Run the pair in a process whose Airflow writes lineage to a file; returns the events that say a task is complete."""

    def run(**params: Any) -> list[dict[str, Any]]:
        file = tmp_path / "lineage.jsonl"
        transport = {"type": "file", "log_file_path": str(file), "append": True}
        settings = {
            "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(transport),
            "AIRFLOW__OPENLINEAGE__NAMESPACE": "t",
        }
        done = subprocess.run(
            [sys.executable, "-c", RUN, json.dumps(params)],
            env=os.environ | settings,
            capture_output=True,
            text=True,
            cwd=ROOT,
        )
        assert "success" in done.stdout.splitlines(), done.stdout[-3000:] + done.stderr[-3000:]
        return [json.loads(line) for line in file.read_text().splitlines()]

    return run


def reported(
    events: list[dict[str, Any]], task: str
) -> tuple[dict[Dataset, int | None], dict[Dataset, int | None]]:
    """Datasets that a task has read and written, with their counts."""
    (event,) = [e for e in events if e["eventType"] == "COMPLETE" and e["job"]["name"] == f"{PAIR}.{task}"]
    return (
        {
            (one["namespace"], one["name"]): one["inputFacets"]["inputStatistics"].get("rowCount")
            for one in event["inputs"]
        },
        {
            (one["namespace"], one["name"]): one["outputFacets"]["outputStatistics"].get("rowCount")
            for one in event["outputs"]
        },
    )


def test_tasks_report_the_systems_that_they_read_and_write_with_counts(events: Run, box: Sandbox) -> None:
    offers_before, leases_before = len(box.yuneo.offers), len(box.yuneo.leases)

    found = events()

    read, staged = reported(found, "extract")
    assert list(read) == [("immomio://immomio", "prospects")]
    assert list(staged) == [(f"prospects://{PAIR}", "staged")]
    loaded_from, offers = reported(found, "load_offers")
    assert list(loaded_from) == list(staged)
    assert offers == {("yuneo://yuneo", "offers"): len(box.yuneo.offers) - offers_before}
    accepted_from, leases = reported(found, "auto_accept")
    assert list(accepted_from) == [("yuneo://yuneo", "offers"), ("immomio://immomio", "prospects")]
    assert leases == {("yuneo://yuneo", "leases"): len(box.yuneo.leases) - leases_before}
    assert len(box.yuneo.leases) > leases_before


def test_nothing_of_a_person_is_in_any_event(events: Run, box: Sandbox) -> None:
    told = json.dumps(events(), ensure_ascii=False)

    people = [application["mainTenant"] for application in box.immomio.applications]
    fields = ("lastname", "email", "dateOfBirth")
    personal = {str(person[name]) for person in people for name in fields if person.get(name)}
    assert personal
    assert [word for word in personal if len(word) > 4 and word in told] == []
    assert [one["id"] for one in box.immomio.applications if f'"{one["id"]}"' in told] == []


def test_a_dry_run_reports_nothing_as_written_to_the_erp(events: Run) -> None:
    written = {one["namespace"] for event in events(dry_run=True) for one in event["outputs"]}

    assert "prospects://immomio_yuneo" in written
    assert "yuneo://yuneo" not in written
