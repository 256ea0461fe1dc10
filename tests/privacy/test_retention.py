"""What is deleted when, and what never is; on real parquet files, a real ledger and by the real DAG."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pendulum
import pytest
import sqlalchemy as sa
from airflow.sdk import ObjectStoragePath
from airflow.sdk.io import attach
from fsspec.implementations.memory import MemoryFileSystem

from letting_sync.cli.main import main
from letting_sync.errors import StopRun
from letting_sync.ledger.ledger import Ledger
from letting_sync.ledger.records import Intent, Run
from letting_sync.ledger.retention_runs import find_state
from letting_sync.ledger.schema import entries, events
from letting_sync.privacy import retention
from letting_sync.privacy.retention import KeepingTimes, delete_ledger_rows, delete_staged, keeping_times
from letting_sync.staging import folders
from letting_sync.staging import tables as staging

AT = datetime(2026, 11, 20, 3, tzinfo=UTC)
PAIR = "immomio_yuneo"
TABLES = ("extent", "extracted", "prospects", "outcomes_extract", "quarantine_extract", "quarantine_dedup")


def stage(days_old: int, run: str = "r1", tables: tuple[str, ...] = TABLES, pair: str = PAIR) -> Path:
    """A run's folder, written so many days before ``AT``."""
    folder = folders.base() / pair / run
    folder.mkdir(parents=True, exist_ok=True)
    for table in tables:
        staging.write(str(folder), table, pd.DataFrame({"external_id": ["K1", "K2"]}))
    path = Path(folder.path)
    for file in path.iterdir():
        _age(file, days_old)
    return path


def _age(file: Path, days: int) -> None:
    at = (AT - timedelta(days=days)).timestamp()
    os.utime(file, (at, at))


def delete(under_way=lambda dag_id, run_ids: 0, times: KeepingTimes | None = None, dry_run: bool = False):
    return delete_staged(folders.base(), times or KeepingTimes(), AT, under_way, dry_run)


def names(folder: Path) -> set[str]:
    return {file.stem for file in folder.iterdir()} if folder.exists() else set()


# --- staged tables ----------------------------------------------------------------------------------------


def test_tables_go_after_30_days_and_quarantine_stays(own_ledger):
    old, young = stage(31, "old"), stage(29, "young")
    counts = delete()
    assert names(old) == {"extent", "quarantine_extract", "quarantine_dedup"}
    assert names(young) == set(TABLES)
    assert counts == {
        "runs": 2, "runs_under_way": 0, "tables": 3, "quarantine_tables": 0, "rows": 6, "folders": 0,
    }  # fmt: skip


def test_after_180_days_the_folder_goes(own_ledger):
    old = stage(181)
    counts = delete()
    assert not old.exists()
    assert (counts["tables"], counts["quarantine_tables"], counts["folders"]) == (4, 2, 1)
    assert delete() == dict.fromkeys(counts, 0), "nothing is left to be done a second time"


def test_erasing_a_person_from_a_table_does_not_lengthen_its_life(own_ledger):
    """The rewritten table looks young; the age of a run is that of its extent."""
    folder = stage(181)
    _age(folder / "quarantine_extract.parquet", 0)
    delete()
    assert not folder.exists()


def test_a_run_that_goes_on_is_left_alone(own_ledger):
    """By the names that Airflow knows it under: its folder's name has lost ':' and '+'."""
    waits = stage(40, "scheduled__2026-10-10T23_00_00_00_00")
    by_hand = stage(40, "manual__2026-10-10T08_01_02.345678_00_00_Ab1")
    ended = stage(40, "ended")
    going_on = {"scheduled__2026-10-10T23:00:00+00:00", "manual__2026-10-10T08:01:02.345678+00:00_Ab1"}
    counts = delete(lambda dag_id, run_ids: len(going_on & set(run_ids)) if run_ids else len(going_on))
    assert counts["runs_under_way"] == 2
    assert names(waits) == names(by_hand) == set(TABLES)
    assert "extracted" not in names(ended)


def test_a_run_that_goes_on_is_known_by_the_id_in_its_folder(own_ledger):
    """The folder's name does not tell it: of two ids that look alike one goes on."""
    paths = {}
    for run_id in ("nach:1", "nach+1"):
        paths[run_id] = stage(40, folders.path_of(PAIR, run_id).name)
        staging.write(f"file://{paths[run_id]}", "run", pd.DataFrame({"run_id": [run_id]}))
    delete(lambda dag_id, run_ids: int("nach+1" in run_ids) if run_ids else 1)
    assert names(paths["nach+1"]) == {*TABLES, "run"}
    assert names(paths["nach:1"]) == {"extent", "run", "quarantine_extract", "quarantine_dedup"}


def test_a_dry_run_counts_and_deletes_nothing(own_ledger):
    folder = stage(181)
    assert delete(dry_run=True)["tables"] == 4
    assert names(folder) == set(TABLES)
    assert delete()["tables"] == 4


