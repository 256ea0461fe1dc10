"""The page says when personal data is not deleted any more: the retention is paused, missing, or has not succeeded for days."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from test_app import get

from letting_sync.ledger.retention_runs import LONGEST_PAUSE

DAG = "prospect_retention"
RUN = (
    "INSERT INTO dag_run (dag_id, run_id, run_type, state, run_after, start_date, end_date, log_template_id,"
    " clear_number, created_dag_version_id, queued_at)"
    f" SELECT '{DAG}', ?, 'manual', ?, ?, ?, ?, log_template_id, 0, created_dag_version_id, queued_at FROM dag_run LIMIT 1"
)


@pytest.fixture
def change(server: Any) -> Iterator[Callable[..., None]]:
    """Changes Airflow's database; afterwards the retention is as it was: switched on, and without a run."""

    def execute(statement: str, *values: Any) -> None:
        with closing(sqlite3.connect(server.home / "airflow.db", timeout=30)) as database, database:
            database.execute(statement, values)

    yield execute
    execute(f"UPDATE dag SET is_stale = 0, is_paused = 0 WHERE dag_id = '{DAG}'")
    execute(f"DELETE FROM dag_run WHERE dag_id = '{DAG}'")


def notice(server: Any) -> str | None:
    found: str | None = get(server, "viewer", "/prospects/api/pairs").json()["retention"]
    return found


def test_a_retention_that_is_switched_on_and_has_no_run_yet_needs_no_notice(server: Any) -> None:
    assert notice(server) is None


def test_a_paused_retention_is_named_until_somebody_switches_it_on(server: Any, change: Any) -> None:
    for paused, expected in ((True, "paused"), (False, None)):
        response = server.session(None).patch(
            f"{server.url}/api/v2/dags/{DAG}",
            json={"is_paused": paused},
            headers={"Authorization": f"Bearer {server.token('admin')}"},
            timeout=60,
        )
        assert response.ok, response.text
        assert notice(server) == expected


def test_a_retention_whose_file_is_gone_is_missing(server: Any, change: Any) -> None:
    change(f"UPDATE dag SET is_stale = 1 WHERE dag_id = '{DAG}'")

    assert notice(server) == "missing"


@pytest.mark.parametrize(
    ("state", "age", "expected"),
    [
        ("success", timedelta(hours=1), None),
        ("success", LONGEST_PAUSE + timedelta(hours=1), "overdue"),
        ("failed", timedelta(hours=1), None),
        ("failed", LONGEST_PAUSE + timedelta(hours=1), "overdue"),
    ],
)
def test_a_retention_that_has_not_ended_well_for_days_is_overdue(
    server: Any, change: Any, state: str, age: timedelta, expected: str | None
) -> None:
    ended = (datetime.now(UTC) - age).strftime("%Y-%m-%d %H:%M:%S.%f")
    change(RUN, "last", state, ended, ended, ended)

    assert notice(server) == expected
