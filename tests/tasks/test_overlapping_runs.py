"""An offer is decided on under the mode it was loaded with, by its own run as long as that is under way.

Two runs of one pair with different windows go on side by side: a backfill, a run by hand, a run that waits for an answer. A question
ends with its run.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.harness.days import FROM_ACCEPT, FROM_LOAD, UP_TO_LOAD, DayRun, Days, all_pairs

MODES = ("auto", "approval", "off")
each_mode = pytest.mark.parametrize("mode", MODES)
each_other_mode = pytest.mark.parametrize("other_mode", MODES)


def two_runs(days: Days, mode: str, other_mode: str) -> tuple[str, str, DayRun, DayRun]:
    """Applicants of two following days, and a run for each; the first one has loaded its offer."""
    anna = days.platform.apply(0)
    first = days.does(days.night(accept=mode), UP_TO_LOAD)
    days.clock.to_next(12)
    bert = days.platform.apply(1)
    return anna, bert, first, days.night(accept=other_mode)


def is_decided_as(days: Days, run: DayRun, applicant: str, mode: str) -> None:
    """What a mode makes of one offer, in the run that loaded it."""
    (offer,) = days.offers(applicant)
    if mode == "approval":
        assert run.question == [str(offer.number)]
        assert days.leases(applicant) == []
        days.answers(run, yes=True)
    held = days.held(applicant)
    assert (len(days.leases(applicant)), held) == ((0, "accept_off") if mode == "off" else (1, None))


@each_mode
@each_other_mode
def test_a_run_beside_another_decides_on_its_own_offers_only(days: Days, mode: str, other_mode: str) -> None:
    """Whatever the two modes are: nothing of a run under way is decided by the other one."""
    anna, bert, first, second = two_runs(days, mode, other_mode)

    days.does(second)

    assert (days.leases(anna), days.entry(anna).acceptance) == ([], None)
    is_decided_as(days, second, bert, other_mode)
    days.does(first, FROM_ACCEPT)
    is_decided_as(days, first, anna, mode)


STRICTER = {
    (mode, other): max(mode, other, key=MODES.index) for mode in MODES for other in MODES
}  # auto < approval < off


@pytest.mark.parametrize("ending", ["failed", None], ids=["failed", "deleted"])
@each_mode
@each_other_mode
def test_offers_of_a_run_that_has_ended_are_decided_by_the_stricter_mode(
    days: Days, mode: str, other_mode: str, ending: str | None
) -> None:
    anna, _, first, second = two_runs(days, mode, other_mode)
    days.ends(first, ending)

    days.does(second)

    strict = STRICTER[mode, other_mode]
    (offer,) = days.offers(anna)
    assert (str(offer.number) in (second.question or ())) is (strict == "approval")
    assert days.leases(anna) == ([days.unit(0)] if strict == "auto" else [])
    assert days.held(anna) == ("accept_off" if strict == "off" else None)


def test_twenty_offers_of_a_run_with_accept_off_stay_offers(days: Days) -> None:
    """What was found: a run beside it leased all of them, and nobody was asked."""
    everybody = [days.platform.apply(unit) for unit in range(20)]
    first = days.does(days.night(accept="off"), UP_TO_LOAD)
    beside = days.new_run(days.clock.today, days.clock.today + timedelta(days=1), accept="auto")

    days.does(beside)
    days.does(first, FROM_ACCEPT)

    assert not days.all_leases()
    assert {days.held(one) for one in everybody} == {"accept_off"}


def test_an_old_runs_acceptance_is_cleared_after_a_newer_run(days: Days) -> None:
    """Day 1 was ``off``, day 2 is ``auto`` and over; clearing day 1 makes no lease of what was to stay an offer."""
    anna = days.platform.apply(0)
    first = days.next_day(accept="off")
    bert = days.platform.apply(1)
    days.next_day(accept="auto")

    days.does(first, FROM_ACCEPT)

    assert (days.leases(anna), days.held(anna)) == ([], "accept_off")
    assert days.leases(bert) == [days.unit(1)]


def test_clearing_the_acceptance_of_an_old_automatic_run_leaves_a_newer_ones_offers_alone(days: Days) -> None:
    """Day 1 was ``auto``; day 2's question is open. Day 1's ``auto_accept`` is cleared."""
    anna = days.platform.apply(0)
    first = days.next_day(accept="auto")
    bert = days.platform.apply(1)
    second = days.next_day(accept="approval")

    days.does(first, FROM_ACCEPT)

    assert (days.leases(anna), days.leases(bert)) == ([days.unit(0)], [])
    assert days.entry(bert).acceptance == "awaiting"
    days.answers(second, yes=True)
    assert days.leases(bert) == [days.unit(1)]


def test_an_offer_loaded_by_another_run_beside_is_not_decided_by_who_finds_it_there(days: Days) -> None:
    """Both windows hold the applicant; the run with ``off`` was first and is under way."""
    anna = days.platform.apply(0)
    first = days.does(days.night(accept="off"), UP_TO_LOAD)
    second = days.new_run(days.clock.today - timedelta(days=1), days.clock.today, accept="auto")

    days.does(second)

    assert days.leases(anna) == []
    days.does(first, FROM_ACCEPT)
    assert days.leases(anna) == []


def test_a_replay_with_a_mode_overrules_the_mode_of_the_load(days: Days) -> None:
    """A person names the applicant and the mode; that is the decision."""
    anna = days.platform.apply(0)
    days.next_day(accept="off")

    days.replay(anna, accept="auto")

    assert days.leases(anna) == [days.unit(0)]


# --- questions end ---------------------------------------------------------------------------------------------------


@all_pairs
@pytest.mark.parametrize("ending", ["failed", "success", None], ids=["failed", "success", "deleted"])
def test_a_question_of_a_run_that_has_ended_is_decided_by_a_replay(days: Days, ending: str | None) -> None:
    """What was found: success, no lease, none held, ``awaiting`` for ever."""
    anna = days.platform.apply(0)
    first = days.next_day(accept="approval")
    days.ends(first, ending)

    replay = days.replay(anna, accept="auto")

    assert days.leases(anna) == [days.unit(0)]
    assert replay.counts["leases_for_other_runs"] == 1


@pytest.mark.parametrize("ending", ["failed", None], ids=["failed", "deleted"])
def test_a_question_of_a_run_that_has_ended_is_put_again_by_the_next_one(
    days: Days, ending: str | None
) -> None:
    anna = days.platform.apply(0)
    days.ends(days.next_day(accept="approval"), ending)

    second = days.next_day(accept="auto")

    assert days.leases(anna) == []
    days.answers(second, yes=True)
    assert days.leases(anna) == [days.unit(0)]


def test_a_question_under_way_is_left_alone_by_other_runs(days: Days) -> None:
    anna = days.platform.apply(0)
    first = days.next_day(accept="approval")

    second = days.next_day(accept="auto")

    assert (second.question, days.leases(anna), days.entry(anna).acceptance) == (None, [], "awaiting")
    days.answers(first, yes=True)
    assert days.leases(anna) == [days.unit(0)]


def test_a_replay_beside_an_open_question_makes_at_most_one_lease(days: Days) -> None:
    """The question is answered after the replay."""
    anna = days.platform.apply(0)
    first = days.next_day(accept="approval")

    days.replay(anna, accept="auto")
    days.answers(first, yes=True)

    assert days.leases(anna) == [days.unit(0)]
    assert days.entry(anna).acceptance == "leased"


def test_a_question_answered_no_is_not_put_again_by_a_run_that_ends_later(days: Days) -> None:
    anna = days.platform.apply(0)
    first = days.next_day(accept="approval")
    days.answers(first, yes=False)

    second = days.next_day(accept="approval")

    assert (second.question, days.held(anna)) == (None, "rejected_by_approver")


def test_two_pairs_on_one_erp_do_not_decide_on_each_others_offers(days: Days) -> None:
    """The other partner's pair has a run under way beside; its applicant is chosen for another unit."""
    partner = "everreal" if days.platform.name == "immomio" else "immomio"
    other = Days(days.box, partner, days.erp.name, days.home, days.clock)
    anna, bert = days.platform.apply(0), other.platform.apply(1)
    theirs = other.does(other.night(accept="off"), UP_TO_LOAD)
    ours = days.new_run(days.clock.today - timedelta(days=1), days.clock.today)

    days.does(ours)

    assert (days.leases(anna), other.leases(bert)) == ([days.unit(0)], [])
    other.does(theirs, FROM_ACCEPT)
    assert (other.leases(bert), other.held(bert)) == ([], "accept_off")


