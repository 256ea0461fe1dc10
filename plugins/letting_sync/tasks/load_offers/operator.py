"""The task ``load_offers``: Airflow's side of :mod:`letting_sync.tasks.load_offers.loader`."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Never

from airflow.sdk.exceptions import AirflowRuntimeError

from letting_sync import assets, lineage
from letting_sync.counts import offers_of
from letting_sync.dry_run import is_dry_run
from letting_sync.erp import ErpTarget
from letting_sync.errors import StopRun, WaitAndRepeat
from letting_sync.lineage import LineageMixin
from letting_sync.model import CONTENT_FIELDS, Outcome, OutcomeKind
from letting_sync.reasons import Reason
from letting_sync.settings import RETRYING_AFTER, AcceptMode, NearMatch
from letting_sync.signatures import with_signature
from letting_sync.staging import parquet, tables
from letting_sync.staging.chunks import Chunk
from letting_sync.task_errors import ExpectedErrorsMixin

if TYPE_CHECKING:
    from airflow.sdk import Context

    from letting_sync.ledger.ledger import Ledger
    from letting_sync.ledger.records import Retraction, Run
    from letting_sync.tasks.load_offers.candidates import Candidate
    from letting_sync.tasks.load_offers.dry_run import Preview
    from letting_sync.tasks.load_offers.loader import Loader
    from letting_sync.tasks.load_offers.partner_search import PartnerSearch
    from letting_sync.tasks.load_offers.readback import LoadContext, Waiting

NEAR_PARTNERS = "near_partners"
"""Table of the prospects who may be a stored business partner."""
REFUSAL_TEXTS = "refusal_texts"
"""Table of the ERP's messages about refused prospects."""
_NEAR_PARTNERS: parquet.Kinds = {
    "record": "whole",
    "other_partner": "text",
    "score": "number",
    "reason": "text",
}
_REFUSAL_TEXTS: parquet.Kinds = {"record": "whole", "external_id": "text", "text": "text"}
LONGEST_WAIT = timedelta(hours=2)
"""The task fails and is retried if the ERP's imports have not ended after this time. Assumed."""
LONGEST_PAUSE = timedelta(minutes=1)
"""Longest time until the task starts again where no import can be polled, e.g. in the settle window."""
WAKE_MARGIN = timedelta(minutes=5)
"""Additional time after which Airflow fails a task that its trigger has not resumed."""
SHORT_PAUSES = (0.1, 0.2, 0.4, 0.8, 1.0, 1.5, 2.0, 2.0, 2.0)
"""Pauses in seconds between polls of an import before the task is deferred, ten seconds in all. Deferring frees the worker slot, but the
trigger's first poll and the next start of the task take Airflow longer than that."""


