"""Sending of prospects to the ERP in independent groups: claim, look up, send, store the result.

While one group waits for the ERP, others are looked up or stored. The order within a group is the exactly-once
guarantee: the intent is in the ledger before the ERP is searched for an existing offer, the search ends before the
request is sent, and the claim is checked once more immediately before the request.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from letting_sync import window
from letting_sync.erp import ClaimLost, Delivery
from letting_sync.errors import RefuseRecord, ResponseLost, StopRun, WaitAndRepeat
from letting_sync.ledger.records import Entry, EntryState, InFlight, Intent, Key, OfferOfPerson
from letting_sync.model import Offer, OfferStatus
from letting_sync.reasons import Reason
from letting_sync.tasks.load_offers.candidates import Candidate
from letting_sync.tasks.load_offers.partner_search import Found, PartnerMatch
from letting_sync.tasks.load_offers.readback import LoadContext, Readback

log = logging.getLogger(__name__)

_T = TypeVar("_T")

PROSPECTS_PER_GROUP = 200
"""Prospects claimed and looked up together. Assumed: enough to fill calls, few enough for concurrent groups."""


SearchPartners = Callable[[Sequence[Candidate]], Found]
"""Looks candidates up among the ERP's business partners, see :class:`PartnerSearch`."""
_DOUBTS = frozenset(
    {
        Reason.NAMES_AND_CONTACT_ONLY,
        Reason.WEAK_BIRTH_DATE,
        Reason.PLACEHOLDER_BIRTH_DATE,
        Reason.NEAR_PARTNER,
    }
)
"""Reasons for an approval that concern the identity of the prospect."""


@dataclass
class Sent:
    """Result of sending a batch, or a part of it.

    :param claimed: number of prospects claimed by this run; the others are claimed by another one.
    :param delivered: entries that the ERP has accepted.
    :param to_import: those among them that still need an import to be started.
    :param lost: errors of requests whose response was lost; their prospects may have been accepted.
    """

    claimed: int = 0
    delivered: int = 0
    to_import: list[InFlight] = field(default_factory=list)
    lost: list[ResponseLost] = field(default_factory=list)

    def __iadd__(self, other: Sent) -> Sent:
        self.claimed += other.claimed
        self.delivered += other.delivered
        self.to_import += other.to_import
        self.lost += other.lost
        return self


