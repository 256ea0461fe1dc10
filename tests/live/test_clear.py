"""What went wrong is cleared by each of the ways there are, goes on from there, and is reported as resolved."""

from __future__ import annotations

from typing import Any

import pytest

from tests.harness.live_airflow import LiveAirflow, option

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1200)]
A_DAY = "2026-11-10T00:00:00+01:00"


def clear_by_rest(live: LiveAirflow, pair: str, run_id: str) -> None:
    status, response = live.clear(pair, run_id)
    assert status == 200, response


def clear_tasks_by_rest(live: LiveAirflow, pair: str, run_id: str) -> None:
    body: dict[str, Any] = {"dry_run": False, "dag_run_id": run_id, "only_failed": True}
    status, response = live.rest("POST", f"/dags/{pair}/clearTaskInstances", body)
    assert status == 200, response


def clear_by_cli(live: LiveAirflow, pair: str, run_id: str) -> None:
    live.cli("tasks", "clear", "--yes", "--only-failed", pair)


def backfill_again(live: LiveAirflow, pair: str, run_id: str) -> None:
    """The command that the page Prospects and the handbook name; Airflow takes a second backfill when the first has ended."""
    path = f"/backfills?dag_id={pair}"
    live.until(
        lambda: all(one["completed_at"] for one in live.rest("GET", path)[1]["backfills"]), "it goes on"
    )
    live.backfill(pair, A_DAY, "--reprocess-behavior", "failed")


def failed_run(live: LiveAirflow, pair: str) -> str:
    """The run of a day that fails since the partner is closed to us."""
    live.goes_live(pair)
    partner = live.systems[pair.split("_")[0]]
    partner.fault_rate(1, ["expired_token"])
    try:
        run_id = live.backfill(pair, A_DAY)
        assert live.ends(pair, run_id) == "failed", live.tasks(pair, run_id)
    finally:
        partner.clear_faults()
    return run_id


@pytest.mark.parametrize(
    ("pair", "clear"),
    [
        ("immomio_yuneo", clear_by_rest),
        ("immomio_sigma", clear_tasks_by_rest),
        ("everreal_yuneo", clear_by_cli),
        ("everreal_sigma", backfill_again),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_failed_run_is_cleared_ends_well_and_that_is_reported(live: LiveAirflow, pair: str, clear) -> None:
    run_id = failed_run(live, pair)
    live.is_told(pair, "a run has failed")

    clear(live, pair, run_id)

    assert live.ends(pair, run_id) == "success"
    live.is_told(pair, "resolved (a run has failed)")


def test_a_run_that_goes_on_is_cleared(live: LiveAirflow) -> None:
    """A task that works is started again; the run succeeds."""
    pair = "immomio_yuneo"
    live.goes_live(pair)
    with option(live.systems["immomio"], latency_seconds=4):
        run_id = live.trigger(pair)
        live.comes_to(pair, run_id, "extract", "running")
        clear_by_rest(live, pair, run_id)
        clear_tasks_by_rest(live, pair, run_id)
    assert live.ends(pair, run_id) == "success"


def test_a_run_that_waits_for_the_erps_import_is_cleared(live: LiveAirflow) -> None:
    pair = "immomio_sigma"
    live.goes_live(pair)
    with option(live.systems["sigma"], run_seconds=60):
        run_id = live.trigger(
            pair, external_ids=None, window_start=A_DAY, window_end="2026-11-20T00:00:00+01:00"
        )
        live.comes_to(pair, run_id, "load_offers", "deferred")
        clear_by_rest(live, pair, run_id)
    assert live.ends(pair, run_id) == "success"


def test_a_run_that_waits_for_a_person_is_cleared_and_asks_anew(live: LiveAirflow) -> None:
    pair = "everreal_sigma"
    live.goes_live(pair)
    window = {"window_start": "2026-11-01T00:00:00+01:00", "window_end": "2026-11-20T00:00:00+01:00"}
    run_id = live.trigger(pair, accept="approval", **window)
    live.comes_to(pair, run_id, "auto_accept", "awaiting_input")
    clear_by_rest(live, pair, run_id)
    live.comes_to(pair, run_id, "extract", "success")
    live.comes_to(pair, run_id, "auto_accept", "awaiting_input")

    (question,) = live.questions(pair, run_id)
    live.answer(question, question["options"][0], [])
    assert live.ends(pair, run_id) == "success"


def test_a_retention_run_is_cleared(live: LiveAirflow) -> None:
    dag_id = "prospect_retention"
    live.unpause(dag_id)
    run_id = live.trigger(dag_id)
    status, response = live.rest("PATCH", f"/dags/{dag_id}/dagRuns/{run_id}", {"state": "failed"})
    assert status == 200, response
    clear_by_rest(live, dag_id, run_id)
    assert live.ends(dag_id, run_id) == "success"


def test_a_cleared_run_can_be_late_again(live: LiveAirflow) -> None:
    """Each start of a run gives it a deadline, whatever happened to the one before."""
    pair = "everreal_yuneo"
    live.goes_live(pair)
    run_id = live.rest("GET", f"/dags/{pair}/dagRuns?limit=1")[1]["dag_runs"][0]["dag_run_id"]
    with option(live.systems["everreal"], latency_seconds=10):
        clear_by_rest(live, pair, run_id)
        live.comes_to(pair, run_id, "extract", "running")
        deadlines = live.deadlines(pair, run_id)
    assert sorted((one["alert_name"], one["missed"]) for one in deadlines) == [
        ("late", False),
        ("reminder", False),
    ]
    assert live.ends(pair, run_id) == "success"
