"""Withdrawn, and chosen again: decided anew, by a person; and whoever was turned down once may come a second time."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from letting_sync.reasons import Reason
from tests.harness.days import FROM_ACCEPT, FROM_LOAD, UP_TO_LOAD, DayRun, Days, all_pairs
from tests.harness.platforms import ImmomioPlatform


def next_day_with_a_yes(days: Days) -> DayRun:
    """The next day's run; a person who is asked accepts."""
    run = days.next_day()
    if run.question:
        days.answers(run, yes=True)
    return run


def withdrawn_with_an_open_offer(days: Days) -> str:
    """Somebody whose offer was made on day 1 and not accepted, who withdrew on day 2; it is day 3."""
    anna = days.undecided_offer(0)
    days.platform.withdraw(anna)
    days.next_day()
    assert days.held(anna) == "withdrawn_after_load"
    return anna


# --- the same applicant again ------------------------------------------------------------------------------------


@all_pairs
def test_who_is_chosen_again_is_put_to_a_person_even_in_auto_mode(days: Days) -> None:
    anna = withdrawn_with_an_open_offer(days)
    days.platform.choose_again(anna)

    run = days.next_day(accept="auto")

    assert days.leases(anna) == []
    (offer,) = days.offers(anna)
    assert run.question == [str(offer.number)]
    assert (days.entry(anna).acceptance, days.entry(anna).acceptance_reason) == ("awaiting", "chosen_again")
    days.answers(run, yes=True)
    assert days.leases(anna) == [days.unit(0)]


@pytest.mark.parametrize("user", [True, False], ids=["no", "no answer"])
def test_who_is_chosen_again_and_not_approved_is_held(days: Days, user: bool) -> None:
    anna = withdrawn_with_an_open_offer(days)
    days.platform.choose_again(anna)
    run = days.next_day()

    days.answers(run, yes=False, user=user)
    days.next_day()

    assert days.leases(anna) == []
    assert days.held(anna) in ("rejected_by_approver", "approval_timed_out")


def test_the_question_about_one_does_not_keep_the_others_waiting(days: Days) -> None:
    anna = withdrawn_with_an_open_offer(days)
    days.platform.choose_again(anna)
    bert = days.platform.apply(1)

    run = days.next_day()

    assert (days.leases(bert), len(run.question or ())) == ([days.unit(1)], 1)


def test_a_replay_of_somebody_chosen_again(days: Days) -> None:
    """No window is waited for: a person has asked for it and is asked, or the lease is made."""
    anna = withdrawn_with_an_open_offer(days)
    days.platform.choose_again(anna)

    run = days.replay(anna)

    if run.question:
        days.answers(run, yes=True)
    assert days.leases(anna) == [days.unit(0)]


def test_a_replay_of_somebody_withdrawn_makes_nothing(days: Days) -> None:
    anna = withdrawn_with_an_open_offer(days)

    run = days.replay(anna)

    assert (run.question, days.leases(anna), days.held(anna)) == (None, [], "withdrawn_after_load")


def test_a_replay_of_somebody_withdrawn_before_any_offer_makes_none(days: Days) -> None:
    anna = days.platform.apply(0)
    days.platform.withdraw(anna)
    days.next_day()

    days.replay(anna)

    assert days.offers(anna) == days.leases(anna) == []


def test_chosen_again_before_any_offer_was_made(days: Days) -> None:
    """The withdrawal is kept although there was no entry; a newer choice ends it."""
    anna = days.platform.apply(0)
    days.platform.withdraw(anna)
    days.next_day()
    days.platform.choose_again(anna)

    next_day_with_a_yes(days)

    assert days.leases(anna) == [days.unit(0)]


def test_withdrawn_a_second_time_after_being_chosen_again(days: Days) -> None:
    """While the question waits: a yes is no lease."""
    anna = withdrawn_with_an_open_offer(days)
    days.platform.choose_again(anna)
    run = days.next_day()
    days.platform.withdraw(anna)
    days.next_day()

    days.answers(run, yes=True)

    assert (days.leases(anna), days.held(anna)) == ([], "withdrawn_after_load")


