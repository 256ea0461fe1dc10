"""The ledger's database ends in the middle of a load: the task fails, is tried again, and nothing is sent twice."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.harness.installation import AFTER_LOAD, LOAD, UP_TO_LOAD, Installation, until
from tests.harness.postgres_server import PostgresServer


@pytest.fixture
def on_postgresql(
    installation: Installation, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> Installation:
    """The installation with its ledger on PostgreSQL."""
    ledger = {"AIRFLOW_CONN_PROSPECT_LEDGER": postgres.connection()}
    monkeypatch.setenv(*next(iter(ledger.items())))
    installation.run = replace(installation.run, environment={**installation.run.environment, **ledger})
    return installation


def test_it_ends_while_the_erp_holds_its_response(
    on_postgresql: Installation, postgres: PostgresServer
) -> None:
    """The answer gets lost, and the ledger that should say so is gone: afterwards the ERP is asked what it took."""
    installation = on_postgresql
    installation.add()
    installation.system.faults.once("timeout_after", path=installation.names.deliveries, hold_seconds=2)
    task = installation.begins(UP_TO_LOAD)
    until(lambda: bool(installation.system.faults.log))
    postgres.stop_at_once()
    ended = task.end()
    assert ended.how == "failed", "Airflow tries it again, no person is needed"
    assert "The ledger's database cannot be used" in ended.error
    again = installation.does(LOAD)
    assert again.how == "failed", "still down"

    postgres.start()
    installation.succeeds(LOAD)
    installation.succeeds(AFTER_LOAD)

    installation.all_is_well()
    assert json.loads(installation.run.environment["AIRFLOW_CONN_PROSPECT_LEDGER"])["host"] == str(
        postgres.home
    )


def test_it_ends_while_a_lease_is_made(on_postgresql: Installation, postgres: PostgresServer) -> None:
    """The ERP has made the lease and nobody could write that down: it is read from there, not made again."""
    installation = on_postgresql
    installation.add()
    installation.succeeds(UP_TO_LOAD)
    method, path = installation.names.accepts
    installation.system.faults.once("timeout_after", path=path, method=method, hold_seconds=2)
    task = installation.begins(("auto_accept",))
    until(lambda: bool(installation.system.faults.log))
    postgres.stop_at_once()
    assert task.end().how == "failed"

    postgres.start()
    installation.succeeds(AFTER_LOAD)

    installation.all_is_well()
