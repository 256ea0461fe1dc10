"""An empty window: one task, and the run is as green, counted and quiet as any other."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pendulum
import pytest
import sqlalchemy as sa
from airflow.models.taskinstance import TaskInstance
from airflow.utils.session import create_session

from include.sandbox import Sandbox
from letting_sync.alerts.incidents import Change, Incidents, opened
from letting_sync.console import days, runs
from letting_sync.counts import OF_AN_EMPTY_WINDOW
from letting_sync.ledger.ledger import Ledger
from letting_sync.ledger.records import Intent, Run
from letting_sync.ledger.schema import entries
from letting_sync.reasons import Reason

PAIRS = ("immomio_yuneo", "everreal_sigma")
EMPTY = {"window_start": "2020-01-01T00:00:00+01:00", "window_end": "2020-01-02T00:00:00+01:00"}
DEFAULTS = {"window_start": None, "window_end": None, "external_ids": None, "dry_run": False, "accept": None}
STORY = ("extract", "dedup", "load_offers", "auto_accept", "reconcile")


def states(run: Any) -> dict[str, str]:
    """State of each task of a run; of a mapped one that of its last instance."""
    with create_session() as session:
        query = sa.select(TaskInstance.task_id, TaskInstance.state).where(
            TaskInstance.dag_id == run.dag_id, TaskInstance.run_id == run.run_id
        )
        return dict(session.execute(query.order_by(TaskInstance.map_index)).all())


@pytest.fixture
def empty_run(box: Sandbox, run_pair: Any) -> Callable[..., Any]:
    """Run a pair for a window in which nothing has changed."""

    def run(pair: str, **params: Any) -> Any:
        run = run_pair.bag.dags[pair].test(run_conf=DEFAULTS | EMPTY | params)
        assert run.state == "success"
        return run

    return run


def only_the_first_ran(run: Any) -> bool:
    return states(run) == {task: "success" if task == "extract" else "skipped" for task in STORY}


def all_ran(run: Any) -> bool:
    return states(run) == dict.fromkeys(STORY, "success")


@pytest.mark.parametrize("pair", PAIRS)
def test_an_empty_window_is_one_task_and_its_counts_are_those_of_a_whole_run(
    box: Sandbox, run_pair: Any, empty_run: Callable[..., Any], pair: str
) -> None:
    """A dry run has the same counts and more, and runs all tasks."""
    run = empty_run(pair)
    assert only_the_first_ran(run)
    dry = empty_run(pair, dry_run=True)
    assert all_ran(dry)

    (shown,) = [row for row in shown_runs(pair) if row.run_id == run.run_id]
    whole = run_pair.xcoms(dry)["reconcile"]
    assert shown.counts == {name: whole[name] for name in shown.counts or {}}
    assert shown.counts["extracted"] == 0
    assert set(whole) - set(shown.counts) == {name for name in whole if name.startswith("would_")}


def shown_runs(pair: str) -> list[runs.RunRow]:
    """The pair's runs as the console shows them."""
    with create_session() as session:
        of_console = runs.Pair(pair, "@daily", None, False, None)
        return runs.page_of_runs(session, of_console, 0, 10)


def test_what_a_person_asks_for_runs_all_tasks(box: Sandbox, empty_run: Callable[..., Any]) -> None:
    assert all_ran(empty_run("immomio_yuneo", dry_run=True))

    rejected = next(one["id"] for one in box.immomio.applications if one["status"] == "REJECTED")
    replay = {"external_ids": [rejected], "window_start": None, "window_end": None}
    assert all_ran(empty_run("immomio_yuneo", **replay))


def test_a_window_whose_records_were_all_refused_is_empty_and_counts_them(
    box: Sandbox, run_pair: Any, empty_run: Callable[..., Any]
) -> None:
    """Nothing goes to the ERP; the alert and the page about quarantine have what they need."""
    first = run_pair("immomio_yuneo", **DEFAULTS)
    assert first["quarantined"] > 0
    refused = next(a for a in box.immomio.applications if box.world.notes.get(a["id"]) == "three_part_unit")
    box.immomio.update(refused["id"], updatedAt="2020-01-01T11:00:00Z")

    run = empty_run("immomio_yuneo")

    assert only_the_first_ran(run)
    counts = run_pair.xcoms(run, OF_AN_EMPTY_WINDOW)["extract"]
    assert (counts["extracted"], counts["quarantined"]) == (1, 1)
    assert counts["quarantine_reasons"] == {"unit_not_four_parts": 1}


