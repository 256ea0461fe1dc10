"""The policy as a table: for each situation the one verdict that a clerk would give."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from letting_sync.ledger.records import Entry
from letting_sync.model import Offer, OfferStatus, UnitNumber
from letting_sync.tasks.auto_accept.policy import Decision, Verdict, competitors, decide

TODAY = date(2026, 11, 20)
NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
ENTRY = Entry(
    id=1, pair="p", erp="e", external_id="anna", unit="1/2/3/4", state="loaded", reason=None, chosen=True,
    content_hash="c", person_hash="h", bundle=None, bundle_size=1, claim="t", claimed_at=NOW, sent_at=NOW, job="j", offer_id="o1",
    offer_number="11", business_partner_number="7", business_partner_created=True, lease_number=None,
    acceptance=None, acceptance_reason=None, acceptance_run=None, accepting_since=None, decided_by=None,
    decided_at=None, changed_at=None, withdrawn_at=None, moved_at=None, source_id=None, source_hash=None,
    partner_updated_at=None, accept_mode=None, ask_reason=None, near_partner_number=None, reviewed_at=None, run_id="r", window_start=NOW, window_end=NOW,
    created_at=NOW, updated_at=NOW,
)  # fmt: skip
OFFER = Offer(
    offer_id="o1", number="11", external_id="anna", unit=UnitNumber.parse("1/2/3/4"), status=OfferStatus.OFFERED,
    normal_kind=True, valid_from=TODAY - timedelta(1), valid_until=TODAY + timedelta(13), lease_start=None,
    business_partner_number="7", lease_number=None, version="1",
)  # fmt: skip


def _offer(**changes: object) -> Offer:
    return OFFER.model_copy(update=changes)


def test_an_offer_that_nothing_speaks_against_is_accepted() -> None:
    assert decide(ENTRY, [OFFER], competing=False, today=TODAY) == Decision(ENTRY, Verdict.ACCEPT, OFFER)


@pytest.mark.parametrize(
    "offer",
    [
        _offer(valid_until=TODAY),
        _offer(valid_from=TODAY),
        _offer(valid_until=None, valid_from=None),
        _offer(lease_start=TODAY + timedelta(60)),
    ],
)
def test_its_first_and_its_last_day_count(offer: Offer) -> None:
    assert decide(ENTRY, [offer], competing=False, today=TODAY).verdict is Verdict.ACCEPT


@pytest.mark.parametrize(
    ("reason", "entry", "offers", "competing"),
    [
        ("not_chosen", ENTRY._replace(chosen=False), [OFFER], False),
        ("withdrawn_after_load", ENTRY._replace(withdrawn_at=NOW), [OFFER], False),
        ("changed_after_load", ENTRY._replace(changed_at=NOW), [OFFER], False),
        ("ambiguous", ENTRY._replace(state="ambiguous"), [OFFER], False),
        ("ambiguous", ENTRY, [OFFER, _offer(offer_id="o2", number="12")], False),
        ("offer_missing", ENTRY, [], False),
        ("offer_rejected", ENTRY, [_offer(status=OfferStatus.REJECTED)], False),
        ("offer_ignored", ENTRY, [_offer(status=OfferStatus.IGNORED)], False),
        ("expired", ENTRY, [_offer(status=OfferStatus.EXPIRED)], False),
        ("expired", ENTRY, [_offer(valid_until=TODAY - timedelta(1))], False),
        ("not_yet_valid", ENTRY, [_offer(valid_from=TODAY + timedelta(1))], False),
        ("person_changed", ENTRY, [_offer(business_partner_number="8")], False),
        ("person_changed", ENTRY, [_offer(business_partner_number=None)], False),
        ("kind_not_normal", ENTRY, [_offer(normal_kind=False)], False),
        ("unknown_status", ENTRY, [_offer(status=OfferStatus.UNKNOWN)], False),
        ("accepted_without_lease", ENTRY, [_offer(status=OfferStatus.ACCEPTED)], False),
        ("competing_offer", ENTRY, [OFFER], True),
    ],
)
def test_whatever_speaks_against_it_holds_it(
    reason: str, entry: Entry, offers: list[Offer], competing: bool
) -> None:
    decision = decide(entry, offers, competing, TODAY)

    assert (decision.verdict, decision.reason) == (Verdict.HOLD, reason)
    assert decision.entry == entry
    assert decision.offer == (offers[0] if len(offers) == 1 else None)


def test_an_offer_that_is_our_lease_already_is_a_success() -> None:
    """After a lost response the ERP is asked, and says so."""
    leased = _offer(status=OfferStatus.ACCEPTED, lease_number="MV-1")

    assert decide(ENTRY, [leased], competing=False, today=TODAY) == Decision(ENTRY, Verdict.LEASED, leased)


def test_a_person_whom_the_import_did_not_name_is_no_reason() -> None:
    """Without the number in the ledger there is nothing to compare with."""
    unnamed = ENTRY._replace(business_partner_number=None)

    assert decide(unnamed, [OFFER], competing=False, today=TODAY) == Decision(unnamed, Verdict.ACCEPT, OFFER)


BERT = ENTRY._replace(id=2, external_id="bert", offer_number="12")
BERTS = OFFER.model_copy(update={"offer_id": "o2", "number": "12", "external_id": "bert"})


@pytest.mark.parametrize(
    ("other", "offers"),
    [
        (BERT, [BERTS]),
        (BERT, [BERTS.model_copy(update={"status": OfferStatus.UNKNOWN})]),
        (BERT, [BERTS.model_copy(update={"valid_until": TODAY})]),
        (BERT._replace(pair="another pair on the same ERP"), [BERTS]),
        (BERT._replace(state="claimed"), []),
        (BERT._replace(state="sent"), []),
        (BERT._replace(state="refused", reason="ambiguous_partner"), []),
        (BERT._replace(acceptance="held", acceptance_reason="changed_after_load"), [BERTS]),
    ],
)
def test_another_chosen_prospect_on_the_unit_competes(other: Entry, offers: list[Offer]) -> None:
    """Whatever becomes of them later: two were chosen, so a person must say which one."""
    assert competitors(ENTRY, [ENTRY, other], {"bert": offers}, TODAY) == [other]


@pytest.mark.parametrize(
    ("other", "offers"),
    [
        (BERT._replace(chosen=False), [BERTS]),
        (BERT._replace(withdrawn_at=NOW), [BERTS]),
        (BERT._replace(lease_number="MV-0"), [BERTS]),
        (BERT._replace(unit="1/2/3/5"), [BERTS]),
        (BERT._replace(state="refused", reason="unknown_unit"), []),
        (BERT, [BERTS.model_copy(update={"status": OfferStatus.REJECTED})]),
        (BERT, [BERTS.model_copy(update={"valid_until": TODAY - timedelta(1)})]),
        (BERT, []),
    ],
)
def test_who_lays_no_claim_to_the_unit_does_not_compete(other: Entry, offers: list[Offer]) -> None:
    assert competitors(ENTRY, [ENTRY, other], {"bert": offers}, TODAY) == []


def test_a_competitor_whose_offer_is_gone_from_the_erp_does_not_compete() -> None:
    assert competitors(ENTRY, [ENTRY, BERT], {}, TODAY) == []
