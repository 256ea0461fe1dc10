"""An update while tasks wait, and settings or tables that change under a run."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from letting_sync.errors import StopRun
from letting_sync.ledger.ledger import Ledger
from letting_sync.ledger.migrate import VERSION_TABLE
from letting_sync.ledger.records import Intent, Run
from letting_sync.reasons import Reason
from letting_sync.settings import AlertLimits
from letting_sync.staging import tables
from letting_sync.staging.chunks import Chunk
from letting_sync.systems.yuneo import YUNEO
from letting_sync.systems.yuneo.operators import YuneoLoadOffersOperator
from letting_sync.tasks.load_offers.trigger import ImportTrigger
from letting_sync.tasks.reconcile.operator import ReconcileOperator

TARGET = {
    "system": "letting_sync.systems.yuneo.YUNEO",
    "conn_id": "yuneo",
    "exchange": "Immomio",
    "separator": "/",
    "pool": "erp_yuneo",
}
WAITS: dict[str, Any] = {"target": TARGET, "jobs": ["1"], "pause": 5.0}
SINCE = "2026-11-30T04:00:00+00:00"


@pytest.mark.parametrize(
    "stored",
    [
        WAITS | {"memory": {"since": SINCE, "rounds_lost": 1}},
        WAITS | {"since": SINCE},
        WAITS | {"memory": {"since": SINCE}, "an_argument_of_the_next_release": 1},
    ],
    ids=["this release", "before", "after"],
)
def test_a_trigger_that_another_release_has_stored_is_made_anew(stored: dict[str, Any]) -> None:
    """What Airflow's database holds while tasks are deferred: an error would cost each of them a try."""
    trigger = ImportTrigger(**stored)
    path, arguments = trigger.serialize()

    assert path == "letting_sync.tasks.load_offers.trigger.ImportTrigger"
    assert ImportTrigger(**arguments).memory["since"] == SINCE
    assert (trigger.target, trigger.jobs, trigger.pause) == (TARGET, ["1"], 5.0)


def test_a_ledger_of_a_newer_release_says_what_to_do(own_ledger: Path) -> None:
    with Ledger().engine.begin() as connection:
        connection.execute(sa.text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))

    with pytest.raises(StopRun, match=r"9999, which this package does not know.*Install the release"):
        Ledger()


def test_a_ledger_of_an_older_release_names_the_command(own_ledger: Path) -> None:
    with Ledger().engine.begin() as connection:
        connection.execute(sa.text(f"UPDATE {VERSION_TABLE} SET version_num = '0001'"))

    with pytest.raises(StopRun, match=r"letting-sync migrate"):
        Ledger()


# --- what is missing or changed ---------------------------------------------------------------------------------


def staged(folder: Path) -> str:
    """A run that read nothing."""
    folder.mkdir()
    for table in ("extracted", "withdrawn", "not_chosen", "findings"):
        tables.write(f"file://{folder}", table, pd.DataFrame({"external_id": []}, dtype="string[pyarrow]"))
    for task in tables.ENDING_TASKS:
        tables.write_outcomes(f"file://{folder}", task, [], {})
    tables.write_extent(f"file://{folder}", tables.Extent(0, None))
    return f"file://{folder}"


@pytest.mark.parametrize("lost", ["withdrawn", "not_chosen", "extent", "outcomes_extract", None])
def test_a_run_whose_tables_are_lost_is_never_green(tmp_path: Path, lost: str | None) -> None:
    folder = staged(tmp_path / "run")
    for path in (tmp_path / "run").glob(f"{lost or '*'}.parquet"):
        path.unlink()
    operator = ReconcileOperator(task_id="reconcile", chunks=[Chunk(folder).handed_on], limits=AlertLimits())

    with pytest.raises(StopRun, match=f"table '{lost or 'extent'}' is missing"):
        operator.execute({"params": {}})  # type: ignore[arg-type]


def test_a_changed_exchange_is_noticed_while_something_is_under_way(own_ledger: Path) -> None:
    """With the new one what was sent would not be found, and sent once more; whichever run comes next."""
    chunk, run = Chunk(f"file://{own_ledger}"), Run("immomio_yuneo", "yuneo", "run 1")
    before = YUNEO.at("yuneo", exchange="Immomio")
    operator = YuneoLoadOffersOperator(
        task_id="load_offers",
        chunk=chunk.handed_on,
        erp=before,
        key=("last_name",),
        poll=timedelta(seconds=5),
    )
    ledger = Ledger()
    operator._stop_if_the_target_changed(ledger, run)
    operator.erp = replace(before, exchange="A slip corrected before anything was sent")
    operator._stop_if_the_target_changed(ledger, run)
    (entry,) = ledger.claim(run, [Intent("anna", "1/1/1/1", True, "content", None)]).values()
    ledger.mark_sent([entry.id], entry.claim or "")
    operator.erp = replace(before, exchange="Another")

    for this in (run, replace(run, run_id="run 2")):
        with pytest.raises(StopRun, match=r"from exchange 'A slip.*Set the old values"):
            operator._stop_if_the_target_changed(ledger, this)
    operator._stop_if_the_target_changed(ledger, replace(run, pair="another pair"))
    ledger.mark_refused([entry.id], Reason.UNKNOWN_UNIT)
    operator._stop_if_the_target_changed(ledger, replace(run, run_id="run 3"))


def test_a_wait_that_another_release_has_stored_is_gone_on_with(monkeypatch: pytest.MonkeyPatch) -> None:
    operator = YuneoLoadOffersOperator(
        task_id="load_offers", chunk={}, erp=YUNEO.at("yuneo", exchange="Immomio"), key=(), poll=timedelta(1)
    )
    seen: list[Any] = []
    monkeypatch.setattr(
        operator, "advance", lambda _, rounds_lost=0: seen.append((operator.imports_since, rounds_lost))
    )

    for event in ({"since": SINCE, "rounds_lost": 2}, {"since": SINCE}, {}):
        operator.resume({}, event)  # type: ignore[typeddict-item]

    since = datetime(2026, 11, 30, 4, tzinfo=UTC)
    assert seen == [(since, 2), (since, 0), (None, 0)]
