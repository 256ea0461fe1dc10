"""What goes into the ledger and comes out of it: a run, an intent, an entry."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

Key = tuple[str, str]
"""External id and unit number: what tells one entry of a pair from another."""


@dataclass(frozen=True)
class Run:
    """Which run does the work.

    :param pair: id of the pair's DAG.
    :param erp: which ERP the pair feeds; pairs with the same value compete for the same units.
    """

    pair: str
    erp: str
    run_id: str
    window_start: datetime | None = None
    window_end: datetime | None = None


@dataclass(frozen=True)
class Intent:
    """One prospect that is to become an offer.

    :param content_hash: keyed hash of all that would be sent, see :meth:`Ledger.hash`.
    :param person_hash: keyed hash of the matching key, or ``None`` without one.
    :param bundle: what the partner lets several units by together; ``None``: the unit is let by itself.
    :param bundle_size: how many units the bundle has.
    """

    external_id: str
    unit: str
    chosen: bool
    content_hash: str
    person_hash: str | None
    bundle: str | None = None
    bundle_size: int = 1

    @property
    def key(self) -> Key:
        return (self.external_id, self.unit)


@dataclass(frozen=True)
class Claimed:
    """An entry that is ours to send, as long as its claim is not replaced.

    :param id: the entry's id.
    :param claim: the claim's token.
    """

    id: int
    key: Key
    claim: str


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
    reason: str | None = None


@dataclass(frozen=True)
class Entry:
    """One row of the ledger; the columns are described in ``ledger_schema``."""

    id: int
    pair: str
    erp: str
    external_id: str
    unit: str
    state: str
    reason: str | None
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
    acceptance: str | None
    acceptance_reason: str | None
    acceptance_run: str | None
    accepting_since: datetime | None
    decided_by: str | None
    decided_at: datetime | None
    changed_at: datetime | None
    withdrawn_at: datetime | None
    run_id: str
    window_start: datetime | None
    window_end: datetime | None
    created_at: datetime
    updated_at: datetime

    @property
    def key(self) -> Key:
        return (self.external_id, self.unit)