def test_a_cleared_load_from_before_the_withdrawal_does_not_end_it(days: Days) -> None:
    """Day 1 has read "chosen", day 2 "withdrawn". Day 1's load and acceptance are cleared on day 3."""
    anna = withdrawn_with_an_open_offer(days)
    first = days.runs[0]

    days.does(first, FROM_LOAD)

    assert (first.question, days.leases(anna), days.held(anna)) == (None, [], "withdrawn_after_load")


def test_a_cleared_withdrawal_does_not_undo_a_newer_choice(days: Days) -> None:
    """Day 2 has read "withdrawn", day 3 "chosen" and a person said yes tomorrow; day 2 is cleared in between."""
    anna = withdrawn_with_an_open_offer(days)
    second = days.runs[1]
    days.platform.choose_again(anna)
    third = days.next_day()

    days.does(second, FROM_LOAD)
    days.answers(third, yes=True)

    assert days.leases(anna) == [days.unit(0)]


def test_withdrawn_and_chosen_again_within_one_day(days: Days) -> None:
    """One window holds only the last version, or both contracts; nobody is lost."""
    anna = days.undecided_offer(0)
    days.platform.withdraw(anna)
    days.platform.choose_again(anna)

    next_day_with_a_yes(days)

    assert days.leases(anna) == [days.unit(0)]


def test_versions_with_equal_times_are_not_a_newer_choice(days: Days) -> None:
    """The partner's clock says the same of both: what was read last must not bring a lease by itself."""
    if not isinstance(days.platform, ImmomioPlatform):
        pytest.skip("a contract is another record with a time of its own")
    anna = days.platform.apply(0)
    first = days.does(days.night(), UP_TO_LOAD)
    days.fails(first, FROM_ACCEPT)
    (stored,) = days.platform.system.applications
    days.platform.system.withdraw(anna, updated_at=stored["updatedAt"])

    days.does(first)

    assert days.leases(anna) == []
    assert days.held(anna) == "withdrawn_after_load"


def test_a_lease_that_was_made_stays_when_the_applicant_withdraws_and_comes_back(days: Days) -> None:
    anna = days.platform.apply(0)
    days.next_day()
    days.platform.withdraw(anna)
    days.next_day()
    days.platform.choose_again(anna)

    run = days.next_day()

    assert (days.leases(anna), run.question) == ([days.unit(0)], None)
    assert run.state == "success"


def test_an_approval_from_before_a_withdrawal_does_not_count_afterwards(days: Days) -> None:
    """What was found: day 1's acceptance, cleared when the applicant had been chosen again, asked nobody."""
    anna = days.platform.apply(0)
    first = days.next_day(accept="approval")
    days.platform.withdraw(anna)
    days.answers(first, yes=True)
    assert days.held(anna) == "withdrawn_after_load"
    days.platform.choose_again(anna)
    days.fails(days.does(days.night(), UP_TO_LOAD), FROM_ACCEPT)

    days.does(first, FROM_ACCEPT)

    (offer,) = days.offers(anna)
    assert (days.leases(anna), first.question) == ([], [str(offer.number)])


def _is_moved_and_back(days: Days, anna: str) -> Callable[[], None]:
    days.platform.move(anna, 1)
    return lambda: days.platform.move(anna, 0)


def _is_taken_back_and_chosen(days: Days, anna: str) -> Callable[[], None]:
    days.platform.take_back(anna)
    return lambda: days.platform.restore_choice(anna)


@all_pairs
@pytest.mark.parametrize("is_away", [_is_moved_and_back, _is_taken_back_and_chosen])
@pytest.mark.parametrize("closed", [True, False], ids=["closed", "not closed yet"])
def test_who_comes_back_after_the_offer_died_is_put_to_a_person(
    days: Days, is_away: Callable[[Days, str], Callable[[], None]], closed: bool
) -> None:
    """What was found: the offer had been closed, and nobody heard of the applicant again."""
    anna = days.platform.apply(0)
    days.next_day(accept="off")
    number = days.entry(anna, 0).offer_number
    comes_back = is_away(days, anna)
    days.next_day(accept="off")
    days.next_day(accept="off")  # a review notices what no window shows
    assert days.held(anna, 0) in ("moved", "not_chosen")
    days.erp.clerk.reject(int(number or 0))
    if closed:
        days.next_day(accept="off")
        days.next_day(accept="off")
        assert days.entry(anna, 0).acceptance == "closed"
    comes_back()

    days.next_day()
    days.next_day()

    assert days.leases(anna) == []
    assert days.held(anna, 0) == "chosen_again"


