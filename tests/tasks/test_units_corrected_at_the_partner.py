"""One application is on one unit at a time: the landlord corrects the flat between two runs.

Where an application may stand for several units (a contract of EverReal), the contract tells which.
"""

from __future__ import annotations

import pytest

from tests.harness.days import FROM_ACCEPT, FROM_LOAD, TASKS, UP_TO_LOAD, Days, all_pairs
from tests.harness.platforms import EverRealPlatform

A, B, PARKING, OTHER_PARKING = 0, 1, 20, 21


# --- one unit ---------------------------------------------------------------------------------------------------


@all_pairs
def test_with_a_lease_on_the_old_unit_the_new_one_waits_for_a_person(days: Days) -> None:
    anna = days.platform.apply(A)
    days.next_day()
    assert days.leases(anna) == [days.unit(A)]
    days.platform.move(anna, B)

    run = days.next_day()

    assert (run.state, days.leases(anna)) == ("success", [days.unit(A)])
    assert days.held(anna, B) == "lease_on_other_unit"


@all_pairs
def test_an_old_unit_that_is_still_open_is_held_and_the_new_one_goes_on(days: Days) -> None:
    """Day 1 was given up after its load."""
    anna = days.undecided_offer(A)
    days.platform.move(anna, B)

    days.next_day()

    assert days.leases(anna) == [days.unit(B)]
    assert days.held(anna, A) == "moved"


@pytest.mark.parametrize("mode", ["approval", "off"])
def test_an_old_unit_that_was_never_accepted_is_not_accepted_later(days: Days, mode: str) -> None:
    """Day 1's question is still open, or nothing was to be accepted."""
    anna = days.platform.apply(A)
    first = days.next_day(accept=mode)
    days.platform.move(anna, B)
    days.next_day()

    if first.question:
        days.answers(first, yes=True)
    days.next_day()

    assert days.leases(anna) == [days.unit(B)]
    assert days.held(anna, A) == "moved"


@all_pairs
def test_a_cleared_load_does_not_offer_the_old_unit(days: Days) -> None:
    """Day 1: the ERP was down. Day 2 loads the corrected unit. Then somebody clears day 1's load."""
    anna = days.platform.apply(A)
    first = days.fails(days.night())
    days.clock.to_next(12)
    days.platform.move(anna, B)
    days.next_day()

    days.does(first, FROM_LOAD)

    assert (days.offered_units(anna), days.leases(anna)) == ([days.unit(B)], [days.unit(B)])
    assert days.outcome(first, anna) == [("skipped", "moved")]


def test_a_cleared_load_of_the_old_unit_before_the_new_one_is_read(days: Days) -> None:
    """Only the partner knows of the correction yet."""
    anna = days.platform.apply(A)
    first = days.fails(days.night())
    days.clock.to_next(12)
    days.platform.move(anna, B)

    days.does(first, FROM_LOAD)
    assert days.leases(anna) == []

    days.next_day()
    assert days.leases(anna) == [days.unit(B)]


def test_a_unit_that_is_corrected_and_corrected_back(days: Days) -> None:
    """The first one was right. One lease, and nobody is lost."""
    anna = days.undecided_offer(A)
    days.platform.move(anna, B)
    second = days.does(days.night(), UP_TO_LOAD)
    days.fails(second, FROM_ACCEPT)
    days.clock.to_next(12)
    days.platform.move(anna, A)

    third = days.next_day()
    if third.question:
        days.answers(third, yes=True)

    assert days.leases(anna) == [days.unit(A)]
    assert days.held(anna, B) == "moved"


def test_a_clerk_has_accepted_the_old_unit_by_hand(days: Days) -> None:
    """Our ledger knows of no lease; the ERP does."""
    anna = days.platform.apply(A)
    days.next_day(accept="off")
    (offer,) = days.offers(anna)
    days.erp.clerk.accept(offer.number)
    days.platform.move(anna, B)

    days.next_day()

    assert days.leases(anna) == [days.unit(A)]
    assert days.held(anna, B) == "lease_on_other_unit"


def test_a_replay_after_a_correction_makes_no_second_lease(days: Days) -> None:
    """Nor does it, if a person asks for it, pretend that all is well."""
    anna = days.platform.apply(A)
    days.next_day()
    days.platform.move(anna, B)
    days.next_day()

    replay = days.replay(anna)

    assert days.leases(anna) == [days.unit(A)]
    assert replay.question or days.held(anna, B) == "lease_on_other_unit"


def test_somebody_moves_to_a_unit_for_which_another_is_chosen(days: Days) -> None:
    """Two are chosen for one unit: a person decides, and neither is lost."""
    anna, bert = days.platform.apply(A), days.platform.apply(B)
    days.fails(days.does(days.night(), UP_TO_LOAD), FROM_ACCEPT)
    days.clock.to_next(12)
    days.platform.move(anna, B)

    days.next_day()

    assert days.leases(anna) == days.leases(bert) == []
    assert days.held(anna, A) == "moved"
    assert (days.held(anna, B), days.held(bert)) == ("competing_offer", "competing_offer")