def test_two_pairs_whose_applicants_are_chosen_for_one_unit(days: Days) -> None:
    """Until one of them withdraws at its partner: then the other one's run makes the lease when a person replays it."""
    partner = "everreal" if days.platform.name == "immomio" else "immomio"
    other = Days(days.box, partner, days.erp.name, days.home, days.clock)
    anna, bert = days.platform.apply(0), other.platform.apply(0)
    theirs = other.does(other.night(), UP_TO_LOAD)
    ours = days.does(days.new_run(days.clock.today - timedelta(days=1), days.clock.today), UP_TO_LOAD)

    days.does(ours, FROM_ACCEPT)
    other.does(theirs, FROM_ACCEPT)
    assert (days.held(anna), other.held(bert)) == ("competing_offer", "competing_offer")

    days.clock.to_next(12)
    other.platform.withdraw(bert)
    other.next_day()
    days.replay(anna)

    assert (days.leases(anna), other.leases(bert)) == ([days.unit(0)], [])


def test_a_cleared_load_keeps_the_mode_of_its_run(days: Days) -> None:
    """Day 1 with ``off`` failed before it loaded; it is cleared beside a newer run with ``auto``."""
    anna = days.platform.apply(0)
    first = days.fails(days.night(accept="off"))
    days.clock.to_next(12)
    second = days.night(accept="auto")
    days.does(first, FROM_LOAD[:1])

    days.does(second)

    assert days.leases(anna) == []
    days.does(first, FROM_ACCEPT)
    assert days.held(anna) == "accept_off"
