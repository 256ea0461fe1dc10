"""The task ``extract``: read a partner's records of the run's window and stage them as prospects.

A partner's package supplies a subclass that says how to read and how to map; what is true for every partner
stands here.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple
from zoneinfo import ZoneInfo

from airflow.sdk import BaseOperator

from include.prospects import fields, staging, window
from include.prospects.ahead import Ahead
from include.prospects.errors import RefuseRecord, StopRun
from include.prospects.garbage import without_garbage_collection
from include.prospects.model import Outcome, OutcomeKind, Prospect
from include.prospects.reasons import Reason

if TYPE_CHECKING:
    from airflow.sdk import Context

    from include.prospects.api import ApiHook

LACKING_SHARE = 0.2
"""More records than this lacking a field of the contract is a change of the interface, not dirt."""
FEWEST_FOR_A_JUDGEMENT = 5
"""Of fewer records a share says nothing (assumed, as the share itself)."""
_A_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,59}")
"""What a status word or a field's name looks like; anything else might be about a person."""
_FINDING_TYPES = {"code": "string[pyarrow]", "subject": "string[pyarrow]", "count": "int64[pyarrow]"}


class ExtractOperator(BaseOperator):
    """
    Stage what the partner has on the prospects that changed in the run's window.

    May be run again at any time: it only reads, and writes the same staged tables anew.

    :cvar id_field: name of the field with a record's id.
    :cvar kept_fields: what may be kept of a record that goes to quarantine, see :func:`fields.as_raw`.
    :cvar promised_fields: those that every record has by the contract, see :func:`fields.lacking`.
    :cvar partner_settings: names of the pair's settings that this partner knows and others do not; they are keyword
        arguments of the subclass.
    :cvar not_chosen_reason: why a prospect is skipped that the partner has not chosen (yet).
    :param partner_conn_id: Airflow connection of the partner's system (templated).
    :param separator: separator between the four parts of a unit number as the partner shows it; ``None``: the
        number itself tells.
    :param selection: ``partner``: only prospects chosen in the partner's system; ``erp``: all of them.
    :param clients: numbers of the clients (Mandanten) to transfer; ``None``: all.
    :param overlap: how far the window is read backwards beyond its start, against clocks that differ.
    :param schedule: the pair's cron expression, for the window of a run started by hand.
    :return: reference to the run's staging folder; nothing personal leaves the task.
    """

    template_fields: Sequence[str] = ("partner_conn_id",)
    ui_color = "#e8f1fb"

    id_field: ClassVar[str] = "id"
    kept_fields: ClassVar[Mapping[str, Any]] = {}
    promised_fields: ClassVar[Sequence[str]] = ()
    partner_settings: ClassVar[frozenset[str]] = frozenset()
    not_chosen_reason: ClassVar[Reason] = Reason.NOT_CHOSEN

    def __init__(
        self,
        *,
        partner_conn_id: str,
        separator: str | None,
        selection: str,
        clients: Sequence[str] | None,
        overlap: timedelta,
        schedule: str,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.partner_conn_id = partner_conn_id
        self.separator = separator
        self.selection = selection
        self.clients = clients
        self.overlap = overlap
        self.schedule = schedule
        self._ahead: Ahead[Mapped] | None = None
        self.findings: Counter[Finding] = Counter()

    @property
    @abstractmethod
    def hook(self) -> ApiHook:
        """The task's one hook, imported and made on first use: a DAG file must not load an HTTP client."""

    @abstractmethod
    def read(self, start: datetime, end: datetime) -> Iterator[Any]:
        """Yield each raw record that changed in ``[start, end)`` exactly once, in its latest version."""

    @abstractmethod
    def read_by_id(self, external_ids: Sequence[str]) -> Iterator[Any]:
        """Yield the raw records with these ids, whatever their window; an unknown id yields nothing."""

    @abstractmethod
    def read_withdrawn(self, start: datetime, end: datetime) -> Iterable[str]:
        """Yield the external ids of those withdrawn or rejected in ``[start, end)``, and nothing else of them."""

    @abstractmethod
    def to_prospect(self, record: Any, today: date) -> Prospect:
        """Map a raw record; for any JSON whatever it returns a prospect or raises :class:`RefuseRecord`."""

    def external_id_of(self, record: Any) -> str | None:
        """The record's id if one can be read, for the quarantine table."""
        return fields.readable_identifier(record, self.id_field)

    def raw(self, record: Any) -> str:
        """The record as JSON for the quarantine table, cut to the fields of the contract."""
        return fields.as_raw(record, self.kept_fields)

    def lacking_fields(self, record: Any) -> Iterable[str]:
        """Which fields this record lacks, of those that every record has by the contract; ``null`` is not lacking."""
        return fields.lacking(record, self.promised_fields)

    def unknown_words(self, record: Any) -> Iterable[str]:
        """Status words of this record that the mapping does not know."""
        del record
        return ()

    def report(self, code: str, subject: str, count: int = 1) -> None:
        """Note that the partner's interface may differ from its contract; the run's counts and an alert say so.

        :param code: ``unknown_word``, ``field_never_there`` or ``unknown_status_count``.
        :param subject: the word or the field. A word that does not look like one is not repeated.
        """
        self.findings[Finding(code, subject if _A_WORD.fullmatch(subject) else "(unreadable)")] += count

    def execute(self, context: Context) -> str:
        """Read, map, and stage; what cannot be mapped goes to quarantine."""
        self.findings.clear()
        folder = staging.folder_of(context)
        start, end = window.of_run(context, self.schedule)
        if self.selection == "erp" and context["params"].get("accept") not in (None, "off"):
            raise StopRun(
                f"accept={context['params']['accept']!r} is not for this pair: its prospects are chosen in the ERP, "
                "and then nothing may be accepted automatically."
            )
        asked_for = list(context["params"].get("external_ids") or [])
        if asked_for:
            self.log.info("reading %d records by their ids", len(asked_for))
            records = self.read_by_id(asked_for)
        else:
            self.log.info("reading from %s to %s", start, end)
            records = self.read(start - self.overlap, end)
        today = datetime.now(ZoneInfo(window.TIMEZONE)).date()
        self._ahead = Ahead(partial(self._map, today=today))
        try:
            with without_garbage_collection():
                sorted_out = _SortedOut(self)
                for number, record in enumerate(records):
                    sorted_out.add(number, record, self._ahead.result(record))
                withdrawn = [] if asked_for else list(self.read_withdrawn(start - self.overlap, end))
        finally:
            self._ahead.close()
            self.close()
        sorted_out.stop_if_the_interface_changed()
        sorted_out.report_findings()
        sorted_out.stage(folder, withdrawn)
        return folder

    def close(self) -> None:
        """Give the connections back."""
        self.hook.close()

    def map_ahead(self, records: Sequence[Any]) -> None:
        """Map these records in a thread beside the reading; :meth:`read` may call it with each page as it comes.

        A partner that does not call it loses nothing but time: its records are mapped when all are read. What was
        mapped here and is then not among the records that :meth:`read` yields is dropped.
        """
        if self._ahead:
            self._ahead.take(records)

    def _map(self, record: Any, today: date) -> Mapped:
        lacking, unknown = tuple(self.lacking_fields(record)), tuple(self.unknown_words(record))
        try:
            return Mapped(lacking, unknown, self.to_prospect(record, today))
        except RefuseRecord as refusal:
            return Mapped(lacking, unknown, refusal)

    def skip_reason(self, prospect: Prospect) -> Reason | None:
        """Why a readable prospect is not handed over, if it is not."""
        if prospect.withdrawn:
            return Reason.WITHDRAWN
        if self.selection == "partner" and not prospect.chosen:
            return self.not_chosen_reason
        if self.clients is not None and prospect.unit.client not in self.clients:
            return Reason.CLIENT_EXCLUDED
        return None


class Finding(NamedTuple):
    """A sign that the partner's interface differs from its contract.

    :param code: see :meth:`ExtractOperator.report`.
    :param subject: the status word or the field.
    """

    code: str
    subject: str


class Mapped(NamedTuple):
    """A record after the mapping.

    :param lacking: the promised fields that it lacks.
    :param unknown: its status words that the mapping does not know.
    :param result: the prospect, or why it is none.
    """

    lacking: Sequence[str]
    unknown: Sequence[str]
    result: Prospect | RefuseRecord


class _SortedOut:
    """The records of a run, sorted into prospects, skipped and quarantined."""

    def __init__(self, operator: ExtractOperator) -> None:
        self.operator = operator
        self.prospects: dict[int, Prospect] = {}
        self.outcomes: list[Outcome] = []
        self.raw: dict[int, str] = {}
        self.withdrawn: list[str] = []
        self.not_chosen: list[Prospect] = []
        self.lacking: Counter[str] = Counter()
        self.unknown: Counter[str] = Counter()
        self.with_unknown = 0
        self.count = 0

    def add(self, number: int, record: Any, mapped: Mapped) -> None:
        self.count += 1
        self.lacking.update(mapped.lacking)
        self.unknown.update(mapped.unknown)
        self.with_unknown += bool(mapped.unknown)
        if isinstance(mapped.result, RefuseRecord):
            self._quarantine(number, record, mapped.result)
            return
        prospect = mapped.result
        reason = self.operator.skip_reason(prospect)
        if reason:
            if prospect.withdrawn:
                self.withdrawn.append(prospect.external_id)
            elif not prospect.chosen:
                self.not_chosen.append(prospect)
            self._end(number, prospect.external_id, OutcomeKind.SKIPPED, reason)
        else:
            self.prospects[number] = prospect

    def _quarantine(self, number: int, record: Any, refusal: RefuseRecord) -> None:
        self.raw[number] = self.operator.raw(record)
        external_id = self.operator.external_id_of(record)
        self._end(number, external_id, OutcomeKind.QUARANTINED, refusal.reason, refusal.detail)

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

    def stop_if_the_interface_changed(self) -> None:
        """Stop before anything is loaded if a field that was always there is gone, or no status word is known."""
        if self.count < FEWEST_FOR_A_JUDGEMENT:
            return
        for name, count in self.lacking.items():
            if count > LACKING_SHARE * self.count:
                raise StopRun(
                    f"{count} of {self.count} records have no field {name!r}, which every record has by the "
                    "contract. Nothing was loaded. Ask the partner whether the interface has changed."
                )
        if self.with_unknown == self.count:
            words = sorted(word if _A_WORD.fullmatch(word) else "(unreadable)" for word in self.unknown)
            raise StopRun(
                f"All {self.count} records have a status that is not known: {', '.join(words[:10])}. Nothing was "
                "loaded. Ask the partner what the words mean and add them to the partner's table of status words "
                "(docs/contracts.md says where), then clear the task."
            )

    def report_findings(self) -> None:
        """Report unknown status words, and fields of the contract that not one record has."""
        for word, count in self.unknown.items():
            self.operator.report("unknown_word", word, count)
        for name, count in self.lacking.items():
            if count == self.count:
                self.operator.report("field_never_there", name, count)

    @property
    def not_chosen_keys(self) -> list[tuple[str, str]]:
        """External id and unit of those who are not chosen (any more), and not by another record of the run either."""
        chosen = {(prospect.external_id, prospect.unit) for prospect in self.prospects.values()}
        keys = {(prospect.external_id, prospect.unit) for prospect in self.not_chosen} - chosen
        return sorted((external_id, str(unit)) for external_id, unit in keys)

    def stage(self, folder: str, withdrawn: Iterable[str]) -> None:
        import pandas as pd

        ids = sorted({*self.withdrawn, *withdrawn})
        staging.write(folder, "extracted", staging.prospects_frame(self.prospects))
        staging.write(folder, "withdrawn", pd.DataFrame({"external_id": ids}, dtype="string[pyarrow]"))
        not_chosen = pd.DataFrame(
            self.not_chosen_keys, columns=["external_id", "unit"], dtype="string[pyarrow]"
        )
        staging.write(folder, "not_chosen", not_chosen)
        found = [(*finding, count) for finding, count in sorted(self.operator.findings.items())]
        findings = pd.DataFrame(found, columns=["code", "subject", "count"])
        staging.write(folder, "findings", findings.astype(_FINDING_TYPES))
        counts = staging.write_outcomes(folder, "extract", self.outcomes, self.raw)
        staging.write(folder, "extent", pd.DataFrame({"extracted": [self.count]}))
        self.operator.log.info("%d records, of which %s", self.count, counts or "all are prospects")
