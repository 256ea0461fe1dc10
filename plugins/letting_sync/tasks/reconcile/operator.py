"""The task ``reconcile``, which knows neither partner nor ERP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from letting_sync import assets
from letting_sync import counts as run_counts
from letting_sync.alerts import callbacks
from letting_sync.dry_run import is_dry_run
from letting_sync.errors import IdsNotFound, StopRun
from letting_sync.settings import AlertLimits
from letting_sync.staging import dry_run, tables
from letting_sync.staging.chunks import Chunk
from letting_sync.task_errors import ExpectedErrorsMixin

if TYPE_CHECKING:
    from airflow.sdk import Context


class ReconcileOperator(ExpectedErrorsMixin):
    """
    Check that each extracted record has exactly one outcome, so that nothing was lost.

    The counts are computed from the staged tables and returned, so that they are in XCom and in the log. No other data
    of a run leaves its staging folder.

    :param chunks: the run's chunks, as returned by the previous task (templated).
    :param limits: thresholds of the run's quarantine above which an incident is reported.
    :raises StopRun: the counts do not add up.
    :raises IdsNotFound: the run was asked for external ids that the partner does not know.
    :return: the counts of the run.
    """

    template_fields: Sequence[str] = ("chunks",)
    ui_color = "#eeeeee"

    def __init__(self, *, chunks: Any, limits: AlertLimits, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.chunks: Sequence[dict[str, Any]] = chunks
        self.limits = limits

    def execute(self, context: Context) -> Any:
        """Count, compare, publish."""
        return self.expecting_errors(context, "count_and_publish")

    def count_and_publish(self, context: Context) -> dict[str, Any]:
        """Do the task's work, from its beginning."""
        folder = Chunk.read(self.chunks[0]).folder
        extracted, run_window = tables.extent(folder)
        for table in tables.OF_EVERY_RUN:
            tables.written_rows(folder, table)
        outcomes = tables.outcomes(folder)
        records = sorted(row["record"] for row in outcomes)
        if records != list(range(extracted)):
            lost = len(set(range(extracted)) - set(records))
            raise StopRun(
                f"The counts do not add up: of {extracted} extracted records {lost} have no outcome and "
                f"{len(records) - len(set(records))} more than one. Do not clear the run: keep the folder "
                f"{folder} and give its outcomes_* tables to the developers. The ERP holds what the ledger says."
            )
        counts = run_counts.counts_of(folder, context["dag_run"].run_id, extracted, outcomes)
        dry = is_dry_run(context["params"])
        if dry:
            counts |= dry_run.counts(folder)
        run_counts.log_counts(counts)
        if not dry:
            run_counts.measure(context["dag_run"].dag_id, counts)
        callbacks.reconciled(context, counts, self.limits)
        self.outlets = assets.note_days(context, self.outlets, run_window, counts)
        if counts["not_found"]:
            # Published before the task fails: the counts of what was found are those of any run.
            context["ti"].xcom_push("return_value", counts)
            raise IdsNotFound(
                f"{counts['not_found']} of the external ids that the run was asked for were not found at the partner; the "
                "others were handed over. Correct the ids and start a new run with them."
            )
        return counts
