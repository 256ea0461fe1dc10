"""Data classes of the ledger: run, intent, retraction, offer, entry, and their states."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from letting_sync.reasons import Reason
from letting_sync.settings import AcceptMode

UNKNOWN_HASH = ""
"""Replaces a hash whose key was lost, so that it equals no other hash."""
REVIEW_AFTER = timedelta(hours=20)
"""So long after it was decided on or looked at an entry is due; daily runs, which never start at the same second, find it."""
Key = tuple[str, str]
"""External id and unit number: the key of an entry within its pair."""


class EntryState(StrEnum):
    """State of the *offer* of an entry."""

    CLAIMED = "claimed"
    """a run has claimed it; nothing has been sent"""
    SENT = "sent"
    """the request is about to be sent or was sent; the outcome is open until it is read back"""
    LOADED = "loaded"
    """the ERP has one offer for it"""
    REFUSED = "refused"
    """the ERP has no offer, with a reason; it may be sent again once the cause is fixed"""
    AMBIGUOUS = "ambiguous"
    """the ERP has several offers for it; a person must decide"""


class AcceptanceState(StrEnum):
    """State of the *lease* of an entry; an entry without a decision has none."""

    ACCEPTING = "accepting"
    """under way"""
    LEASED = "leased"
    HELD = "held"
    """no lease for now, with a reason"""
    AWAITING = "awaiting"
    """a person is asked for an approval"""
    CLOSED = "closed"
    """nothing is left to decide: the offer can no longer be accepted, and the partner no longer chooses the prospect"""


class Event(StrEnum):
    """Event in a line of an entry's history; the values are stored."""

    CLAIMED = "claimed"
    SENT = "sent"
    IN_IMPORT = "import started"
    NOT_TAKEN = "not taken by the ERP"
    NOT_FOUND = "found nothing in the ERP"
    OFFER = "offer"
    REFUSED = "refused"
    SEVERAL_OFFERS = "several offers found"
    IN_DOUBT = "a person is to be asked"
    CHANGED = "changed at the partner"
    CHOSEN = "chosen at the partner"
    NOT_CHOSEN = "no longer chosen at the partner"
    WITHDRAWN = "withdrawn at the partner"
    MOVED = "moved to another unit at the partner"
    MOVED_BACK = "moved back to this unit at the partner"
    CHOSEN_AGAIN = "chosen again at the partner"
    ACCEPTING = "accepting"
    LEASE = "lease"
    HELD = "held"
    CLOSED = "closed"
    APPROVAL_ASKED = "approval asked"
    APPROVED = "approved"
    ERASED = "erased"


@dataclass(frozen=True)
class Run:
    """The run that does the work.

    :param pair: id of the pair's DAG.
    :param erp: identifier of the pair's ERP; pairs with the same value compete for the same units.
    :param accept: the run's accept mode; another run never accepts its offers under a less strict one.
    """

    pair: str
    erp: str
    run_id: str
    window_start: datetime | None = None
    window_end: datetime | None = None
    accept: AcceptMode | None = None


@dataclass(frozen=True)
class Intent:
    """One prospect that is to become an offer.

    :param content_hash: keyed hash of all fields that would be sent, see :meth:`Ledger.hash`.
    :param person_hash: keyed hash of the matching key, ``None`` without one.
    :param bundle: the partner's id of units let together (a contract's id); ``None``: the unit is let alone.
    :param bundle_size: number of units of the bundle.
    :param source_id: the partner's id of the record that chose the prospect, if one external id may have several.
    :param source_hash: keyed hash of the record as the partner wrote it, for a later comparison.
    :param partner_updated_at: the partner's time of this version of the record.
    """

    external_id: str
    unit: str
    chosen: bool
    content_hash: str
    person_hash: str | None
    bundle: str | None = None
    bundle_size: int = 1
    source_id: str | None = None
    source_hash: str | None = None
    partner_updated_at: datetime | None = None

    @property
    def key(self) -> Key:
        return (self.external_id, self.unit)


@dataclass(frozen=True)
class Retraction:
    """The partner no longer chooses a prospect; stored even if the ledger has no entry for it.

    :param source_id: the retracted record; ``None``: all records with this external id.
    :param reason: ``withdrawn``, ``not_chosen`` or ``gone_at_partner``.
    :param partner_updated_at: the partner's time of the version that says so; a newer chosen version ends it.
    """

    external_id: str
    source_id: str | None
    reason: Reason
    partner_updated_at: datetime

    def concerns(self, one: Intent | Entry) -> bool:
        """Return whether it applies to the record of an intent or an entry; old entries may have no record id."""
        same_record = self.source_id is None or one.source_id in (None, self.source_id)
        return one.external_id == self.external_id and same_record

    def overrules(self, one: Intent | Entry) -> bool:
        """Return whether it is at least as new as the version of an intent or an entry."""
        version = one.partner_updated_at
        return self.concerns(one) and (version is None or version <= self.partner_updated_at)


@dataclass(frozen=True)
class Made:
    """The only offer that the ERP has for an entry.

    :param entry: the entry's id.
    :param claim: the claim under which the entry was read; ``None``: the claim is not checked.
    :param reason: ``found_in_erp`` if the offer existed before anything was sent.
    """

    entry: int
    claim: str | None
    offer_id: str | None = None
    offer_number: str | None = None
    business_partner_number: str | None = None
    business_partner_created: bool | None = None
    reason: Reason | None = None


class InFlight(NamedTuple):
    """The part of a claimed or sent entry that sending and reading back need."""

    id: int
    external_id: str
    unit: str
    claim: str | None
    run_id: str
    sent_at: datetime | None = None
    job: str | None = None

    @property
    def key(self) -> Key:
        return (self.external_id, self.unit)


class OfferOfPerson(NamedTuple):
    """The part of an entry that says whether a person has an offer for a unit."""

    external_id: str
    unit: str
    person_hash: str
    state: EntryState
    chosen: bool
    lease_number: str | None

    @property
    def key(self) -> Key:
        return (self.external_id, self.unit)


class Entry(NamedTuple):
    """One row of the ledger; :mod:`letting_sync.ledger.schema` describes the columns.

    A tuple, as the database returns it: a large run reads each of its entries several times.
    """

    id: int
    pair: str
    erp: str
    external_id: str
    unit: str
    state: EntryState
    reason: Reason | None
    chosen: bool
    content_hash: str
    person_hash: str | None
    bundle: str | None
    bundle_size: int
    claim: str | None
    claimed_at: datetime | None
    sent_at: datetime | None
    job: str | None
    offer_id: str | None
    offer_number: str | None
    business_partner_number: str | None
    business_partner_created: bool | None
    lease_number: str | None
    acceptance: AcceptanceState | None
    acceptance_reason: Reason | None
    acceptance_run: str | None
    accepting_since: datetime | None
    decided_by: str | None
    decided_at: datetime | None
    changed_at: datetime | None
    withdrawn_at: datetime | None
    moved_at: datetime | None
    source_id: str | None
    source_hash: str | None
    partner_updated_at: datetime | None
    accept_mode: AcceptMode | None
    ask_reason: Reason | None
    near_partner_number: str | None
    reviewed_at: datetime | None
    run_id: str
    window_start: datetime | None
    window_end: datetime | None
    created_at: datetime
    updated_at: datetime

    @property
    def key(self) -> Key:
        return (self.external_id, self.unit)