# --- the same person, another applicant -----------------------------------------------------------------------------


def _rejects(days: Days, number: int) -> None:
    days.erp.clerk.reject(number)


def _expires(days: Days, number: int) -> None:
    days.erp.clerk.expire(number)


def _deletes(days: Days, number: int) -> None:
    days.erp.clerk.delete(number)


@all_pairs
def test_who_withdrew_and_applies_under_a_new_id_gets_an_offer(days: Days) -> None:
    anna = withdrawn_with_an_open_offer(days)
    again = days.platform.apply(0, like=anna)

    run = next_day_with_a_yes(days)

    assert days.outcome(run, again) == [("created", None)]
    assert (days.leases(again), days.leases(anna)) == ([days.unit(0)], [])


@pytest.mark.parametrize("clerk_does", [_rejects, _expires, _deletes])
def test_after_a_dead_offer_the_same_person_gets_a_new_one(
    days: Days, clerk_does: Callable[[Days, int], None]
) -> None:
    """Under a new id: an offer that nobody can accept any more makes nobody a duplicate."""
    anna = days.platform.apply(0)
    days.next_day(accept="off")
    (offer,) = days.offers(anna)
    clerk_does(days, offer.number)
    days.platform.withdraw(anna)
    days.next_day()
    again = days.platform.apply(0, like=anna)

    run = next_day_with_a_yes(days)

    assert days.outcome(run, again) == [("created", None)]
    assert days.leases(again) == [days.unit(0)]


@pytest.mark.parametrize("clerk_does", [_rejects, _expires, _deletes])
def test_a_dead_offer_is_no_duplicate_even_while_its_applicant_is_chosen(
    days: Days, clerk_does: Callable[[Days, int], None]
) -> None:
    """Both applications are there at the partner; the first one's offer is dead in the ERP."""
    anna = days.platform.apply(0)
    days.next_day(accept="off")
    (offer,) = days.offers(anna)
    clerk_does(days, offer.number)
    again = days.platform.apply(0, like=anna)

    run = days.next_day()

    assert days.outcome(run, again) == [("created", None)]
    assert run.question or days.leases(again) or _needs_a_person(days, again)


@all_pairs
def test_who_is_chosen_under_a_new_id_instead_of_the_old_one_gets_an_offer(days: Days) -> None:
    """What was found: a duplicate of an offer that nobody was to accept any more."""
    anna = days.undecided_offer(0)
    days.platform.take_back(anna)
    days.next_day()
    assert days.held(anna) == "not_chosen"
    again = days.platform.apply(0, like=anna)

    run = days.next_day()

    assert days.outcome(run, again) == [("created", None)]
    assert (days.leases(again), days.leases(anna)) == ([days.unit(0)], [])


def test_while_the_first_offer_lives_the_same_person_is_a_duplicate(days: Days) -> None:
    anna = days.platform.apply(0)
    days.next_day(accept="off")
    again = days.platform.apply(0, like=anna)

    run = days.next_day()

    assert days.outcome(run, again) == [("duplicate", "same_person_on_unit")]
    assert days.offers(again) == []


def test_the_first_one_withdraws_after_the_second_was_found_a_duplicate(days: Days) -> None:
    """The second one's window is over. A replay, which the page offers, makes the offer."""
    anna = days.platform.apply(0)
    days.next_day(accept="off")
    again = days.platform.apply(0, like=anna)
    days.next_day()
    days.platform.withdraw(anna)
    days.next_day()

    run = days.replay(again)
    _yes(days, run)

    assert (days.leases(again), days.leases(anna)) == ([days.unit(0)], [])


def _yes(days: Days, run: DayRun) -> None:
    if run.question:
        days.answers(run, yes=True)


def _needs_a_person(days: Days, applicant: str) -> bool:
    reason = days.held(applicant)
    return bool(reason and Reason.stored(reason).needs_a_person)