class LoadOffersOperator(LineageMixin, ExpectedErrorsMixin):
    """
    Make exactly one offer in the ERP for each staged prospect of a chunk.

    The task can be repeated at any time: open requests of an earlier try are looked up in the ERP before anything is sent.
    While an import of the ERP takes longer than ten seconds, the task is deferred and occupies no worker slot.

    :param chunk: a chunk from ``dedup``; its folder contains the table ``prospects`` (templated).
    :cvar system: name of the operator's ERP; ``None``: any.
    :param erp: the ERP at this customer.
    :param key: fields that identify a person, as in the ERP's duplicate check.
    :param near_match: whether a person is asked before the lease if a stored business partner may be the same person.
    :param poll: pause between two polls of a running import.
    :param accept: the pair's accept mode, which is stored with each offer; the run's param ``accept`` takes precedence.
    :param retrying_after: how long the ERP may fail to serve the run before that is reported.
    :return: the chunk; nothing personal leaves the task.
    """

    template_fields: Sequence[str] = ("chunk",)
    ui_color = "#e9f7ea"
    system: ClassVar[str | None] = None

    @with_signature
    def __init__(
        self,
        *,
        chunk: Any,
        erp: ErpTarget,
        key: Sequence[str],
        poll: timedelta,
        accept: AcceptMode = "auto",
        near_match: NearMatch = "ask",
        retrying_after: timedelta = RETRYING_AFTER,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.retrying_after = retrying_after
        self.chunk: dict[str, Any] = chunk
        self.erp = erp.checked_for(self.system)
        self.key = tuple(key)
        self.poll = poll
        self.accept = accept
        self.near_match = near_match
        self.imports_since: datetime | None = None

    def execute(self, context: Context) -> Any:
        """Load until every prospect has an outcome or the task has to wait."""
        # Refused prospects of an earlier try are sent once more and may be refused with another message.
        chunk = Chunk.read(self.chunk)
        tables.forget(chunk.folder, REFUSAL_TEXTS + chunk.suffix)
        return self.expecting_errors(context, "advance")

    def resume(self, context: Context, event: dict[str, Any]) -> Any:
        """Continue after an import has ended, perhaps in another process; everything is looked up again."""
        # Values that an earlier release did not store are those of a new try.
        since = event.get("since")
        self.imports_since = datetime.fromisoformat(since) if since else None
        return self.expecting_errors(context, "advance", rounds_lost=event.get("rounds_lost", 0))

    def advance(self, context: Context, rounds_lost: int = 0) -> dict[str, Any]:
        """Advance as far as possible, and defer the task while the ERP's imports run."""
        from letting_sync.ledger.ledger import Ledger
        from letting_sync.ledger.records import Run
        from letting_sync.tasks.load_offers.loader import Loader
        from letting_sync.tasks.load_offers.partner_search import PartnerSearch
        from letting_sync.tasks.load_offers.readback import LoadContext, Waiting

        chunk = Chunk.read(self.chunk)
        erp = self.erp.open()
        try:
            ledger = Ledger(scope=erp.scope)
            since = self.imports_since or ledger.now()
            dag_run = context["dag_run"]
            window = tables.extent(chunk.folder).window
            start, end = window or (None, None)
            accept = context["params"].get("accept") or self.accept
            run = Run(dag_run.dag_id, erp.scope, dag_run.run_id, start, end, accept)
            if is_dry_run(context["params"]):
                return self._preview(chunk, LoadContext(ledger, erp, run))
            if chunk.is_first:
                ledger.mark_retracted(run, _retractions(chunk.folder, end))
            self._stop_if_the_target_changed(ledger, run)
            search = PartnerSearch(erp, self.key, self.near_match)
            load = LoadContext(ledger, erp, run, partial(_ended_runs, context))
            loader = Loader(load, since, search, rounds_lost)
            some = _candidates(chunk, ledger)
            outcomes = _advance_with_short_pauses(loader, some)
            _note_near(chunk, search)
            texts = _note_refusal_texts(chunk, some, load)
            if isinstance(outcomes, Waiting):
                self._wait(outcomes, since, ledger.now(), loader.rounds_lost)
            quarantined = {one.record for one in outcomes if one.kind is OutcomeKind.QUARANTINED}
            raw = {one.record: one.prospect.model_dump_json() for one in some if one.record in quarantined}
            counts = tables.write_outcomes(chunk.folder, "load_offers", outcomes, raw, chunk, texts)
            offers = offers_of(counts)
            assets.note(context, self.outlets, window, offers)
            self.lineage_inputs = [lineage.staged_of(run.pair, len(some))]
            self.lineage_outputs = [lineage.offers_of(self.erp, offers["offers_created"])]
            self.log.info("Prospects by outcome: %s.", tables.counted(counts))
            return chunk.handed_on
        finally:
            erp.close()

    def _stop_if_the_target_changed(self, ledger: Ledger, run: Run) -> None:
        """Stop if prospects of the pair were sent to another exchange, where they could not be found."""
        now = f"exchange {self.erp.exchange!r}, separator {self.erp.separator!r}"[:250]
        if before := ledger.mark_target(run.pair, now):
            raise StopRun(
                f"The pair's ERP settings have changed from {before} to {now} while prospects that were sent have no "
                "outcome yet; with the new settings they would not be found, and sent twice. Set the old values "
                "again, clear the task, and change them after the run has ended."
            )

    def _preview(self, chunk: Chunk, context: LoadContext) -> dict[str, Any]:
        """Stage what would be loaded, without writing to the ERP or to the ledger."""
        from letting_sync.staging import dry_run as staged
        from letting_sync.tasks.load_offers import dry_run
        from letting_sync.tasks.load_offers.candidates import candidates
        from letting_sync.tasks.load_offers.partner_search import PartnerSearch

        table = tables.rows(chunk.folder, "prospects", chunk)
        written = _as_written(chunk.folder, table)
        some = candidates(table, context.ledger, written)
        search = PartnerSearch(context.erp, self.key, self.near_match)
        loader = dry_run.DryLoader(context, search)
        previews = loader.preview(some, _retractions(chunk.folder, context.run.window_end))
        _note_near(chunk, search)
        fields = list(dry_run.sent_fields(previews, written, context.erp.sent_fields))
        staged.write(chunk.folder, chunk, staged.LOAD, dry_run.loads(previews), staged.WouldLoad)
        staged.write(chunk.folder, chunk, staged.FIELDS, fields, staged.FieldSent)
        counts = tables.write_outcomes(
            chunk.folder, "load_offers", dry_run.outcomes(previews), _raw(previews), chunk
        )
        self.outlets = []  # no asset event, since nothing was created
        self.log.info("Dry run, nothing was sent. Prospects by outcome: %s.", tables.counted(counts))
        return chunk.handed_on

    def _wait(self, waiting: Waiting, since: datetime, now: datetime, rounds_lost: int) -> Never:
        from letting_sync.tasks.load_offers.trigger import ImportTrigger

        left = since + LONGEST_WAIT - now
        if left <= timedelta(0):
            raise WaitAndRepeat(
                f"{len(waiting.jobs)} imports and {waiting.others} prospects are still undecided after "
                f"{LONGEST_WAIT}. Nothing is sent twice: clear the task when the ERP has ended its imports."
            )
        # Without an import to poll each pause ends with a start of the task: it grows with the time waited so far.
        pause = self.poll if waiting.jobs else max(self.poll, min((now - since) / 4, LONGEST_PAUSE))
        self.log.info(
            "Waiting for %d imports of the ERP and %d other prospects.", len(waiting.jobs), waiting.others
        )
        self.defer(
            trigger=ImportTrigger(
                target=self.erp.serialize(),
                jobs=sorted(waiting.jobs),
                pause=pause.total_seconds(),
                memory={"since": since.isoformat(), "rounds_lost": rounds_lost},
                until=(datetime.now(UTC) + left).isoformat(),
            ),
            method_name="resume",
            # The trigger resumes the task when its time is over; this limit is for a triggerer that does not run.
            timeout=left + WAKE_MARGIN,
        )


def _candidates(chunk: Chunk, ledger: Ledger) -> list[Candidate]:
    """Return the candidates of a chunk. The rows that they were made of are not kept while they are loaded."""
    from letting_sync.tasks.load_offers.candidates import candidates

    table = tables.rows(chunk.folder, "prospects", chunk)
    return candidates(table, ledger, _as_written(chunk.folder, table, ("record", *CONTENT_FIELDS)))


def _ended_runs(context: Context, run_ids: Collection[str]) -> set[str]:
    """Return the runs of this DAG that have ended according to Airflow; an unknown run may still be running."""
    ti, ended = context["ti"], set()
    for run_id in run_ids:
        with contextlib.suppress(AirflowRuntimeError):
            if ti.get_dagrun_state(context["dag_run"].dag_id, run_id) in ("success", "failed"):
                ended.add(run_id)
    return ended


def _note_near(chunk: Chunk, search: PartnerSearch) -> None:
    """Stage the near matches among stored partners, including those found before the task was deferred."""
    rows = {
        row["record"]: row for row in tables.rows(chunk.folder, NEAR_PARTNERS + chunk.suffix)
    } | search.near
    tables.write_rows(chunk.folder, NEAR_PARTNERS, list(rows.values()), _NEAR_PARTNERS, chunk)


def _note_refusal_texts(chunk: Chunk, some: Sequence[Candidate], load: LoadContext) -> dict[int, str]:
    """Stage the ERP's messages about refused prospects, including those from before a deferral; return them by record."""
    staged = tables.rows(chunk.folder, REFUSAL_TEXTS + chunk.suffix)
    rows = {row["record"]: row for row in staged} | {
        one.record: {"record": one.record, "external_id": one.key[0], "text": load.refusal_texts[one.key]}
        for one in some
        if one.key in load.refusal_texts
    }
    if rows:
        tables.write_rows(chunk.folder, REFUSAL_TEXTS, list(rows.values()), _REFUSAL_TEXTS, chunk)
    return {record: row["text"] for record, row in rows.items()}


def _advance_with_short_pauses(loader: Loader, some: Sequence[Candidate]) -> list[Outcome] | Waiting:
    """Advance, and wait for short imports in the task: deferring the task would take longer."""
    from letting_sync.tasks.load_offers.readback import Waiting

    done = loader.advance(some)
    for pause in SHORT_PAUSES:
        if not isinstance(done, Waiting) or not done.jobs:
            break
        time.sleep(pause)
        state = loader.context.erp.import_state(min(done.jobs))
        if state is None or state.finished:
            done = loader.advance(some)
    return done


def _raw(previews: Sequence[Preview]) -> dict[int, str]:
    """Return the quarantined prospects as JSON, by record."""
    return {
        preview.outcome.record: preview.candidate.prospect.model_dump_json()
        for preview in previews
        if preview.outcome.kind is OutcomeKind.QUARANTINED
    }


def _retractions(folder: str, window_end: datetime | None) -> list[Retraction]:
    """Return the retractions that ``extract`` staged; one without a time (earlier release) counts as new as the window."""
    from letting_sync.ledger.records import Retraction

    return [
        Retraction(row["external_id"], row.get("source_id"), reason, version)
        for table, reason in (("withdrawn", Reason.WITHDRAWN), ("not_chosen", Reason.NOT_CHOSEN))
        for row in tables.written_rows(folder, table)
        if (version := row.get("updated_at") or window_end)
    ]


def _as_written(
    folder: str, prospects: Sequence[dict[str, Any]], columns: Sequence[str] | None = None
) -> dict[int, dict[str, Any]]:
    """Return the prospects' records as the partner wrote them, by number of the record.

    :param columns: only these, which include ``record``.
    """
    records = {row["record"] for row in prospects}
    rows = tables.rows(folder, "extracted", columns=columns)
    return {row["record"]: row for row in rows if row["record"] in records}
