"""What a dry run found, as the staged tables ``dry_run``, ``dry_run_fields`` and ``dry_run_acceptance``.

All three are kept and erased as the run's other tables are. Only ``dry_run_fields`` holds a person's data.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from letting_sync.staging import parquet, tables
from letting_sync.staging.chunks import Chunk

LOAD, FIELDS, ACCEPTANCE = "dry_run", "dry_run_fields", "dry_run_acceptance"
TABLES = (LOAD, FIELDS, ACCEPTANCE)
ASK = "ask"
"""The verdict on an offer about which a person would be asked; the others are those of the acceptance policy."""


@dataclass(frozen=True)
class WouldLoad:
    """What ``load_offers`` would make of a prospect.

    :param kind: an :class:`~letting_sync.model.OutcomeKind`; ``created``: an offer would be made.
    :param reason: why, if not.
    :param business_partner: number of the person in the ERP; ``None``: a business partner would be made.
    :param ask_reason: why a person would be asked before a lease, whatever the accept mode.
    """

    record: int
    external_id: str
    unit: str
    kind: str
    reason: str | None
    business_partner: str | None
    ask_reason: str | None = None


@dataclass(frozen=True)
class FieldSent:
    """One field of a prospect on its way into the ERP.

    :param field: its name in :class:`~letting_sync.model.Prospect`.
    :param erp_field: the ERP's name; ``None``: the ERP does not take it.
    :param written: the partner's text.
    :param sent: what the ERP would be sent.
    :param cleaned: whether cleaning altered it.
    """

    record: int
    external_id: str
    unit: str
    field: str
    erp_field: str | None
    written: str | None
    sent: str | None
    cleaned: bool


@dataclass(frozen=True)
class WouldAccept:
    """What ``auto_accept`` would do with an offer, be it there or still to be made.

    :param verdict: ``accept``, ``ask``, ``held`` or ``leased``.
    """

    external_id: str
    unit: str
    verdict: str
    reason: str | None


def write(
    folder: str, chunk: Chunk, table: str, rows: Sequence[WouldLoad | FieldSent | WouldAccept], row_type: type
) -> None:
    """Write a chunk's share of one of the three tables."""
    kinds: dict[str, parquet.Kind] = {"record": "whole", "cleaned": "flag"}
    columns = {field.name: kinds.get(field.name, "text") for field in fields(row_type)}
    tables.write_rows(folder, table, [asdict(row) for row in rows], columns, chunk)


def would_load(folder: str) -> list[WouldLoad]:
    """Return the table ``dry_run`` of a run, of all its chunks; empty for a run that was not dry."""
    return [WouldLoad(**row) for row in tables.rows(folder, LOAD)]


def counts(folder: str) -> dict[str, Any]:
    """Return how many prospects would get an offer, a lease, a question, or be held, and why those would be."""
    accepts = tables.rows(folder, ACCEPTANCE)
    verdicts = Counter(row["verdict"] for row in accepts)
    loaded = Counter(row["kind"] for row in tables.rows(folder, LOAD))
    return {
        "would_create": loaded["created"],
        "would_accept": verdicts["accept"],
        "would_ask": verdicts[ASK],
        "would_hold": sum(bool(row["reason"]) for row in accepts),
        "would_hold_reasons": dict(Counter(row["reason"] for row in accepts if row["reason"])),
    }
