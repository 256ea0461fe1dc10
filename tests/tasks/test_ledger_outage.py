"""The ledger's database ends in the middle of a load: the task fails, is tried again, and nothing is sent twice."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.harness.house import AFTER_LOAD, LOAD, UP_TO_LOAD, House, until
from tests.harness.postgres_server import PostgresServer


@pytest.fixture
def on_postgresql(house: House, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> House:
    """The house with its ledger on PostgreSQL."""
    ledger = {"AIRFLOW_CONN_PROSPECT_LEDGER": postgres.connection()}
    monkeypatch.setenv(*next(iter(ledger.items())))
    house.run = replace(house.run, environment={**house.run.environment, **ledger})
    return house


def test_it_ends_while_the_erp_holds_its_answer(on_postgresql: House, postgres: PostgresServer) -> None:
    """The answer gets lost, and the ledger that should say so is gone: afterwards the ERP is asked what it took."""
    house = on_postgresql
    house.add()
    house.system.faults.once("timeout_after", path=house.names.deliveries, hold_seconds=2)
    task = house.begins(UP_TO_LOAD)
    until(lambda: bool(house.system.faults.log))
    postgres.stop_at_once()
    ended = task.end()
    assert ended.how == "failed", "Airflow tries it again, no person is needed"
    assert "OperationalError" in ended.error
    again = house.does(LOAD)
    assert again.how == "failed", "still down"

    postgres.start()
    house.succeeds(LOAD)
    house.succeeds(AFTER_LOAD)

    house.all_is_well()
    assert json.loads(house.run.environment["AIRFLOW_CONN_PROSPECT_LEDGER"])["host"] == str(postgres.home)


def test_it_ends_while_a_lease_is_made(on_postgresql: House, postgres: PostgresServer) -> None:
    """The ERP has made the lease and nobody could write that down: it is read from there, not made again."""
    house = on_postgresql
    house.add()
    house.succeeds(UP_TO_LOAD)
    method, path = house.names.accepts
    house.system.faults.once("timeout_after", path=path, method=method, hold_seconds=2)
    task = house.begins(("auto_accept",))
    until(lambda: bool(house.system.faults.log))
    postgres.stop_at_once()
    assert task.end().how == "failed"

    postgres.start()
    house.succeeds(AFTER_LOAD)

    house.all_is_well()
