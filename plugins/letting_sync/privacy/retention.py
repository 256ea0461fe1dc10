"""Delete personal data at the end of its retention period: staged tables and rows of the ledger.

By the DAG ``prospect_retention`` every night, or by ``letting-sync retention [--dry-run]``.

Times in days, section ``[prospects]`` of the Airflow configuration:

``keep_staged_days``      30   a run's tables, all but those of its quarantine
``keep_quarantine_days``  180  quarantine: as long as a rejected applicant may still make a claim
``keep_rejected_days``    180  ledger: refused, withdrawn, or with an offer that nobody can accept any more
``keep_open_days``        730  ledger: offers that may still be open in the ERP
``keep_leased_days``      0    ledger: leases; 0 keeps them, as the landlord's tenant file is kept

Data that a run or a person still works on is never deleted. A row deleted too early does no harm: before an offer is
sent, the loader looks it up in the ERP by its external id.
"""

from __future__ import annotations

import argparse
import json
import logging
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, TextIO

from airflow.sdk.configuration import conf
from airflow.sdk.exceptions import AirflowConfigException

from letting_sync import run_conf
from letting_sync.dry_run import is_dry_run
from letting_sync.errors import StopRun
from letting_sync.staging import folders
from letting_sync.staging.folders import RunFolder, run_folders
from letting_sync.storage_errors import storage_errors

if TYPE_CHECKING:
    import sqlalchemy as sa
    from airflow.sdk import ObjectStoragePath

log = logging.getLogger(__name__)

UNDER_WAY = ("queued", "running")
UnderWay = Callable[[str, Sequence[str]], int]
"""How many of a DAG's runs with these ids go on; without ids: of all its runs."""


@dataclass(frozen=True)
class KeepingTimes:
    """Retention period of each kind of data in days; 0: for ever."""

    staged: int = 30
    quarantine: int = 180
    rejected: int = 180
    open: int = 730
    leased: int = 0

    def __post_init__(self) -> None:
        for name, days in vars(self).items():
            if days < 0:
                raise StopRun(_refused(name, days))
        if self.staged and self.quarantine and self.quarantine < self.staged:
            raise StopRun(
                f"[prospects] keep_quarantine_days = {self.quarantine} must not be less than keep_staged_days = {self.staged}. "
                "Nothing was deleted. Correct one of them."
            )


def _refused(name: str, days: object) -> str:
    return (
        f"[prospects] keep_{name}_days = {days!r} must be a whole number of days, at least 0 (0: for ever). Nothing was "
        "deleted. Correct it."
    )


def keeping_times() -> KeepingTimes:
    """Read the deployment's retention periods.

    :raises StopRun: a value is not a whole number of days, or the values are inconsistent.
    """
    return KeepingTimes(**{name: _days(name, default) for name, default in vars(KeepingTimes()).items()})


def _days(name: str, default: int) -> int:
    setting = f"keep_{name}_days"
    try:
        return int(conf.getint("prospects", setting, fallback=default))
    except AirflowConfigException:
        raise StopRun(_refused(name, conf.get("prospects", setting))) from None


# --- staged tables ----------------------------------------------------------------------------------------


def delete_staged(
    base: ObjectStoragePath, times: KeepingTimes, at: datetime, under_way: UnderWay, dry_run: bool = False
) -> dict[str, int]:
    """Delete tables of runs whose retention period is over.

    :param under_way: asks Airflow which runs go on; their folders are left alone.
    :param dry_run: count only.
    :return: numbers of runs looked at, of runs left alone, and of what was deleted.
    """
    counts = Counter(
        dict.fromkeys(("runs", "runs_under_way", "tables", "quarantine_tables", "rows", "folders"), 0)
    )
    for folder in run_folders(base):
        counts["runs"] += 1
        files = [path for path in folder.path.iterdir() if path.name.endswith(".parquet")]
        age = at - _written_at(files) if files else timedelta(0)
        only_about_the_run = {path.name for path in files} <= _ABOUT_THE_RUN
        due = [path for path in files if _is_due(path.name, age, times, only_about_the_run)]
        if not due:
            continue
        if _goes_on(folder, under_way):
            counts["runs_under_way"] += 1
            continue
        for path in due:
            counts["quarantine_tables" if _is_quarantine(path.name) else "tables"] += 1
            counts["rows"] += _rows(path)
            if not dry_run:
                path.unlink()
        if len(due) == len(files):
            counts["folders"] += 1
            if not dry_run:
                _remove_empty(folder.path)
    return dict(counts)


def _is_quarantine(name: str) -> bool:
    return name.startswith("quarantine_")


def _is_due(name: str, age: timedelta, times: KeepingTimes, only_about_the_run: bool) -> bool:
    if _is_quarantine(name) or (name in _ABOUT_THE_RUN and not only_about_the_run):
        # They stay as long as the quarantine: they tell the age of the folder, and whose it is.
        return bool(times.quarantine) and age > timedelta(days=times.quarantine)
    return bool(times.staged) and age > timedelta(days=times.staged)


def _written_at(files: Sequence[ObjectStoragePath]) -> datetime:
    """When the run read its records: by its extent, which nothing rewrites later, else by the oldest table."""
    extent = [path for path in files if path.name == "extent.parquet"]
    return min(_modified(path) for path in extent or files)


def _modified(path: ObjectStoragePath) -> datetime:
    # Not by stat(): for stores whose answer it does not know, its st_mtime is 1970, and all would be deleted.
    try:
        modified: datetime = path.fs.modified(path.path)
    except NotImplementedError:
        raise StopRun(
            f"The store {path.protocol!r} does not report how old a file is. Nothing was deleted."
        ) from None
    return modified if modified.tzinfo else modified.replace(tzinfo=UTC)


