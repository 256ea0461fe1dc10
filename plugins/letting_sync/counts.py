"""A run's counts, computed from its staged tables: the only thing about a run that leaves its staging folder."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from letting_sync.compat import add_to_metric
from letting_sync.ledger.records import AcceptanceState
from letting_sync.model import OutcomeKind
from letting_sync.reasons import Reason
from letting_sync.staging import tables

log = logging.getLogger(__name__)

OF_AN_EMPTY_WINDOW = "counts"
"""XCom key under which ``extract`` publishes them where the run ends with it; else they are what ``reconcile`` returns."""
UNKNOWN_WORD = "unknown_word"


def counts_of(
    folder: str, run_id: str, extracted: int, outcomes: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return a run's counts. As its own, a run counts what it did itself.

    Each record read is in one of ``duplicates``, ``quarantined``, ``skipped``, ``offers_created`` and ``already_there``
    (the offer was made before, by another run or by a person). Leases are counted apart, since a run also decides on
    offers of runs that have ended: see :func:`leases_of`.

    :param folder: its staging folder.
    :param extracted: how many records it has read.
    :param outcomes: their outcomes, see :func:`tables.outcomes`.
    """
    ended = Counter(str(row["kind"]) for row in outcomes)
    decided = tables.rows(folder, "acceptance")
    quarantined = Counter(str(row["reason"]) for row in outcomes if row["kind"] == OutcomeKind.QUARANTINED)
    findings = tables.rows(folder, "findings")
    return {
        "extracted": extracted,
        "duplicates": ended[OutcomeKind.DUPLICATE],
        "quarantined": ended[OutcomeKind.QUARANTINED],
        "skipped": ended[OutcomeKind.SKIPPED],
        **offers_of(ended),
        **leases_of(decided, run_id),
        "held": sum(row["acceptance"] == AcceptanceState.HELD for row in decided),
        "reviewed": {row["what"]: row["count"] for row in tables.rows(folder, "reviewed")},
        "not_found": tables.length(folder, "not_found"),
        "suspects": tables.length(folder, "suspects") + tables.length(folder, "near_partners"),
        "quarantine_reasons": dict(quarantined.most_common()),
        "unknown_words": {row["subject"]: row["count"] for row in findings if row["code"] == UNKNOWN_WORD},
        "interface_findings": {
            f"{row['code']} {row['subject']}": row["count"] for row in findings if row["code"] != UNKNOWN_WORD
        },
    }


def offers_of(ended: Mapping[str, int]) -> dict[str, int]:
    """Return the offers that a run made, and those that it found.

    :param ended: how many of its records ended how.
    """
    made, found = OutcomeKind.CREATED, OutcomeKind.ALREADY_THERE
    return {"offers_created": ended.get(made, 0), "already_there": ended.get(found, 0)}


def leases_of(decided: Sequence[Mapping[str, Any]], run_id: str) -> dict[str, int]:
    """Return the leases that a run made of its own offers, those it made of other runs' offers, and those it found.

    :param decided: rows of the staged table ``acceptance``.
    """
    leased = [row for row in decided if row["acceptance"] == AcceptanceState.LEASED]
    made = [row for row in leased if row["reason"] != Reason.FOUND_IN_ERP]
    # Rows of an earlier release do not say whose offer it was.
    own = sum(row.get("offer_run", run_id) == run_id for row in made)
    return {
        "leases_created": own,
        "leases_for_other_runs": len(made) - own,
        "leases_found": len(leased) - len(made),
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
            add_to_metric(f"prospects.{name}", value, {"pair": pair})
