"""What a run that was given up has left in the ledger comes to an end: nothing waits for ever, blocks somebody else, or is kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from letting_sync.ledger.deletion import LedgerDeletion
from letting_sync.ledger.ledger import Ledger
from letting_sync.ledger.records import REVIEW_AFTER
from tests.harness.crash import Crash
from tests.harness.days import FROM_LOAD, UP_TO_LOAD, DayRun, Days, all_pairs


def claims_and_is_given_up(days: Days) -> DayRun:
    """A run whose prospects stay claimed: the ERP asks to be called later, and somebody marks the run as failed."""
    run = days.night()
    days.erp.faults.set(1, ["503"], path=days.names.deliveries, retry_after=400)
    assert days.does(run, wait=False).deferred is not None
    days.erp.faults.clear()
    days.ends(run)
    days.clock.to_next(12)
    return run


def is_open(days: Days) -> bool:
    ledger = Ledger()
    return ledger.find_anything_open(days.pair, ledger.now() - REVIEW_AFTER)


@all_pairs
def test_several_offers_that_another_run_finds_are_held_for_a_person(days: Days) -> None:
    """What was found: no run decided on them, so nobody heard of them."""
    anna = days.platform.apply(0)
    days.dies(days.night(), UP_TO_LOAD, Crash(after=f"POST {days.names.imports}"))
    (offer,) = days.offers(anna)
    days.erp.add_offer(anna, offer.unit, offer.business_partner)

    days.next_day()

    assert (days.held(anna), days.leases(anna)) == ("ambiguous", [])


@all_pairs
def test_a_claim_of_a_duplicate_is_in_nobodys_way(days: Days) -> None:
    """What was found: the person's other application competed for ever with a prospect who was never sent."""
    anna = days.platform.apply(0)
    first = claims_and_is_given_up(days)
    again = days.platform.apply(0, like=anna)
    days.next_day()
    assert days.held(again) == "competing_offer"

    days.does(first, FROM_LOAD)
    assert days.outcome(first, anna) == [("duplicate", "same_person_on_unit")]
    days.next_day()

    assert (days.leases(again), days.offers(anna)) == ([days.unit(0)], [])
    assert not is_open(days)


@pytest.mark.parametrize("people_do", ["withdraw", "take_back"])
def test_a_claim_of_somebody_who_is_not_chosen_any_more_ends_with_its_run(days: Days, people_do: str) -> None:
    if people_do == "take_back" and days.pair.startswith("immomio"):
        pytest.skip("no window shows it; the acceptance asks")
    anna = days.platform.apply(0)
    first = claims_and_is_given_up(days)
    getattr(days.platform, people_do)(anna)
    days.next_day()

    days.does(first, FROM_LOAD)

    assert days.entry(anna).state == "refused"
    assert not is_open(days)


@pytest.mark.parametrize("people_do", ["withdraw", "restore_choice"])
def test_a_claim_that_was_given_up_is_loaded_when_it_is_chosen_again(days: Days, people_do: str) -> None:
    """Whoever was left out is not lost."""
    choose: Callable[[str], None] = days.platform.choose_again
    anna = days.platform.apply(0)
    first = claims_and_is_given_up(days)
    if people_do == "withdraw":
        days.platform.withdraw(anna)
    else:
        days.platform.take_back(anna)
        choose = days.platform.restore_choice
    days.next_day()
    days.does(first, FROM_LOAD)

    choose(anna)
    run = days.next_day()
    if run.question:
        days.answers(run, yes=True)

    assert days.leases(anna) == [days.unit(0)]


def test_the_retention_ends_a_claim_of_somebody_who_has_withdrawn(days: Days) -> None:
    """Though its run was never cleared: it will never be sent."""
    anna, bert = days.platform.apply(0), days.platform.apply(1)
    claims_and_is_given_up(days)
    days.platform.withdraw(anna)
    days.next_day()
    assert days.entry(anna).state == "claimed"

    ledger = Ledger()
    later = ledger.now() + timedelta(days=400)
    counts = LedgerDeletion(ledger.engine).delete_expired(rejected=180, open_=730, leased=0, at=later)

    assert (counts["rejected"], counts["kept_as_unfinished"]) == (1, 1)
    assert days.entries(anna) == []
    assert days.entry(bert).state == "claimed"
