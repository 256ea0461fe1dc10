"""The task ``load_offers``: Airflow's side of :mod:`include.prospects.loading`."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Never

from airflow.sdk import BaseOperator

from include.prospects import staging, window
from include.prospects.chunks import Chunk
from include.prospects.errors import RefuseRecord, WaitAndRepeat
from include.prospects.garbage import without_garbage_collection
from include.prospects.model import Outcome, OutcomeKind, Prospect
from include.prospects.reasons import Reason

if TYPE_CHECKING:
    import pandas as pd
    from airflow.sdk import Context

    from include.prospects.erp import Erp
    from include.prospects.ledger import Ledger
    from include.prospects.loading import Loader
    from include.prospects.sending import Item
    from include.prospects.settling import Waiting

NOT_SENT = frozenset(
    {"external_id", "unit", "chosen", "withdrawn", "updated_at", "contact_id", "bundle", "bundle_size"}
)
CONTENT = frozenset(Prospect.model_fields) - NOT_SENT
"""What is sent of a prospect; a change in any other field is no change for the ERP."""


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
    :param schedule: the pair's cron expression, for the window of a run started by hand.
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
        schedule: str,
        poll: timedelta,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.chunk: dict[str, Any] = chunk
        self.erp_conn_id = erp_conn_id
        self.exchange = exchange
        self.separator = separator
        self.key = tuple(key)
        self.schedule = schedule
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
        from include.prospects.ledger import Ledger
        from include.prospects.ledger_records import Run
        from include.prospects.loading import Loader
        from include.prospects.settling import Waiting

        chunk = Chunk.read(self.chunk)
        if context["params"].get("rehearse"):
            self.log.info("rehearsal: nothing is sent to the ERP")
            _rehearse(chunk)
            return chunk.handed_on
        erp, ledger = self.erp(), Ledger()
        try:
            dag_run = context["dag_run"]
            run = Run(dag_run.dag_id, erp.scope, dag_run.run_id, *window.of_run(context, self.schedule))
            if chunk.is_first:
                withdrawn = [row["external_id"] for row in staging.rows(chunk.folder, "withdrawn")]
                ledger.mark_withdrawn(run.pair, withdrawn)
                not_chosen = staging.rows(chunk.folder, "not_chosen")
                ledger.mark_not_chosen(run.pair, [(row["external_id"], row["unit"]) for row in not_chosen])
            loader = Loader(
                ledger, erp, run, since, lambda some: self._partner_numbers(erp, some), rounds_lost
            )
            with without_garbage_collection():
                items = self._items(ledger, chunk)
                outcomes = _advance_patiently(loader, items)
            if isinstance(outcomes, Waiting):
                self._wait(outcomes, since, loader.rounds_lost)
            quarantined = {one.record for one in outcomes if one.kind is OutcomeKind.QUARANTINED}
            raw = {
                item.record: item.prospect.model_dump_json() for item in items if item.record in quarantined
            }
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

    def _items(self, ledger: Ledger, chunk: Chunk) -> list[Item]:
        from include.prospects.ledger_records import Intent
        from include.prospects.sending import Item

        hashes = self._person_hashes(ledger, chunk)
        items, fields = [], tuple(Prospect.model_fields)
        for row in staging.rows(chunk.folder, "prospects", chunk):
            prospect = Prospect(**{name: row[name] for name in fields})
            intent = Intent(
                external_id=prospect.external_id,
                unit=str(prospect.unit),
                chosen=prospect.chosen,
                content_hash=ledger.hash({name: getattr(prospect, name) for name in CONTENT}),
                person_hash=hashes.get(row["record"]),
                bundle=prospect.bundle,
                bundle_size=prospect.bundle_size,
            )
            items.append(Item(row["record"], row["person"], prospect, intent))
        return items

    def _person_hashes(self, ledger: Ledger, chunk: Chunk) -> dict[int, str]:
        from include.prospects.folding import person_key

        frame = staging.read(chunk.folder, "prospects", chunk)
        if frame.empty:
            return {}
        keys = person_key(frame, self.key).fillna(person_key(frame, ("first_name", "last_name", "email")))
        return {
            int(record): ledger.hash({"person": key})
            for record, key in zip(frame["record"], keys, strict=True)
            if isinstance(key, str)
        }

    def _partner_numbers(self, erp: Erp, items: Sequence[Item]) -> Mapping[int, str | RefuseRecord]:
        """Look persons up among the ERP's business partners: in bulk, by date of birth or e-mail address."""
        import pandas as pd

        from include.prospects.dedup import match_partners

        birth_dates = {item.prospect.birth_date for item in items if item.prospect.birth_date}
        emails = {
            item.prospect.email for item in items if not item.prospect.birth_date and item.prospect.email
        }
        stored = [partner.model_dump() for partner in erp.business_partners(birth_dates, emails)]
        if not stored:
            return {}
        rows = [
            {"record": item.record, "person": item.person, **item.prospect.model_dump()} for item in items
        ]
        matches = match_partners(_typed(pd.DataFrame(rows)), _typed(pd.DataFrame(stored)), self.key)
        numbers: dict[int, str | RefuseRecord] = {}
        for row in matches.to_dict("records"):
            if row["reason"] == Reason.AMBIGUOUS_PARTNER:
                numbers[row["record"]] = RefuseRecord(
                    Reason.AMBIGUOUS_PARTNER, "Several business partners of the ERP fit."
                )
            elif isinstance(row["business_partner_number"], str):
                numbers[row["record"]] = row["business_partner_number"]
        return numbers


def _advance_patiently(loader: Loader, items: Sequence[Item]) -> list[Outcome] | Waiting:
    """Advance, and wait for imports that take a moment only: putting the task off takes longer than they do."""
    from include.prospects.settling import Waiting

    done = loader.advance(items)
    for pause in SHORT_PAUSES:
        if not isinstance(done, Waiting) or not done.jobs:
            break
        time.sleep(pause)
        state = loader.erp.import_state(min(done.jobs))
        if state is None or state.finished:
            done = loader.advance(items)
    return done


def _rehearse(chunk: Chunk) -> None:
    """Write what would be loaded: every prospect counts as skipped, none is sent."""
    outcomes = [
        Outcome(
            record=row["record"],
            external_id=row["external_id"],
            kind=OutcomeKind.SKIPPED,
            reason=Reason.REHEARSAL,
        )
        for row in staging.rows(chunk.folder, "prospects", chunk)
    ]
    staging.write_outcomes(chunk.folder, "load_offers", outcomes, {}, chunk)


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    """Text columns as text even where all of them are empty."""
    import pandas as pd

    texts = [name for name in frame.columns if name not in ("record", "person", "birth_date", "lease_start")]
    frame[texts] = frame[texts].astype("str")
    frame["birth_date"] = pd.to_datetime(frame["birth_date"]).astype("datetime64[s]")
    return frame
