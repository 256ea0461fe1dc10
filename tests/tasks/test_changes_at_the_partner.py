"""What the partner says at the moment of the lease decides, whatever was read days before.

Each scenario runs on all four pairs over several days. What counts is what the ERP holds in the end, and the reason that a person
reads.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

import letting_sync.systems.sigma.hook as sigma_hook
from letting_sync.errors import WaitAndRepeat
from letting_sync.tasks.load_offers import operator as load_offers
from tests.harness.crash import Crash
from tests.harness.days import FROM_ACCEPT, FROM_LOAD, UP_TO_LOAD, DayRun, Days, after_response, all_pairs
from tests.harness.installation import until
from tests.harness.platforms import EverRealPlatform

SKIPPED = "skipped"


# --- withdrawn between the load and its repetition ---------------------------------------------------------------


@all_pairs
def test_a_load_that_is_cleared_after_a_withdrawal_makes_no_offer(days: Days) -> None:
    """Day 1: the ERP is down. Day 2's run reads the withdrawal. Then somebody clears day 1's load."""
    anna, bert = days.platform.apply(0), days.platform.apply(1)
    failed = days.fails(days.night())
    days.clock.to_next(12)
    days.platform.withdraw(anna)
    assert days.next_day().state == "success"

    days.does(failed, FROM_LOAD)

    assert days.leases(anna) == days.offers(anna) == []
    assert days.outcome(failed, anna) == [(SKIPPED, "withdrawn")]
    assert days.leases(bert) == [days.unit(1)]
    assert failed.counts["skipped"] == 1


def test_a_withdrawal_that_no_run_has_read_yet_stops_the_lease(days: Days) -> None:
    """The same, cleared before the window of the withdrawal is over."""
    anna = days.platform.apply(0)
    failed = days.fails(days.night())
    days.clock.to_next(12)
    days.platform.withdraw(anna)

    days.does(failed, FROM_LOAD)

    assert days.leases(anna) == []
    assert not days.offers(anna) or days.held(anna) == "withdrawn_after_load"


def test_an_entry_left_claimed_is_not_sent_after_a_withdrawal(days: Days) -> None:
    """The ERP asks to be called later: what was to be sent stays claimed."""
    anna = days.platform.apply(0)
    first = days.night()
    days.erp.faults.set(1, ["503"], path=days.names.deliveries, retry_after=400)
    assert days.does(first, wait=False).deferred is not None
    days.erp.faults.clear()
    assert days.entry(anna).state == "claimed"
    days.clock.to_next(12)
    days.platform.withdraw(anna)
    days.next_day()

    days.does(first, FROM_LOAD)

    assert days.leases(anna) == days.offers(anna) == []
    assert days.outcome(first, anna) == [(SKIPPED, "withdrawn")]


def test_a_withdrawal_that_is_read_while_the_load_waits(days: Days, monkeypatch: pytest.MonkeyPatch) -> None:
    """Day 1's load is deferred until the ERP's import ends; meanwhile day 2's run reads the withdrawal."""
    monkeypatch.setattr(load_offers, "SHORT_PAUSES", ())
    days.box.yuneo.options.work_order_seconds = days.box.sigma.options.run_seconds = 1.5
    monkeypatch.setattr(sigma_hook, "START_TIMEOUT", 0.05)
    anna = days.platform.apply(0)
    first = days.does(days.night(), wait=False)
    assert first.deferred is not None
    days.clock.to_next(12)
    days.platform.withdraw(anna)
    days.does(days.night(), UP_TO_LOAD[:2])
    second = days.does(days.runs[-1], FROM_LOAD)

    # A day has passed, and the import has ended meanwhile.
    until(lambda: bool(days.offers(anna)))
    days.resumes(first)

    assert (days.leases(anna), days.held(anna)) == ([], "withdrawn_after_load")
    assert second.state == "success"


