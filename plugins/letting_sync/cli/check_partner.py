"""What a partner answers, beside its contract: reads only, keeps nothing, shows counts and names of fields."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

from letting_sync.cli.check_rows import Row, Rows, Verdict, listed
from letting_sync.errors import RefuseRecord
from letting_sync.reasons import Reason
from letting_sync.tasks.extract.operator import ExtractOperator
from letting_sync.tasks.extract.records import LACKING_SHARE, Read, shown_word

LOOKED_BACK = timedelta(days=30)
UNIT_REASONS = frozenset(
    (
        Reason.UNIT_MISSING,
        Reason.UNIT_NOT_FOUR_PARTS,
        Reason.UNIT_PART_EMPTY,
        Reason.UNIT_PART_WITH_SEPARATOR,
        Reason.UNIT_SEPARATOR_UNCLEAR,
    )
)
FEWEST_WITH_A_FIELD = 2
"""A field that only one record has is not named: its name may be about a person."""
MOST_NAMES = 20


def check_partner(extract: ExtractOperator) -> tuple[list[Row], list[str]]:
    """Compare a partner with its contract.

    :param extract: the pair's task.
    :return: the rows, and the external ids of the prospects that were read, to be looked up in the ERP.
    """
    rows = Rows(extract.hook)
    extract.keeps_records = True
    with closing(extract):
        if not rows.log_in():
            return rows.rows, []
        end = datetime.now(UTC)
        _add_schema(rows, extract)
        _add_status_words(rows, extract, end - LOOKED_BACK, end)
        reads = rows.ask("records", lambda: extract.sample(end - LOOKED_BACK, end))
        if reads is not None:
            _add_records(rows, extract, reads)
        rows.add_clock_and_limit()
    prospects = [read.result for read in reads or () if not isinstance(read.result, RefuseRecord)]
    return rows.rows, [prospect.external_id for prospect in prospects]


def _add_schema(rows: Rows, extract: ExtractOperator) -> None:
    unasked = object()
    found: Any = unasked

    def ask() -> bool:
        nonlocal found
        found = extract.schema_differences()
        return True

    if not rows.ask("published types", ask):
        return
    if found is None:
        rows.add("published types", Verdict.UNKNOWN, "the system does not describe its interface")
    else:
        rows.ok_unless(
            "published types",
            bool(found),
            "; ".join(found[:MOST_NAMES]) or "as published, as far as asked for",
        )


def _add_status_words(rows: Rows, extract: ExtractOperator, start: datetime, end: datetime) -> None:
    what = f"status words, {LOOKED_BACK.days} days"
    counts = rows.ask(what, lambda: extract.status_counts(start, end))
    if counts is None:
        return
    if not sum(counts.values()):
        rows.add(what, Verdict.UNKNOWN, "no record with a status")
        return
    shown = Counter[str]()
    for word, count in counts.items():
        shown[shown_word(word)] += count
    unknown = sorted({shown_word(word) for word in counts if word not in extract.known_words})
    detail = listed(dict(shown)) + (f"; not known: {', '.join(unknown)}" if unknown else "")
    rows.ok_unless(what, bool(unknown), detail)


def _add_records(rows: Rows, extract: ExtractOperator, reads: Sequence[Read]) -> None:
    if not reads:
        rows.add("records", Verdict.UNKNOWN, f"none in {LOOKED_BACK.days} days: nothing to map")
        return
    count = len(reads)
    refused = Counter(read.result.reason for read in reads if isinstance(read.result, RefuseRecord))
    units = {str(reason): n for reason, n in refused.items() if reason in UNIT_REASONS}
    others = {str(reason): n for reason, n in refused.items() if reason not in UNIT_REASONS}
    rows.ok_unless(
        "records",
        sum(others.values()) > LACKING_SHARE * count,
        f"{count} read" + (f", of which would go to quarantine: {listed(others)}" if others else ""),
    )
    lacking = Counter(name for read in reads for name in read.lacking)
    empty = Counter(
        name for read in reads for name in extract.promised_fields if _is_empty(read.record, name)
    )
    often = [n for n in lacking.values() if n > LACKING_SHARE * count] + [
        n for n in empty.values() if n == count
    ]
    said = [f"not there: {listed(lacking)}"] * bool(lacking) + [f"empty: {listed(empty)}"] * bool(empty)
    rows.ok_unless("required fields", bool(often), "; ".join(said) or "all there and filled in")
    rows.ok_unless("unit numbers", bool(units), listed(units) or "all have four parts")
    if extract.kept_fields:
        _add_unknown_fields(rows, extract, reads)


def _add_unknown_fields(rows: Rows, extract: ExtractOperator, reads: Sequence[Read]) -> None:
    """Fields that the mapping leaves out: no difference, but perhaps something that the customer wants."""
    found = Counter(name for read in reads for name in set(_unknown(read.record, extract.kept_fields)))
    names = sorted(name for name, n in found.items() if n >= FEWEST_WITH_A_FIELD)
    shown = [name for name in names if all(shown_word(part) == part for part in name.split("."))]
    rows.add("fields left out", Verdict.OK, ", ".join(shown[:MOST_NAMES]) or "none")


def _unknown(record: Any, known: Mapping[str, Any], before: str = "") -> Iterator[str]:
    if not isinstance(record, Mapping):
        return
    for name, value in record.items():
        if name not in known:
            yield f"{before}{name}"
        elif known[name]:
            yield from _unknown(value, known[name], f"{before}{name}.")


def _is_empty(record: Any, path: str) -> bool:
    """Whether a field is there without a value."""
    *way, name = path.split(".")
    for step in way:
        record = record.get(step) if isinstance(record, Mapping) else None
    return isinstance(record, Mapping) and name in record and record[name] in (None, "", [], {})
