"""What ``extract`` keeps of a partner's records: sorted into prospects, skipped and quarantined, judged, and staged."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from letting_sync import window
from letting_sync.errors import RefuseRecord, StopRun
from letting_sync.locales.errors import error_of
from letting_sync.model import Outcome, OutcomeKind, Prospect
from letting_sync.reasons import Reason
from letting_sync.staging import parquet, tables

if TYPE_CHECKING:
    from letting_sync.tasks.extract.operator import ExtractOperator

LACKING_SHARE = 0.2
"""More records than this lacking a field of the contract is a change of the interface, not dirt."""
FEWEST_FOR_A_JUDGEMENT = 5
"""Of fewer records a share says nothing (assumed, as the share itself)."""
_A_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,59}")
"""What a status word or a field's name looks like; anything else might be about a person."""
_RETRACTED: parquet.Kinds = {"external_id": "text", "source_id": "text", "updated_at": "time"}
_FINDINGS: parquet.Kinds = {"code": "text", "subject": "text", "count": "whole"}


def shown_word(word: str) -> str:
    """A status word or a field's name, or ``(unreadable)`` if it does not look like one."""
    return word if _A_WORD.fullmatch(word) else "(unreadable)"


class Finding(NamedTuple):
    """A sign that the partner's interface differs from its contract.

    :param code: see :meth:`ExtractOperator.report`.
    :param subject: the status word or the field.
    """

    code: str
    subject: str


class Read(NamedTuple):
    """What is kept of a partner's record. The record itself is not: a long window has thousands, in which Python would
    look for garbage again and again.

    :param external_id: the record's id, if one can be read.
    :param lacking: the promised fields that it lacks.
    :param unknown: its status words that the mapping does not know.
    :param result: the prospect, or why it is none.
    :param json: what is staged: the prospect or, if it is none, the record for the quarantine table.
    :param record: as the partner wrote it, if the operator ``keeps_records``.
    """

    external_id: str | None
    lacking: Sequence[str]
    unknown: Sequence[str]
    result: Prospect | RefuseRecord
    json: str
    record: Any = None


class Retracted(NamedTuple):
    """A record that chooses nobody (any more), as it is staged: nothing of the person.

    :param source_id: the partner's id of the record, where one external id may have several.
    """

    external_id: str
    source_id: str | None
    updated_at: datetime


class SortedRecords:
    """The records of a run, sorted into prospects, skipped and quarantined."""

    def __init__(self, operator: ExtractOperator) -> None:
        self.operator = operator
        self.prospects: dict[int, str] = {}
        self.outcomes: list[Outcome] = []
        self.raw: dict[int, str] = {}
        self.withdrawn: set[Retracted] = set()
        self.not_chosen: set[Retracted] = set()
        self.ids: set[str | None] = set()
        self.lacking: Counter[str] = Counter()
        self.unknown: Counter[str] = Counter()
        self.with_unknown = 0
        self.count = 0

    def add(self, reads: Iterable[Read]) -> None:
        for read in reads:
            self._add(self.count, read)
            self.count += 1

    def _add(self, number: int, read: Read) -> None:
        if read.lacking:
            self.lacking.update(read.lacking)
        if read.unknown:
            self.unknown.update(read.unknown)
            self.with_unknown += 1
        self.ids.add(read.external_id)
        if isinstance(read.result, RefuseRecord):
            self.raw[number] = read.json
            refusal = read.result
            self._end(number, read.external_id, OutcomeKind.QUARANTINED, refusal.reason, refusal.detail)
            return
        prospect = read.result
        self.ids.add(prospect.external_id)
        reason = self.operator.skip_reason(prospect)
        if reason:
            retracted = Retracted(prospect.external_id, prospect.source_id, prospect.updated_at)
            if prospect.withdrawn:
                self.withdrawn.add(retracted)
            elif not prospect.chosen:
                self.not_chosen.add(retracted)
            self._end(number, prospect.external_id, OutcomeKind.SKIPPED, reason)
        else:
            self.prospects[number] = read.json

    def add_withdrawn(self, record: Any, until: datetime) -> None:
        """Note a record that was withdrawn or rejected.

        :param until: end of the window, which is as new as the record can be where it tells no time.
        """
        operator = self.operator
        if external_id := operator.external_id_of(record):
            try:
                updated_at = operator.updated_at_of(record)
            except RefuseRecord:
                updated_at = until
            self.withdrawn.add(Retracted(external_id, operator.source_id_of(record), updated_at))

    def _end(
        self,
        number: int,
        external_id: str | None,
        kind: OutcomeKind,
        reason: Reason,
        detail: str | None = None,
    ) -> None:
        self.outcomes.append(
            Outcome(record=number, external_id=external_id, kind=kind, reason=reason, detail=detail)
        )

    @property
    def changes_anything(self) -> bool:
        """Whether there is something to load, or somebody was withdrawn or is not chosen any more."""
        return bool(self.prospects or self.withdrawn or self.not_chosen)

    def stop_if_the_interface_changed(self) -> None:
        """Stop before anything is loaded if a field that was always there is gone, or no status word is known."""
        if self.count < FEWEST_FOR_A_JUDGEMENT:
            return
        for name, count in self.lacking.items():
            if count > LACKING_SHARE * self.count:
                raise error_of(StopRun, "field_gone", count=count, total=self.count, field=repr(name))
        if self.with_unknown == self.count:
            words = sorted(map(shown_word, self.unknown))
            raise error_of(StopRun, "status_unknown", total=self.count, words=", ".join(words[:10]))

    def report_findings(self) -> None:
        """Report unknown status words, and fields of the contract that not one record has."""
        for word, count in self.unknown.items():
            self.operator.report("unknown_word", word, count)
        for name, count in self.lacking.items():
            if count == self.count:
                self.operator.report("field_never_there", name, count)

    def stage(self, folder: str, run_window: window.Window, asked_for: Sequence[str]) -> None:
        not_found = [one for one in asked_for if one not in self.ids]
        if not_found:
            self.operator.log.warning(
                "%d of %d ids were not found at the partner.", len(not_found), len(asked_for)
            )
        tables.write_rows(
            folder, "not_found", [{"external_id": one} for one in not_found], {"external_id": "text"}
        )
        tables.write_prospects(folder, self.prospects)
        for table, retracted in (("withdrawn", self.withdrawn), ("not_chosen", self.not_chosen)):
            rows = sorted(retracted, key=lambda one: (one.external_id, one.source_id or "", one.updated_at))
            tables.write_rows(folder, table, [one._asdict() for one in rows], _RETRACTED)
        findings = sorted(self.operator.findings.items())
        found = [{**finding._asdict(), "count": count} for finding, count in findings]
        tables.write_rows(folder, "findings", found, _FINDINGS)
        counts = tables.write_outcomes(folder, "extract", self.outcomes, self.raw)
        tables.write_extent(folder, tables.Extent(self.count, run_window))
        self.operator.log.info(
            "%d records read: %s.", self.count, tables.counted(counts) if counts else "all are prospects"
        )
