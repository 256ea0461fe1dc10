"""The tasks ``dedup`` and ``reconcile``, which know neither partner nor ERP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.observability import stats

from include.prospects import alerts, staging
from include.prospects.chunks import PROSPECTS_PER_CHUNK, Chunk, chunk_numbers, chunks_of
from include.prospects.errors import StopRun
from include.prospects.ledger_records import AcceptanceState
from include.prospects.model import Outcome, OutcomeKind
from include.prospects.reasons import Field, Problem, Reason, field_reason
from include.prospects.settings import AlertLimits, DuplicateCheck

if TYPE_CHECKING:
    import pandas as pd
    from airflow.sdk import Context


UNKNOWN_WORD = "unknown_word"
WRITTEN_BY_CHUNK = ("outcomes_load_offers", "quarantine_load_offers", "acceptance")
"""Tables of the tasks behind ``dedup``, which come in as many files as the run has chunks."""


class DedupOperator(BaseOperator):
    """
    Clean the run's prospects and keep each person once per unit.

    Reads and writes staged tables only, so it may be run again at any time.

    :param folder: the run's staging folder, with the table ``extracted`` (templated).
    :param duplicates: who is the same person, and what to do with one whom nothing tells from others.
    :return: the chunks that the next tasks are mapped over, as dictionaries; one on an ordinary day.
    """

    template_fields: Sequence[str] = ("folder",)
    ui_color = "#f2ecfa"

    def __init__(self, *, folder: Any, duplicates: DuplicateCheck, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.folder: str = folder
        self.key = duplicates.matching_key
        self.without_key = duplicates.without_key

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Clean, match, and stage."""
        del context
        from include.prospects.cleaning import clean
        from include.prospects.dedup import merge_same_person, undecided
        from include.prospects.suspects import suspects

        extracted = clean(staging.read(self.folder, "extracted"))
        nameless = extracted["last_name"].isna()
        unknown = undecided(extracted, self.key) & ~nameless
        refused = nameless | (unknown if self.without_key == "quarantine" else False)
        kept, duplicates = merge_same_person(extracted[~refused], self.key)
        outcomes = [
            *_ended(
                extracted[nameless], OutcomeKind.QUARANTINED, field_reason(Problem.MISSING, Field.LAST_NAME)
            ),
            *_ended(extracted[refused & ~nameless], OutcomeKind.QUARANTINED, Reason.NOTHING_TELLS_WHO_IT_IS),
            *_ended(
                extracted[extracted["record"].isin(duplicates["record"])],
                OutcomeKind.DUPLICATE,
                Reason.SAME_PERSON,
            ),
        ]
        raw = {int(row["record"]): row.to_json(date_format="iso") for _, row in extracted[refused].iterrows()}
        staging.forget(self.folder, *WRITTEN_BY_CHUNK)
        kept = kept.assign(chunk=chunk_numbers(kept, PROSPECTS_PER_CHUNK))
        staging.write(self.folder, "prospects", kept)
        staging.write(self.folder, "suspects", suspects(kept))
        counts = staging.write_outcomes(self.folder, "dedup", outcomes, raw)
        self.log.info(
            "%d prospects go on, %d of them without anything that tells who they are; ended here: %s",
            len(kept),
            int(unknown[~refused].sum()),
            counts or "none",
        )
        count = int(kept["chunk"].max()) if len(kept) else 1
        return [chunk.handed_on for chunk in chunks_of(self.folder, count)]


def _ended(frame: pd.DataFrame, kind: OutcomeKind, reason: Reason) -> list[Outcome]:
    return [
        Outcome(record=int(record), external_id=external_id, kind=kind, reason=reason)
        for record, external_id in zip(frame["record"], frame["external_id"], strict=True)
    ]


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
        extracted = staging.extent(folder).extracted
        outcomes = staging.outcomes(folder)
        records = sorted(int(record) for record in outcomes["record"])
        if records != list(range(extracted)):
            lost = len(set(range(extracted)) - set(records))
            raise StopRun(
                f"The counts do not add up: of {extracted} extracted records {lost} ended nowhere and "
                f"{len(records) - len(set(records))} more than once. Keep the folder {folder} and look at "
                "its outcomes_* tables; the ERP holds what the ledger says."
            )
        counts = _counts(folder, extracted, outcomes)
        self.log.info("reconciled: %s", counts)
        if counts["unknown_words"] or counts["interface_findings"]:
            self.log.warning(
                "The partner's interface may differ from its contract (docs/contracts.md): %s",
                counts["interface_findings"] | counts["unknown_words"],
            )
        _measure(context["dag_run"].dag_id, counts)
        alerts.reconciled(context, counts, self.limits)
        return counts


def _counts(folder: str, extracted: int, outcomes: pd.DataFrame) -> dict[str, Any]:
    def ended(kind: OutcomeKind) -> int:
        return int((outcomes["kind"] == str(kind)).sum())

    acceptance = staging.read(folder, "acceptance")
    decided = acceptance["acceptance"].value_counts().to_dict() if len(acceptance) else {}
    findings = staging.rows(folder, "findings")
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
        "suspects": len(staging.read(folder, "suspects")),
        "quarantine_reasons": {str(k): int(v) for k, v in reasons.value_counts().items()},
        "unknown_words": {row["subject"]: row["count"] for row in findings if row["code"] == UNKNOWN_WORD},
        "interface_findings": {
            f"{row['code']} {row['subject']}": row["count"] for row in findings if row["code"] != UNKNOWN_WORD
        },
    }