_ABOUT_THE_RUN = {"extent.parquet", "run.parquet"}
_TIME_IN_NAME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d)_(\d\d)_(\d\d(?:\.\d+)?)([-_])(\d\d)_(\d\d)")


def _goes_on(folder: RunFolder, under_way: UnderWay) -> bool:
    """Whether the run of a folder goes on or waits for a person."""
    from letting_sync.staging import tables

    if folder.dag_id is None or not under_way(folder.dag_id, ()):
        return False
    named = [str(row["run_id"]) for row in tables.rows(str(folder.path), "run")]
    return bool(under_way(folder.dag_id, named or _run_ids_of(folder)))


def _run_ids_of(folder: RunFolder) -> list[str]:
    """The run ids that releases up to 2026-11 staged under this name, which has lost its ``:`` and ``+``."""
    name = "." if folder.path.name == folder.dag_id else folder.path.name
    run_id = _TIME_IN_NAME.sub(
        lambda m: f"{m[1]}:{m[2]}:{m[3]}{'+' if m[4] == '_' else '-'}{m[5]}:{m[6]}", name
    )
    return sorted({name, run_id})


def _rows(path: ObjectStoragePath) -> int:
    import pyarrow
    import pyarrow.parquet

    try:
        with path.open("rb") as file:
            return int(pyarrow.parquet.read_metadata(file).num_rows)
    except (pyarrow.ArrowInvalid, OSError):
        return 0


def _remove_empty(folder: ObjectStoragePath) -> None:
    """On an object store a folder without files is gone already."""
    if folder.exists() and not any(folder.iterdir()):
        folder.fs.rmdir(folder.path)


# --- rows of the ledger -----------------------------------------------------------------------------------


def delete_ledger_rows(
    engine: sa.Engine, times: KeepingTimes, at: datetime, dry_run: bool = False
) -> dict[str, int]:
    """Delete rows of the ledger, each with its history, whose retention period since the last change is over.

    :param dry_run: count only.
    :return: numbers of rows deleted by kind, and of rows that stay as something goes on with them.
    """
    from letting_sync.ledger.deletion import LedgerDeletion

    return LedgerDeletion(engine).delete_expired(times.rejected, times.open, times.leased, at, dry_run)


# --- what the DAG and the command call ----------------------------------------------------------------------


@storage_errors()
def staged_tables(context: Any) -> dict[str, int]:
    """Task of the DAG ``prospect_retention``: delete staged tables; returns what was deleted.

    :raises StopRun: if the run was started with anything that would be ignored.
    """
    run_conf.check(context["dag_run"].conf, run_conf.OF_A_DELETION)
    ti = context["ti"]

    def under_way(dag_id: str, run_ids: Sequence[str]) -> int:
        return int(ti.get_dr_count(dag_id=dag_id, run_ids=list(run_ids) or None, states=list(UNDER_WAY)))

    return _delete_tables(under_way, is_dry_run(context["params"]))


@storage_errors()
def ledger_rows(context: Any) -> dict[str, int]:
    """Task of the DAG ``prospect_retention``: delete rows of the ledger; returns what was deleted."""
    from letting_sync.ledger.ledger import Ledger

    return _delete_rows(Ledger().engine, is_dry_run(context["params"]))


def _delete_tables(under_way: UnderWay, dry_run: bool) -> dict[str, int]:
    counts = delete_staged(folders.base(), keeping_times(), datetime.now(UTC), under_way, dry_run)
    log.info("Staged tables %s: %s.", _said(dry_run), _in_words(counts))
    return counts


def _delete_rows(engine: sa.Engine, dry_run: bool) -> dict[str, int]:
    """Delete rows of the ledger; the last step, so that it notes that all that was due is deleted."""
    from letting_sync.ledger import retention_runs

    counts = delete_ledger_rows(engine, keeping_times(), datetime.now(UTC), dry_run)
    if not dry_run:
        retention_runs.note_end(engine, datetime.now(UTC))
    log.info("Ledger entries %s: %s.", _said(dry_run), _in_words(counts))
    return counts


def _said(dry_run: bool) -> str:
    return "that would be deleted" if dry_run else "deleted"


def _in_words(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items())


def main(arguments: Sequence[str] | None = None, out: TextIO | None = None, prog: str | None = None) -> int:
    """Delete personal data after its retention period, as the DAG prospect_retention does, and print the counts as JSON.

    Run it where a task could run. Which runs go on is asked of the ledger, since a worker cannot ask Airflow's
    database: a folder is left alone while entries of its run are being sent, accepted or asked about.
    """
    from letting_sync.ledger.deletion import LedgerDeletion
    from letting_sync.ledger.ledger import Ledger

    parser = argparse.ArgumentParser(prog, description=main.__doc__)
    parser.add_argument("--dry-run", action="store_true", help="count only; delete nothing")
    dry_run = parser.parse_args(arguments).dry_run
    engine = Ledger().engine
    unfinished = cache(LedgerDeletion(engine).find_unfinished_runs)

    def under_way(dag_id: str, run_ids: Sequence[str]) -> int:
        busy = unfinished(dag_id)
        return len(busy & set(run_ids)) if run_ids else len(busy)

    counts = {
        "staged_tables": _delete_tables(under_way, dry_run),
        "ledger_rows": _delete_rows(engine, dry_run),
    }
    print(json.dumps({"dry_run": dry_run, **counts}, indent=2), file=out)
    return 0
