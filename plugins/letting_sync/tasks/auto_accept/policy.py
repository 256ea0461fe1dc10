"""Which offers may become leases: the policy, as pure functions.

A lease signs for somebody. An offer is accepted only if nothing speaks against it; whatever does is a *reason*,
and the offer is held with it. The reasons, in the order in which they are looked for:

=====================  =====================================================================================
not_chosen             the landlord has not accepted this person in the partner's system
withdrawn_after_load   withdrawn or rejected there after the offer was made
gone_at_partner        deleted there after the offer was made
moved                  the application is for another unit now
changed_after_load     changed there after the offer was made
ambiguous              the ERP holds several offers for this prospect
offer_missing          the ERP holds none (any more)
offer_rejected, offer_ignored, expired, not_yet_valid, kind_not_normal, unknown_status, accepted_without_lease
                       what the offer itself says
person_changed         the offer hangs on another business partner than when it was loaded
lease_on_other_unit    the same application has, or is just getting, a lease on another unit
competing_offer        another chosen prospect has an open claim on the unit, then neither is accepted; or a clerk has made
                       an open offer on it by hand
unit_let               the ERP says that a lease runs on the unit at that date
offer_changed          somebody changed the offer between reading and accepting, again and again
bundle_incomplete      a unit that the partner lets together with this one has no offer (yet)
bundle_held            the offer for such a unit is held
unreadable_at_partner  the partner's record cannot be read any more, when it is asked again just before the lease
chosen_again           chosen again after a withdrawal, or after the partner had not chosen them any more or for another unit, but
                       the offer is dead: it takes a new one, by hand
accept_off             the pair accepts nothing by itself
too_many               more than the pair accepts in one run without asking
rejected_by_approver, approval_timed_out
                       a person said no, or nobody answered in time
=====================  =====================================================================================
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import get_args

from letting_sync.errors import RefuseRecord
from letting_sync.ledger.records import AcceptanceState, Entry, EntryState
from letting_sync.model import Offer, OfferStatus, Prospect
from letting_sync.partner import Current
from letting_sync.reasons import Reason
from letting_sync.settings import AcceptMode

DEAD_OFFERS = (Reason.OFFER_MISSING, Reason.OFFER_REJECTED, Reason.OFFER_IGNORED, Reason.EXPIRED)
"""Reasons after which no lease can come of the offer any more."""
NOT_CHOSEN_ANY_MORE = (Reason.NOT_CHOSEN, Reason.WITHDRAWN_AFTER_LOAD, Reason.GONE_AT_PARTNER, Reason.MOVED)
"""Reasons after which the partner does not want a lease on the unit any more."""


class Verdict(StrEnum):
    """Result of the policy for one offer."""

    ACCEPT = "accept"
    LEASED = AcceptanceState.LEASED.value
    HOLD = AcceptanceState.HELD.value


@dataclass(frozen=True)
class Decision:
    """A verdict on one ledger entry.

    :param offer: the one offer it is about, if there is exactly one.
    :param reason: why, if the verdict is ``HOLD``.
    :param dead: whether the ERP holds no offer that could still be accepted.
    :param by_partner: whether the partner said so just now, and the ledger does not know it yet.
    :param made: whether the ERP has just made the lease for this run.
    """

    entry: Entry
    verdict: Verdict
    offer: Offer | None = None
    reason: Reason | None = None
    dead: bool = False
    by_partner: bool = False
    made: bool = False


_STATUS_REASONS = {
    OfferStatus.REJECTED: Reason.OFFER_REJECTED,
    OfferStatus.IGNORED: Reason.OFFER_IGNORED,
    OfferStatus.EXPIRED: Reason.EXPIRED,
    OfferStatus.UNKNOWN: Reason.UNKNOWN_STATUS,
}


def decide(
    entry: Entry, offers: Sequence[Offer], competing: bool, today: date, leased_elsewhere: bool = False
) -> Decision:
    """Decide on one entry.

    :param offers: the ERP's offers with the entry's external id for the entry's unit, read just now.
    :param competing: whether another open candidate of ours stands on the unit, see :func:`competitors`.
    :param leased_elsewhere: whether its application has a lease on another unit, see :func:`has_lease_elsewhere`.
    """
    offer = offers[0] if len(offers) == 1 else None
    if offer and offer.status is OfferStatus.ACCEPTED and offer.lease_number:
        return Decision(entry, Verdict.LEASED, offer)
    reason = _entry_reason(entry) or _offers_reason(offers)
    if reason is None and offer:
        reason = _offer_reason(offer, today) or _person_reason(entry, offer)
    if reason in DEAD_OFFERS and _is_chosen_again(entry):
        reason = Reason.CHOSEN_AGAIN
    if reason is None and leased_elsewhere:
        reason = Reason.LEASE_ON_OTHER_UNIT
    if reason is None and competing:
        reason = Reason.COMPETING_OFFER
    dead = not any(one.is_open(today) or one.status is OfferStatus.ACCEPTED for one in offers)
    return Decision(entry, Verdict.HOLD if reason else Verdict.ACCEPT, offer, reason, dead)


def _is_chosen_again(entry: Entry) -> bool:
    """Return whether an entry that the partner chooses now was held last because the partner did not."""
    last = entry.acceptance_reason
    return Reason.CHOSEN_AGAIN in (entry.ask_reason, last) or last in NOT_CHOSEN_ANY_MORE


def _entry_reason(entry: Entry) -> Reason | None:
    if not entry.chosen:
        return Reason.NOT_CHOSEN
    if entry.withdrawn_at:
        gone = entry.reason is Reason.GONE_AT_PARTNER
        return Reason.GONE_AT_PARTNER if gone else Reason.WITHDRAWN_AFTER_LOAD
    if entry.moved_at:
        return Reason.MOVED
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
    """Return whether a prospect may compete for its unit, regardless of its offer's status in the ERP."""
    return other.chosen and not (other.withdrawn_at or other.moved_at or other.lease_number)