class Sender:
    """Sends the prospects of one run.

    :param search_partners: looks up persons in the ERP before they are sent.
    """

    def __init__(self, context: LoadContext, readback: Readback, search_partners: SearchPartners) -> None:
        self.context = context
        self.readback = readback
        self.search_partners = search_partners

    def send(
        self, batch: Sequence[Candidate], known: Mapping[Key, Entry], ended: Collection[str] = ()
    ) -> Sent:
        """Send one batch, with each person at most once, and start the import if the ERP does not start it itself.

        :param known: the ledger's entries of the batch's external ids. A prospect with an offer for another unit keeps
            that offer's business partner while it is the same person.
        :param ended: runs that have ended, whose claims are free.
        :raises ClaimLost: another run has taken over prospects.
        """
        # All at once: persons are matched as tables, which is hardly slower for thousands than for one.
        partners = self.partners_of(batch, known)
        total = Sent()
        for sent in self.context.erp.concurrently(
            lambda group: self._send_group(group, partners, ended), _parts(batch, PROSPECTS_PER_GROUP)
        ):
            total += sent
        if total.to_import and (job := self.context.erp.start_import()):
            claims = {entry.claim for entry in total.to_import}
            self.context.ledger.mark_in_import([entry.id for entry in total.to_import], job, claims)
        return total

    def partners_of(
        self, batch: Sequence[Candidate], known: Mapping[Key, Entry]
    ) -> dict[int, PartnerMatch | RefuseRecord]:
        """Look up the candidates among the ERP's business partners; return the matches by ``record``."""
        own = defaultdict[str, list[Entry]](list)
        for entry in known.values():
            if entry.state == EntryState.LOADED and entry.business_partner_number:
                own[entry.external_id].append(entry)
        found = dict(self.search_partners(batch))
        for candidate in batch:
            if offers := own.get(candidate.intent.external_id):
                match = _match_of_application(candidate.intent, offers, found.get(candidate.record))
                found[candidate.record] = match
        return found

    def persons_elsewhere(self, items: Sequence[Candidate]) -> set[int]:
        """Return the records of persons with an existing or in-flight offer for the unit under another external id.

        An offer that was rejected, has expired or was deleted does not count, nor one that the partner no longer chooses.
        """
        hashes = {candidate.intent.person_hash for candidate in items if candidate.intent.person_hash}
        there = self.context.ledger.find_person_on_unit(self.context.run.pair, hashes)
        others = {}
        for candidate in items:
            theirs = there.get((candidate.intent.person_hash or "", candidate.intent.unit), ())
            in_the_way = [entry for entry in theirs if _is_in_the_way(entry, candidate.intent)]
            if in_the_way and candidate.intent.external_id not in {entry.external_id for entry in theirs}:
                others[candidate.record] = in_the_way
        loaded = {
            entry.external_id for theirs in others.values() for entry in theirs if not _is_certain(entry)
        }
        offers = self.readback.offers(loaded) if loaded else {}
        today = window.today()
        return {
            record
            for record, theirs in others.items()
            if any(
                _is_certain(entry)
                or any(
                    offer.status is OfferStatus.ACCEPTED or offer.is_open(today)
                    for offer in offers.get(entry.key, ())
                )
                for entry in theirs
            )
        }

    def _send_group(self, group: Sequence[Candidate], partners: Found, ended: Collection[str]) -> Sent:
        """Claim a group, and send those prospects for which the ERP has no offer."""
        # Another run may have sent a person since the batch was chosen; the next round gives the record's outcome.
        elsewhere = self.persons_elsewhere(group)
        group = [candidate for candidate in group if candidate.record not in elsewhere]
        intents = [candidate.intent for candidate in group]
        claimed = self.context.ledger.claim(self.context.run, intents, ended)
        sent = Sent(len(claimed))
        found = self.readback.offers({external_id for external_id, _ in claimed})
        # Stored before anything is sent or linked, so that no crash leaves an offer without its reason for an approval.
        self.context.ledger.mark_to_ask(
            {
                claimed[candidate.key].id: doubt
                for candidate in group
                if candidate.key in claimed
                and (doubt := doubt_about(partners.get(candidate.record), found.get(candidate.key, ())))
            }
        )
        self.readback.link(claimed.values(), found, reason=Reason.FOUND_IN_ERP)
        ready = []
        for candidate in group:
            entry, match = claimed.get(candidate.key), partners.get(candidate.record)
            if entry is None or candidate.key in found:
                continue
            if isinstance(match, RefuseRecord):
                self.context.mark_refused(entry, match.reason, None)
            else:
                ready.append(replace(candidate.as_found(match), claimed=entry))
        for part in self.context.erp.concurrently(self._deliver, _parts(ready, self.context.erp.batch_size)):
            sent += part
        return sent

    def _deliver(self, batch: Sequence[Candidate]) -> Sent:
        token = batch[0].entry.claim or ""
        confirmed = self.context.ledger.mark_sent([ready.entry.id for ready in batch], token)
        batch = [ready for ready in batch if ready.entry.id in confirmed]
        if not batch:
            return Sent()
        ids = [ready.entry.id for ready in batch]

        def before_send() -> None:
            if not self.context.ledger.mark_sent_again(ids, token):
                raise ClaimLost("Another run has taken over prospects while this one waited for the ERP.")

        try:
            delivery = self.context.erp.deliver(batch, before_send)
        except ResponseLost as lost:
            log.warning("%s: %d prospects will be looked up before anything is sent again", lost, len(batch))
            return Sent(lost=[lost])
        except (WaitAndRepeat, StopRun):
            self.context.ledger.release_unsent(ids, token)
            raise
        except RefuseRecord as refusal:
            self.context.ledger.release_unsent(ids, token)
            return self._deliver_in_halves(batch, refusal)
        return self._taken(batch, delivery)

    def _deliver_in_halves(self, batch: Sequence[Candidate], refusal: RefuseRecord) -> Sent:
        """Find the record because of which a whole batch is refused by halving it, so that the others are sent."""
        if len(batch) == 1:
            self.context.mark_refused(batch[0].entry, refusal.reason, refusal.system_text)
            return Sent()
        middle = len(batch) // 2
        sent = self._deliver(batch[:middle])
        sent += self._deliver(batch[middle:])
        return sent

    def _taken(self, batch: Sequence[Candidate], delivery: Delivery) -> Sent:
        taken = []
        for ready in batch:
            external_id = ready.entry.external_id
            if reason := delivery.refused.get(external_id):
                self.context.mark_refused(ready.entry, reason, delivery.refusal_texts.get(external_id))
            else:
                taken.append(ready.entry)
        if not delivery.job:
            return Sent(delivered=len(taken), to_import=taken)
        self.context.ledger.mark_in_import(
            [entry.id for entry in taken], delivery.job, {batch[0].entry.claim}
        )
        return Sent(delivered=len(taken))