def test_an_offer_whose_response_was_lost_is_held_after_a_withdrawal(days: Days) -> None:
    """The process died when the ERP had taken the import: the offer is there, and nobody knows of it yet."""
    anna = days.platform.apply(0)
    first = days.night()
    days.dies(first, UP_TO_LOAD, Crash(after=f"POST {days.names.imports}"))
    assert (len(days.offers(anna)), days.entry(anna).state) == (1, "sent")
    days.clock.to_next(12)
    days.platform.withdraw(anna)
    days.next_day()

    days.does(first, FROM_LOAD)

    assert days.leases(anna) == []
    assert days.held(anna) == "withdrawn_after_load"


# --- changed between load and acceptance ------------------------------------------------------------------------

CHANGES = {
    "withdrawn": (lambda days, anna: days.platform.withdraw(anna), "withdrawn_after_load"),
    "taken back": (lambda days, anna: days.platform.take_back(anna), "not_chosen"),
    "deleted": (lambda days, anna: days.platform.delete(anna), "gone_at_partner"),
    "moved": (lambda days, anna: days.platform.move(anna, 7), "moved"),
}


@pytest.fixture(params=list(CHANGES))
def change(request: pytest.FixtureRequest) -> tuple[Callable[[Days, str], None], str]:
    """What people do at the partner, and why there is no lease then."""
    return CHANGES[request.param]


def test_what_changed_while_the_acceptance_was_pending_is_held(
    days: Days, change: tuple[Callable[[Days, str], None], str]
) -> None:
    """``auto_accept`` was down for hours; no window has read the change yet."""
    people_do, reason = change
    anna, bert = days.platform.apply(0), days.platform.apply(1)
    first = days.does(days.night(), UP_TO_LOAD)
    days.fails(first, FROM_ACCEPT)
    people_do(days, anna)

    days.does(first, FROM_ACCEPT)

    assert days.leases(anna) == []
    assert days.held(anna) == reason
    assert days.leases(bert) == [days.unit(1)]


def test_what_changed_is_held_by_the_next_days_run_too(
    days: Days, change: tuple[Callable[[Days, str], None], str]
) -> None:
    """Day 1's run was given up with its offer undecided; day 2's run takes it over."""
    people_do, reason = change
    anna = days.undecided_offer(0)
    people_do(days, anna)

    days.next_day()

    assert days.unit(0) not in days.leases(anna)
    assert days.held(anna, 0) == reason


def test_what_changed_while_the_question_was_open_is_held_whatever_the_answer(
    days: Days, change: tuple[Callable[[Days, str], None], str]
) -> None:
    people_do, reason = change
    anna, bert = days.platform.apply(0), days.platform.apply(1)
    first = days.does(days.night(accept="approval"))
    assert len(first.question or ()) == 2
    people_do(days, anna)

    days.answers(first, yes=True)

    assert days.leases(anna) == []
    assert days.held(anna) == reason
    assert days.leases(bert) == [days.unit(1)]


def test_nobody_is_asked_about_somebody_who_is_not_chosen_any_more(
    days: Days, change: tuple[Callable[[Days, str], None], str]
) -> None:
    people_do, reason = change
    anna, bert = days.platform.apply(0), days.platform.apply(1)
    first = days.does(days.night(accept="approval"), UP_TO_LOAD)
    people_do(days, anna)

    days.does(first, FROM_ACCEPT)

    (offer,) = days.offers(bert)
    assert first.question == [str(offer.number)]
    assert days.held(anna) == reason


def test_a_disabled_candidate_gets_no_lease(everreal: Days) -> None:
    """EverReal does not move the contract for it, so no window ever shows it."""
    assert isinstance(everreal.platform, EverRealPlatform)
    anna = everreal.platform.apply(0)
    first = everreal.does(everreal.night(), UP_TO_LOAD)
    everreal.platform.disable(anna)

    everreal.does(first, FROM_ACCEPT)

    assert everreal.leases(anna) == []
    assert everreal.held(anna) == "withdrawn_after_load"


