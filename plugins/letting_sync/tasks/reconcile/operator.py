"""The task ``reconcile``, which knows neither partner nor ERP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.observability import stats

from letting_sync.alerts import callbacks
from letting_sync.dry_run import is_dry_run
from letting_sync.errors import StopRun
from letting_sync.ledger.records import AcceptanceState
from letting_sync.model import OutcomeKind
from letting_sync.settings import AlertLimits
from letting_sync.staging import dry_run, tables
from letting_sync.staging.chunks import Chunk

if TYPE_CHECKING:
    import pandas as pd
    from airflow.sdk import Context


UNKNOWN_WORD = "unknown_word"


def _measure(pair: str, counts: dict[str, Any]) -> None:
    """Count into Airflow's StatsD or OpenTelemetry metrics, where the deployment has switched them on."""
    for name, value in counts.items():
        if isinstance(value, int):
            stats.incr(f"prospects.{name}", value, tags={"pair": pair})


class ReconcileOperator(BaseOperator):
    """
    Prove that nothing was lost: each extracted record has ended in exactly one way.

    The counts are computed anew from the staged tables and returned, so that they stand in XCom and in the
    log; they are the only thing about a run that leaves its staging folder.

    :param chunks: the run's chunks, as the task before handed them on (templated).
    :param limits: from when on the run's quarantine is an incident that somebody is told of.
    :raises StopRun: if the counts do not add up.
    :return: the counts of the run.
    """

    template_fields: Sequence[str] = ("chunks",)
    ui_color = "#eeeeee"

    def __init__(self, *, chunks: Any, limits: AlertLimits, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.chunks: Sequence[dict[str, Any]] = chunks
        self.limits = limits

    def execute(self, context: Context) -> dict[str, Any]:
        """Count, compare, publish."""
        folder = Chunk.read(self.chunks[0]).folder
        extracted = tables.extent(folder).extracted
        for table in tables.OF_EVERY_RUN:
            tables.written_rows(folder, table)
        outcomes = tables.outcomes(folder)
        records = sorted(int(record) for record in outcomes["record"])
        if records != list(range(extracted)):
            lost = len(set(range(extracted)) - set(records))
            raise StopRun(
                f"The counts do not add up: of {extracted} extracted records {lost} ended nowhere and "
                f"{len(records) - len(set(records))} more than once. Keep the folder {folder} and look at "
                "its outcomes_* tables; the ERP holds what the ledger says."
            )
        counts = _counts(folder, extracted, outcomes)
        if is_dry_run(context["params"]):
            counts |= dry_run.counts(folder)
        self.log.info("reconciled: %s", counts)
        if counts["unknown_words"] or counts["interface_findings"]:
            self.log.warning(
                "The partner's interface may differ from its contract (docs/contracts.md): %s",
                counts["interface_findings"] | counts["unknown_words"],
            )
        if not is_dry_run(context["params"]):
            _measure(context["dag_run"].dag_id, counts)
        callbacks.reconciled(context, counts, self.limits)
        return counts


def _counts(folder: str, extracted: int, outcomes: pd.DataFrame) -> dict[str, Any]:
    def ended(kind: OutcomeKind) -> int:
        return int((outcomes["kind"] == str(kind)).sum())

    acceptance = tables.read(folder, "acceptance")
    decided = acceptance["acceptance"].value_counts().to_dict() if len(acceptance) else {}
    findings = tables.rows(folder, "findings")
    reasons = outcomes.loc[outcomes["kind"] == str(OutcomeKind.QUARANTINED), "reason"]
    return {
        "extracted": extracted,
        "duplicates": ended(OutcomeKind.DUPLICATE),
        "quarantined": ended(OutcomeKind.QUARANTINED),
        "skipped": ended(OutcomeKind.SKIPPED),
        "offers_created": ended(OutcomeKind.CREATED),
        "already_there": ended(OutcomeKind.ALREADY_THERE),
        "leases_created": int(decided.get(AcceptanceState.LEASED, 0)),
        "held": int(decided.get(AcceptanceState.HELD, 0)),
        "reviewed": {row["what"]: row["count"] for row in tables.rows(folder, "reviewed")},
        "suspects": len(tables.read(folder, "suspects")) + len(tables.read(folder, "near_partners")),
        "quarantine_reasons": {str(k): int(v) for k, v in reasons.value_counts().items()},
        "unknown_words": {row["subject"]: row["count"] for row in findings if row["code"] == UNKNOWN_WORD},
        "interface_findings": {
            f"{row['code']} {row['subject']}": row["count"] for row in findings if row["code"] != UNKNOWN_WORD
        },
    }