def _match_of_application(
    intent: Intent, offers: Sequence[Entry], found: PartnerMatch | RefuseRecord | None
) -> PartnerMatch | RefuseRecord:
    """Return the business partner of a prospect whose application has offers for other units.

    :param offers: their entries.
    :param found: result of the search.
    """
    same = [entry for entry in offers if entry.person_hash == intent.person_hash]
    if same:
        entry = same[-1]
        # The same application keeps its reason for an approval; its own business partner adds no new one.
        doubt = entry.ask_reason if entry.ask_reason in _DOUBTS else None
        if intent.person_hash is None and entry.content_hash != intent.content_hash:
            doubt = doubt or Reason.NAMES_AND_CONTACT_ONLY
        return PartnerMatch(entry.business_partner_number, doubt, entry.near_partner_number)
    if isinstance(found, RefuseRecord) or (found and (found.number or found.ask_reason)):
        return found
    # A corrected name or date of birth, or another person in the same application.
    return PartnerMatch(ask_reason=Reason.NEAR_PARTNER, near_partner=offers[-1].business_partner_number)


def doubt_about(
    match: PartnerMatch | RefuseRecord | None, offers: Sequence[Offer]
) -> tuple[Reason, str | None] | None:
    """Return why a person is asked before the lease, and the number of the other business partner.

    :param match: what the search has found of the prospect.
    :param offers: the ERP's offers that the ledger did not know: whom they were made for, only the business partner tells.
    """
    known = match if isinstance(match, PartnerMatch) else PartnerMatch()
    if known.ask_reason:
        return known.ask_reason, known.near_partner
    for_another = any(offer.business_partner_number not in (None, known.number) for offer in offers)
    return (Reason.NEAR_PARTNER, known.number) if for_another else None


def _is_in_the_way(offer: OfferOfPerson, intent: Intent) -> bool:
    """Return whether an offer may block another one of its person; one that is not chosen any more blocks no chosen one."""
    return bool(offer.lease_number) or offer.chosen or not intent.chosen


def _is_certain(offer: OfferOfPerson) -> bool:
    """Return whether an offer blocks a second one without being looked up: in flight, or leased."""
    return offer.state != EntryState.LOADED or bool(offer.lease_number)


def _parts(items: Sequence[_T], size: int) -> list[Sequence[_T]]:
    return [items[start : start + size] for start in range(0, len(items), size)]
