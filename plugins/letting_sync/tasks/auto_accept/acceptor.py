"""From offers to leases, once: what the task ``auto_accept`` does, without Airflow.

A plan comes first, from a look-up of all offers in bulk. What counts is the look between taking the right to accept
and accepting: it reads the entry and its unit's offers anew, all of them in one call, and then asks the partner what it says of
the prospect now. So a lease costs two calls at the ERP and one at the partner. A partner that cannot be reached stops the
task, to be tried again; nothing is accepted without its word.
The order of writes makes a crash harmless: intent (``accepting``), then the ERP, then the lease; what is found
``accepting`` later is simply read and decided on again.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import chain

from letting_sync.erp import Erp
from letting_sync.errors import RefuseRecord
from letting_sync.ledger.ledger import Ledger
from letting_sync.ledger.records import AcceptanceState, Entry, Retraction, Run
from letting_sync.model import Offer, Prospect
from letting_sync.partner import Partner, Reference
from letting_sync.reasons import Reason
from letting_sync.tasks.auto_accept.policy import (
    Decision,
    Verdict,
    competitors,
    decide,
    decide_together,
    has_lease_elsewhere,
    is_same_application,
    may_compete,
    reason_at_partner,
)

log = logging.getLogger(__name__)

_RETRACTED = {
    Reason.WITHDRAWN_AFTER_LOAD: Reason.WITHDRAWN,
    Reason.NOT_CHOSEN: Reason.NOT_CHOSEN,
    Reason.GONE_AT_PARTNER: Reason.GONE_AT_PARTNER,
}
DECISIONS_PER_OFFER = 3
"""Number of times an offer that somebody is editing is read again before it is held."""


class Acceptor:
    """Decide on offers, and accept those that may be accepted.

    :param today: the current day at the customer.
    """

    def __init__(self, ledger: Ledger, erp: Erp, partner: Partner, run: Run, today: date) -> None:
        self.ledger = ledger
        self.erp = erp
        self.partner = partner
        self.run = run
        self.today = today

    def plan(self, entries: Sequence[Entry]) -> list[Decision]:
        """Decide on entries by the ledger and a look-up of their offers in bulk; writes nothing.

        Whom it holds is held for certain. Whom it would accept is looked at again, see :meth:`look_again`: an open offer
        that the ledger does not know shows only in the list of its unit.
        """
        rivals = defaultdict(list)
        ids = {entry.external_id for entry in entries}
        # Who cannot be accepted anyway needs no look at the others on the unit.
        units = {entry.unit for entry in entries if entry.chosen and not entry.withdrawn_at}
        for other in self.ledger.find_on_units(self.run.erp, units):
            # The others' offers say nothing; and a campaign's flat has hundreds of them.
            if may_compete(other):
                rivals[other.unit].append(other)
                ids.add(other.external_id)
        offers = _by_external_id(self.erp.offers(ids))
        same_ids = self.ledger.find_same_applications(
            self.run.pair, {entry.external_id for entry in entries if entry.chosen}
        )
        return self._together(
            [
                self._decide(entry, rivals[entry.unit], offers, same_ids.get(entry.external_id, ()))
                for entry in entries
            ]
        )

    def _together(self, decisions: Sequence[Decision]) -> list[Decision]:
        """Apply :func:`~.policy.decide_together`: units let together are accepted together or not at all."""
        bundles = {decision.entry.bundle for decision in decisions if decision.entry.bundle}
        others = self.ledger.find_let_together(self.run.pair, bundles) if bundles else []
        return decide_together(decisions, others)

    def look_again(self, decisions: Sequence[Decision]) -> list[Decision]:
        """The same decisions, where they say accept made anew from the unit's offers and the partner; writes nothing."""

        def made_anew(decision: Decision) -> Decision:
            if decision.verdict is not Verdict.ACCEPT:
                return decision
            return self._ask_partner(self._decide_now(decision.entry))

        return self._together(list(self.erp.concurrently(made_anew, decisions)))

    def _decide_now(self, entry: Entry) -> Decision:
        """Decide on one entry by all that the ledger and the ERP hold for its unit, read at this moment.

        One list shows our own offer, those of its rivals, and those of which the ledger knows nothing. That our own
        is in it also proves that the ERP understood the unit's number.
        """
        on_unit = self.ledger.find_on_units(self.run.erp, [entry.unit])
        # Another run may have noted a withdrawal since the entry was read.
        entry = {other.id: other for other in on_unit}.get(entry.id, entry)
        same_id = self.ledger.find_same_applications(entry.pair, [entry.external_id])[entry.external_id]
        listed = list(self.erp.offers_on_unit(entry.unit))
        offers = _by_external_id(listed)
        if any(is_same_application(entry, other) for other in same_id):
            # The list of the unit does not show what a clerk has accepted on another one.
            elsewhere = self.erp.offers([entry.external_id])
            offers[entry.external_id] += [one for one in elsewhere if str(one.unit) != entry.unit]
        decision = self._decide(entry, on_unit, offers, same_id)
        known = {other.external_id for other in on_unit} | {entry.external_id}
        if decision.verdict is Verdict.ACCEPT and self._stranger_among(listed, known):
            return Decision(entry, Verdict.HOLD, decision.offer, Reason.COMPETING_OFFER)
        return decision

    def _decide(
        self,
        entry: Entry,
        on_unit: Sequence[Entry],
        offers: Mapping[str, Sequence[Offer]],
        same_id: Sequence[Entry],
    ) -> Decision:
        with_id = offers.get(entry.external_id, ())
        own = [offer for offer in with_id if str(offer.unit) == entry.unit]
        competing = bool(competitors(entry, on_unit, offers, self.today))
        leased_elsewhere = has_lease_elsewhere(entry, same_id, with_id)
        return decide(entry, own, competing, self.today, leased_elsewhere)

    def _ask_partner(self, decision: Decision) -> Decision:
        """The decision after a look at what the partner says now, the last one before a lease.

        :raises WaitAndRepeat: the partner cannot be reached; then nothing is accepted.
        """
        return self.compare_with_partner([decision])[0] if decision.verdict is Verdict.ACCEPT else decision

    def compare_with_partner(self, decisions: Sequence[Decision]) -> list[Decision]:
        """Hold what the partner does not want as a lease any more; one call for each record at most; writes nothing."""
        references = dict.fromkeys(
            Reference(decision.entry.external_id, decision.entry.source_id) for decision in decisions
        )
        current = dict(zip(references, self.partner.current(list(references)), strict=True))

        def compared(decision: Decision) -> Decision:
            entry = decision.entry
            found = current[Reference(entry.external_id, entry.source_id)]
            reason = reason_at_partner(entry, found, self._hash_of)
            if reason is None:
                return decision
            return replace(decision, verdict=Verdict.HOLD, reason=reason, by_partner=True)

        return [compared(decision) for decision in decisions]

    def _hash_of(self, prospect: Prospect) -> str:
        return self.ledger.hash_of_content(dict(prospect))

    def _stranger_among(self, listed: Sequence[Offer], known: Collection[str]) -> bool:
        """Whether an open offer is listed that the ledger does not know.

        A clerk has made it by hand, or it comes from another exchange, a ledger that was lost, a second installation: not
        ours to pass over.
        """
        return any(offer.external_id not in known and offer.is_open(self.today) for offer in listed)

    def accept(self, entries: Sequence[Entry]) -> list[Decision]:
        """Accept what may be accepted, and store the outcome of each entry.

        Units are processed concurrently, the entries of one unit or one bundle sequentially.
        """
        groups = defaultdict[tuple[str, str], list[Entry]](list)
        for entry in entries:
            groups[("bundle", entry.bundle) if entry.bundle else ("unit", entry.unit)].append(entry)
        return list(chain.from_iterable(self.erp.concurrently(self._accept_group, groups.values())))

    def _accept_group(self, group: Sequence[Entry]) -> list[Decision]:
        """Accept the entries of one unit, or those of one bundle if all of them may be accepted."""
        if group[0].bundle:
            acceptable = [self._decide_now(entry) for entry in group]
            looked_at = self._together(self.compare_with_partner(acceptable))
            if any(decision.verdict is Verdict.HOLD for decision in looked_at):
                return [self._write(self._as_looked_at(decision)) for decision in looked_at]
        return [self._write(self._accept(entry)) for entry in group]

    def write(self, decisions: Sequence[Decision]) -> list[Decision]:
        """Write the decisions that need no call, found leases and held offers; returns those to accept."""
        held = defaultdict[Reason, list[int]](list)
        for decision in decisions:
            if decision.verdict is Verdict.HOLD and decision.reason:
                held[decision.reason].append(decision.entry.id)
                self.note_partner(decision)
            elif decision.verdict is not Verdict.ACCEPT:
                self._write(self._as_looked_at(decision))
        for reason, ids in held.items():
            self.ledger.mark_held(ids, reason, self.run.run_id)
        return [decision for decision in decisions if decision.verdict is Verdict.ACCEPT]

    def _has_begun(self, entry: Entry) -> bool:
        """Return whether an earlier try of this run began to accept the offer: a lease that is there now is its own.

        That a clerk has made it in between cannot be told apart.
        """
        return entry.acceptance == AcceptanceState.ACCEPTING and entry.acceptance_run == self.run.run_id

    def _as_looked_at(self, decision: Decision) -> Decision:
        """A decision by a look before this try has begun to accept the offer."""
        return replace(decision, made=self._has_begun(decision.entry))

    def _accept(self, entry: Entry) -> Decision:
        has_begun = self._has_begun(entry)
        if not self.ledger.mark_accepting(entry, self.run.run_id):
            return Decision(entry, Verdict.HOLD, None, Reason.COMPETING_OFFER)
        refusal = Reason.OFFER_CHANGED
        for _ in range(DECISIONS_PER_OFFER):
            decision = self._ask_partner(self._decide_now(entry))
            if decision.verdict is not Verdict.ACCEPT or decision.offer is None:
                return replace(decision, made=has_begun)
            # A lease that is there at the next look may be of this call, if its response was lost.
            has_begun = True
            try:
                lease = self.erp.accept(decision.offer)
            except RefuseRecord as refused:
                refusal = refused.reason
                log.info("Offer %s: %s; reading it again.", decision.offer.number, refusal)
                continue
            offer = decision.offer.model_copy(update={"lease_number": lease.lease_number})
            return Decision(entry, Verdict.LEASED, offer, made=True)
        return Decision(entry, Verdict.HOLD, decision.offer, refusal)

    def _write(self, decision: Decision) -> Decision:
        lease_number = decision.offer.lease_number if decision.offer else None
        if decision.verdict is Verdict.LEASED and lease_number:
            self.ledger.mark_leased(decision.entry.id, lease_number, self.run.run_id, found=not decision.made)
        elif decision.verdict is Verdict.HOLD and decision.reason:
            self.note_partner(decision)
            self.ledger.mark_held([decision.entry.id], decision.reason, self.run.run_id)
        return decision

    def note_partner(self, decision: Decision) -> None:
        """Store the partner's current state, so that a cleared run of an older window does not undo it."""
        entry, reason = decision.entry, decision.reason
        if not decision.by_partner:
            return
        if reason is Reason.MOVED:
            self.ledger.mark_moved([entry], self.run.run_id)
        elif reason is Reason.CHANGED_AFTER_LOAD:
            self.ledger.mark_changed([entry.id])
        elif reason in _RETRACTED:
            version = entry.partner_updated_at or self.ledger.now()
            said = Retraction(entry.external_id, entry.source_id, _RETRACTED[reason], version)
            self.ledger.mark_retracted(self.run, [said])


def _by_external_id(offers: Iterable[Offer]) -> dict[str, list[Offer]]:
    found = defaultdict[str, list[Offer]](list)
    for offer in offers:
        found[offer.external_id or ""].append(offer)
    return found
