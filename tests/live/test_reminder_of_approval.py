"""Under a real scheduler and triggerer: a question that nobody answers is reminded of before its time is over."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from include.demo.processes import ROOT
from tests.harness.live_airflow import LiveAirflow

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1200)]
PAIR = "immomio_yuneo"
SETTING = """        acceptance=AcceptancePolicy(
            accept="approval", approval_timeout=timedelta(minutes=4), approval_ends="any_time"
        ),
        tags="""
IMPORTS = """from datetime import timedelta

from letting_sync.settings import AcceptancePolicy

import pendulum
"""


@pytest.fixture
def impatient(tmp_path: Path) -> Iterator[LiveAirflow]:
    """A pair whose questions end after four minutes, so that its approvers are reminded after three."""
    dags, home = tmp_path / "dags", tmp_path / "home"
    dags.mkdir()
    home.mkdir()
    shutil.copy(ROOT / "dags" / "prospect_retention.py", dags)
    text = (ROOT / "dags" / f"{PAIR}.py").read_text()
    changed = text.replace("import pendulum\n", IMPORTS, 1).replace("        tags=", SETTING, 1)
    (dags / f"{PAIR}.py").write_text(changed)
    with LiveAirflow(home, dags) as started:
        yield started


def test_approvers_are_reminded_and_then_the_offers_stay_on_hold(impatient: LiveAirflow) -> None:
    live = impatient
    before = live.systems["yuneo"].state()["leases_per_unit"]
    live.unpause(PAIR)
    runs = f"/dags/{PAIR}/dagRuns?run_type=scheduled"
    live.until(lambda: live.rest("GET", runs)[1].get("dag_runs"), "no run")
    run_id = live.rest("GET", runs)[1]["dag_runs"][0]["dag_run_id"]
    live.comes_to(PAIR, run_id, "auto_accept", "awaiting_input")

    live.until(lambda: live.state(PAIR, run_id) in ("success", "failed"), "the question does not end", 400)

    assert live.state(PAIR, run_id) == "success"
    told = [line.removeprefix(f"{PAIR}: ") for line in live.alerts_of(PAIR)]
    assert told[:2] == ["offers wait for approval", "reminder: offers wait for approval"], told
    assert "offers on hold need a decision" in told[2:]
    assert live.systems["yuneo"].state()["leases_per_unit"] == before
