"""What the person on call meets under a real scheduler: refused runs, the reason in the log, a system that says "later"."""

from __future__ import annotations

import json

import pytest

from tests.harness.live_airflow import LiveAirflow

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1200)]
A_DAY = "2026-11-11T00:00:00+01:00"


def by_rest(live: LiveAirflow, pair: str, conf: dict[str, object]) -> str:
    return live.trigger(pair, **conf)


def by_cli(live: LiveAirflow, pair: str, conf: dict[str, object]) -> str:
    live.cli("dags", "trigger", pair, "--run-id", "by_cli", "--conf", json.dumps(conf))
    return "by_cli"


def by_backfill(live: LiveAirflow, pair: str, conf: dict[str, object]) -> str:
    return live.backfill(pair, A_DAY, "--dag-run-conf", json.dumps(conf))


@pytest.mark.parametrize("start", [by_rest, by_cli, by_backfill])
def test_a_misspelt_dry_run_never_becomes_a_real_run(live: LiveAirflow, start) -> None:
    """The run fails before it reads anything, and says why in the last line of the log, without a traceback of ours."""
    pair = "everreal_yuneo"
    live.goes_live(pair)
    offers = live.systems["yuneo"].state()["offers"]

    run_id = start(live, pair, {"dryrun": True})

    assert live.ends(pair, run_id) == "failed"
    assert live.tasks(pair, run_id)["extract"] == "failed"
    assert live.systems["yuneo"].state()["offers"] == offers
    lines = [line for line in live.log_of(pair, run_id, "extract") if not line.startswith("::")]
    assert "is 'dry_run' meant?" in lines[-1]
    assert not [line for line in lines if "alembic" in line.lower() or "Context impl" in line]


def test_a_system_that_asks_for_a_later_call_holds_neither_worker_nor_slot(live: LiveAirflow) -> None:
    """The task is deferred, says so in one line, and a clear asks at once."""
    pair, yuneo = "immomio_yuneo", live.systems["yuneo"]
    live.goes_live(pair)
    window = {"window_start": "2026-11-01T00:00:00+01:00", "window_end": "2026-11-20T00:00:00+01:00"}
    yuneo.fault_rate(1, ["503"], retry_after=900)
    try:
        run_id = live.trigger(pair, **window)
        live.comes_to(pair, run_id, "load_offers", "deferred")
        pool = live.rest("GET", "/pools/erp_yuneo")[1]
        assert (pool["occupied_slots"], pool["running_slots"]) == (0, 0)
        lines = live.log_of(pair, run_id, "load_offers", chunk=0)
        said = [line for line in lines if "not available" in line]
        assert len(said) == 1, lines
        assert "starts again at" in said[0]
    finally:
        yuneo.clear_faults()
    assert live.clear(pair, run_id)[0] == 200
    assert live.ends(pair, run_id) == "success"
