"""On the way to a lease: the right to accept, and what is decided once and for all."""

from __future__ import annotations

from dataclasses import replace

import time_machine

from letting_sync.ledger.ledger import Ledger
from letting_sync.ledger.records import Made
from letting_sync.reasons import Reason
from tests.harness.ledger_entries import (
    ANNA,
    BERT,
    MINUTE,
    NOW,
    OTHER_PAIR,
    OTHER_PAIRS_RUN,
    RUN,
    changes,
    claimed,
    entry,
    history,
    loaded,
)


def test_the_right_to_accept_is_written_before_it_is_used(
    ledger: Ledger, clock: time_machine.Coordinates
) -> None:
    before = loaded(ledger)
    clock.shift(MINUTE)

    assert ledger.mark_accepting(before, "run 2")
    assert changes(before, entry(ledger)) == {
        "acceptance": "accepting",
        "acceptance_run": "run 2",
        "accepting_since": NOW + MINUTE,
        "updated_at": NOW + MINUTE,
    }
    assert history(ledger, before)[3:] == [("accepting", "run 2", None, None)]


def test_one_entry_at_a_time_may_be_accepted_on_a_unit_of_an_erp(ledger: Ledger) -> None:
    mine = loaded(ledger)
    rival = loaded(ledger, replace(BERT, unit=ANNA.unit), OTHER_PAIRS_RUN)
    neighbour = loaded(ledger, BERT)
    elsewhere = loaded(ledger, replace(BERT, external_id="carl", unit=ANNA.unit), replace(RUN, erp="another"))
    assert ledger.mark_accepting(mine, "run 1")

    assert not ledger.mark_accepting(rival, "run 1")
    assert entry(ledger, replace(BERT, unit=ANNA.unit), OTHER_PAIR) == rival
    assert ledger.mark_accepting(neighbour, "run 1")
    assert ledger.mark_accepting(elsewhere, "run 1")

    ledger.mark_held([mine.id], "unit_let", "run 1")
    assert ledger.mark_accepting(rival, "run 1")


def test_a_lease_ends_it(ledger: Ledger, clock: time_machine.Coordinates) -> None:
    before = loaded(ledger)
    ledger.mark_held([before.id], "competing_offer", "run 1")
    clock.shift(MINUTE)
    ledger.mark_leased(before.id, "L-1", "run 2")

    assert changes(before, entry(ledger)) == {
        "acceptance": "leased",
        "acceptance_run": "run 2",
        "lease_number": "L-1",
        "updated_at": NOW + MINUTE,
    }
    assert history(ledger, before)[4:] == [("lease", "run 2", None, "L-1")]


def test_a_lease_that_was_found_says_so(ledger: Ledger) -> None:
    before = loaded(ledger)
    ledger.mark_leased(before.id, "L-1", "run 2", found=True)

    assert (entry(ledger).acceptance_reason, entry(ledger).reason) == ("found_in_erp", None)
    assert history(ledger, before)[3:] == [("lease", "run 2", "found_in_erp", "L-1")]


def test_what_is_leased_is_not_accepted_again(ledger: Ledger) -> None:
    before = loaded(ledger)
    ledger.mark_leased(before.id, "L-1", "run 1")
    leased = entry(ledger)
    ledger.mark_accepting(leased, "run 2")

    assert entry(ledger) == leased


def test_a_lease_belongs_to_the_run_that_wrote_it_first(ledger: Ledger) -> None:
    """Of two runs over the same window one makes the lease and both see it; only one counts it as its own."""
    before = loaded(ledger)
    ledger.mark_leased(before.id, "L-1", "run 1")
    leased, told = entry(ledger), history(ledger, before)

    ledger.mark_leased(before.id, "L-1", "run 2")

    assert (entry(ledger), history(ledger, before)) == (leased, told)


def test_what_is_leased_is_not_held(ledger: Ledger) -> None:
    """Another process may have found the lease since this one looked."""
    before = loaded(ledger)
    ledger.mark_leased(before.id, "L-1", "run 1")
    leased, told = entry(ledger), history(ledger, before)
    ledger.mark_held([before.id], "unit_let", "run 2")

    assert entry(ledger) == leased
    assert history(ledger, before) == told


def test_a_held_offer_says_why_and_keeps_the_reason_of_its_load(ledger: Ledger) -> None:
    before = claimed(ledger)
    ledger.mark_loaded([Made(before.id, None, reason="found_in_erp")])
    before = entry(ledger)
    ledger.mark_held([before.id], "competing_offer", "run 2")

    assert changes(before, entry(ledger)) == {
        "acceptance": "held",
        "acceptance_reason": "competing_offer",
        "acceptance_run": "run 2",
    }
    assert history(ledger, before)[2:] == [("held", "run 2", "competing_offer", None)]


