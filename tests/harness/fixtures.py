"""Fixtures for tests of several folders: both ERPs with prospects to load, a PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
import time_machine

from include.sandbox import Sandbox
from letting_sync.ledger.ledger import Ledger
from letting_sync.ledger.schema import Store
from tests.harness.installation import Installation
from tests.harness.ledger_entries import NOW
from tests.harness.postgres_server import ABSENT, PROGRAMS, PostgresServer


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with Sandbox(populate=False) as box:
        yield box


@pytest.fixture(params=["yuneo", "sigma"])
def installation(
    request: pytest.FixtureRequest, running: Sandbox, own_ledger: Path, airflow_home_known_to_children: None
) -> Installation:
    running.reset()
    for system in running.systems:
        system.options = type(system.options)(per_minute=None)
    return Installation(running, request.param, own_ledger)


@pytest.fixture(scope="session")
def airflow_home_known_to_children() -> None:
    """The fork server is started with this environment, set by ``tests/conftest.py``."""
    assert os.environ["AIRFLOW_HOME"]


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    """Start a PostgreSQL for the tests."""
    if PROGRAMS is None:
        pytest.skip(ABSENT)
    started = PostgresServer()
    yield started
    started.remove()


@pytest.fixture
def clock() -> Iterator[time_machine.Coordinates]:
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


@pytest.fixture
def ledger(tmp_path: Path, clock: time_machine.Coordinates) -> Ledger:
    """Return an empty ledger, at four in the morning."""
    return Ledger(Store(sa.URL.create("sqlite", database=str(tmp_path / "ledger.db")), b"key"))
