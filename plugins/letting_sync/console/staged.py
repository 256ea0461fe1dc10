"""Quarantine and suspects of a run, read from its staged tables: ids, numbers and reasons, as a rule no person's data.

The tables hold the raw records too. They are left where they are: a page that every reader of a DAG can open is
no place for names and dates of birth, and whoever corrects a record does so in the partner's system, where the
external id leads to it. Only the named columns are read from the files. Personal data may be in two: the ERP's own words
on what it refused, and what a dry run would send; both are only for who may start runs of the pair.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from letting_sync.errors import StopRun, StorageUnavailable
from letting_sync.staging import dry_run as staging
from letting_sync.staging import folders, tables
from letting_sync.storage_errors import storage_errors

MOST_DRY_ROWS = 500
"""So many rows of a dry run are shown at the most."""
MOST_ROWS = 200
"""So many rows of quarantine, and of suspects, are shown at the most."""


@contextmanager
def _reading() -> Iterator[None]:
    """Raise :class:`StorageUnavailable` for whatever keeps the api-server from reading staged tables. Also a decorator."""
    try:
        with storage_errors():
            yield
    except StopRun as stop:  # the address cannot be opened here
        raise StorageUnavailable(str(stop)) from None


@_reading()
def is_there(dag_id: str, run_id: str) -> bool:
    """Whether the run's tables are still kept."""
    return folders.existing(dag_id, run_id).exists()


def quarantine(dag_id: str, run_id: str, *, with_erp_text: bool = False) -> tuple[list[dict[str, Any]], int]:
    """The records that need a person, by reason, and how many there are in all.

    :param with_erp_text: also the ERP's own words on what it refused, which may quote the person.
    """
    names = ["record", "external_id", "reason", *(["erp_text"] if with_erp_text else [])]
    rows: list[dict[str, Any]] = []
    for task in tables.ENDING_TASKS:
        found = _columns(dag_id, run_id, f"quarantine_{task}", names)
        rows += [row | {"task": task} for row in found]
    rows.sort(key=lambda row: (row["reason"] or "", row["external_id"] or ""))
    return rows[:MOST_ROWS], len(rows)


def suspects(dag_id: str, run_id: str) -> tuple[list[dict[str, Any]], int]:
    """The pairs of records that may be one person, likeliest first, and how many there are in all."""
    names = ("record", "other_record", "other_partner", "score", "reason")
    rows = [row for table in ("suspects", "near_partners") for row in _columns(dag_id, run_id, table, names)]
    rows.sort(key=lambda row: -(row["score"] or 0))
    shown = rows[:MOST_ROWS]
    ids: dict[int, str] = {}
    if shown:
        named = _columns(dag_id, run_id, "prospects", ("record", "external_id"))
        ids = {row["record"]: row["external_id"] for row in named}
    return [
        {
            "external_id": ids.get(row["record"]),
            "other_external_id": ids.get(row["other_record"]),
            "other_partner": row["other_partner"],
            "score": row["score"],
            "reasons": [reason for reason in (row["reason"] or "").split(",") if reason],
        }
        for row in shown
    ], len(rows)


@_reading()
def dry_run(dag_id: str, run_id: str) -> tuple[list[dict[str, Any]], int] | None:
    """What a dry run would do with each record, and how many rows there are in all; ``None``: the run was not dry."""
    if not tables.files_of(folders.existing(dag_id, run_id), staging.LOAD):
        return None
    names = ("record", "external_id", "unit", "kind", "reason", "business_partner")
    loads = _columns(dag_id, run_id, staging.LOAD, names)
    verdicts = {
        (row["external_id"], row["unit"]): row
        for row in _columns(dag_id, run_id, staging.ACCEPTANCE, ("external_id", "unit", "verdict", "reason"))
    }
    rows = [_would(row, verdicts.pop((row["external_id"], row["unit"]), None)) for row in loads]
    # Offers of earlier runs on which nobody has decided.
    rows += [_would({"external_id": key[0], "unit": key[1]}, row) for key, row in verdicts.items()]
    for task in ("extract", "dedup"):
        ended = _columns(dag_id, run_id, f"outcomes_{task}", ("external_id", "kind", "reason"))
        rows += [_would(row, None) for row in ended]
    order = ("quarantined", "created", "already_there", "duplicate", None, "skipped")
    rows.sort(key=lambda row: (order.index(row["kind"]), row["load_reason"] or "", row["external_id"] or ""))
    return rows[:MOST_DRY_ROWS], len(rows)


def _would(load: dict[str, Any], verdict: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "external_id": load["external_id"],
        "unit": load.get("unit"),
        "kind": load.get("kind"),
        "load_reason": load.get("reason"),
        "business_partner": load.get("business_partner"),
        "verdict": verdict["verdict"] if verdict else None,
        "reason": verdict["reason"] if verdict else None,
    }


def protocol_fields(dag_id: str, run_id: str) -> list[dict[str, Any]]:
    """What a dry run would send, field by field. Personal data: only for who may start runs of the pair."""
    return _columns(
        dag_id,
        run_id,
        staging.FIELDS,
        ("record", "external_id", "unit", "field", "erp_field", "written", "sent", "cleaned"),
    )


def outcomes_of(dag_id: str, run_id: str, external_id: str) -> list[dict[str, Any]]:
    """What a run made of one prospect, whether or not it got as far as the ledger."""
    found = []
    for task in tables.ENDING_TASKS:
        rows = _columns(
            dag_id,
            run_id,
            f"outcomes_{task}",
            ("external_id", "kind", "reason"),
            ("external_id", external_id),
        )
        found += [{"task": task, "kind": row["kind"], "reason": row["reason"]} for row in rows]
    return found


@_reading()
def _columns(
    dag_id: str, run_id: str, table: str, names: Sequence[str], only: tuple[str, str] | None = None
) -> list[dict[str, Any]]:
    """Some columns of a staged table; one that was not written has no rows, a missing column holds nothing."""
    import pyarrow.compute
    import pyarrow.parquet

    rows: list[dict[str, Any]] = []
    for path in tables.files_of(folders.existing(dag_id, run_id), table):
        with path.open("rb") as file:
            parquet = pyarrow.parquet.ParquetFile(file)
            there = [name for name in names if name in parquet.schema_arrow.names]
            content = parquet.read(columns=there)
        if only and only[0] in there:
            content = content.filter(pyarrow.compute.equal(content[only[0]], only[1]))
        rows += [dict.fromkeys(names) | row for row in content.to_pylist()]
    return rows
