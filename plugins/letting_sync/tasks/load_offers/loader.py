"""Logic of the task ``load_offers``, without Airflow: one offer for each prospect.

The loader may be called again at any point: by a retry, after a deferral, by another run. Each call runs rounds, and
each round reads the state from the ledger and the ERP: reconcile in-flight entries (``readback.py``), choose the batch
to send now, send it (``sender.py``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from letting_sync.errors import WaitAndRepeat
from letting_sync.ledger.records import UNKNOWN_HASH, Entry, EntryState, Key, Run
from letting_sync.model import Outcome, OutcomeKind
from letting_sync.reasons import Reason
from letting_sync.tasks.load_offers.candidates import Candidate
from letting_sync.tasks.load_offers.partner_versions import (
    changed_since_load,
    moved,
    newer_than_known,
    overtaken,
)
from letting_sync.tasks.load_offers.readback import LoadContext, Readback, Waiting
from letting_sync.tasks.load_offers.sender import SearchPartners, Sender, Sent

ROUNDS_LOST = 3
"""Consecutive rounds with lost responses after which the attempt ends; Airflow's retry of the task takes over."""


class Loader:
    """Load the prospects of one run, or of one chunk of it.

    :param since: start of this attempt; prospects refused by the ERP after it are not sent again in this attempt.
    :param search_partners: looks up persons in the ERP before they are sent.
    :param rounds_lost: number of rounds with lost responses before the task was deferred.
    """

    def __init__(
        self,
        context: LoadContext,
        since: datetime,
        search_partners: SearchPartners,
        rounds_lost: int = 0,
    ) -> None:
        self.context = context
        self.since = since
        self.rounds_lost = rounds_lost
        self.readback = Readback(context)
        self.sender = Sender(context, self.readback, search_partners)

    def advance(self, candidates: Sequence[Candidate]) -> list[Outcome] | Waiting:
        """Load as far as possible now; return the outcome of each candidate, or what to wait for.

        :raises WaitAndRepeat: responses were lost in several consecutive rounds.
        """
        while True:
            keys = {candidate.key for candidate in candidates}
            waiting = self.readback.resolve_in_flight(keys)
            if keys and waiting.keys >= keys:
                return waiting  # nothing else can be done meanwhile
            known = self.context.ledger.find(
                self.context.run.pair, {candidate.intent.external_id for candidate in candidates}
            )
            overtaken = self._note_versions(candidates, known)
            elsewhere = self.sender.persons_elsewhere(
                [candidate for candidate in candidates if not _has_offer(candidate, known)]
            )
            to_send = [
                candidate
                for candidate in candidates
                if candidate.record not in elsewhere
                and candidate.key not in overtaken
                and self._may_be_claimed(known.get(candidate.key))
            ]
            # Candidates that are in no batch yet wait for another one of the same person or external id.
            undecided = Waiting(waiting.jobs, waiting.others + len(to_send))
            if not undecided:
                outcomes = [
                    outcome_of(candidate, elsewhere, overtaken, known, self.context.run)
                    for candidate in candidates
                ]
                self._give_up_claims(candidates, outcomes, known)
                return outcomes
            # Checked before any request to the ERP, since the wait for a claim may need many checks.
            held, ended = self._held_by_others(known)
            batch = _one_of_each(to_send, candidates, known, held)
            if not batch:
                return undecided
            if job := self.context.erp.import_going_on():
                # Offers of a running import cannot be looked up yet: wait, so that not even a lost ledger causes a
                # second offer.
                return Waiting(waiting.jobs | {job}, waiting.others)
            sent = self.sender.send(batch, known, ended)
            if not sent.claimed:
                return undecided  # other runs have claimed all of them
            self._count_the_lost(sent)

    def _give_up_claims(
        self, candidates: Sequence[Candidate], outcomes: Sequence[Outcome], known: Mapping[Key, Entry]
    ) -> None:
        """Mark what an earlier try or run has claimed as refused if it is left out now: it would stay claimed for ever."""
        claimed = {
            candidate.key: (known[candidate.key], outcome.reason)
            for candidate, outcome in zip(candidates, outcomes, strict=True)
            if candidate.key in known and known[candidate.key].state == EntryState.CLAIMED
        }
        if claimed:
            held, _ = self._held_by_others({key: entry for key, (entry, _) in claimed.items()})
            self.context.ledger.mark_given_up([claimed[key] for key in claimed if key not in held])

    def _held_by_others(self, known: Mapping[Key, Entry]) -> tuple[set[Key], Collection[str]]:
        """Return the keys that other runs have claimed and may still send, and which of these runs have ended."""
        run_id, ledger = self.context.run.run_id, self.context.ledger
        claims = [
            entry for entry in known.values() if entry.state == EntryState.CLAIMED and entry.run_id != run_id
        ]
        if not claims:
            return set(), ()
        ended, now = self.context.ended_runs({entry.run_id for entry in claims}), ledger.now()
        return {entry.key for entry in claims if not ledger.may_be_taken_over(entry, now, ended)}, ended

    def _count_the_lost(self, sent: Sent) -> None:
        self.rounds_lost += bool(sent.lost) and not sent.delivered
        if self.rounds_lost >= ROUNDS_LOST:
            raise WaitAndRepeat(
                f"{sent.lost[-1]}. It happened several times in a row. What may have taken effect is looked up before anything is sent again."
            )

    def _note_versions(
        self, candidates: Sequence[Candidate], known: Mapping[Key, Entry]
    ) -> dict[Key, Reason]:
        """Store the partner's changes since an offer was made; return the candidates with a newer known version."""
        ledger, run = self.context.ledger, self.context.run
        external_ids = {candidate.intent.external_id for candidate in candidates}
        intents = [candidate.intent for candidate in candidates]
        late = overtaken(intents, known, ledger.find_retractions(run.pair, external_ids))
        current = [intent for intent in intents if intent.key not in late]
        ledger.mark_moved(moved(current, known), run.run_id)
        ledger.mark_seen(newer_than_known(current, known), run.run_id)
        ledger.mark_changed(changed_since_load(current, known))
        return late

    def _may_be_claimed(self, entry: Entry | None) -> bool:
        if entry is None or entry.state == EntryState.CLAIMED:
            return True
        refused_in_this_try = entry.run_id == self.context.run.run_id and entry.updated_at >= self.since
        return entry.state == EntryState.REFUSED and not refused_in_this_try