def has_lease_elsewhere(
    entry: Entry, same_external_id: Collection[Entry], offers: Sequence[Offer] = ()
) -> bool:
    """Whether another unit has, or is just getting, the lease that the entry's application is about.

    Where one external id may have several records (EverReal's contracts), each living record may have its leases. The units
    of one bundle are let together, so many of them as the bundle has. The lease of a record that has ended counts as the lease of the one
    that took its place.

    :param same_external_id: the pair's entries with the entry's external id.
    :param offers: the ERP's offers with the entry's external id, which may show a lease that a clerk has made.
    """
    leased_by_clerk = {str(offer.unit) for offer in offers if offer.lease_number}
    others = [other for other in same_external_id if other.unit != entry.unit]
    unknown = leased_by_clerk - {other.unit for other in others} - {entry.unit}
    leased = [
        other
        for other in others
        if other.lease_number
        or other.acceptance == AcceptanceState.ACCEPTING
        or other.unit in leased_by_clerk
    ]
    together = [other for other in leased if entry.bundle and other.bundle == entry.bundle]
    return (
        bool(unknown)
        or len(together) >= entry.bundle_size
        or any(
            other.source_id in (entry.source_id, None) or entry.source_id is None or other.withdrawn_at
            for other in leased
            if other not in together
        )
    )


def is_same_application(entry: Entry, other: Entry) -> bool:
    """Return whether another unit's entry may be of the same application, so that only one becomes a lease."""
    return other.unit != entry.unit and (entry.bundle is None or other.bundle != entry.bundle)


def strictest(*modes: AcceptMode | None) -> AcceptMode:
    """Return the strictest of some accept modes; offers of old releases have none."""
    order = get_args(AcceptMode)
    return max((mode for mode in modes if mode), key=order.index)


def reason_at_partner(entry: Entry, current: Current, hash_of: Callable[[Prospect], str]) -> Reason | None:
    """What speaks against a lease in what the partner has for an entry's record now.

    :param current: the record as :meth:`letting_sync.partner.Partner.current` returns it.
    :param hash_of: computes the keyed hash of a record's content, as it was kept when the offer was made.
    """
    if not current:
        return Reason.GONE_AT_PARTNER
    prospects = [one for one in current if not isinstance(one, RefuseRecord)]
    on_unit = next((one for one in prospects if str(one.unit) == entry.unit), None)
    if on_unit is None:
        if len(prospects) < len(current):
            return Reason.UNREADABLE_AT_PARTNER
        withdrawn = any(one.withdrawn for one in prospects)
        return Reason.WITHDRAWN_AFTER_LOAD if withdrawn else Reason.MOVED
    if on_unit.withdrawn:
        return Reason.WITHDRAWN_AFTER_LOAD
    if not on_unit.chosen:
        return Reason.NOT_CHOSEN
    if on_unit.external_id != entry.external_id or on_unit.bundle_size != entry.bundle_size:
        return Reason.CHANGED_AFTER_LOAD
    changed = entry.source_hash is not None and hash_of(on_unit) != entry.source_hash
    return Reason.CHANGED_AFTER_LOAD if changed else None


def _still_a_candidate(other: Entry, offers: Sequence[Offer], today: date) -> bool:
    if other.state in (EntryState.CLAIMED, EntryState.SENT):
        return True
    if other.state == EntryState.REFUSED:
        # Without an offer, but a person has still to say who this is; the landlord did choose them.
        return other.reason == Reason.AMBIGUOUS_PARTNER
    return any(str(offer.unit) == other.unit and offer.is_open(today) for offer in offers)
