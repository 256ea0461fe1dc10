"""A pair that used to bring prospects and brings none is reported, with what the partner has instead."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag

from include.sandbox import Sandbox
from letting_sync.ledger.ledger import Ledger
from letting_sync.ledger.records import Intent, Run

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.usefixtures("airflow_db")
@pytest.mark.parametrize(
    ("pair", "word"), [("immomio_yuneo", "ACCEPTED_AS_TENANT"), ("everreal_yuneo", "SIGNED")]
)
def test_the_alert_has_the_days_and_the_records_of_each_status(received, monkeypatch, pair, word):
    """Each of six days brought a prospect, then none came for twenty; the world's records are of yesterday, and the run's window is one minute of today."""
    now = datetime.now(UTC)
    ledger = Ledger()
    for day in range(20, 26):
        brought = Run(pair, "yuneo", f"run {day}", window_end=now - timedelta(days=day))
        ledger.claim(brought, [Intent(f"p{day}", "1/1/1/1", True, "content", None)])
    with Sandbox(seed=7) as box:
        for name, connection in box.connections().items():
            monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", connection)
        window = {"window_start": (now - timedelta(minutes=1)).isoformat(), "window_end": now.isoformat()}
        run = (
            DagBag(ROOT / "dags")
            .dags[pair]
            .test(run_conf=window | {"external_ids": None, "accept": None, "dry_run": False})
        )

    assert run.state == "success"
    assert "the partner's interface differs from the contract" in " ".join(received.headlines)
    assert "no prospects for 20 days" in received.text
    assert f"records with status {word}" in received.text
