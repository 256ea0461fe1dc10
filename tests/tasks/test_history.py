"""What happened to a prospect is in its history once, however often a task is repeated."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from letting_sync.ledger.ledger import Ledger
from letting_sync.ledger.reports import LedgerReports
from tests.harness.crash import Crash
from tests.harness.days import FROM_ACCEPT, FROM_LOAD, UP_TO_LOAD, DayRun, Days

PATHS = {
    "yuneo": {
        "look-up": "GET */offers",
        "import": "POST */prospect-imports",
        "accept": "POST */offers/*/accept",
    },
    "sigma": {"look-up": "GET */angebote", "import": "POST */eingang", "accept": "PUT */angebote/*"},
}


def history(days: Days, applicant: str) -> list[tuple[str, str | None]]:
    """The events and reasons that the console shows."""
    (entry,) = LedgerReports(Ledger().engine).find_by_number(applicant, {days.pair})
    return [(event["what"], event["reason"]) for event in entry["events"]]


def repeated(days: Days, applicant: str) -> list[Any]:
    return [event for event, count in Counter(history(days, applicant)).items() if count > 1]


def same_window(days: Days) -> DayRun:
    return days.new_run(days.clock.today - timedelta(days=1), days.clock.today)


def test_who_is_held_again_for_the_same_reason_was_held_once(days: Days) -> None:
    """By a cleared run and by a second run of the same window; another reason is news."""
    anna, bert = days.platform.apply(0), days.platform.apply(0)
    run = days.next_day()
    days.does(run)
    days.does(same_window(days))
    assert repeated(days, anna) == []
    assert history(days, anna)[-1] == ("held", "competing_offer")

    days.platform.withdraw(anna)
    days.next_day()
    days.next_day()

    assert [reason for what, reason in history(days, anna) if what == "held"] == [
        "competing_offer",
        "withdrawn_after_load",
    ]
    assert repeated(days, bert) == []


def test_a_question_that_is_put_again_by_its_own_run_was_asked_once(days: Days) -> None:
    """The task that waits is cleared; a run after it that asks anew has asked, too."""
    anna = days.platform.apply(0)
    run = days.next_day(accept="approval")
    days.does(run, FROM_ACCEPT)
    assert history(days, anna)[-1] == ("approval asked", None)
    assert repeated(days, anna) == []

    days.ends(run)
    days.does(same_window(days))

    assert repeated(days, anna) == [("approval asked", None)]


@pytest.mark.parametrize("last", ["look-up", "import", "accept"])
def test_a_crash_leaves_no_event_twice(days: Days, last: str) -> None:
    """The process dies after the ERP's response; what the next try of the run repeats was begun once."""
    anna = days.platform.apply(0)
    run = days.does(days.night(), UP_TO_LOAD[:2])
    days.dies(run, (*FROM_LOAD[:1], *FROM_ACCEPT), Crash(after=PATHS[days.erp.name][last]))

    days.goes_on(run)

    assert days.leases(anna) == [days.unit(0)]
    assert repeated(days, anna) == []
