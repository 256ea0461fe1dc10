"""From offers to leases, once: what the task ``auto_accept`` does, without Airflow.

Everything is read from the ERP just before it is decided on, and once more between taking the right to accept
and accepting. The order of writes makes a crash harmless: intent (``accepting``), then the ERP, then the lease;
what is found ``accepting`` later is simply read and decided on again.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date

from include.prospects.acceptance import Decision, Verdict, competitors, decide, is_open, may_compete
from include.prospects.erp import Erp
from include.prospects.errors import RefuseRecord
from include.prospects.ledger import Ledger
from include.prospects.ledger_records import Entry, Run
from include.prospects.model import Offer

log = logging.getLogger(__name__)

DECISIONS_PER_OFFER = 3
"""So often an offer that somebody is editing is read again before it is left to them."""


class Acceptor:
    """Decide on offers and accept those that may be accepted."""

    def __init__(self, ledger: Ledger, erp: Erp, run: Run, today: date) -> None:
        self.ledger = ledger
        self.erp = erp
        self.run = run
        self.today = today

    def decide(self, entries: Sequence[Entry]) -> list[Decision]:
        """Decide on entries by what the ERP and the ledger say now; writes nothing."""
        on_unit, rivals = defaultdict(list), defaultdict(list)
        ids = {entry.external_id for entry in entries}
        # Who cannot be accepted anyway needs no look at the others on the unit.
        units = {entry.unit for entry in entries if entry.chosen and not entry.withdrawn_at}
        for other in self.ledger.on_units(self.run.erp, units):
            on_unit[other.unit].append(other)
            # The others' offers say nothing; and a campaign's flat has hundreds of them.
            if may_compete(other):
                rivals[other.unit].append(other)
                ids.add(other.external_id)
        offers = defaultdict(list)
        for offer in self.erp.offers(ids):
            offers[offer.external_id or ""].append(offer)
        return [self._decide(entry, on_unit[entry.unit], rivals[entry.unit], offers) for entry in entries]

    def _decide(
        self,
        entry: Entry,
        on_unit: Sequence[Entry],
        rivals: Sequence[Entry],
        offers: dict[str, list[Offer]],
    ) -> Decision:
        own = [offer for offer in offers[entry.external_id] if str(offer.unit) == entry.unit]
        decision = decide(entry, own, bool(competitors(entry, rivals, offers, self.today)), self.today)
        if decision.verdict is Verdict.ACCEPT and self._stranger_on_unit(entry, on_unit):
            return Decision(entry, Verdict.HOLD, decision.offer, "competing_offer")
        return decision

    def _stranger_on_unit(self, entry: Entry, on_unit: Sequence[Entry]) -> bool:
        """Whether an open offer of our exchange stands on the unit that the ledger does not know.

        It can only come from a ledger that was lost, or from a second installation: not ours to pass over.
        """
        known = {other.external_id for other in on_unit} | {entry.external_id}
        return any(
            offer.external_id and offer.external_id not in known and is_open(offer, self.today)
            for offer in self.erp.offers_on_unit(entry.unit)
        )

    def accept(self, entries: Sequence[Entry]) -> list[Decision]:
        """Accept what may be accepted, one after the other, and write down what became of each."""
        return [self._write(self._accept(entry)) for entry in entries]

    def write(self, decisions: Collection[Decision]) -> None:
        """Write decisions that need no call: found leases and held offers."""
        held = defaultdict[str, list[int]](list)
        for decision in decisions:
            if decision.verdict is Verdict.HOLD and decision.reason:
                held[decision.reason].append(decision.entry.id)
            else:
                self._write(decision)
        for reason, ids in held.items():
            self.ledger.held(ids, reason, self.run.run_id)

    def _accept(self, entry: Entry) -> Decision:
        if not self.ledger.accepting(entry, self.run.run_id):
            return Decision(entry, Verdict.HOLD, None, "competing_offer")
        refusal = "offer_changed"
        for _ in range(DECISIONS_PER_OFFER):
            (decision,) = self.decide([entry])
            if decision.verdict is not Verdict.ACCEPT or decision.offer is None:
                return decision
            try:
                lease = self.erp.accept(decision.offer)
            except RefuseRecord as refused:
                refusal = refused.reason
                log.info("offer %s: %s; reading it again", decision.offer.number, refusal)
                continue
            offer = decision.offer.model_copy(update={"lease_number": lease.lease_number})
            return Decision(entry, Verdict.LEASED, offer)
        return Decision(entry, Verdict.HOLD, decision.offer, refusal)

    def _write(self, decision: Decision) -> Decision:
        lease_number = decision.offer.lease_number if decision.offer else None
        if decision.verdict is Verdict.LEASED and lease_number:
            self.ledger.leased(decision.entry.id, lease_number, self.run.run_id)
        elif decision.verdict is Verdict.HOLD and decision.reason:
            self.ledger.held([decision.entry.id], decision.reason, self.run.run_id)
        return decision
