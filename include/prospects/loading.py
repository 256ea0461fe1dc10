"""From prospects to offers, once: what the task ``load_offers`` does, without Airflow.

The loader may be called again at any point, by a retry, after a wait, by another run. Each call takes three
steps, and each step looks at the ledger and the ERP instead of remembering:

1. **settle** what is open: read the results of imports that have ended, look up by external id what has no
   result. None and surely over: free to be sent. One: adopted. Several: ambiguous. Not decidable: wait.
2. **claim** this run's prospects in the ledger, the intent before the deed.
3. **send** what is claimed, after one more look into the ERP, so that not even a lost ledger doubles an offer.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from include.prospects.erp import ClaimLost, Delivery, Erp, ImportState, Outgoing
from include.prospects.errors import AnswerLost, RefuseRecord, StopRun, WaitAndRepeat
from include.prospects.ledger import Ledger
from include.prospects.ledger_records import Entry, Intent, Key, Made, Run
from include.prospects.model import Offer, Outcome, OutcomeKind, Prospect

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Item:
    """One prospect of this run.

    :param record: its running number.
    :param person: number of the person within the run; the same on several units.
    """

    record: int
    person: int
    prospect: Prospect
    intent: Intent

    @property
    def key(self) -> Key:
        return self.intent.key


@dataclass(frozen=True)
class Waiting:
    """What is not decided yet.

    :param jobs: imports of the ERP that still go on.
    :param others: prospects whose outcome cannot be told yet for another reason.
    """

    jobs: frozenset[str] = frozenset()
    others: int = 0

    def __bool__(self) -> bool:
        return bool(self.jobs or self.others)


ROUNDS_LOST = 3
"""Rounds with a lost answer in one try; after them the ERP is left alone until Airflow's next try."""

PartnerNumbers = Callable[[Sequence[Item]], Mapping[int, str | RefuseRecord]]
"""Finds the business partner of each item the ERP knows already: its number by ``record``, or why none."""


