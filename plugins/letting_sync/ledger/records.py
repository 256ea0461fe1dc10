"""What goes into the ledger and comes out of it: a run, an intent, an entry."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from letting_sync.reasons import Reason
from letting_sync.settings import AcceptMode

UNKNOWN_HASH = ""
"""Stands for a hash whose key was lost; nothing can be compared with it."""
REVIEW_AFTER = timedelta(hours=20)
"""So long after it was decided on or looked at an entry is due; daily runs, which never start at the same second, find it."""
Key = tuple[str, str]
"""External id and unit number: what tells one entry of a pair from another."""


class EntryState(StrEnum):
    """How far the *offer* of an entry is."""

    CLAIMED = "claimed"
    """a run has taken it; nothing has been sent"""
    SENT = "sent"
    """the request is about to go or has gone; the outcome is open until it is read back"""
    LOADED = "loaded"
    """the ERP holds one offer for it"""
    REFUSED = "refused"
    """the ERP holds none, with a reason; it may be sent again once the cause is fixed"""
    AMBIGUOUS = "ambiguous"
    """the ERP holds several offers for it; a person must look"""


class AcceptanceState(StrEnum):
    """How far the *lease* of an entry is; an entry on which nobody has decided has none."""

    ACCEPTING = "accepting"
    """under way"""
    LEASED = "leased"
    HELD = "held"
    """no lease for now, with a reason"""
    AWAITING = "awaiting"
    """a person is asked"""
    CLOSED = "closed"
    """nothing is left to decide: the offer is dead, and the partner does not choose the prospect any more"""


class Event(StrEnum):
    """What a line of an entry's history says."""

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
    """Which run does the work.

    :param pair: id of the pair's DAG.
    :param erp: which ERP the pair feeds; pairs with the same value compete for the same units.
    :param accept: the run's accept mode; what it loads is never accepted under a less strict one by another run.
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

    :param content_hash: keyed hash of all that would be sent, see :meth:`Ledger.hash`.
    :param person_hash: keyed hash of the matching key, or ``None`` without one.
    :param bundle: what the partner lets several units by together; ``None``: the unit is let by itself.
    :param bundle_size: how many units the bundle has.
    :param source_id: the partner's id of the record that chose the prospect, where one external id may have several.
    :param source_hash: keyed hash of the record as the partner wrote it, to be compared with what it says later.
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
    """The partner does not choose a prospect any more; kept whether the ledger has an entry for it or not.

    :param source_id: the record that was retracted; ``None``: all records with this external id.
    :param reason: ``withdrawn``, ``not_chosen`` or ``gone_at_partner``.
    :param partner_updated_at: the partner's time of the version that says so; a newer chosen version ends it.
    """

    external_id: str
    source_id: str | None
    reason: Reason
    partner_updated_at: datetime

    def concerns(self, one: Intent | Entry) -> bool:
        """Whether it speaks of the record behind an intent or an entry. An entry of old times names no record."""
        same_record = self.source_id is None or one.source_id in (None, self.source_id)
        return one.external_id == self.external_id and same_record

    def overrules(self, one: Intent | Entry) -> bool:
        """Whether it is at least as new as the version behind an intent or an entry."""
        version = one.partner_updated_at
        return self.concerns(one) and (version is None or version <= self.partner_updated_at)


@dataclass(frozen=True)
class Made:
    """The one offer that the ERP holds for an entry.

    :param entry: the entry's id.
    :param claim: the claim under which the entry was read; ``None``: whatever it is now.
    :param reason: ``found_in_erp`` if the offer was there before we sent anything.
    """

    entry: int
    claim: str | None
    offer_id: str | None = None
    offer_number: str | None = None
    business_partner_number: str | None = None
    business_partner_created: bool | None = None
    reason: Reason | None = None


@dataclass(frozen=True)
class Entry:
    """One row of the ledger; the columns are described in ``ledger_schema``."""

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
