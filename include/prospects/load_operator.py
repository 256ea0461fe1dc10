"""The task ``load_offers``: Airflow's side of :mod:`include.prospects.loading`."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Never

from airflow.sdk import BaseOperator

from include.prospects import staging
from include.prospects.chunks import Chunk
from include.prospects.errors import WaitAndRepeat
from include.prospects.model import Outcome, OutcomeKind

if TYPE_CHECKING:
    from airflow.sdk import Context

    from include.prospects.candidates import Candidate
    from include.prospects.erp import Erp
    from include.prospects.loading import Loader
    from include.prospects.settling import Waiting

LONGEST_WAIT = timedelta(hours=2)
"""After so long without an end of the ERP's imports the task fails, to be tried again. Assumed."""
SHORT_PAUSES = (0.1, 0.2, 0.4, 0.8)
"""Seconds between looks at an import before the task is put off, which takes Airflow some seconds."""


class LoadOffersOperator(BaseOperator):
    """
    Make one offer in the ERP for each staged prospect of a chunk, once.

    May be run again at any time: what an earlier try left open is looked up in the ERP before anything is sent.
    While the ERP works on an import for longer than a moment the task is deferred and holds no worker slot.

    :param chunk: a chunk as ``dedup`` handed it on, whose folder holds the table ``prospects`` (templated).
    :param erp_conn_id: Airflow connection of the ERP (templated).
    :param exchange: the ERP's name for the place prospects are imported from (Immobilienbörse, Portal).
    :param separator: separator between the four parts of a unit number as the ERP writes it.
    :param key: fields that tell a person, as the ERP's duplicate check is set.
    :param poll: pause between two looks at an import that goes on.
    :return: the chunk; nothing personal leaves the task.
    """

    template_fields: Sequence[str] = ("chunk", "erp_conn_id")
    ui_color = "#e9f7ea"

    def __init__(
        self,
        *,
        chunk: Any,
        erp_conn_id: str,
        exchange: str,
        separator: str,
        key: Sequence[str],
        poll: timedelta,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.chunk: dict[str, Any] = chunk
        self.erp_conn_id = erp_conn_id
        self.exchange = exchange
        self.separator = separator
        self.key = tuple(key)
        self.poll = poll

    erp_class: ClassVar[str]
    """Import path of the ERP's class; each ERP's operator names its own."""
    pool_slots_of_a_task: ClassVar[int] = 2
    """Slots of the ERP's pool that a task at this ERP takes, see :mod:`include.prospects.pools`."""
    erp_separator: ClassVar[str | None] = None
    """The separator of unit numbers where the ERP prescribes one."""

    @property
    def erp_settings(self) -> dict[str, Any]:
        """Keyword arguments of the ERP's class."""
        return {"conn_id": self.erp_conn_id, "exchange": self.exchange, "separator": self.separator}

    @abstractmethod
    def erp(self) -> Erp:
        """Open the ERP."""

    def execute(self, context: Context) -> dict[str, Any]:
        """Load, until all is decided or something has to be waited for."""
        return self._advance(context, since=datetime.now(UTC), rounds_lost=0)

    def resume(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """Go on after a wait, perhaps in another process; everything is looked up anew."""
        return self._advance(context, datetime.fromisoformat(event["since"]), event["rounds_lost"])

    def _advance(self, context: Context, since: datetime, rounds_lost: int) -> dict[str, Any]:
        from include.prospects.candidates import business_partners, candidates
        from include.prospects.ledger import Ledger
        from include.prospects.ledger_records import Run
        from include.prospects.loading import Loader
        from include.prospects.settling import LoadContext, Waiting

        chunk = Chunk.read(self.chunk)
        if context["params"].get("rehearse"):
            self.log.info("rehearsal: nothing is sent to the ERP")
            _rehearse(chunk)
            return chunk.handed_on
        erp, ledger = self.erp(), Ledger()
        try:
            dag_run = context["dag_run"]
            window = staging.extent(chunk.folder).window or (None, None)
            run = Run(dag_run.dag_id, erp.scope, dag_run.run_id, *window)
            if chunk.is_first:
                withdrawn = [row["external_id"] for row in staging.rows(chunk.folder, "withdrawn")]
                ledger.withdrawn_after_load(run.pair, withdrawn)
                not_chosen = staging.rows(chunk.folder, "not_chosen")
                ledger.not_chosen_after_load(
                    run.pair, [(row["external_id"], row["unit"]) for row in not_chosen]
                )
            loader = Loader(
                LoadContext(ledger, erp, run),
                since,
                lambda some: business_partners(erp, some, self.key),
                rounds_lost,
            )
            table = staging.rows(chunk.folder, "prospects", chunk)
            frame = staging.read(chunk.folder, "prospects", chunk)
            some = candidates(table, frame, ledger, self.key)
            outcomes = _advance_patiently(loader, some)
            if isinstance(outcomes, Waiting):
                self._wait(outcomes, since, loader.rounds_lost)
            quarantined = {one.record for one in outcomes if one.kind is OutcomeKind.QUARANTINED}
            raw = {one.record: one.prospect.model_dump_json() for one in some if one.record in quarantined}
            counts = staging.write_outcomes(chunk.folder, "load_offers", outcomes, raw, chunk)
            self.log.info("prospects by outcome: %s", counts)
            return chunk.handed_on
        finally:
            erp.close()

    def _wait(self, waiting: Waiting, since: datetime, rounds_lost: int) -> Never:
        from include.prospects.waiting import ImportTrigger

        if datetime.now(UTC) - since > LONGEST_WAIT:
            raise WaitAndRepeat(
                f"{len(waiting.jobs)} imports and {waiting.others} prospects are still undecided after "
                f"{LONGEST_WAIT}. Nothing is sent twice: clear the task when the ERP has ended its imports."
            )
        self.log.info(
            "waiting for %d imports of the ERP and %d other prospects", len(waiting.jobs), waiting.others
        )
        self.defer(
            trigger=ImportTrigger(
                erp=self.erp_class,
                settings=self.erp_settings,
                jobs=sorted(waiting.jobs),
                pause=self.poll.total_seconds(),
                memory={"since": since.isoformat(), "rounds_lost": rounds_lost},
            ),
            method_name="resume",
        )


def _advance_patiently(loader: Loader, some: Sequence[Candidate]) -> list[Outcome] | Waiting:
    """Advance, and wait for imports that take a moment only: putting the task off takes longer than they do."""
    from include.prospects.settling import Waiting

    done = loader.advance(some)
    for pause in SHORT_PAUSES:
        if not isinstance(done, Waiting) or not done.jobs:
            break
        time.sleep(pause)
        state = loader.context.erp.import_state(min(done.jobs))
        if state is None or state.finished:
            done = loader.advance(some)
    return done


def _rehearse(chunk: Chunk) -> None:
    """Write what would be loaded: every prospect counts as skipped, none is sent."""
    outcomes = [
        Outcome(
            record=row["record"],
            external_id=row["external_id"],
            kind=OutcomeKind.SKIPPED,
            reason="rehearsal",
        )
        for row in staging.rows(chunk.folder, "prospects", chunk)
    ]
    staging.write_outcomes(chunk.folder, "load_offers", outcomes, {}, chunk)
