"""Reconcile the in-flight entries of the ledger before anything is sent: read back, link existing offers, or claim again.

The results of ended imports are read; an entry without a clear result is looked up by external id:

* no offer, and the import is confirmed finished: the entry is claimed again;
* one offer: it is linked;
* several offers: the entry is ambiguous;
* undecidable so far: the task waits.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from letting_sync.erp import Erp, ImportState
from letting_sync.errors import StopRun
from letting_sync.ledger.ledger import Ledger
from letting_sync.ledger.records import InFlight, Key, Made, Run
from letting_sync.model import ImportResult, Offer
from letting_sync.reasons import Reason

log = logging.getLogger(__name__)

UNKNOWN_IMPORT = timedelta(hours=1)
"""Time during which a prospect is not sent again if the ERP does not know its import, although it returned the import's
number: only the look-up may fail while the import is running. Assumed: no import takes longer."""


@dataclass(frozen=True)
class Waiting:
    """Entries without an outcome so far.

    :param jobs: running imports of the ERP.
    :param others: number of prospects whose outcome is open for another reason.
    :param keys: prospects of this run in those imports.
    """

    jobs: frozenset[str] = frozenset()
    others: int = 0
    keys: frozenset[Key] = field(default=frozenset(), compare=False)

    def __bool__(self) -> bool:
        return bool(self.jobs or self.others)


@dataclass(frozen=True)
class LoadContext:
    """What loader, sender and readback share.

    :param run: which run does the work.
    :param refusal_texts: by key the ERP's own words on prospects it refused; they may quote the person, so they go into the
        quarantine table and nowhere else.
    :param ended_runs: which of some runs of the pair are known to have ended; their claims are taken over at once.
    """

    ledger: Ledger
    erp: Erp
    run: Run
    ended_runs: Callable[[Collection[str]], Collection[str]] = lambda _: ()
    refusal_texts: dict[Key, str] = field(default_factory=dict, repr=False)

    def mark_refused(self, entry: InFlight, reason: Reason, text: str | None) -> None:
        """Note that the ERP will not take a prospect: the reason in the ledger, its own words beside it."""
        self.ledger.mark_refused([entry.id], reason, entry.claim)
        if text:
            self.refusal_texts[entry.key] = text


class Readback:
    """Reconciliation of in-flight entries of a pair by one run."""

    def __init__(self, context: LoadContext) -> None:
        self.context = context

    def resolve_in_flight(self, mine: Collection[Key]) -> Waiting:
        """Reconcile in-flight entries; those of other runs are taken over without waiting.

        Other chunks of this run work at the same time on other persons, and reconcile their own entries.

        :param mine: keys of the prospects of this run, or of this chunk of it.
        """
        by_job = defaultdict[str | None, list[InFlight]](list)
        for entry in self.context.ledger.find_sent(self.context.run.pair):
            if entry.key in mine or entry.run_id != self.context.run.run_id:
                by_job[entry.job].append(entry)
        jobs, looked_at, unknown = set[str](), set[int](), set[int]()
        importing = set[Key]()
        to_look_up = by_job.pop(None, [])
        for job, state, left in self.context.erp.concurrently(self._read_results, by_job.items()):
            if state is not None and not state.finished:
                ours = {entry.key for entry in left if entry.key in mine}
                jobs |= {job} if ours else set()
                importing |= ours
                continue
            looked_at |= {entry.id for entry in left} if state and not state.broken_off else set()
            unknown |= {entry.id for entry in left} if state is None else set()
            to_look_up += left
        missing, undecided = self._read_back(to_look_up, mine, bool(jobs), unknown)
        pending = self._import_pending_deliveries([e for e in missing if e.id not in looked_at], mine)
        if pending is not None:
            missing = [entry for entry in missing if entry.id in looked_at]
            jobs, undecided = jobs | pending.jobs, undecided + pending.others
        self._claim_again(missing, mine)
        return Waiting(frozenset(jobs), undecided, frozenset(importing))

    def _read_results(
        self, import_: tuple[str | None, list[InFlight]]
    ) -> tuple[str, ImportState | None, list[InFlight]]:
        """Store the results of an import if it has ended; also return the entries that are still open."""
        number, entries = import_
        job = number or ""
        state = self.context.erp.import_state(job)
        return job, state, self._apply(entries, state) if state and state.finished else entries

    def _apply(self, entries: Sequence[InFlight], state: ImportState) -> list[InFlight]:
        """Store the results of an ended import; return the entries without a clear result."""
        by_id = defaultdict[str, list[ImportResult]](list)
        for imported in state.results:
            by_id[imported.external_id].append(imported)
        made, left = list[Made](), list[InFlight]()
        for entry in entries:
            result = by_id[entry.external_id][0] if len(by_id[entry.external_id]) == 1 else None
            if result and result.refusal:
                self.context.mark_refused(entry, result.refusal, result.refusal_text)
            elif result and result.offer_id and result.offer_number:
                offer = (result.offer_id, result.offer_number, result.business_partner_number)
                made.append(Made(entry.id, entry.claim, *offer, result.business_partner_created))
            else:
                left.append(entry)
        if made:
            self.context.ledger.mark_loaded(made)
        return left

    def _read_back(
        self, entries: Sequence[InFlight], mine: Collection[Key], going_on: bool, unknown: Collection[int]
    ) -> tuple[list[InFlight], int]:
        """Look up sent entries in the ERP; return those without an offer, and the number of our undecidable ones.

        :param going_on: whether an import of this pair is running. One whose number was lost may be in the same queue.
        :param unknown: entries whose import the ERP does not know, although it returned the number itself.
        """
        if not entries:
            return [], 0
        # Computed before the look-up: an import that ends in between has made offers that the look-up did not find.
        any_import_runs = self.context.erp.import_going_on() is not None
        ages = self._ages(entries)
        # The ERP's client compares with this machine's clock, which may differ from the ledger's.
        here = datetime.now(UTC)
        late = {entry for entry, age in ages.items() if self.context.erp.within_settle_window(here - age)}
        late |= {entry for entry, age in ages.items() if entry in unknown and age < UNKNOWN_IMPORT}
        found = self.offers({entry.external_id for entry in entries})
        self.link(entries, found, reason=None)
        missing: list[InFlight] = []
        undecided = 0
        for entry in entries:
            if entry.key in found:
                continue
            if any_import_runs or entry.id in late or (going_on and not entry.job):
                undecided += entry.key in mine
            else:
                missing.append(entry)
        return missing, undecided

    def _ages(self, entries: Sequence[InFlight]) -> dict[int, timedelta]:
        """Return the time since each entry was sent, by the ledger's clock."""
        now = self.context.ledger.now()
        return {entry.id: now - entry.sent_at for entry in entries if entry.sent_at}

    def _import_pending_deliveries(
        self, entries: Sequence[InFlight], mine: Collection[Key]
    ) -> Waiting | None:
        """Start an import for possible deliveries that no later import has processed.

        Only such an import proves that a delivery is absent; a second delivery before it could be imported twice.

        :return: what to wait for; ``None`` if no delivery can be pending.
        """
        ours = sum(entry.key in mine for entry in entries)
        job = self.context.erp.start_import() if entries else None
        if job:
            self.context.ledger.mark_in_import(
                [entry.id for entry in entries], job, {entry.claim for entry in entries}
            )
            return Waiting(jobs=frozenset({job} if ours else ()))
        if entries and self.context.erp.import_going_on():
            return Waiting(others=ours)
        return None

    def _claim_again(self, entries: Sequence[InFlight], mine: Collection[Key]) -> None:
        """Claim entries again that are confirmed absent from the ERP."""
        repeat = [entry for entry in entries if entry.key in mine]
        if repeat:
            log.info("%d prospects are confirmed absent from the ERP and will be sent again", len(repeat))
        self.context.ledger.claim_again(self.context.run, repeat)
        # Entries of a dead run are returned to it: left as sent, they would block other prospects of the same person.
        self.context.ledger.claim_again(None, [entry for entry in entries if entry.key not in mine])

    # --- also used by the sender ----------------------------------------------------------------------------

    def offers(self, external_ids: Collection[str]) -> dict[Key, list[Offer]]:
        """Return the offers by external id and unit.

        :raises StopRun: an offer has an unreadable unit number; ignoring it would cause a second offer.
        """
        found = defaultdict(list)
        for offer in self.context.erp.offers(external_ids):
            if offer.unit is None:
                raise StopRun(
                    f"Offer {offer.number} of this pair has a unit number that cannot be read. Check the pair's "
                    "setting erp_separator, then clear the task; nothing was sent."
                )
            found[(offer.external_id or "", str(offer.unit))].append(offer)
        return found

    def link(
        self, entries: Iterable[InFlight], found: Mapping[Key, Sequence[Offer]], reason: Reason | None
    ) -> None:
        """Link entries to their existing offers in the ERP."""
        made = []
        for entry in entries:
            offers = found.get(entry.key, ())
            if len(offers) == 1:
                offer = (offers[0].offer_id, offers[0].number, offers[0].business_partner_number)
                made.append(Made(entry.id, entry.claim, *offer, reason=reason))
            elif offers:
                self.context.ledger.mark_ambiguous(entry.id, entry.claim)
        if made:
            self.context.ledger.mark_loaded(made)
