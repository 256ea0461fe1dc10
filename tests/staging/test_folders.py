"""A run's folder is its own, found again after an update, and nobody else's to read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from letting_sync.errors import StopRun
from letting_sync.ledger.ledger import Ledger
from letting_sync.staging import folders, tables

PAIR = "immomio_yuneo"
RUN_IDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=250)


@pytest.fixture
def common_umask() -> Iterator[None]:
    """What a plain installation has: everybody may read new files."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def folder_of(run_id: str, dag_id: str = PAIR) -> Path:
    context: Any = {"dag_run": SimpleNamespace(dag_id=dag_id, run_id=run_id)}
    return Path(tables.folder_of(context).removeprefix("file://"))


def stage(folder: Path, external_id: str = "K1") -> None:
    tables.write(str(folder), "extracted", pd.DataFrame({"external_id": [external_id]}))


def test_nobody_else_may_read_staged_tables(own_ledger: Path, common_umask: None) -> None:
    folder = folder_of("scheduled__2026-11-30T00:00:00+00:00")
    stage(folder)
    stage(folder)

    assert {oct(stat.S_IMODE(path.stat().st_mode)) for path in (folder, *folder.parents[:2])} == {"0o700"}
    assert {oct(stat.S_IMODE(file.stat().st_mode)) for file in folder.iterdir()} == {"0o600"}


def test_files_of_an_earlier_release_become_private(own_ledger: Path, common_umask: None) -> None:
    folder = folder_of("run")
    (folder / "extracted.parquet").touch(mode=0o644)
    folder.chmod(0o755)
    stage(folder_of("run"))

    assert oct(stat.S_IMODE(folder.stat().st_mode)) == "0o700"
    assert oct(stat.S_IMODE((folder / "extracted.parquet").stat().st_mode)) == "0o600"


def test_a_folder_for_all_runs_that_the_deployment_made_keeps_its_rights(
    own_ledger: Path, common_umask: None
) -> None:
    (own_ledger / "staging").mkdir(mode=0o750)
    folder_of("run")

    assert oct(stat.S_IMODE((own_ledger / "staging").stat().st_mode)) == "0o750"


def test_nobody_else_may_read_the_ledger(own_ledger: Path, common_umask: None) -> None:
    (own_ledger / "ledger.db").touch(mode=0o644)
    with Ledger().engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
        files = {file.name: oct(stat.S_IMODE(file.stat().st_mode)) for file in own_ledger.glob("ledger*")}

    assert set(files) >= {"ledger.db", "ledger.key", "ledger.db.lock", "ledger.db-wal"}
    assert set(files.values()) == {"0o600"}


@given(st.lists(RUN_IDS, min_size=2, max_size=4, unique=True))
def test_no_two_runs_share_a_folder(run_ids: list[str]) -> None:
    paths = [folders.path_of(PAIR, run_id) for run_id in [*run_ids, "nach:1", "nach+1", "NACH+1", ".", ".."]]

    # Lower case: on some disks two names that differ in case only are one.
    assert len({path.name.lower() for path in paths}) == len(
        set(run_ids) | {"nach:1", "nach+1", "NACH+1", ".", ".."}
    )
    assert all(path.parent == folders.base() / PAIR for path in paths)
    assert all(len(path.name.encode()) < 255 and path.name.isascii() for path in paths)


@pytest.mark.parametrize("dag_id", ["", ".", "..", "a/b", "../a"])
def test_what_is_no_name_of_a_folder_is_refused(dag_id: str, own_ledger: Path) -> None:
    with pytest.raises(StopRun, match="rename the DAG"):
        folder_of("run", dag_id)
    with pytest.raises(StopRun):
        folder_of("")
    assert not (own_ledger / "staging").exists()


def test_the_folder_of_an_earlier_release_is_found(own_ledger: Path) -> None:
    run_id = "scheduled__2026-11-30T00:00:00+00:00"
    earlier = own_ledger / "staging" / PAIR / "scheduled__2026-11-30T00_00_00_00_00"
    earlier.mkdir(parents=True)

    assert folders.existing(PAIR, run_id).path == str(earlier)
    now = folder_of(run_id)
    assert folders.existing(PAIR, run_id).path == str(now)


@pytest.mark.parametrize("run_id", [".", ".."])
def test_a_run_called_dot_has_no_folder_of_an_earlier_release(run_id: str, own_ledger: Path) -> None:
    """It would be the one of the pair, or of all pairs."""
    folder_of("another run")

    assert not folders.existing(PAIR, run_id).exists()


def test_tables_that_an_earlier_release_put_above_the_runs_folders_are_found(own_ledger: Path) -> None:
    stage(folder_of("."))
    stage(own_ledger / "staging" / PAIR)
    stage(own_ledger / "staging")

    found = list(folders.run_folders(folders.base()))

    assert [folder.dag_id for folder in found] == [None, PAIR, PAIR]
    assert {Path(folder.path.path).name for folder in found[:2]} == {"staging", PAIR}


def test_somebodys_own_files_are_no_staged_tables(own_ledger: Path) -> None:
    folder_of("run")
    (own_ledger / "staging" / "thesis.parquet").write_text("years of work")

    assert [folder.dag_id for folder in folders.run_folders(folders.base())] == [PAIR]


@pytest.mark.parametrize("address", ["s3://nowhere@bucket/staging", "quux://bucket/staging"])
def test_an_address_that_cannot_be_opened_stops_the_run(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("AIRFLOW__PROSPECTS__STAGING", address)

    with pytest.raises(StopRun, match=rf"staging = '{address}' cannot be opened"):
        folders.base()