def test_two_who_swap_their_units(days: Days) -> None:
    """On each unit an old offer of the other one stands in the way of nobody."""
    anna, bert = days.platform.apply(A), days.platform.apply(B)
    days.fails(days.does(days.night(), UP_TO_LOAD), FROM_ACCEPT)
    days.clock.to_next(12)
    days.platform.move(anna, B)
    days.platform.move(bert, A)

    days.next_day()

    assert (days.leases(anna), days.leases(bert)) == ([days.unit(B)], [days.unit(A)])
    assert (days.held(anna, A), days.held(bert, B)) == ("moved", "moved")


# --- another person in the same application ---------------------------------------------------------------------


@all_pairs
def test_another_person_on_another_unit_does_not_get_the_first_ones_business_partner(days: Days) -> None:
    """What was found: a lease for Anna, whose application is now Bert's."""
    anna, bert = days.platform.apply(A), days.platform.apply(5)
    days.next_day(accept="off")
    days.platform.change_person(anna, like=bert)
    days.platform.move(anna, B)

    days.next_day()

    assert days.leases(anna) == [days.unit(B)]
    assert days.entry(anna, B).business_partner_number == days.entry(bert).business_partner_number
    assert days.entry(anna, B).business_partner_number != days.entry(anna, A).business_partner_number


def test_another_person_whom_the_erp_does_not_know_is_put_to_a_person(days: Days) -> None:
    """Nobody can tell whether it is somebody else or the same person under a corrected name."""
    anna = days.platform.apply(A)
    days.next_day(accept="off")
    stranger = days.platform.apply(5)
    days.platform.change_person(anna, like=stranger)
    days.platform.move(anna, B)
    days.platform.delete(stranger)

    run = days.next_day()

    before, now = days.entry(anna, A), days.entry(anna, B)
    assert (len(run.question or ()), days.leases(anna)) == (1, [])
    assert now.business_partner_number != before.business_partner_number
    assert (now.ask_reason, now.near_partner_number) == ("near_partner", before.business_partner_number)


def test_the_same_person_on_another_unit_keeps_the_business_partner(days: Days) -> None:
    anna = days.platform.apply(A)
    days.next_day(accept="off")
    days.platform.move(anna, B)

    days.next_day()

    assert days.leases(anna) == [days.unit(B)]
    assert days.entry(anna, B).business_partner_number == days.entry(anna, A).business_partner_number


# --- several units in a contract ---------------------------------------------------------------------------------


def test_a_contract_for_two_units_may_have_two_leases(everreal: Days) -> None:
    anna = everreal.platform.apply(A, PARKING)
    everreal.next_day()

    assert everreal.leases(anna) == [everreal.unit(A), everreal.unit(PARKING)]


def test_one_of_two_units_of_a_contract_is_changed_before_the_leases(everreal: Days) -> None:
    anna = everreal.platform.apply(A, PARKING)
    everreal.fails(everreal.does(everreal.night(), UP_TO_LOAD), FROM_ACCEPT)
    everreal.clock.to_next(12)
    everreal.platform.move(anna, A, OTHER_PARKING)

    run = everreal.next_day()
    if run.question:
        everreal.answers(run, yes=True)

    assert everreal.unit(PARKING) not in everreal.leases(anna)
    assert everreal.held(anna, PARKING) == "moved"
    reasons = [everreal.held(anna, unit) for unit in (A, OTHER_PARKING)]
    assert everreal.leases(anna) == [everreal.unit(A), everreal.unit(OTHER_PARKING)] or all(reasons)


def test_one_of_two_units_of_a_contract_is_changed_after_the_leases(everreal: Days) -> None:
    """The flat is let and stays; the other parking space is for a person, since the first one is let too."""
    anna = everreal.platform.apply(A, PARKING)
    everreal.next_day()
    everreal.platform.move(anna, A, OTHER_PARKING)

    everreal.next_day()

    assert everreal.leases(anna) == [everreal.unit(A), everreal.unit(PARKING)]
    assert everreal.held(anna, OTHER_PARKING) == "lease_on_other_unit"


def test_a_unit_is_changed_in_a_bundle_right_before_the_leases(everreal: Days) -> None:
    """No window has read it: nothing of what was bundled before is let."""
    anna = everreal.platform.apply(A, PARKING)
    first = everreal.does(everreal.night(), UP_TO_LOAD)
    everreal.platform.move(anna, A, OTHER_PARKING)

    everreal.does(first, FROM_ACCEPT)

    assert everreal.leases(anna) == []
    assert everreal.held(anna, A)
    assert everreal.held(anna, PARKING)


def test_two_contracts_of_one_candidate_are_two_applications(everreal: Days) -> None:
    """A flat by one contract, a parking space by another one, days later: both are let."""
    assert isinstance(everreal.platform, EverRealPlatform)
    anna = everreal.platform.apply(A)
    everreal.next_day()
    everreal.platform.second_contract(anna, PARKING)

    everreal.next_day()

    assert everreal.leases(anna) == [everreal.unit(A), everreal.unit(PARKING)]


def test_a_contract_that_is_redrawn_for_another_unit(everreal: Days) -> None:
    """The old one is cancelled and its lease is there: the new unit is not let as if nothing had been."""
    assert isinstance(everreal.platform, EverRealPlatform)
    anna = everreal.platform.apply(A)
    everreal.next_day()
    everreal.platform.withdraw(anna)
    everreal.platform.choose_again(anna)
    everreal.platform.move(anna, B)

    run = everreal.does(everreal.night(), TASKS)

    assert everreal.leases(anna) == [everreal.unit(A)]
    assert run.question or everreal.held(anna, B)