def test_who_said_no_is_written_down(ledger: Ledger) -> None:
    before = loaded(ledger)
    ledger.mark_held([before.id], "rejected_by_approver", "run 2", decided_by="m.huber")

    assert changes(before, entry(ledger)) == {
        "acceptance": "held",
        "acceptance_reason": "rejected_by_approver",
        "acceptance_run": "run 2",
        "decided_by": "m.huber",
        "decided_at": NOW,
    }
    assert history(ledger, before)[3:] == [("held", "run 2", "rejected_by_approver", "m.huber")]


def test_a_question_and_its_yes_are_written_down(ledger: Ledger) -> None:
    before = loaded(ledger)
    ledger.mark_held([before.id], "too_many", "run 1")
    ledger.mark_awaiting([before.id], "run 2")
    asked = entry(ledger)
    assert (asked.acceptance, asked.acceptance_run) == ("awaiting", "run 2")

    ledger.mark_approved([before.id], "run 2", "m.huber")
    assert changes(asked, entry(ledger)) == {
        "acceptance": None,
        "decided_by": "m.huber",
        "decided_at": NOW,
    }
    assert history(ledger, before)[4:] == [
        ("approval asked", "run 2", None, None),
        ("approved", "run 2", None, "m.huber"),
    ]


def test_the_reason_of_a_question_stands_until_it_is_answered(ledger: Ledger) -> None:
    before = loaded(ledger)

    ledger.mark_awaiting([before.id], "run 2", Reason.CHOSEN_AGAIN)
    assert entry(ledger).acceptance_reason == Reason.CHOSEN_AGAIN
    assert history(ledger, before)[3:] == [("approval asked", "run 2", "chosen_again", None)]

    ledger.mark_approved([before.id], "run 2", "m.huber")
    assert entry(ledger).acceptance_reason is None


def test_a_review_changes_the_reason_and_not_whose_decision_it_was(ledger: Ledger) -> None:
    before = loaded(ledger)
    ledger.mark_held([before.id], Reason.COMPETING_OFFER, "run 2")
    held = entry(ledger)

    ledger.mark_held_again([before.id], Reason.EXPIRED, "run 3")

    assert changes(held, entry(ledger)) == {"acceptance_reason": "expired"}
    assert history(ledger, before)[4:] == [("held", "run 3", "expired", None)]


def test_a_review_leaves_alone_what_is_not_held_any_more(ledger: Ledger) -> None:
    """A clerk's lease was found, or a replay is deciding, between the look at the ledger and the write."""
    leased, deciding = loaded(ledger), loaded(ledger, BERT)
    ledger.mark_held([leased.id, deciding.id], Reason.COMPETING_OFFER, "run 2")
    ledger.mark_leased(leased.id, "L-1", "run 3", found=True)
    ledger.mark_awaiting([deciding.id], "run 3")
    before = entry(ledger), entry(ledger, BERT)

    ledger.mark_held_again([leased.id, deciding.id], Reason.EXPIRED, "run 4")

    assert (entry(ledger), entry(ledger, BERT)) == before


def test_what_a_repeated_decision_only_confirms_is_no_line_of_the_history(ledger: Ledger) -> None:
    """Whichever run repeats it; another reason, or the same one again after another, is news."""
    before = loaded(ledger)
    for run_id, reason in (
        ("run 2", Reason.EXPIRED),
        ("run 2", Reason.EXPIRED),
        ("run 3", Reason.EXPIRED),
        ("run 3", Reason.COMPETING_OFFER),
        ("run 4", Reason.EXPIRED),
    ):
        ledger.mark_held([before.id], reason, run_id)

    assert history(ledger, before)[3:] == [
        ("held", "run 2", "expired", None),
        ("held", "run 3", "competing_offer", None),
        ("held", "run 4", "expired", None),
    ]


def test_nothing_is_begun_on_an_offer_that_has_its_lease_since(ledger: Ledger) -> None:
    """Found by another process after this one had looked."""
    one = loaded(ledger)
    ledger.mark_leased(one.id, "L-1", "run 1")
    leased = entry(ledger)

    assert not ledger.mark_accepting(one, "run 2")
    ledger.mark_awaiting([one.id], "run 2")
    ledger.mark_approved([one.id], "run 2", "m.huber")

    assert entry(ledger) == leased


def test_an_answer_counts_while_its_question_is_open(ledger: Ledger) -> None:
    """Not after another run has put the question, nor after the applicant has withdrawn and was chosen again."""
    one = loaded(ledger)
    ledger.mark_awaiting([one.id], "run 2")
    ledger.mark_awaiting([one.id], "run 3")
    asked = entry(ledger)

    ledger.mark_approved([one.id], "run 2", "m.huber")

    assert entry(ledger) == asked


def test_each_run_that_asks_a_person_is_a_line_of_the_history_once(ledger: Ledger) -> None:
    before, other = loaded(ledger), loaded(ledger, BERT)
    ledger.mark_awaiting([before.id], "run 2")
    ledger.mark_awaiting([before.id, other.id], "run 2")
    ledger.mark_awaiting([before.id, other.id], "run 3")

    asked = [("approval asked", "run 2", None, None), ("approval asked", "run 3", None, None)]
    assert history(ledger, before)[3:] == asked
    assert history(ledger, other)[3:] == asked