def test_what_is_no_table_of_ours_stays(own_ledger):
    """A mistaken address of the staging must not empty somebody's folders."""
    folder = stage(400)
    (folder / "thesis.docx").write_text("years of work")
    _age(folder / "thesis.docx", 400)
    delete()
    assert names(folder) == {"thesis"}


def test_without_a_staging_folder_there_is_nothing_to_do(own_ledger):
    assert delete()["runs"] == 0


def test_an_object_store_knows_the_age_too(own_ledger):
    """No local path, no mtime: fsspec's memory store stands for S3."""
    attach(protocol="memory", fs=MemoryFileSystem())
    base = ObjectStoragePath("memory://retention-test/staging")
    folder = base / PAIR / "r1"
    folder.mkdir(parents=True, exist_ok=True)
    for table in ("extent", "extracted", "quarantine_extract"):
        staging.write(str(folder), table, pd.DataFrame({"external_id": ["K1"]}))
    now = datetime.now(UTC)
    soon, late = now + timedelta(days=31), now + timedelta(days=181)
    assert delete_staged(base, KeepingTimes(), now, lambda *_: 0)["tables"] == 0
    assert delete_staged(base, KeepingTimes(), soon, lambda *_: 0)["tables"] == 1
    assert delete_staged(base, KeepingTimes(), late, lambda *_: 0)["quarantine_tables"] == 1
    assert not list(base.glob("**/*.parquet"))


# --- the ledger -------------------------------------------------------------------------------------------


@pytest.fixture
def ledger(own_ledger) -> Ledger:
    return Ledger()


def entry(ledger: Ledger, external_id: str, days: int, **values) -> int:
    """An entry with these values that was last changed so many days before ``AT``."""
    ledger.claim(Run(PAIR, "yuneo", "r"), [Intent(external_id, f"1/2/3/{external_id}", True, "c", "p")])
    (row,) = ledger.find(PAIR, [external_id]).values()
    with ledger.engine.begin() as connection:
        connection.execute(
            sa.update(entries)
            .where(entries.c.id == row.id)
            .values(updated_at=AT - timedelta(days=days), **values)
        )
    return row.id


def left(ledger: Ledger) -> set[str]:
    with ledger.engine.begin() as connection:
        return set(connection.execute(sa.select(entries.c.external_id)).scalars())


def test_rows_of_rejected_ones_go_after_180_days(ledger):
    loaded = {"state": "loaded", "offer_number": "A1"}
    entry(ledger, "refused", 181, state="refused", reason="unit_unknown")
    entry(ledger, "withdrawn", 181, **loaded, withdrawn_at=AT)
    entry(ledger, "rejected", 181, **loaded, acceptance="held", acceptance_reason="offer_rejected")
    entry(ledger, "young", 179, state="refused")
    entry(ledger, "open", 181, **loaded)
    entry(ledger, "competing", 181, **loaded, acceptance="held", acceptance_reason="competing_offer")
    entry(ledger, "leased", 999, **loaded, acceptance="leased", lease_number="M1")

    assert delete_ledger_rows(ledger.engine, KeepingTimes(), AT) == {
        "rejected": 3, "open": 0, "leased": 0, "kept_as_unfinished": 0,
    }  # fmt: skip
    assert left(ledger) == {"young", "open", "competing", "leased"}
    with ledger.engine.begin() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(events)).scalar() == 4


def test_what_a_run_or_a_person_is_busy_with_never_goes(ledger):
    """Its row is what keeps a prospect from being sent, or an offer from being accepted, twice."""
    entry(ledger, "claimed", 999, state="claimed")
    entry(ledger, "sent", 999, state="sent")
    entry(ledger, "sent and withdrawn", 999, state="sent", withdrawn_at=AT)
    entry(ledger, "accepting", 999, state="loaded", acceptance="accepting")
    entry(ledger, "awaiting", 999, state="loaded", acceptance="awaiting", withdrawn_at=AT)
    before = left(ledger)
    counts = delete_ledger_rows(ledger.engine, KeepingTimes(leased=1), AT)
    assert left(ledger) == before
    assert counts["kept_as_unfinished"] == 5


def test_a_claim_that_is_never_sent_goes_as_what_was_refused(ledger):
    """Withdrawn or for another unit since: whichever run has claimed it, nobody sends it any more."""
    for name in ("withdrawn_at", "moved_at"):
        entry(ledger, name, 181, state="claimed", **{name: AT})
    counts = delete_ledger_rows(ledger.engine, KeepingTimes(), AT)
    assert (left(ledger), counts["rejected"], counts["kept_as_unfinished"]) == (set(), 2, 0)


def test_what_is_kept_for_ever_is_not_deleted_as_something_else(ledger):
    """What was found: rows of rejected ones went after the days of open ones, though theirs were 0: for ever."""
    entry(ledger, "refused", 9999, state="refused")
    entry(ledger, "withdrawn", 9999, state="loaded", withdrawn_at=AT)
    entry(ledger, "open", 731, state="loaded")
    counts = delete_ledger_rows(ledger.engine, KeepingTimes(rejected=0), AT)
    assert (left(ledger), counts["rejected"], counts["open"]) == ({"refused", "withdrawn"}, 0, 1)


