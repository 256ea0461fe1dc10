"""A run counts as its own only what it did itself; what it found, and what it did for other runs' offers, is counted apart."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.harness.crash import Crash
from tests.harness.days import FROM_ACCEPT, FROM_LOAD, UP_TO_LOAD, DayRun, Days, all_pairs

OFFERS = ("offers_created", "already_there")
LEASES = ("leases_created", "leases_for_other_runs", "leases_found")


def offers(run: DayRun) -> tuple[Any, ...]:
    """Offers that the run made, and those that were there."""
    return tuple(run.counts[name] for name in OFFERS)


def leases(run: DayRun) -> tuple[Any, ...]:
    """Leases that the run made of its own offers, that it made of others', and that were there."""
    return tuple(run.counts[name] for name in LEASES)


def a_clerk_accepts(days: Days, applicant: str) -> None:
    (offer,) = days.offers(applicant)
    days.erp.clerk.accept(offer.number)


@all_pairs
def test_three_backfilled_days_report_each_its_own(days: Days) -> None:
    """What was found: 5, 10 and 13 records, and 0, 28 and 0 leases. The days run side by side, the last one ends first."""
    chosen = [1, 3, 2]
    units = iter(range(sum(chosen)))
    first = days.clock.today
    for number in chosen:
        for _ in range(number):
            days.platform.apply(next(units))
        days.clock.to_next(12)
    backfill = [days.new_run(first + timedelta(days=n), first + timedelta(days=n + 1)) for n in range(3)]

    for run in backfill:
        days.does(run, UP_TO_LOAD)
    for run in reversed(backfill):
        days.does(run, FROM_ACCEPT)

    assert [run.counts["extracted"] for run in backfill] == chosen
    assert [offers(run) for run in backfill] == [(number, 0) for number in chosen]
    assert [leases(run) for run in backfill] == [(number, 0, 0) for number in chosen]
    assert len(days.erp.leases) == sum(chosen)


def test_a_second_run_of_the_same_window_has_done_nothing(days: Days) -> None:
    days.platform.apply(0)
    days.platform.apply(1)
    run = days.next_day()

    again = days.does(days.new_run(days.clock.today - timedelta(days=1), days.clock.today))

    assert (offers(run), leases(run)) == ((2, 0), (2, 0, 0))
    assert (offers(again), leases(again)) == ((0, 2), (0, 0, 0))


def test_a_cleared_run_still_counts_what_it_did(days: Days) -> None:
    """Cleared from its beginning after it has succeeded: the same offers and leases are its own."""
    days.platform.apply(0)
    run = days.next_day()

    days.does(run)

    assert (offers(run), leases(run)) == ((1, 0), (1, 0, 0))


def test_a_run_that_is_cleared_after_the_landlord_took_the_choice_back_made_the_offer_all_the_same(
    days: Days,
) -> None:
    anna = days.platform.apply(0)
    run = days.does(days.night(accept="off"))
    days.platform.withdraw(anna)
    days.does(days.new_run(days.clock.today, days.clock.today + timedelta(days=1)))

    days.does(run, FROM_LOAD)

    assert (offers(run), days.outcome(run, anna)) == ((1, 0), [("created", "withdrawn_after_load")])


def test_a_lease_of_an_offer_that_another_run_made_is_counted_apart(days: Days) -> None:
    """Day 1 failed after its load; day 2's run decides on what it left, and day 1 has made no lease when it is cleared."""
    days.platform.apply(0)
    first = days.does(days.night(), UP_TO_LOAD)
    days.ends(first)
    days.clock.to_next(12)
    days.platform.apply(1)

    second = days.next_day()
    days.does(first, FROM_ACCEPT)

    assert (offers(second), leases(second)) == ((1, 0), (1, 1, 0))
    assert (offers(first), leases(first)) == ((1, 0), (0, 0, 0))


def test_a_replay_that_makes_the_lease_of_a_held_offer_has_not_made_the_offer(days: Days) -> None:
    anna = days.platform.apply(0)
    days.next_day(accept="off")

    replay = days.replay(anna, accept="auto")

    assert days.leases(anna) == [days.unit(0)]
    assert (offers(replay), leases(replay)) == ((0, 1), (0, 1, 0))


@all_pairs
def test_a_lease_that_a_clerk_made_of_a_runs_offer_is_found(days: Days) -> None:
    """Between the load and the acceptance; clearing the run afterwards changes nothing."""
    anna, bert = days.platform.apply(0), days.platform.apply(1)
    run = days.does(days.night(), UP_TO_LOAD)
    a_clerk_accepts(days, anna)

    days.does(run, FROM_ACCEPT)
    told = leases(run)
    days.does(run, FROM_ACCEPT)

    assert (days.leases(anna), days.leases(bert)) == ([days.unit(0)], [days.unit(1)])
    assert (told, leases(run)) == ((1, 0, 1), (1, 0, 1))


def test_a_lease_that_a_clerk_made_of_a_held_offer_is_found_by_the_daily_review(days: Days) -> None:
    """And it never becomes one that the run of the offer has made."""
    anna = days.platform.apply(0)
    first = days.next_day(accept="off")
    a_clerk_accepts(days, anna)
    days.platform.apply(1)

    second = days.next_day()
    days.does(first, FROM_ACCEPT)

    assert (leases(second), second.counts["reviewed"]) == ((1, 0, 1), {"leased": 1})
    assert leases(first) == (0, 0, 0)


def test_after_a_lost_ledger_offers_and_leases_are_found(days: Days) -> None:
    """What was found: 16 leases that existed counted as made."""
    empty = days.back_up()
    days.platform.apply(0)
    days.platform.apply(1)
    days.next_day()
    days.restore(empty)

    again = days.does(days.new_run(days.clock.today - timedelta(days=1), days.clock.today))

    assert (offers(again), leases(again)) == ((0, 2), (0, 0, 2))


def test_a_lease_whose_response_was_lost_in_a_crash_is_the_runs_own(days: Days) -> None:
    """The process dies between the ERP's response and the ledger; the next try of the same run finds the lease."""
    anna = days.platform.apply(0)
    run = days.does(days.night(), UP_TO_LOAD)
    paths = {"yuneo": "POST */accept", "sigma": "PUT */angebote/*"}
    days.dies(run, FROM_ACCEPT, Crash(after=paths[days.erp.name]))
    assert (days.leases(anna), days.entry(anna).lease_number) == ([days.unit(0)], None)

    days.goes_on(run)

    assert leases(run) == (1, 0, 0)