def _has_offer(candidate: Candidate, known: Mapping[Key, Entry]) -> bool:
    """Return whether a candidate's own entry is what is found for its person and unit: its offer is not elsewhere."""
    entry = known.get(candidate.key)
    return (
        entry is not None
        and entry.state in (EntryState.SENT, EntryState.LOADED)
        and entry.person_hash == candidate.intent.person_hash
        and not (entry.withdrawn_at or entry.moved_at)
    )


def _one_of_each(
    to_send: Sequence[Candidate],
    candidates: Sequence[Candidate],
    known: Mapping[Key, Entry],
    held: Collection[Key],
) -> list[Candidate]:
    """Return at most one candidate of each person and of each external id.

    The second offer of a person must use the business partner that the first one creates, so it is sent in a later
    batch, when that partner is known.

    :param held: keys that another run has claimed; they count as in flight.
    """
    under_way = {key for key, entry in known.items() if entry.state == EntryState.SENT} | set(held)
    persons = {candidate.person for candidate in candidates if candidate.key in under_way}
    ids = {external_id for external_id, _ in under_way}
    batch = []
    for candidate in to_send:
        if candidate.person in persons or candidate.intent.external_id in ids:
            continue
        persons.add(candidate.person)
        ids.add(candidate.intent.external_id)
        batch.append(candidate)
    return batch


def outcome_of(
    candidate: Candidate,
    elsewhere: Collection[int],
    late: Mapping[Key, Reason],
    known: Mapping[Key, Entry],
    run: Run,
) -> Outcome:
    """Return the outcome of a candidate.

    :param elsewhere: records of persons who have an offer for their unit under another external id.
    :param late: candidates overruled by a newer version at the partner, with the reason.
    :param known: the ledger's entries of the candidates.
    :raises WaitAndRepeat: the ledger holds an entry that is still open.
    """
    external_id = candidate.intent.external_id
    if candidate.record in elsewhere:
        duplicate, why = OutcomeKind.DUPLICATE, Reason.SAME_PERSON_ON_UNIT
        return Outcome(record=candidate.record, external_id=external_id, kind=duplicate, reason=why)
    entry = known.get(candidate.key)
    if candidate.key in late and (entry is None or entry.state in (EntryState.CLAIMED, EntryState.REFUSED)):
        why = late[candidate.key]
        return Outcome(record=candidate.record, external_id=external_id, kind=OutcomeKind.SKIPPED, reason=why)
    if entry is None:
        raise WaitAndRepeat("A prospect has no entry in the ledger after the load.")
    if entry.state in (EntryState.AMBIGUOUS, EntryState.REFUSED):
        kind, reason = OutcomeKind.QUARANTINED, entry.reason
    elif entry.state == EntryState.LOADED:
        # Also of a run that is cleared after the prospect has changed: it made the offer.
        made_here = entry.run_id == run.run_id and entry.sent_at
        kind = OutcomeKind.CREATED if made_here else OutcomeKind.ALREADY_THERE
        reason = _change_since(candidate, entry) or entry.reason
    else:
        raise WaitAndRepeat(f"The ledger holds an open entry in state {entry.state.value!r} after the load.")
    return Outcome(record=candidate.record, external_id=external_id, kind=kind, reason=reason)


def _change_since(candidate: Candidate, entry: Entry) -> Reason | None:
    """Return how a prospect has changed at the partner since the offer was made."""
    if entry.withdrawn_at:
        return Reason.WITHDRAWN_AFTER_LOAD
    if entry.moved_at:
        return Reason.MOVED
    if entry.changed_at or entry.content_hash not in (UNKNOWN_HASH, candidate.intent.content_hash):
        return Reason.CHANGED_AFTER_LOAD
    return None
