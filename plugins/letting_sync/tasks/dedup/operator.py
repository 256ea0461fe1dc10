"""The task ``dedup``, which knows neither partner nor ERP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from letting_sync.model import Outcome, OutcomeKind
from letting_sync.reasons import Field, Problem, Reason, field_reason
from letting_sync.settings import DuplicateCheck
from letting_sync.staging import dry_run, tables
from letting_sync.staging.chunks import PROSPECTS_PER_CHUNK, chunk_numbers, chunks_of
from letting_sync.task_errors import ExpectedErrorsMixin

if TYPE_CHECKING:
    import pandas as pd
    from airflow.sdk import Context


WRITTEN_BY_CHUNK = (
    "outcomes_load_offers",
    "quarantine_load_offers",
    "near_partners",
    "acceptance",
    *dry_run.TABLES,
)
"""Tables of the tasks after ``dedup``, with one file per chunk."""


class DedupOperator(ExpectedErrorsMixin):
    """
    Clean the run's prospects and keep each person once per unit.

    The task only reads and writes staged tables, so it may be run again at any time.

    :param folder: the run's staging folder, with the table ``extracted`` (templated).
    :param duplicates: matching rules for persons, and the handling of prospects without a matching key.
    :return: the chunks over which the next tasks are mapped, as dictionaries; a run of ordinary size has one.
    """

    template_fields: Sequence[str] = ("folder",)
    ui_color = "#f2ecfa"

    def __init__(self, *, folder: Any, duplicates: DuplicateCheck, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.folder: str = folder
        self.key = duplicates.matching_key
        self.without_key = duplicates.without_key

    def execute(self, context: Context) -> Any:
        """Clean, match, and stage."""
        return self.expecting_errors(context, "match_and_stage")

    def match_and_stage(self, context: Context) -> list[dict[str, Any]]:
        """Do the task's work, from its beginning."""
        del context
        tables.forget(self.folder, *WRITTEN_BY_CHUNK)
        if not tables.length(self.folder, "extracted"):
            return self._nothing_to_match()
        from letting_sync.matching.cleaning import clean
        from letting_sync.matching.dedup import identity, merge_same_person, undecided
        from letting_sync.matching.suspects.suspects import suspects

        extracted = clean(tables.read(self.folder, "extracted"))
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
        kept = kept.assign(chunk=chunk_numbers(kept, PROSPECTS_PER_CHUNK), identity=identity(kept, self.key))
        tables.write(self.folder, "prospects", kept)
        tables.write(self.folder, "suspects", suspects(kept))
        counts = tables.write_outcomes(self.folder, "dedup", outcomes, raw)
        self.log.info(
            "%d prospects are passed on; %d of them cannot be identified (fields of the matching key are missing). Left out: %s.",
            len(kept),
            int(unknown[~refused].sum()),
            tables.counted(counts),
        )
        count = int(kept["chunk"].max()) if len(kept) else 1
        return [chunk.handed_on for chunk in chunks_of(self.folder, count)]

    def _nothing_to_match(self) -> list[dict[str, Any]]:
        """Stage the tables of a run without prospects, which goes on for offers of earlier runs."""
        tables.write_rows(self.folder, "prospects", [], {**tables.PROSPECT, "chunk": "whole"})
        tables.write_rows(self.folder, "suspects", [], {"record": "whole", "other_record": "whole"})
        tables.write_outcomes(self.folder, "dedup", [], {})
        self.log.info("There are no prospects.")
        return [chunk.handed_on for chunk in chunks_of(self.folder, 1)]


def _ended(frame: pd.DataFrame, kind: OutcomeKind, reason: Reason) -> list[Outcome]:
    return [
        Outcome(record=int(record), external_id=external_id, kind=kind, reason=reason)
        for record, external_id in zip(frame["record"], frame["external_id"], strict=True)
    ]
