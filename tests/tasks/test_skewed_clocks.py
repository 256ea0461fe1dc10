"""Clocks of two workers differ: no claim is taken over too early, no offer is sent twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
import time_machine

from letting_sync.ledger.ledger import CLAIM_EXPIRES, Ledger
from letting_sync.ledger.records import Intent, Retraction, Run
from letting_sync.ledger.schema import Store, entries
from letting_sync.reasons import Reason
from tests.harness.installation import LOAD, UP_TO_LOAD, Installation
from tests.harness.postgres_server import PostgresServer

INTENT = Intent("prospect", "1/1/1/1", True, "content", None)
FIRST, SECOND = (Run("immomio_yuneo", "yuneo", run_id) for run_id in ("run 1", "run 2"))
AHEAD = [timedelta(minutes=3), timedelta(hours=1), timedelta(minutes=-3), timedelta(hours=-1)]
on_clocks = pytest.mark.parametrize(
    "ahead", AHEAD, ids=lambda ahead: f"{ahead.total_seconds() / 60:+.0f} min"
)


@pytest.fixture
def on_postgresql(
    installation: Installation, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> Installation:
    """The house with its ledger on PostgreSQL, which has a clock of its own."""
    ledger = {"AIRFLOW_CONN_PROSPECT_LEDGER": postgres.connection()}
    monkeypatch.setenv(*next(iter(ledger.items())))
    installation.run = replace(
        installation.run, environment={**installation.environment(settle_seconds=4), **ledger}
    )
    return installation


@on_clocks
@pytest.mark.parametrize("whose", ["the first worker's", "the second worker's"])
def test_a_request_that_takes_effect_late_is_waited_for(
    on_postgresql: Installation, ahead: timedelta, whose: str
) -> None:
    """The response is lost, the worker dies, and the ERP does what it was asked two seconds later."""
    installation, right = on_postgresql, on_postgresql.run
    skewed = replace(right, clock_ahead=ahead)
    first, second = (skewed, right) if whose == "the first worker's" else (right, skewed)
    installation.add(1)
    installation.system.faults.once(
        "late_effect", path=installation.names.deliveries, method="POST", hold_seconds=2
    )
    installation.does(
        UP_TO_LOAD, run=replace(first, modules={"letting_sync.tasks.load_offers.loader.ROUNDS_LOST": 0})
    )
    assert installation.offers() == {}, "the request has had no effect yet"

    installation.succeeds(LOAD, run=second)

    assert installation.offers() == {installation.ids[0]: 1}


@on_clocks
def test_a_claim_is_taken_over_by_the_clock_of_the_database(
    postgres: PostgresServer, ahead: timedelta
) -> None:
    ledger = Ledger(Store(postgres.new_database(), b"key"))
    with time_machine.travel(datetime.now(UTC) + ahead):
        ledger.claim(FIRST, [INTENT])
        with time_machine.travel(datetime.now(UTC) - 2 * ahead):
            assert ledger.claim(SECOND, [INTENT]) == {}
            with ledger.engine.begin() as connection:
                earlier = ledger.now() - CLAIM_EXPIRES - timedelta(seconds=1)
                connection.execute(sa.update(entries).values(claimed_at=earlier))
            assert set(ledger.claim(SECOND, [INTENT])) == {INTENT.key}


@on_clocks
def test_all_times_in_the_ledger_are_of_the_database(postgres: PostgresServer, ahead: timedelta) -> None:
    ledger = Ledger(Store(postgres.new_database(), b"key"))
    before = ledger.now()
    with time_machine.travel(datetime.now(UTC) + ahead):
        (entry,) = ledger.claim(FIRST, [INTENT]).values()
        ledger.mark_sent([entry.id], entry.claim or "")
        ledger.mark_retracted(FIRST, [Retraction(INTENT.external_id, None, Reason.WITHDRAWN, before)])
        ledger.mark_accepting(entry, FIRST.run_id)
        (entry,) = ledger.find(FIRST.pair, [INTENT.external_id]).values()
        after = ledger.now()
    times = [value for value in entry if isinstance(value, datetime)]

    assert len(times) == 6
    assert all(before <= time <= after for time in times)