@all_pairs
def test_a_ledger_restored_from_before_a_withdrawal_makes_no_lease(days: Days) -> None:
    """Day 1's offer is undecided; the backup; the withdrawal is read; the ledger is restored; the next run."""
    anna = days.platform.apply(0)
    days.fails(days.does(days.night(), UP_TO_LOAD), FROM_ACCEPT)
    backup = days.back_up()
    days.clock.to_next(12)
    days.platform.withdraw(anna)
    days.next_day()
    days.restore(backup)

    days.next_day()

    assert days.leases(anna) == []
    assert days.held(anna) == "withdrawn_after_load"


# --- the partner does not respond ----------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["auto", "approval"])
def test_without_the_partners_response_nothing_is_accepted(days: Days, mode: str) -> None:
    """The task fails, to be tried again; a day later it makes the lease."""
    anna = days.platform.apply(0)
    first = days.does(days.night(accept=mode), UP_TO_LOAD)

    with days.platform.system.down(), pytest.raises(WaitAndRepeat):
        _accept(days, first)
    assert days.leases(anna) == []

    _accept(days, first)
    assert days.leases(anna) == [days.unit(0)]


def _accept(days: Days, run: DayRun) -> None:
    days.does(run, FROM_ACCEPT)
    if run.question:
        days.answers(run, yes=True)


MOST_AT_A_TIME = 8
"""More acceptances than either ERP has under way at one time."""


def test_who_withdraws_while_others_are_accepted_gets_no_lease(days: Days) -> None:
    """The plan was made for all of them; from the first lease on nobody is chosen any more."""
    everybody = [days.platform.apply(unit) for unit in range(2 * MOST_AT_A_TIME)]
    first = days.does(days.night(), UP_TO_LOAD)

    def all_withdraw() -> None:
        for one in everybody:
            days.platform.withdraw(one)

    after_response(days.erp, *days.names.accepts, all_withdraw)
    days.does(first, FROM_ACCEPT)

    with_lease = [one for one in everybody if days.leases(one)]
    assert 1 <= len(with_lease) <= MOST_AT_A_TIME
    others = [one for one in everybody if one not in with_lease]
    assert {days.held(one) for one in others} == {"withdrawn_after_load"}


def test_a_partner_that_does_not_respond_between_two_leases(days: Days) -> None:
    """What it has not confirmed waits for the next try."""
    everybody = [days.platform.apply(unit) for unit in range(2 * MOST_AT_A_TIME)]
    first = days.does(days.night(), UP_TO_LOAD)
    partner = days.platform.system
    after_response(days.erp, *days.names.accepts, lambda: partner.faults.set(1, ["500", "drop_before"]))

    with pytest.raises(WaitAndRepeat):
        days.does(first, FROM_ACCEPT)
    assert 1 <= sum(days.all_leases().values()) <= MOST_AT_A_TIME

    partner.faults.clear()
    days.does(first, FROM_ACCEPT)
    assert [len(days.leases(one)) for one in everybody] == [1] * len(everybody)


def test_where_nothing_is_to_be_accepted_the_partner_is_not_asked(days: Days) -> None:
    days.platform.apply(0)
    first = days.does(days.night(), UP_TO_LOAD)
    days.does(first, FROM_ACCEPT)
    asked = len(days.platform.system.requests)

    days.does(first, FROM_ACCEPT)

    assert len(days.platform.system.requests) == asked


def test_asking_the_partner_costs_at_most_one_call_a_lease_more(days: Days) -> None:
    """Besides the log-in and the calls of the plan, which asks for many at a time where the interface allows it."""
    for unit in range(8):
        days.platform.apply(unit)
    first = days.does(days.night(), UP_TO_LOAD)
    asked = len(days.platform.system.requests)

    days.does(first, FROM_ACCEPT)

    assert sum(days.all_leases().values()) == 8
    assert len(days.platform.system.requests) - asked <= 8 + 8 + 1
