"""What the partner says is kept by its own time: a newer version overrules an older one, whichever was read first."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from threading import Thread
from typing import Any

import pytest
import sqlalchemy as sa

from letting_sync.ledger.ledger import Ledger
from letting_sync.ledger.records import EntryState, Retraction
from letting_sync.reasons import Reason
from tests.harness.ledger_entries import (
    ANNA,
    NEXT_RUN,
    OTHER_PAIRS_RUN,
    PAIR,
    RUN,
    entry,
    history,
    in_state,
    loaded,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
READ = replace(ANNA, partner_updated_at=NOON, source_id="contract 1")
WITHDRAWN = Retraction("anna", None, Reason.WITHDRAWN, NOON + HOUR)


@pytest.mark.parametrize("state", list(EntryState))
def test_a_withdrawal_is_noted_whatever_the_state_of_the_entry(ledger: Ledger, state: str) -> None:
    in_state(ledger, state, READ)

    ledger.mark_retracted(NEXT_RUN, [WITHDRAWN])
    ledger.mark_retracted(NEXT_RUN, [WITHDRAWN])

    assert entry(ledger).withdrawn_at
    assert [line[0] for line in history(ledger, entry(ledger))].count("withdrawn at the partner") == 1


def test_a_withdrawal_is_kept_without_an_entry(ledger: Ledger) -> None:
    ledger.mark_retracted(NEXT_RUN, [WITHDRAWN])

    assert ledger.find_retractions(PAIR, ["anna"]) == [WITHDRAWN]
    assert ledger.find_retractions("another pair", ["anna"]) == []


def test_the_newest_version_is_kept_in_whatever_order_they_come() -> None:
    said = [replace(WITHDRAWN, partner_updated_at=NOON + number * HOUR) for number in range(3)]
    for order in permutations(said):
        newest = max(order, key=lambda one: one.partner_updated_at)
        assert newest.overrules(replace(READ, partner_updated_at=NOON + 2 * HOUR))


@pytest.mark.parametrize("order", [(0, 2), (2, 0)])
def test_an_older_withdrawal_read_later_changes_nothing(ledger: Ledger, order: tuple[int, int]) -> None:
    for hours in order:
        ledger.mark_retracted(NEXT_RUN, [replace(WITHDRAWN, partner_updated_at=NOON + hours * HOUR)])

    (kept,) = ledger.find_retractions(PAIR, ["anna"])
    assert kept.partner_updated_at == NOON + 2 * HOUR


def test_a_withdrawal_older_than_the_entry_is_none(ledger: Ledger) -> None:
    before = loaded(ledger, READ)

    ledger.mark_retracted(NEXT_RUN, [replace(WITHDRAWN, partner_updated_at=NOON - HOUR)])

    assert entry(ledger) == before


def test_a_contract_that_has_ended_says_nothing_of_another_contract(ledger: Ledger) -> None:
    loaded(ledger, READ)

    ledger.mark_retracted(NEXT_RUN, [replace(WITHDRAWN, source_id="contract 2")])
    assert entry(ledger).withdrawn_at is None

    ledger.mark_retracted(NEXT_RUN, [replace(WITHDRAWN, source_id="contract 1")])
    assert entry(ledger).withdrawn_at


def test_a_withdrawal_concerns_its_own_pair(ledger: Ledger) -> None:
    before = loaded(ledger, READ)

    ledger.mark_retracted(OTHER_PAIRS_RUN, [WITHDRAWN])

    assert entry(ledger) == before


def test_who_is_not_chosen_any_more_keeps_a_lease(ledger: Ledger) -> None:
    before = loaded(ledger, READ)
    not_chosen = replace(WITHDRAWN, reason=Reason.NOT_CHOSEN)
    ledger.mark_retracted(NEXT_RUN, [not_chosen])
    assert not entry(ledger).chosen

    ledger.mark_seen([(entry(ledger), replace(READ, partner_updated_at=NOON + 2 * HOUR))], "run 3")
    assert entry(ledger).chosen
    ledger.mark_leased(before.id, "L-1", "run 3")
    ledger.mark_retracted(NEXT_RUN, [replace(not_chosen, partner_updated_at=NOON + 3 * HOUR)])
    assert entry(ledger).chosen


def test_who_is_chosen_again_is_decided_on_by_a_person(ledger: Ledger) -> None:
    before = loaded(ledger, READ)
    ledger.mark_retracted(NEXT_RUN, [WITHDRAWN])
    ledger.mark_held([before.id], Reason.WITHDRAWN_AFTER_LOAD, NEXT_RUN.run_id)

    ledger.mark_seen([(entry(ledger), replace(READ, partner_updated_at=NOON + 2 * HOUR))], "run 3")

    after = entry(ledger)
    assert (after.withdrawn_at, after.acceptance, after.ask_reason) == (None, None, Reason.CHOSEN_AGAIN)


@pytest.mark.parametrize("away", ["moved", "not chosen"])
def test_a_closed_entry_is_decided_on_anew_when_it_is_chosen_again(ledger: Ledger, away: str) -> None:
    before = loaded(ledger, READ)
    if away == "moved":
        ledger.mark_moved([before], "run 2")
    else:
        ledger.mark_retracted(NEXT_RUN, [replace(WITHDRAWN, reason=Reason.NOT_CHOSEN)])
    ledger.mark_held([before.id], Reason.OFFER_REJECTED, "run 2", "m.huber")
    ledger.mark_closed([before.id], Reason.OFFER_REJECTED, "run 2")

    ledger.mark_seen([(entry(ledger), replace(READ, partner_updated_at=NOON + 2 * HOUR))], "run 3")

    after = entry(ledger)
    assert (after.chosen, after.moved_at, after.acceptance, after.acceptance_reason) == (
        True,
        None,
        None,
        None,
    )
    assert (after.ask_reason, after.decided_by, after.decided_at) == (Reason.CHOSEN_AGAIN, None, None)


def test_a_newer_version_that_changes_nothing_leaves_a_closed_entry_closed(ledger: Ledger) -> None:
    before = loaded(ledger, READ)
    ledger.mark_closed([before.id], Reason.OFFER_REJECTED, "run 2")

    ledger.mark_seen([(entry(ledger), replace(READ, partner_updated_at=NOON + HOUR))], "run 3")

    assert (entry(ledger).acceptance, entry(ledger).ask_reason) == ("closed", None)


def test_an_entry_that_has_moved_is_not_sent_and_moves_back_with_a_newer_version(ledger: Ledger) -> None:
    claimed = in_state(ledger, EntryState.CLAIMED, READ)
    ledger.mark_moved([claimed], "run 2")

    assert ledger.mark_sent([claimed.id], claimed.claim or "") == set()

    ledger.mark_seen([(entry(ledger), replace(READ, partner_updated_at=NOON + HOUR))], "run 3")
    assert entry(ledger).moved_at is None
    assert ledger.mark_sent([claimed.id], claimed.claim or "") == {claimed.id}


def test_a_version_that_another_run_has_noted_meanwhile_is_not_overwritten(ledger: Ledger) -> None:
    before = loaded(ledger, READ)
    ledger.mark_seen([(before, replace(READ, partner_updated_at=NOON + 2 * HOUR, source_id="new"))], "run 3")

    ledger.mark_seen([(before, replace(READ, partner_updated_at=NOON + HOUR, source_id="old"))], "run 2")

    assert (entry(ledger).source_id, entry(ledger).partner_updated_at) == ("new", NOON + 2 * HOUR)


def test_an_entry_has_not_moved_of_which_another_run_has_noted_a_newer_version_meanwhile(
    ledger: Ledger,
) -> None:
    before = loaded(ledger, READ)
    ledger.mark_seen([(before, replace(READ, partner_updated_at=NOON + 2 * HOUR))], "run 3")

    ledger.mark_moved([before], "run 2")

    assert entry(ledger).moved_at is None


@pytest.mark.parametrize("reason", [Reason.WITHDRAWN, Reason.NOT_CHOSEN])
@pytest.mark.parametrize("when", ["SELECT", "UPDATE"])
def test_a_newer_version_that_is_noted_while_a_retraction_is_stored_counts(
    ledger: Ledger, when: str, reason: Reason
) -> None:
    """By another run that has read the entry before, while it is read or written: whoever is chosen now is not lost."""
    before = loaded(ledger, READ)
    newer = replace(READ, partner_updated_at=NOON + 2 * HOUR)
    other_run = Thread(target=ledger.mark_seen, args=([(before, newer)], "run 3"))

    def begin(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if other_run.ident is None and statement.startswith(when) and "prospect_ledger " in statement:
            other_run.start()
            other_run.join(0.2)  # not for ever: it may have to wait for the transaction under way

    sa.event.listen(ledger.engine, "after_cursor_execute", begin)
    ledger.mark_retracted(NEXT_RUN, [replace(WITHDRAWN, reason=reason)])
    other_run.join()

    assert (entry(ledger).chosen, entry(ledger).withdrawn_at) == (True, None)


def test_the_accept_mode_of_the_run_is_kept_with_what_it_loads(ledger: Ledger) -> None:
    loaded(ledger, READ, replace(RUN, accept="approval"))

    assert entry(ledger).accept_mode == "approval"


def test_a_review_is_due_once_a_day(ledger: Ledger) -> None:
    before = loaded(ledger, READ)
    ledger.mark_held([before.id], Reason.EXPIRED, RUN.run_id)
    decided = entry(ledger).updated_at

    assert ledger.find_due_for_review(PAIR, decided, 10) == []
    (due,) = ledger.find_due_for_review(PAIR, decided + HOUR, 10)
    assert due.id == before.id
    ledger.mark_reviewed([before.id])
    ledger.mark_held_again([before.id], Reason.OFFER_REJECTED, "run 2")
    assert entry(ledger).acceptance_run == RUN.run_id
    ledger.mark_closed([before.id], Reason.OFFER_REJECTED, "run 2")
    assert ledger.find_due_for_review(PAIR, decided + 48 * HOUR, 10) == []
