"""A whole pair under Airflow, with the gateway's log-in at its end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from gateway_calls import SECRET

from include.sandbox import Sandbox
from include.sandbox.yuneo_gateway import Gateway

ROOT = Path(__file__).resolve().parents[3]


def test_a_pair_runs_with_the_gateways_log_in(
    airflow_db: None,
    own_ledger: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Prospects become offers and leases; neither secret nor assertion is in the output of the tasks."""
    with Sandbox(seed=7) as box:
        box.yuneo.options.work_order_seconds = 0
        connections = box.connections() | {"yuneo": json.dumps(box.yuneo.gateway_connection())}
        for name, connection in connections.items():
            monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", connection)
        offers, leases = len(box.yuneo.offers), len(box.yuneo.leases)

        run = DagBag(ROOT / "dags").dags["immomio_yuneo"].test()

        assert run.state == "success"
        assert len(box.yuneo.offers) > offers
        assert len(box.yuneo.leases) > leases
        assert box.yuneo.requests.count("POST", Gateway.path, status=200) > 0
        assert box.yuneo.requests.count("POST", Gateway.path, status=401) == 0
        assert box.yuneo.requests.count("POST", "/connect/token") == 0
    printed = capfd.readouterr()
    assert not SECRET.search(printed.out + printed.err)
