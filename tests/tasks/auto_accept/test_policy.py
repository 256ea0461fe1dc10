"""The policy as a table: for each situation the one verdict that a clerk would give."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from letting_sync.errors import RefuseRecord
from letting_sync.ledger.records import Entry
from letting_sync.model import Offer, OfferStatus, Prospect, UnitNumber
from letting_sync.partner import Current
from letting_sync.reasons import Reason
from letting_sync.settings import AcceptMode
from letting_sync.tasks.auto_accept.policy import (
    Decision,
    Verdict,
    competitors,
    decide,
    has_lease_elsewhere,
    is_same_application,
    reason_at_partner,
    strictest,
)

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
        ("gone_at_partner", ENTRY._replace(withdrawn_at=NOW, reason=Reason.GONE_AT_PARTNER), [OFFER], False),
        ("moved", ENTRY._replace(moved_at=NOW), [OFFER], False),
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


@pytest.mark.parametrize(
    ("offers", "dead"),
    [
        ([], True),
        ([_offer(status=OfferStatus.REJECTED)], True),
        ([_offer(valid_until=TODAY - timedelta(1))], True),
        ([OFFER], False),
        ([_offer(valid_until=TODAY)], False),
        ([_offer(status=OfferStatus.ACCEPTED)], False),
        ([_offer(status=OfferStatus.REJECTED), OFFER], False),
        ([_offer(status=OfferStatus.REJECTED), _offer(status=OfferStatus.ACCEPTED)], False),
    ],
)
def test_a_held_entry_is_dead_if_no_offer_can_become_a_lease(offers: list[Offer], dead: bool) -> None:
    decision = decide(ENTRY._replace(chosen=False), offers, competing=False, today=TODAY)
    assert (decision.verdict, decision.dead) == (Verdict.HOLD, dead)


@pytest.mark.parametrize(
    ("offers", "reason"),
    [
        ([], "chosen_again"),
        ([_offer(status=OfferStatus.REJECTED)], "chosen_again"),
        ([_offer(status=OfferStatus.UNKNOWN)], "unknown_status"),
        ([OFFER], None),
    ],
)
def test_who_is_chosen_again_after_the_offer_died_needs_a_new_one(
    offers: list[Offer], reason: str | None
) -> None:
    again = ENTRY._replace(ask_reason=Reason.CHOSEN_AGAIN)
    assert decide(again, offers, competing=False, today=TODAY).reason == reason


def test_a_lease_on_another_unit_holds_it_unless_something_is_wrong_with_the_offer_itself() -> None:
    for competing in (True, False):
        held = decide(ENTRY, [OFFER], competing, TODAY, leased_elsewhere=True)
        assert (held.verdict, held.reason) == (Verdict.HOLD, Reason.LEASE_ON_OTHER_UNIT)
    unknown = [_offer(status=OfferStatus.UNKNOWN)]
    assert decide(ENTRY, unknown, True, TODAY, leased_elsewhere=True).reason == Reason.UNKNOWN_STATUS


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
        (BERT._replace(moved_at=NOW), [BERTS]),
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


OTHER = "1/2/3/9"
THERE = ENTRY._replace(id=2, unit=OTHER)
LET_THERE = THERE._replace(lease_number="MV-1")
LEASE_THERE = _offer(unit=UnitNumber.parse(OTHER), lease_number="MV-1")
OF_ONE, OF_ANOTHER = ENTRY._replace(source_id="c1"), LET_THERE._replace(source_id="c2")
FLAT = OF_ONE._replace(bundle="c1", bundle_size=2)
PARKING = LET_THERE._replace(source_id="c1", bundle="c1", bundle_size=2)


@pytest.mark.parametrize(
    ("entry", "others", "offers"),
    [
        (ENTRY, [LET_THERE], []),
        (ENTRY, [THERE._replace(acceptance="accepting")], []),
        (ENTRY, [THERE], [LEASE_THERE]),
        (ENTRY, [], [LEASE_THERE]),
        (OF_ONE, [OF_ANOTHER._replace(source_id="c1")], []),
        (OF_ONE, [LET_THERE], []),
        (ENTRY, [OF_ANOTHER], []),
        (OF_ONE, [OF_ANOTHER._replace(withdrawn_at=NOW)], []),
        (FLAT, [PARKING, PARKING._replace(id=3, unit="1/2/3/8")], []),
        (FLAT, [PARKING._replace(bundle="another")], []),
        (OF_ONE, [PARKING], []),
    ],
    ids=[
        "let", "getting the lease", "let by a clerk", "let by a clerk and unknown to the ledger", "of one record",
        "a record that is not known", "own record not known", "a record that has ended", "the bundle is full",
        "another bundle", "no bundle",
    ],
)  # fmt: skip
def test_an_application_with_a_lease_gets_no_second_one(
    entry: Entry, others: list[Entry], offers: list[Offer]
) -> None:
    assert has_lease_elsewhere(entry, [entry, *others], offers)


@pytest.mark.parametrize(
    ("entry", "others", "offers"),
    [
        (ENTRY, [], []),
        (ENTRY, [THERE], []),
        (ENTRY, [THERE._replace(acceptance="held")], [_offer(unit=UnitNumber.parse(OTHER))]),
        (ENTRY._replace(lease_number="MV-1"), [THERE], [_offer(lease_number="MV-1")]),
        (OF_ONE, [OF_ANOTHER], []),
        (FLAT, [PARKING], []),
        (FLAT, [PARKING._replace(source_id=None)], [LEASE_THERE]),
    ],
    ids=[
        "alone", "nothing there", "an offer there", "the lease is its own", "another record", "let together",
        "let together by a clerk",
    ],
)  # fmt: skip
def test_what_is_no_lease_of_the_same_application(
    entry: Entry, others: list[Entry], offers: list[Offer]
) -> None:
    assert not has_lease_elsewhere(entry, [entry, *others], offers)


def test_units_of_one_application_are_those_that_are_not_let_together() -> None:
    assert not is_same_application(ENTRY, ENTRY._replace(id=2))
    assert is_same_application(ENTRY, THERE)
    assert is_same_application(FLAT, THERE)
    assert not is_same_application(FLAT, PARKING)
    assert not is_same_application(FLAT, FLAT._replace(bundle="another"))
    assert is_same_application(FLAT, PARKING._replace(bundle="another"))


@pytest.mark.parametrize(
    ("modes", "mode"),
    [
        (["auto", None], "auto"),
        ([None, "approval", "auto"], "approval"),
        (["auto", "off", "approval"], "off"),
    ],
)
def test_of_two_accept_modes_the_stricter_one_holds(modes: list[AcceptMode | None], mode: str) -> None:
    assert strictest(*modes) == mode


NOW_THERE = Prospect(
    external_id="anna", unit=UnitNumber.parse("1/2/3/4"), chosen=True, updated_at=NOW, last_name="Adler"
)


def _now(**changes: object) -> Prospect:
    return NOW_THERE.model_copy(update=changes)


ELSEWHERE = _now(unit=UnitNumber.parse(OTHER))
UNREADABLE = RefuseRecord("malformed", "Not a record.")


@pytest.mark.parametrize(
    ("current", "reason"),
    [
        ([NOW_THERE], None),
        ([ELSEWHERE, NOW_THERE], None),
        ([UNREADABLE, NOW_THERE], None),
        ([], "gone_at_partner"),
        ([UNREADABLE], "unreadable_at_partner"),
        ([ELSEWHERE, UNREADABLE], "unreadable_at_partner"),
        ([ELSEWHERE], "moved"),
        ([ELSEWHERE.model_copy(update={"withdrawn": True})], "withdrawn_after_load"),
        ([_now(withdrawn=True, chosen=False)], "withdrawn_after_load"),
        ([_now(chosen=False)], "not_chosen"),
        ([_now(external_id="bert")], "changed_after_load"),
        ([_now(bundle_size=2)], "changed_after_load"),
        ([_now(last_name="Bauer")], "changed_after_load"),
    ],
)
def test_the_partner_has_the_last_word_before_a_lease(current: Current, reason: str | None) -> None:
    entry = ENTRY._replace(source_hash="Adler")
    assert reason_at_partner(entry, current, lambda one: one.last_name) == reason


def test_without_a_hash_of_the_record_nothing_is_compared() -> None:
    """Of an entry that an earlier release made, or whose key was lost."""
    assert reason_at_partner(ENTRY, [NOW_THERE], lambda one: one.last_name) is None