def test_open_offers_and_leases_have_times_of_their_own(ledger):
    entry(ledger, "open", 731, state="loaded")
    entry(ledger, "leased", 3651, state="loaded", acceptance="leased", lease_number="M1")
    counted = delete_ledger_rows(ledger.engine, KeepingTimes(leased=3650), AT, dry_run=True)
    assert left(ledger) == {"open", "leased"}
    assert delete_ledger_rows(ledger.engine, KeepingTimes(leased=3650), AT) == counted
    assert counted["open"] == counted["leased"] == 1
    assert left(ledger) == set()


# --- settings and the DAG ---------------------------------------------------------------------------------


def test_the_keeping_times_are_settings(monkeypatch):
    assert keeping_times() == KeepingTimes(30, 180, 180, 730, 0)
    monkeypatch.setenv("AIRFLOW__PROSPECTS__KEEP_STAGED_DAYS", "7")
    assert keeping_times().staged == 7


@pytest.mark.parametrize("days", ["-1", "soon", "200"])
def test_a_wrong_time_deletes_nothing(own_ledger, monkeypatch, days):
    monkeypatch.setenv("AIRFLOW__PROSPECTS__KEEP_STAGED_DAYS", days)
    with pytest.raises(StopRun, match=rf"keep_staged_days = '?{days}.*Nothing was deleted"):
        keeping_times()


def test_the_dag_deletes_and_counts(airflow_db, ledger):
    """``airflow dags test prospect_retention``, with Airflow asked for the runs that go on."""
    from airflow.dag_processing.dagbag import DagBag

    folder = stage(181)
    entry(ledger, "refused", 300, state="refused")
    bag = DagBag(Path(__file__).parents[2] / "dags" / "prospect_retention.py")
    dag = bag.dags["prospect_retention"]
    assert bag.import_errors == {}
    assert "**Recipients of alerts:** **nobody**" in dag.doc_md

    def run(day: int, **conf) -> str:
        return str(dag.test(run_after=pendulum.datetime(2027, 1, day), run_conf=conf).state)

    assert run(1, dry_run=True) == "success"
    assert folder.exists()
    with a_run_that_goes_on():
        assert run(2, dry_run=False) == "success"
        assert folder.exists()
    assert run(3, dry_run=False) == "success"
    assert not folder.exists()
    assert left(ledger) == set()


@contextmanager
def a_run_that_goes_on() -> Iterator[None]:
    """In Airflow's database, for the folder's run."""
    from airflow.models import DagRun
    from airflow.utils.session import create_session

    with create_session() as session:
        run = DagRun(
            dag_id=PAIR, run_id="r1", run_type="manual", state="running", run_after=AT, start_date=AT
        )
        session.add(run)
    try:
        yield
    finally:
        with create_session() as session:
            session.delete(session.merge(run))


def test_airflow_is_asked_for_runs_that_go_on_only_by_name(own_ledger):
    asked = []

    def under_way(dag_id, run_ids):
        asked.append((dag_id, tuple(run_ids)))
        return 1

    stage(40, "manual__2026-10-10T08_00_00_00_00")
    delete(under_way)
    assert asked == [
        (PAIR, ()),
        (PAIR, ("manual__2026-10-10T08:00:00+00:00", "manual__2026-10-10T08_00_00_00_00")),
    ]
    assert retention.UNDER_WAY == ("queued", "running")


# --- as a command ------------------------------------------------------------------------------------------


def test_the_command_deletes_and_counts_where_a_task_could_run(own_ledger, capsys, monkeypatch):
    """Without Airflow's database; and the run whose offers a person is asked about is left alone."""
    folder, busy = stage(400), stage(400, "busy")
    ledger = Ledger()
    ledger.claim(Run(PAIR, "yuneo", "busy"), [Intent("K1", "1/2/3/4", True, "hash", "person")])

    assert retention.main(["--dry-run"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["dry_run"], told["staged_tables"]["folders"]) == (True, 1)
    assert folder.exists()
    assert find_state(ledger.engine).last is None

    assert retention.main([]) == 0
    assert not folder.exists()
    assert busy.exists()
    assert find_state(ledger.engine).last is not None


def test_the_command_says_in_one_line_what_is_wrong(own_ledger, capsys, monkeypatch):
    monkeypatch.setenv("AIRFLOW__PROSPECTS__KEEP_OPEN_DAYS", "-1")
    assert main(["retention"]) == 1
    said = (
        "letting-sync retention: [prospects] keep_open_days = -1 must be a whole number of days, at least 0 (0: for ever). "
        "Nothing was deleted. Correct it.\n"
    )
    assert capsys.readouterr().err == said


def test_the_dag_is_switched_on_by_itself():
    """Data must not be kept for ever because nobody pressed a switch."""
    from airflow.dag_processing.dagbag import DagBag

    from tests.conftest import ROOT

    assert (
        DagBag(ROOT / "dags" / "prospect_retention.py").dags["prospect_retention"].is_paused_upon_creation
        is False
    )