class Loader:
    """Load the prospects of one run, or of one chunk of it.

    :param since: when this try began; what the ERP refused after it is not sent once more in this try.
    :param partner_numbers: looks persons up in the ERP before they are sent.
    """

    def __init__(
        self, ledger: Ledger, erp: Erp, run: Run, since: datetime, partner_numbers: PartnerNumbers
    ) -> None:
        self.ledger = ledger
        self.erp = erp
        self.run = run
        self.since = since
        self.partner_numbers = partner_numbers
        self._lost: list[AnswerLost] = []

    def advance(self, items: Sequence[Item]) -> Waiting:
        """Do all that can be done now; returns what has to be waited for, nothing when all is decided.

        :raises WaitAndRepeat: one answer after the other got lost.
        """
        rounds_lost = 0
        while rounds_lost < ROUNDS_LOST:
            waiting = self._settle(items)
            claimed, busy = self._claim(items)
            wave = self._wave(items, claimed)
            if not wave:
                # What is claimed and yet in no wave stands behind something of the same person or id.
                return Waiting(waiting.jobs, waiting.others + busy + len(claimed))
            if job := self.erp.import_going_on():
                # What it makes cannot be looked up yet: wait, so that not even a lost ledger doubles an offer.
                return Waiting(waiting.jobs | {job}, waiting.others + busy)
            self._send(wave, claimed)
            rounds_lost += bool(self._lost)
        raise WaitAndRepeat(f"{self._lost[-1]}. It happened several times in a row.")

    def outcomes(self, items: Sequence[Item]) -> list[Outcome]:
        """What became of each item, once nothing is waited for any more."""
        known = self.ledger.find(self.run.pair, {item.intent.external_id for item in items})
        elsewhere = self._person_elsewhere(items)
        return [
            Outcome(
                record=item.record,
                external_id=item.intent.external_id,
                kind=OutcomeKind.DUPLICATE,
                reason="same_person_on_unit",
            )
            if item.record in elsewhere
            else _outcome(item, known[item.key], self.run)
            for item in items
        ]

    # --- 1 settle -----------------------------------------------------------------------------------------

    def _settle(self, items: Sequence[Item]) -> Waiting:
        """Close what the ledger has open; what belongs to other runs is adopted, never waited for.

        Other chunks of this run are at work at the same time, know none of our persons, and close their own.
        """
        mine = {item.key for item in items}
        open_entries = [
            entry
            for entry in self.ledger.sent(self.run.pair)
            if entry.key in mine or entry.run_id != self.run.run_id
        ]
        jobs, looked_at = set[str](), set[int]()
        to_look_up: list[Entry] = []
        for job, group in groupby(sorted(open_entries, key=lambda e: e.job or ""), key=lambda e: e.job):
            entries = list(group)
            state = self.erp.import_state(job) if job else None
            if state is not None and not state.finished:
                jobs |= {job} if job and any(e.key in mine for e in entries) else set()
                continue
            left = self._apply(entries, state) if state else entries
            looked_at |= {entry.id for entry in left} if state and not state.broken_off else set()
            to_look_up += left
        missing, undecided = self._read_back(to_look_up, mine, bool(jobs))
        lying = self._import_what_may_lie_there([e for e in missing if e.id not in looked_at], mine)
        if lying is not None:
            missing = [entry for entry in missing if entry.id in looked_at]
            jobs, undecided = jobs | lying.jobs, undecided + lying.others
        self._take_back(missing, mine)
        return Waiting(frozenset(jobs), undecided)

    def _apply(self, entries: Sequence[Entry], state: ImportState) -> list[Entry]:
        """Write the results of an import that has ended; returns the entries it has no clear result for."""
        by_id = defaultdict(list)
        for told in state.results:
            by_id[told.external_id].append(told)
        made, left = list[Made](), list[Entry]()
        for entry in entries:
            result = by_id[entry.external_id][0] if len(by_id[entry.external_id]) == 1 else None
            if result and result.refusal:
                self.ledger.refused([entry.id], result.refusal, entry.claim)
            elif result and result.offer_id:
                offer = (result.offer_id, result.offer_number, result.business_partner_number)
                made.append(Made(entry.id, entry.claim, *offer, result.business_partner_created))
            else:
                left.append(entry)
        if made:
            self.ledger.all_loaded(made)
        return left

    def _read_back(
        self, entries: Sequence[Entry], mine: Collection[Key], going_on: bool
    ) -> tuple[list[Entry], int]:
        """Look sent entries up in the ERP; returns those it does not hold, and how many of ours cannot be told yet.

        :param going_on: an import of ours goes on. One whose number was lost may stand in the same queue.
        """
        if not entries:
            return [], 0
        # Asked before the look-up: an import that ends in between has made offers which the look-up did not see.
        anybodys = self.erp.import_going_on() is not None
        late = {entry.id for entry in entries if entry.sent_at and self.erp.may_still_come(entry.sent_at)}
        found = self._offers({entry.external_id for entry in entries})
        self._adopt(entries, found, reason=None)
        missing: list[Entry] = []
        undecided = 0
        for entry in entries:
            if entry.key in found:
                continue
            if anybodys or entry.id in late or (going_on and not entry.job):
                undecided += entry.key in mine
            else:
                missing.append(entry)
        return missing, undecided

    def _import_what_may_lie_there(self, entries: Sequence[Entry], mine: Collection[Key]) -> Waiting | None:
        """Import what may have been delivered and was not looked at by an import that began after it.

        Only then is it known that a delivery is not there; delivered anew before, it could be imported twice.

        :return: what of ours has to be waited for; ``None`` if nothing may lie there.
        """
        ours = sum(entry.key in mine for entry in entries)
        job = self.erp.start_import() if entries else None
        if job:
            self.ledger.in_job([entry.id for entry in entries], job, {entry.claim for entry in entries})
            return Waiting(jobs=frozenset({job} if ours else ()))
        if entries and self.erp.import_going_on():
            return Waiting(others=ours)
        return None

    def _take_back(self, entries: Sequence[Entry], mine: Collection[Key]) -> None:
        """Make entries free to be sent that are surely not in the ERP."""
        repeat = [entry for entry in entries if entry.key in mine]
        if repeat:
            log.info("%d prospects are surely not in the ERP and will be sent again", len(repeat))
        self.ledger.take_back(self.run, repeat)
        # Those of a run that died go back to it: left as sent, they would stand in the way of their person.
        self.ledger.take_back(None, [entry for entry in entries if entry.key not in mine])

    def _offers(self, external_ids: Collection[str]) -> dict[Key, list[Offer]]:
        """Offers by external id and unit.

        :raises StopRun: an offer of ours stands on a unit that cannot be read; passing over it would make a second.
        """
        found = defaultdict(list)
        for offer in self.erp.offers(external_ids):
            if offer.unit is None:
                raise StopRun(
                    f"Offer {offer.number} of ours stands on a unit number that cannot be read. Check the pair's "
                    "setting erp_separator, then clear the task; nothing was sent."
                )
            found[(offer.external_id or "", str(offer.unit))].append(offer)
        return found

    def _adopt(
        self, entries: Iterable[Entry], found: Mapping[Key, Sequence[Offer]], reason: str | None
    ) -> None:
        """Write down those of the entries for which the ERP holds an offer."""
        made = []
        for entry in entries:
            offers = found.get(entry.key, ())
            if len(offers) == 1:
                offer = (offers[0].offer_id, offers[0].number, offers[0].business_partner_number)
                made.append(Made(entry.id, entry.claim, *offer, reason=reason))
            elif offers:
                self.ledger.ambiguous(entry.id, entry.claim)
        if made:
            self.ledger.all_loaded(made)

    # --- 2 claim ------------------------------------------------------------------------------------------

    def _claim(self, items: Sequence[Item]) -> tuple[dict[Key, Entry], int]:
        """Claim what this run may send; returns our claimed entries and how many another run is busy with."""
        known = self.ledger.find(self.run.pair, {item.intent.external_id for item in items})
        elsewhere = self._person_elsewhere(items)
        self.ledger.changed_after_load(
            [
                entry.id
                for item in items
                if (entry := known.get(item.key))
                and entry.state == "loaded"
                and entry.content_hash != item.intent.content_hash
            ]
        )
        wanted = [
            item.intent
            for item in items
            if item.record not in elsewhere and self._may_be_claimed(known.get(item.key))
        ]
        token, won = self.ledger.claim(self.run, wanted)
        entries = self.ledger.find(self.run.pair, {external_id for external_id, _ in won})
        return {key: entries[key] for key in won if entries[key].claim == token}, len(wanted) - len(won)

    def _may_be_claimed(self, entry: Entry | None) -> bool:
        if entry is None or entry.state == "claimed":
            return True
        refused_in_this_try = entry.run_id == self.run.run_id and entry.updated_at >= self.since
        return entry.state == "refused" and not refused_in_this_try

    def _person_elsewhere(self, items: Sequence[Item]) -> set[int]:
        """Records of persons who already have an offer for this unit under another external id."""
        hashes = {item.intent.person_hash for item in items if item.intent.person_hash}
        theirs = defaultdict(set)
        for entry in self.ledger.same_person_on_unit(self.run.pair, hashes):
            theirs[(entry.person_hash, entry.unit)].add(entry.external_id)
        return {
            item.record
            for item in items
            if theirs[(item.intent.person_hash, item.intent.unit)] - {item.intent.external_id}
            and item.intent.external_id not in theirs[(item.intent.person_hash, item.intent.unit)]
        }

    # --- 3 send -------------------------------------------------------------------------------------------

    def _send(self, wave: Sequence[Item], claimed: Mapping[Key, Entry]) -> None:
        """Send one wave of what is claimed, unless the ERP has it already."""
        self._lost.clear()
        found = self._offers({item.intent.external_id for item in wave})
        self._adopt([claimed[item.key] for item in wave], found, reason="found_in_erp")
        missing = [item for item in wave if item.key not in found]
        numbers = self.partner_numbers(missing)
        ready = []
        for item in missing:
            number = numbers.get(item.record)
            if isinstance(number, RefuseRecord):
                self.ledger.refused([claimed[item.key].id], number.reason, claimed[item.key].claim)
            else:
                ready.append(_Ready(claimed[item.key], Outgoing(item.prospect, number)))
        self._deliver_all(ready)

    def _wave(self, items: Sequence[Item], claimed: Mapping[Key, Entry]) -> list[Item]:
        """Of each person, and of each external id, one at a time.

        The second offer of a person must hang on the business partner that the first one makes; it is sent
        when that is known, in the next wave.
        """
        under_way = {entry.key for entry in self.ledger.sent(self.run.pair)} if claimed else set()
        persons = {item.person for item in items if item.key in under_way}
        ids = {external_id for external_id, _ in under_way}
        wave = []
        for item in items:
            if item.key not in claimed or item.person in persons or item.intent.external_id in ids:
                continue
            persons.add(item.person)
            ids.add(item.intent.external_id)
            wave.append(item)
        return wave

    def _deliver_all(self, ready: Sequence[_Ready]) -> None:
        batches = [ready[i : i + self.erp.batch_size] for i in range(0, len(ready), self.erp.batch_size)]
        delivered = [ids for ids in self.erp.concurrently(self._deliver, batches) if ids]
        without_job = [entry_id for ids in delivered for entry_id in ids]
        if without_job and (job := self.erp.start_import()):
            self.ledger.in_job(without_job, job, {ready[0].entry.claim})

    def _deliver(self, batch: Sequence[_Ready]) -> list[int]:
        """Deliver a batch; returns the ids of those for which an import is still to be started."""
        entries = {ready.entry.key: ready.entry for ready in batch}
        token = batch[0].entry.claim or ""
        confirmed = self.ledger.sending(self.run.pair, token, entries)
        batch = [ready for ready in batch if ready.entry.key in confirmed]
        if not batch:
            return []
        ids = [ready.entry.id for ready in batch]

        def going_out() -> None:
            if not self.ledger.still_sending(ids, token):
                raise ClaimLost("Another run has taken prospects over while this one waited for the ERP.")

        try:
            delivery = self.erp.deliver([ready.outgoing for ready in batch], going_out)
        except AnswerLost as lost:
            self._lost.append(lost)
            log.warning("%s: %d prospects will be looked up before anything is sent again", lost, len(batch))
            return []
        except (WaitAndRepeat, StopRun):
            self.ledger.not_sent(ids, token)
            raise
        except RefuseRecord as refusal:
            self.ledger.not_sent(ids, token)
            return self._deliver_in_halves(batch, refusal)
        return self._taken(batch, delivery)

    def _deliver_in_halves(self, batch: Sequence[_Ready], refusal: RefuseRecord) -> list[int]:
        """One record spoils the whole batch: find it by halving, so that the others are not held up."""
        if len(batch) == 1:
            self.ledger.refused([batch[0].entry.id], refusal.reason, batch[0].entry.claim)
            return []
        middle = len(batch) // 2
        return self._deliver(batch[:middle]) + self._deliver(batch[middle:])

    def _taken(self, batch: Sequence[_Ready], delivery: Delivery) -> list[int]:
        taken = []
        for ready in batch:
            reason = delivery.refused.get(ready.entry.external_id)
            if reason:
                self.ledger.refused([ready.entry.id], reason, ready.entry.claim)
            else:
                taken.append(ready.entry.id)
        if delivery.job:
            self.ledger.in_job(taken, delivery.job, {batch[0].entry.claim})
            return []
        return taken


@dataclass(frozen=True)
class _Ready:
    entry: Entry
    outgoing: Outgoing


def _outcome(item: Item, entry: Entry, run: Run) -> Outcome:
    kind, reason = OutcomeKind.ALREADY_THERE, entry.reason
    if entry.state == "ambiguous" or entry.state == "refused":
        kind = OutcomeKind.QUARANTINED
    elif entry.state != "loaded":
        raise WaitAndRepeat(f"The ledger holds an open entry in state {entry.state!r} after the load.")
    elif entry.withdrawn_at:
        reason = "withdrawn_after_load"
    elif entry.changed_at:
        reason = "changed_after_load"
    elif entry.run_id == run.run_id and entry.sent_at:
        kind = OutcomeKind.CREATED
    return Outcome(record=item.record, external_id=entry.external_id, kind=kind, reason=reason)