def test_what_the_ledger_has_open_runs_all_tasks(
    box: Sandbox, run_pair: Any, empty_run: Callable[..., Any]
) -> None:
    """Held offers are reviewed once a day, and then the next empty window is one task again."""
    first = run_pair("immomio_yuneo", **DEFAULTS)
    assert first["held"] > 0
    assert only_the_first_ran(empty_run("immomio_yuneo"))
    with Ledger().engine.begin() as connection:
        yesterday = pendulum.now("UTC").subtract(hours=21)
        connection.execute(sa.update(entries).values(updated_at=yesterday, reviewed_at=None))

    assert all_ran(empty_run("immomio_yuneo"))
    with Ledger().engine.connect() as connection:
        held = (entries.c.acceptance == "held", entries.c.reviewed_at.is_(None))
        assert connection.execute(sa.select(entries.c.id).where(*held)).all() == []
    assert only_the_first_ran(empty_run("immomio_yuneo"))


def test_a_ledger_that_cannot_be_asked_runs_all_tasks(
    box: Sandbox, run_pair: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They say what is wrong with it, and fail."""
    monkeypatch.setenv("AIRFLOW_CONN_PROSPECT_LEDGER", '{"conn_type": "mysql", "extra": {"hash_key": "k"}}')
    run = run_pair.bag.dags["immomio_yuneo"].test(run_conf=DEFAULTS | EMPTY)

    assert run.state == "failed"
    assert states(run)["load_offers"] == "failed"


def test_the_day_is_loaded_and_an_incident_of_the_run_is_over(
    box: Sandbox, run_pair: Any, own_ledger: Path
) -> None:
    """The same run a second time, as after a clear: it was late and had failed."""
    dag = run_pair.bag.dags["immomio_yuneo"]
    end = dag.start_date.add(days=2)
    once: dict[str, Any] = {"logical_date": end, "run_after": end, "run_conf": DEFAULTS}
    run_id = dag.test(**once).run_id
    incidents = Incidents()
    for kind in ("failed", "late"):
        incidents.apply("immomio_yuneo", kind, partial(opened, kind, subject=run_id, window_end=None, at=end))

    run = dag.test(**once)

    assert run.run_id == run_id
    assert only_the_first_ran(run)
    for kind in ("failed", "late"):
        before, _ = incidents.apply("immomio_yuneo", kind, Change)
        assert not before.subjects, kind
    since = end.subtract(days=1)
    with create_session() as session:
        pair = runs.Pair("immomio_yuneo", "@daily", None, False, None)
        found = days.intervals(
            "@daily", runs.runs_since(session, pair, since), since, end, since, paused=False
        )
    assert found[0].state is days.State.LOADED


def test_a_silence_is_noticed_in_an_empty_window(run_pair: Any, empty_run: Callable[..., Any]) -> None:
    """Twenty days with prospects, then none for a month."""
    ledger, last = Ledger(), pendulum.datetime(2019, 12, 1, tz="UTC")
    for number in range(20):
        window = (last.subtract(days=number + 1), last.subtract(days=number))
        run = Run("immomio_yuneo", "erp", f"run {number}", *window)
        claimed = ledger.claim(run, [Intent(f"p{number}", "1/1/1/1", True, "content", None)])
        ledger.mark_refused([entry.id for entry in claimed.values()], Reason.UNKNOWN_UNIT)

    run = empty_run("immomio_yuneo")

    assert only_the_first_ran(run)
    findings = run_pair.xcoms(run, OF_AN_EMPTY_WINDOW)["extract"]["interface_findings"]
    assert findings["silence days"] >= 30
