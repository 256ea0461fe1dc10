"""Which offers may become leases: the policy, as pure functions.

A lease signs for somebody. An offer is accepted only if nothing speaks against it; whatever does is a *reason*,
and the offer is held with it. The reasons, in the order in which they are looked for:

=====================  =====================================================================================
not_chosen             the landlord has not accepted this person in the partner's system
withdrawn_after_load   withdrawn or rejected there after the offer was made
changed_after_load     changed there after the offer was made
ambiguous              the ERP holds several offers for this prospect
offer_missing          the ERP holds none (any more)
offer_rejected, offer_ignored, expired, not_yet_valid, kind_not_normal, unknown_status, accepted_without_lease
                       what the offer itself says
person_changed         the offer hangs on another business partner than when it was loaded
competing_offer        another chosen prospect has an open claim on the unit; then neither is accepted
unit_let               the ERP says that a lease runs on the unit at that date
offer_changed          somebody changed the offer between reading and accepting, again and again
bundle_incomplete      a unit that the partner lets together with this one has no offer (yet)
bundle_held            the offer for such a unit is held
accept_off             the pair accepts nothing by itself
too_many               more than the pair accepts in one run without asking
rejected_by_approver, approval_timed_out
                       a person said no, or nobody answered in time
=====================  =====================================================================================
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from letting_sync.ledger.records import AcceptanceState, Entry, EntryState
from letting_sync.model import Offer, OfferStatus
from letting_sync.reasons import Reason


class Verdict(StrEnum):
    """What to do with one offer."""

    ACCEPT = "accept"
    LEASED = AcceptanceState.LEASED.value
    HOLD = AcceptanceState.HELD.value


@dataclass(frozen=True)
class Decision:
    """A verdict on one ledger entry.

    :param offer: the one offer it is about, if there is exactly one.
    :param reason: why, if the verdict is ``HOLD``.
    """

    entry: Entry
    verdict: Verdict
    offer: Offer | None = None
    reason: Reason | None = None


_STATUS_REASONS = {
    OfferStatus.REJECTED: Reason.OFFER_REJECTED,
    OfferStatus.IGNORED: Reason.OFFER_IGNORED,
    OfferStatus.EXPIRED: Reason.EXPIRED,
    OfferStatus.UNKNOWN: Reason.UNKNOWN_STATUS,
}


def decide(entry: Entry, offers: Sequence[Offer], competing: bool, today: date) -> Decision:
    """Decide on one entry.

    :param offers: the ERP's offers with the entry's external id for the entry's unit, read just now.
    :param competing: whether another open candidate of ours stands on the unit, see :func:`competitors`.
    """
    offer = offers[0] if len(offers) == 1 else None
    if offer and offer.status is OfferStatus.ACCEPTED and offer.lease_number:
        return Decision(entry, Verdict.LEASED, offer)
    reason = _entry_reason(entry) or _offers_reason(offers)
    if reason is None and offer:
        reason = _offer_reason(offer, today) or _person_reason(entry, offer)
    if reason is None and competing:
        reason = Reason.COMPETING_OFFER
    return Decision(entry, Verdict.HOLD if reason else Verdict.ACCEPT, offer, reason)


def _entry_reason(entry: Entry) -> Reason | None:
    if not entry.chosen:
        return Reason.NOT_CHOSEN
    if entry.withdrawn_at:
        return Reason.WITHDRAWN_AFTER_LOAD
    if entry.changed_at:
        return Reason.CHANGED_AFTER_LOAD
    return Reason.AMBIGUOUS if entry.state == EntryState.AMBIGUOUS else None


def _offers_reason(offers: Sequence[Offer]) -> Reason | None:
    if not offers:
        return Reason.OFFER_MISSING
    return Reason.AMBIGUOUS if len(offers) > 1 else None


def _offer_reason(offer: Offer, today: date) -> Reason | None:
    if offer.status is OfferStatus.ACCEPTED:
        return Reason.ACCEPTED_WITHOUT_LEASE
    if offer.status is not OfferStatus.OFFERED:
        return _STATUS_REASONS[offer.status]
    if offer.valid_until and offer.valid_until < today:
        return Reason.EXPIRED
    if offer.valid_from and offer.valid_from > today:
        return Reason.NOT_YET_VALID
    return None if offer.normal_kind else Reason.KIND_NOT_NORMAL


def _person_reason(entry: Entry, offer: Offer) -> Reason | None:
    """A clerk may hang an offer on somebody else; whether that is the person who was chosen, a clerk must say."""
    loaded, now = entry.business_partner_number, offer.business_partner_number
    return Reason.PERSON_CHANGED if loaded and loaded != now else None


def decide_together(decisions: Sequence[Decision], others: Collection[Entry]) -> list[Decision]:
    """The decisions, where units that are let together are accepted together or not at all.

    Nobody rents the parking space without the flat: if the offer for one unit of a bundle is held, or is not there, the
    others are held as well.

    :param decisions: on the entries that are decided on now.
    :param others: all entries of the same bundles, for those that are not decided on now.
    """
    decided = {decision.entry.id for decision in decisions}
    accepted, held = Counter[str](), set[str]()
    for decision in decisions:
        if bundle := decision.entry.bundle:
            accepted[bundle] += decision.verdict is not Verdict.HOLD
            held |= {bundle} if decision.verdict is Verdict.HOLD else set()
    for other in others:
        if other.bundle and other.id not in decided:
            accepted[other.bundle] += bool(other.lease_number)
            held |= {other.bundle} if other.acceptance == AcceptanceState.HELD else set()

    def together(decision: Decision) -> Decision:
        bundle = decision.entry.bundle
        if decision.verdict is not Verdict.ACCEPT or not bundle:
            return decision
        if bundle in held:
            return replace(decision, verdict=Verdict.HOLD, reason=Reason.BUNDLE_HELD)
        if accepted[bundle] < decision.entry.bundle_size:
            return replace(decision, verdict=Verdict.HOLD, reason=Reason.BUNDLE_INCOMPLETE)
        return decision

    return [together(decision) for decision in decisions]


def is_open(offer: Offer, today: date) -> bool:
    """Whether somebody could still accept this offer; one with a status we do not know might be."""
    might_be = offer.status in (OfferStatus.OFFERED, OfferStatus.UNKNOWN)
    return might_be and not (offer.valid_until and offer.valid_until < today)


def competitors(
    entry: Entry, on_unit: Collection[Entry], offers: Mapping[str, Sequence[Offer]], today: date
) -> list[Entry]:
    """Other chosen prospects that still lay claim to the entry's unit.

    :param on_unit: ledger entries of all pairs on this ERP for the unit.
    :param offers: the ERP's offers by external id, for the entries that have some.
    """
    return [
        other
        for other in on_unit
        if other.external_id != entry.external_id
        and other.unit == entry.unit
        and may_compete(other)
        and _still_a_candidate(other, offers.get(other.external_id, ()), today)
    ]


def may_compete(other: Entry) -> bool:
    """Whether a prospect could lay claim to its unit, whatever the ERP says of its offer."""
    return other.chosen and not other.withdrawn_at and not other.lease_number


def _still_a_candidate(other: Entry, offers: Sequence[Offer], today: date) -> bool:
    if other.state in (EntryState.CLAIMED, EntryState.SENT):
        return True
    if other.state == EntryState.REFUSED:
        # Without an offer, but a person has still to say who this is; the landlord did choose them.
        return other.reason == Reason.AMBIGUOUS_PARTNER
    return any(str(offer.unit) == other.unit and is_open(offer, today) for offer in offers)
