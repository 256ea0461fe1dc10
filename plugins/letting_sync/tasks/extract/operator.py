"""The task ``extract``: read a partner's records of the run's window and stage them as prospects.

A partner's package supplies a subclass that says how to read and how to map; what is true for every partner
stands here.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk.exceptions import DownstreamTasksSkipped

from letting_sync import assets, lineage, run_conf, window
from letting_sync import counts as run_counts
from letting_sync.alerts import callbacks
from letting_sync.dry_run import is_dry_run
from letting_sync.errors import RefuseRecord, StopRun, WaitAndRepeat
from letting_sync.lineage import LineageMixin
from letting_sync.model import Prospect
from letting_sync.parsing import records as fields
from letting_sync.partner import PartnerTarget
from letting_sync.reasons import Field, Reason
from letting_sync.settings import AlertLimits, Timing
from letting_sync.staging import tables
from letting_sync.task_errors import ExpectedErrorsMixin
from letting_sync.tasks.extract.records import Finding, Read, SortedRecords, shown_word

if TYPE_CHECKING:
    from airflow.sdk import Context

    from letting_sync.http.hook import ApiHook


class ExtractOperator(LineageMixin, ExpectedErrorsMixin):
    """
    Stage what the partner has on the prospects that changed in the run's window.

    May be run again at any time: it only reads, and writes the same staged tables anew.
    If no other task has anything to do the run ends here, green and with its counts: the others are skipped without a
    process of their own.

    :cvar id_field: name of the field with a record's id.
    :cvar time_field: name of the field with the time of its last change.
    :cvar kept_fields: what may be kept of a record that goes to quarantine, see :func:`fields.as_raw`.
    :cvar promised_fields: those that every record has by the contract, see :func:`fields.lacking`.
    :cvar not_chosen_reason: why a prospect is skipped that the partner has not chosen (yet).
    :cvar known_words: the status words that the mapping knows, see :meth:`status_counts`.
    :ivar keeps_records: whether what is read has the partner's records with it, which only a check of the interface needs.
    :param partner: the partner at this customer.
    :param clients: numbers of the clients (Mandanten) to transfer; ``None``: all.
    :param timing: how far the window is read backwards, and the schedule for the window of a run started by hand.
    :param limits: from when on the run's quarantine, a silence of the pair, or a partner that does not serve the run, is an
        incident that is reported.
    :return: reference to the run's staging folder; nothing personal leaves the task.
    """

    ui_color = "#e8f1fb"

    id_field: ClassVar[str] = "id"
    time_field: ClassVar[str] = "updatedAt"
    kept_fields: ClassVar[Mapping[str, Any]] = {}
    promised_fields: ClassVar[Sequence[str]] = ()
    not_chosen_reason: ClassVar[Reason] = Reason.NOT_CHOSEN
    known_words: ClassVar[Collection[str]] = ()

    def __init__(
        self,
        *,
        partner: PartnerTarget,
        clients: Sequence[str] | None,
        timing: Timing,
        limits: AlertLimits | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.partner = partner
        self.clients = clients
        self.timing = timing
        self.limits = limits or AlertLimits()
        self.retrying_after = self.limits.retrying_after
        self.findings: Counter[Finding] = Counter()
        self.keeps_records = False

    @property
    @abstractmethod
    def hook(self) -> ApiHook:
        """The task's one hook, imported and made on first use: a DAG file must not load an HTTP client."""

    @abstractmethod
    def read(self, start: datetime, end: datetime) -> Iterable[Read]:
        """Return each record that changed in ``[start, end)`` exactly once, in its latest version.

        Each is mapped (:meth:`mapped`) where its page was fetched, while others are awaited.
        """

    @abstractmethod
    def read_by_id(self, external_ids: Sequence[str]) -> Iterable[Read]:
        """Return the records with these ids, whatever their window; an unknown id yields nothing."""

    @abstractmethod
    def read_withdrawn(self, start: datetime, end: datetime) -> Iterable[Any]:
        """Return the records of those withdrawn or rejected in ``[start, end)``; only ids and times are kept of them."""

    @abstractmethod
    def to_prospect(self, record: Any, today: date) -> Prospect:
        """Map a raw record; for any JSON whatever it returns a prospect or raises :class:`RefuseRecord`."""

    def external_id_of(self, record: Any) -> str | None:
        """The record's id if one can be read, for the quarantine table."""
        return fields.readable_identifier(record, self.id_field)

    def source_id_of(self, record: Any) -> str | None:
        """The partner's id of the record itself, where one external id may have several of them; else ``None``."""
        del record
        return None

    def updated_at_of(self, record: Any) -> datetime:
        """When the record was last changed.

        :raises RefuseRecord: it does not say so.
        """
        return fields.moment(record.get(self.time_field), Field.UPDATED_AT)

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

        :param code: ``unknown_word``, ``field_never_there``, ``unknown_status_count``, ``silence`` or ``status``.
        :param subject: the word or the field. A word that does not look like one is not repeated.
        """
        self.findings[Finding(code, shown_word(subject))] += count

    def execute(self, context: Context) -> Any:
        """Read, map, and stage; what cannot be mapped goes to quarantine."""
        return self.expecting_errors(context, "read_and_stage")

    def read_and_stage(self, context: Context) -> str:
        """Do the task's work, from its beginning."""
        self.findings.clear()
        run_conf.check(getattr(context["dag_run"], "conf", None), run_conf.OF_A_PAIR)
        folder = tables.folder_of(context)
        run_window = window.of_run(context, self.timing.schedule)
        if self.partner.selection == "erp" and context["params"].get("accept") not in (None, "off"):
            raise StopRun(
                f"accept={context['params']['accept']!r} is not for this pair: its prospects are chosen in the ERP, "
                "and then nothing may be accepted automatically. Start a new run with accept 'off'."
            )
        asked_for = run_conf.ids_asked_for(context["params"])
        sorted_out = SortedRecords(self)
        try:
            if asked_for:
                self.log.info("Reading %d records by their ids.", len(asked_for))
                sorted_out.add(self.read_by_id(asked_for))
            else:
                self.log.info("Reading what changed %s.", window.in_words(run_window, self.timing.overlap))
                since, until = run_window.start - self.timing.overlap, run_window.end
                sorted_out.add(self.read(since, until))
                for record in self.read_withdrawn(since, until):
                    sorted_out.add_withdrawn(record, until)
                if not sorted_out.prospects:
                    self._report_silence(context["dag_run"].dag_id, run_window.end)
        finally:
            self.close()
        sorted_out.stop_if_the_interface_changed()
        sorted_out.report_findings()
        sorted_out.stage(folder, run_window, asked_for)
        self.lineage_inputs = [lineage.prospects_of(self.partner, sorted_out.count)]
        self.lineage_outputs = [lineage.staged_of(context["dag_run"].dag_id, len(sorted_out.prospects))]
        if not (asked_for or is_dry_run(context["params"]) or sorted_out.changes_anything):
            self._end_run_if_nothing_is_open(context, folder, sorted_out, run_window)
        self.outlets = []  # reconcile publishes them
        return folder

    def _end_run_if_nothing_is_open(
        self, context: Context, folder: str, sorted_out: SortedRecords, run_window: window.Window
    ) -> None:
        """Publish the counts and skip all other tasks, unless one of them has something to do.

        :raises DownstreamTasksSkipped: the run has succeeded.
        """
        pair = context["dag_run"].dag_id
        others = sorted(self.get_flat_relative_ids(upstream=False))
        if not others or self._has_open_entries(pair):
            return
        tables.forget_others(folder, *tables.OF_EVERY_RUN, "run", "extent", "quarantine_extract")
        outcomes = [outcome.model_dump() for outcome in sorted_out.outcomes]
        run_id = context["dag_run"].run_id
        counts = run_counts.counts_of(folder, run_id, sorted_out.count, outcomes)
        run_counts.log_counts(counts)
        run_counts.measure(pair, counts)
        # The task returns nothing; whoever clears ``dedup`` later runs it with this folder.
        context["ti"].xcom_push("return_value", folder)
        context["ti"].xcom_push(run_counts.OF_AN_EMPTY_WINDOW, counts)
        callbacks.reconciled(context, counts, self.limits)
        callbacks.succeeded(context)
        self.outlets = assets.note_days(context, self.outlets, run_window, counts)
        self.log.info("Nothing to load and nothing open: the other tasks are skipped.")
        raise DownstreamTasksSkipped(tasks=others)

    def _has_open_entries(self, pair: str) -> bool:
        """Whether the ledger has something for the other tasks; also if it cannot be asked, which they then report."""
        from sqlalchemy.exc import SQLAlchemyError

        from letting_sync.ledger.ledger import Ledger
        from letting_sync.ledger.records import REVIEW_AFTER

        try:
            ledger = Ledger()
            return ledger.find_anything_open(pair, ledger.now() - REVIEW_AFTER)
        except (SQLAlchemyError, WaitAndRepeat, StopRun, OSError) as error:
            self.log.warning(
                "The ledger cannot be read (%s), so the other tasks check what is open.", type(error).__name__
            )
            return True

    def _report_silence(self, pair: str, end: datetime) -> None:
        """Report that a pair which used to bring prospects has brought none for long, and what the partner has instead."""
        from sqlalchemy.exc import SQLAlchemyError

        from letting_sync.ledger.ledger import Ledger
        from letting_sync.ledger.reports import LedgerReports
        from letting_sync.tasks.extract.silence import LOOKED_BACK, silent_since

        try:
            brought = LedgerReports(Ledger().engine).find_windows_with_prospects(pair, end - LOOKED_BACK)
            since = silent_since(brought, end, self.limits.silence_after)
            if since is None:
                return
            self.report("silence", "days", (end - since).days)
            for word, count in self.status_counts(since, end).items():
                self.report("status", word, count)
        except (SQLAlchemyError, WaitAndRepeat, StopRun) as error:
            # The run has read what there is; that nobody can say whether it is too little is no reason to fail it.
            self.log.warning(
                "Cannot check whether the pair has brought no prospects for too long (%s).",
                type(error).__name__,
            )

    def status_counts(self, start: datetime, end: datetime) -> Mapping[str, int]:
        """How many records the partner has in each status, of those that changed in ``[start, end)``; counts only."""
        del start, end
        return {}

    def sample(self, start: datetime, end: datetime) -> Sequence[Read]:
        """Some records with what the mapping makes of them, for a check of the interface: those of the window."""
        return list(self.read(start, end))

    def schema_differences(self) -> Sequence[str] | None:
        """Where the partner's own description of its interface differs from the published one, a sentence each.

        :return: ``None``: it has no such description, or does not show it.
        """
        return None

    def close(self) -> None:
        """Give the connections back."""
        self.hook.close()

    @cached_property
    def today(self) -> date:
        """The customer's day on which the task began."""
        return window.today()

    def mapped(self, record: Any) -> Read:
        """What is kept of a record; called in the thread that fetched the record's page."""
        external_id, kept = self.external_id_of(record), record if self.keeps_records else None
        lacking, unknown = tuple(self.lacking_fields(record)), tuple(self.unknown_words(record))
        try:
            prospect = self.to_prospect(record, self.today)
        except RefuseRecord as refusal:
            return Read(external_id, lacking, unknown, refusal, self.raw(record), kept)
        return Read(external_id, lacking, unknown, prospect, prospect.model_dump_json(), kept)

    def skip_reason(self, prospect: Prospect) -> Reason | None:
        """Why a readable prospect is not handed over, if it is not."""
        if prospect.withdrawn:
            return Reason.WITHDRAWN
        if self.partner.selection == "partner" and not prospect.chosen:
            return self.not_chosen_reason
        if self.clients is not None and prospect.unit.client not in self.clients:
            return Reason.CLIENT_EXCLUDED
        return None
