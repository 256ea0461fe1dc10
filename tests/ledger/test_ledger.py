"""Claiming and sending: who may send a prospect, and what a process that was thought dead may still do."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
import time_machine

from letting_sync.ledger.ledger import CLAIM_EXPIRES, Ledger
from letting_sync.ledger.records import Made, Retraction, Run
from letting_sync.ledger.schema import properties
from letting_sync.reasons import Reason
from tests.harness.ledger_entries import (
    ANNA,
    BERT,
    END,
    ERP,
    MINUTE,
    NEXT_RUN,
    NOW,
    OFFER,
    OTHER_PAIR,
    OTHER_PAIRS_RUN,
    PAIR,
    RUN,
    START,
    changes,
    claim,
    claimed,
    entry,
    history,
    in_state,
    loaded,
    sent,
)


def test_a_claim_writes_who_claims_whom_and_nothing_of_an_outcome(ledger: Ledger) -> None:
    token, won = claim(ledger, RUN, [ANNA])

    assert set(won) == {ANNA.key}
    mine = entry(ledger)
    assert (mine.state, mine.claim, mine.claimed_at, mine.run_id) == ("claimed", token, NOW, "run 1")
    assert (mine.pair, mine.erp, mine.window_start, mine.window_end) == (PAIR, ERP, START, END)
    assert {name: getattr(mine, name) for name in vars(ANNA)} == vars(ANNA)
    assert (mine.sent_at, mine.reason, mine.offer_number, mine.acceptance, mine.lease_number) == (None,) * 5
    assert history(ledger, mine) == [("claimed", "run 1", None, None)]


def test_one_prospect_on_two_units_and_in_two_pairs_has_three_entries(ledger: Ledger) -> None:
    elsewhere = replace(ANNA, unit="1/1/1/9")
    ledger.claim(RUN, [ANNA, elsewhere])
    ledger.claim(OTHER_PAIRS_RUN, [ANNA])

    assert set(ledger.find(PAIR, ["anna"])) == {ANNA.key, elsewhere.key}
    assert set(ledger.find(OTHER_PAIR, ["anna"])) == {ANNA.key}


def test_a_second_try_of_the_same_run_claims_again_what_the_partner_says_now(
    ledger: Ledger, clock: time_machine.Coordinates
) -> None:
    before = claimed(ledger)
    clock.shift(MINUTE)
    token, won = claim(ledger, RUN, [replace(ANNA, chosen=False, content_hash="new", person_hash="hers")])

    assert set(won) == {ANNA.key}
    assert changes(before, entry(ledger)) == {
        "chosen": False,
        "content_hash": "new",
        "person_hash": "hers",
        "claim": token,
        "claimed_at": NOW + MINUTE,
        "updated_at": NOW + MINUTE,
    }
    assert history(ledger, before) == [("claimed", RUN.run_id, None, None)]


def test_a_claim_is_taken_over_when_it_has_expired_and_not_before(
    ledger: Ledger, clock: time_machine.Coordinates
) -> None:
    before = claimed(ledger)
    clock.shift(CLAIM_EXPIRES)
    assert ledger.claim(NEXT_RUN, [ANNA]) == {}
    assert entry(ledger) == before

    clock.shift(timedelta(seconds=1))
    token, won = claim(ledger, NEXT_RUN, [ANNA])
    late = NOW + CLAIM_EXPIRES + timedelta(seconds=1)
    assert set(won) == {ANNA.key}
    assert changes(before, entry(ledger)) == {
        "claim": token,
        "claimed_at": late,
        "updated_at": late,
        "run_id": "run 2",
        "window_start": NEXT_RUN.window_start,
        "window_end": NEXT_RUN.window_end,
    }


def test_what_was_refused_is_claimed_afresh(ledger: Ledger) -> None:
    before = sent(ledger)
    ledger.mark_in_import([before.id], "job 1", {before.claim})
    ledger.mark_refused([before.id], "unknown_unit")

    assert set(ledger.claim(NEXT_RUN, [ANNA])) == {ANNA.key}
    again = entry(ledger)
    assert (again.state, again.reason, again.job, again.sent_at) == ("claimed", None, None, None)


@pytest.mark.parametrize("run", [RUN, NEXT_RUN])
@pytest.mark.parametrize("state", ["sent", "loaded", "ambiguous"])
def test_what_may_be_in_the_erp_is_never_claimed_again(
    ledger: Ledger, clock: time_machine.Coordinates, state: str, run: Run
) -> None:
    """Neither by another run nor by a later try of its own, however much time has passed."""
    before = in_state(ledger, state)
    told = history(ledger, before)
    clock.shift(timedelta(days=30))

    assert ledger.claim(run, [ANNA]) == {}
    assert entry(ledger) == before
    assert history(ledger, before) == told


def test_claiming_nobody_is_nothing(ledger: Ledger) -> None:
    assert ledger.claim(RUN, []) == {}


# --- sending -----------------------------------------------------------------------------------------------


def test_sending_confirms_what_is_claimed_under_the_token(
    ledger: Ledger, clock: time_machine.Coordinates
) -> None:
    token, won = claim(ledger, RUN, [ANNA, BERT])
    before, other = entry(ledger), entry(ledger, BERT)
    clock.shift(MINUTE)

    assert ledger.mark_sent([before.id], token) == {before.id}
    assert changes(before, entry(ledger)) == {
        "state": "sent",
        "sent_at": NOW + MINUTE,
        "updated_at": NOW + MINUTE,
    }
    assert entry(ledger, BERT) == other
    assert history(ledger, before)[1:] == [("sent", None, None, None)]
    assert ledger.mark_sent(won.values(), token) == {other.id}


def test_who_was_withdrawn_since_the_claim_is_not_sent(ledger: Ledger) -> None:
    token, won = claim(ledger, RUN, [ANNA, BERT])
    ledger.mark_retracted(NEXT_RUN, [Retraction(ANNA.external_id, None, Reason.WITHDRAWN, NOW)])

    assert ledger.mark_sent(won.values(), token) == {won[BERT.key]}
    assert entry(ledger).state == "claimed"


def test_sending_needs_the_token(ledger: Ledger) -> None:
    _, won = claim(ledger, RUN, [ANNA])

    assert ledger.mark_sent(won.values(), "another token") == set()
    assert entry(ledger).state == "claimed"


def test_a_request_that_waits_keeps_the_time_of_its_last_try(
    ledger: Ledger, clock: time_machine.Coordinates
) -> None:
    before = sent(ledger)
    clock.shift(MINUTE)

    assert ledger.mark_sent_again([before.id], before.claim or "")
    assert changes(before, entry(ledger)) == {"sent_at": NOW + MINUTE, "updated_at": NOW + MINUTE}


def test_a_request_of_which_one_entry_is_lost_is_not_sent(ledger: Ledger) -> None:
    token, won = claim(ledger, RUN, [ANNA, BERT])
    ledger.mark_sent(won.values(), token)
    ids = [entry(ledger, ANNA).id, entry(ledger, BERT).id]
    assert ledger.mark_sent_again(ids, token)
    ledger.mark_refused(ids[:1], "unknown_unit")

    assert not ledger.mark_sent_again(ids, token)
    assert not ledger.mark_sent_again(ids[1:], "another token")
    assert ledger.mark_sent_again(ids[1:], token)


def test_an_import_is_remembered(ledger: Ledger, clock: time_machine.Coordinates) -> None:
    before = sent(ledger)
    clock.shift(MINUTE)
    ledger.mark_in_import([before.id], "job 1", {before.claim})

    assert changes(before, entry(ledger)) == {"job": "job 1", "updated_at": NOW + MINUTE}
    assert history(ledger, before)[2:] == [("import started", None, None, "job 1")]


def test_a_new_send_knows_nothing_of_an_earlier_import(ledger: Ledger) -> None:
    before = sent(ledger)
    ledger.mark_in_import([before.id], "job 1", {before.claim})
    ledger.release_unsent([before.id], before.claim or "")
    ledger.mark_sent([before.id], before.claim or "")

    assert (entry(ledger).state, entry(ledger).job) == ("sent", None)


def test_an_import_is_remembered_for_who_holds_the_claim(ledger: Ledger) -> None:
    before = sent(ledger)
    ledger.mark_in_import([before.id], "job 1", ["yet another token", before.claim])
    ledger.mark_in_import([before.id], "job 2", ["another token"])

    assert entry(ledger).job == "job 1"
    assert history(ledger, before)[2:] == [("import started", None, None, "job 1")]


def test_what_is_confirmed_not_taken_is_claimed_as_before(ledger: Ledger) -> None:
    before = sent(ledger)
    ledger.release_unsent([before.id], "another token")
    assert entry(ledger) == before

    ledger.release_unsent([before.id], before.claim or "")
    assert changes(before, entry(ledger)) == {"state": "claimed"}
    assert history(ledger, before)[2:] == [("not taken by the ERP", None, None, None)]


def test_an_outcome_is_not_undone_by_a_late_refusal_of_the_request(ledger: Ledger) -> None:
    before = loaded(ledger)
    ledger.release_unsent([before.id], before.claim or "")

    assert entry(ledger) == before


def test_taking_back_gives_a_new_token(ledger: Ledger, clock: time_machine.Coordinates) -> None:
    before, other = sent(ledger), sent(ledger, BERT)
    ledger.mark_in_import([before.id, other.id], "job 1", {before.claim, other.claim})
    clock.shift(MINUTE)
    token = ledger.claim_again(NEXT_RUN, [before, other])

    assert token not in (before.claim, other.claim)
    for old, intent in ((before, ANNA), (other, BERT)):
        assert changes(old, entry(ledger, intent)) == {
            "state": "claimed",
            "claim": token,
            "claimed_at": NOW + MINUTE,
            "updated_at": NOW + MINUTE,
            "run_id": "run 2",
        }
        assert history(ledger, old)[3:] == [("found nothing in the ERP", "run 2", None, None)]


def test_what_nobody_sends_goes_back_to_its_own_run(ledger: Ledger) -> None:
    first, second = sent(ledger), sent(ledger, BERT, NEXT_RUN)
    ledger.claim_again(None, [first, second])

    assert [entry(ledger, intent).run_id for intent in (ANNA, BERT)] == ["run 1", "run 2"]


def test_what_was_decided_meanwhile_is_not_taken_back(ledger: Ledger) -> None:
    stale = sent(ledger)
    ledger.mark_loaded([Made(stale.id, None, **OFFER)])
    ledger.claim_again(NEXT_RUN, [stale])
    assert entry(ledger).state == "loaded"

    stale = sent(ledger, BERT)
    ledger.claim_again(RUN, [stale])
    token = entry(ledger, BERT).claim or ""
    ledger.mark_sent([stale.id], token)
    ledger.claim_again(NEXT_RUN, [stale])
    assert (entry(ledger, BERT).state, entry(ledger, BERT).claim) == ("sent", token)


def test_a_doubt_is_noted_for_each_prospect(ledger: Ledger) -> None:
    anna, bert, carla = (
        claimed(ledger, replace(ANNA, external_id=name)) for name in ("anna", "bert", "carla")
    )
    doubts = {anna.id: (Reason.NEAR_PARTNER, "7"), bert.id: (Reason.WEAK_BIRTH_DATE, None)}

    ledger.mark_to_ask(doubts)

    for before, (reason, number) in zip((anna, bert), doubts.values(), strict=True):
        after = entry(ledger, replace(ANNA, external_id=before.external_id))
        assert (after.ask_reason, after.near_partner_number) == (reason, number)
        assert (after.state, after.reason) == (before.state, None)
        assert history(ledger, before)[1:] == [("a person is to be asked", None, None, number)]
    assert entry(ledger, replace(ANNA, external_id="carla")) == carla


def test_prospects_go_to_another_target_once_nothing_is_under_way_to_the_old_one(ledger: Ledger) -> None:
    assert ledger.mark_target(PAIR, "Immomio .") is None
    assert ledger.mark_target(OTHER_PAIR, "EverReal .") is None
    before = sent(ledger)

    assert ledger.mark_target(PAIR, "Immomio .") is None
    assert ledger.mark_target(PAIR, "Portal .") == "Immomio ."
    assert ledger.mark_target(PAIR, "Portal .") == "Immomio ."
    assert ledger.mark_target(OTHER_PAIR, "Portal .") is None

    ledger.mark_refused([before.id], Reason.UNKNOWN_UNIT)
    assert ledger.mark_target(PAIR, "Portal .") is None
    sent(ledger, BERT)
    assert ledger.mark_target(PAIR, "Immomio .") == "Portal ."
    assert ledger.mark_target(OTHER_PAIR, "EverReal .") is None


def test_the_first_target_is_noted_whatever_an_earlier_release_has_sent(ledger: Ledger) -> None:
    sent(ledger)
    assert ledger.mark_target(PAIR, "Immomio .") is None
    assert ledger.mark_target(PAIR, "Portal .") == "Immomio ."


def test_the_target_that_an_earlier_release_noted_is_known(ledger: Ledger) -> None:
    """Its name is written down here, since it must stay as it is."""
    noted = {"name": "target efbce188a5a50db71ec6837ef1409dd56b25a411", "value": "Immomio ."}
    with ledger.engine.begin() as connection:
        connection.execute(sa.insert(properties).values(noted))
    sent(ledger)

    assert ledger.mark_target(PAIR, "Portal .") == "Immomio ."
