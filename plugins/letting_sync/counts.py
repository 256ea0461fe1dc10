"""A run's counts, computed from its staged tables: the only thing about a run that leaves its staging folder."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk.observability import stats

from letting_sync.ledger.records import AcceptanceState
from letting_sync.model import OutcomeKind
from letting_sync.staging import tables

log = logging.getLogger(__name__)

OF_AN_EMPTY_WINDOW = "counts"
"""XCom key under which ``extract`` publishes them where the run ends with it; else they are what ``reconcile`` returns."""
UNKNOWN_WORD = "unknown_word"


def counts_of(folder: str, extracted: int, outcomes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a run's counts.

    :param folder: its staging folder.
    :param extracted: how many records it has read.
    :param outcomes: what became of them, see :func:`tables.outcomes`.
    """
    ended = Counter(str(row["kind"]) for row in outcomes)
    decided = Counter(row["acceptance"] for row in tables.rows(folder, "acceptance", columns=("acceptance",)))
    quarantined = Counter(str(row["reason"]) for row in outcomes if row["kind"] == OutcomeKind.QUARANTINED)
    findings = tables.rows(folder, "findings")
    return {
        "extracted": extracted,
        "duplicates": ended[OutcomeKind.DUPLICATE],
        "quarantined": ended[OutcomeKind.QUARANTINED],
        "skipped": ended[OutcomeKind.SKIPPED],
        "offers_created": ended[OutcomeKind.CREATED],
        "already_there": ended[OutcomeKind.ALREADY_THERE],
        "leases_created": decided[AcceptanceState.LEASED],
        "held": decided[AcceptanceState.HELD],
        "reviewed": {row["what"]: row["count"] for row in tables.rows(folder, "reviewed")},
        "not_found": tables.length(folder, "not_found"),
        "suspects": tables.length(folder, "suspects") + tables.length(folder, "near_partners"),
        "quarantine_reasons": dict(quarantined.most_common()),
        "unknown_words": {row["subject"]: row["count"] for row in findings if row["code"] == UNKNOWN_WORD},
        "interface_findings": {
            f"{row['code']} {row['subject']}": row["count"] for row in findings if row["code"] != UNKNOWN_WORD
        },
    }


def log_counts(counts: Mapping[str, Any]) -> None:
    """Write a run's counts into the task's log, with a warning if the partner's interface may have changed."""
    numbers = {name: count for name, count in counts.items() if isinstance(count, int)}
    log.info("Every record has exactly one outcome: %s.", tables.counted(numbers))
    if counts["quarantine_reasons"]:
        log.info("Reasons of the quarantine: %s.", tables.counted(counts["quarantine_reasons"]))
    if counts["unknown_words"] or counts["interface_findings"]:
        log.warning(
            "The partner's interface may differ from its contract (docs/contracts.md): %s.",
            tables.counted(counts["interface_findings"] | counts["unknown_words"]),
        )


def measure(pair: str, counts: Mapping[str, Any]) -> None:
    """Count into Airflow's StatsD or OpenTelemetry metrics, where the deployment has switched them on."""
    for name, value in counts.items():
        if isinstance(value, int):
            stats.incr(f"prospects.{name}", value, tags={"pair": pair})
