"""What each step in an entry's life writes into the ledger, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, fields, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine

from include.prospects.ledger import CLAIM_EXPIRES, Ledger
from include.prospects.ledger_records import Entry, Intent, Made, Run
from include.prospects.ledger_schema import Store, entries, events

PAIR, OTHER_PAIR = "immomio_yuneo", "everreal_yuneo"
ERP = "yuneo http://erp"
START, END = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)
RUN = Run(PAIR, ERP, "run 1", START, END)
NEXT_RUN = Run(PAIR, ERP, "run 2", END, END + timedelta(days=1))
OTHER_PAIRS_RUN = Run(OTHER_PAIR, ERP, "run 1", START, END)
NOW = datetime(2026, 3, 2, 4, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
MORE_THAN_A_STATEMENT = 501
ANNA = Intent("anna", "1/1/1/1", True, "content", "person")
BERT = Intent("bert", "1/1/1/2", False, "his content", None)
OFFER: dict[str, Any] = {
    "offer_id": "4711",
    "offer_number": "O-1",
    "business_partner_number": "7",
    "business_partner_created": True,
}


@pytest.fixture
def clock() -> Iterator[time_machine.Coordinates]:
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


@pytest.fixture
def ledger(tmp_path: Path, clock: time_machine.Coordinates) -> Ledger:
    """An empty ledger at four in the morning."""
    return Ledger(Store(sa.URL.create("sqlite", database=str(tmp_path / "ledger.db")), b"key"))


def entry(ledger: Ledger, intent: Intent = ANNA, pair: str = PAIR) -> Entry:
    return ledger.find(pair, [intent.external_id])[intent.key]


def claimed(ledger: Ledger, intent: Intent = ANNA, run: Run = RUN) -> Entry:
    ledger.claim(run, [intent])
    return entry(ledger, intent, run.pair)


def sent(ledger: Ledger, intent: Intent = ANNA, run: Run = RUN) -> Entry:
    token, won = ledger.claim(run, [intent])
    ledger.sending(won.values(), token)
    return entry(ledger, intent, run.pair)


def loaded(ledger: Ledger, intent: Intent = ANNA, run: Run = RUN) -> Entry:
    ledger.loaded([Made(sent(ledger, intent, run).id, None, **OFFER)])
    return entry(ledger, intent, run.pair)


def changes(before: Entry, after: Entry) -> dict[str, Any]:
    """The columns that differ."""
    old, new = asdict(before), asdict(after)
    return {name: new[name] for name in new if new[name] != old[name]}


def history(ledger: Ledger, of: Entry) -> list[tuple[Any, ...]]:
    columns = [events.c[name] for name in ("what", "run_id", "reason", "reference")]
    query = sa.select(*columns).where(events.c.entry_id == of.id).order_by(events.c.id)
    with ledger.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(query)]


# --- claiming ----------------------------------------------------------------------------------------------


def test_a_claim_writes_the_intent_and_nothing_more(ledger: Ledger) -> None:
    token, won = ledger.claim(RUN, [ANNA])

    assert set(won) == {ANNA.key}
    nothing = dict.fromkeys(
        (
            "reason", "sent_at", "job", "offer_id", "offer_number", "business_partner_number",
            "business_partner_created", "lease_number", "acceptance", "acceptance_reason", "acceptance_run",
            "accepting_since", "decided_by", "decided_at", "changed_at", "withdrawn_at",
        )
    )  # fmt: skip
    assert entry(ledger) == Entry(
        id=1, pair=PAIR, erp=ERP, external_id="anna", unit="1/1/1/1", state="claimed", chosen=True,
        content_hash="content", person_hash="person", bundle=None, bundle_size=1, claim=token, claimed_at=NOW, run_id="run 1",
        window_start=START, window_end=END, created_at=NOW, updated_at=NOW, **nothing,
    )  # fmt: skip
    assert history(ledger, entry(ledger)) == [("claimed", "run 1", None, None)]
    with ledger.engine.connect() as connection:
        assert connection.execute(sa.select(events.c.at)).scalars().all() == [NOW]


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
    token, won = ledger.claim(RUN, [replace(ANNA, chosen=False, content_hash="new", person_hash="hers")])

    assert set(won) == {ANNA.key}
    assert changes(before, entry(ledger)) == {
        "chosen": False,
        "content_hash": "new",
        "person_hash": "hers",
        "claim": token,
        "claimed_at": NOW + MINUTE,
        "updated_at": NOW + MINUTE,
    }
    assert len(history(ledger, before)) == 2


def test_a_claim_is_taken_over_when_it_has_expired_and_not_before(
    ledger: Ledger, clock: time_machine.Coordinates
) -> None:
    before = claimed(ledger)
    clock.shift(CLAIM_EXPIRES)
    assert ledger.claim(NEXT_RUN, [ANNA])[1] == {}
    assert entry(ledger) == before

    clock.shift(timedelta(seconds=1))
    token, won = ledger.claim(NEXT_RUN, [ANNA])
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
    ledger.in_job([before.id], "job 1", {before.claim})
    ledger.refused([before.id], "unknown_unit")

    assert set(ledger.claim(NEXT_RUN, [ANNA])[1]) == {ANNA.key}
    again = entry(ledger)
    assert (again.state, again.reason, again.job, again.sent_at) == ("claimed", None, None, None)


@pytest.mark.parametrize("run", [RUN, NEXT_RUN])
@pytest.mark.parametrize("state", ["sent", "loaded", "ambiguous"])
def test_what_may_be_in_the_erp_is_never_claimed_again(
    ledger: Ledger, clock: time_machine.Coordinates, state: str, run: Run
) -> None:
    """Neither by another run nor by a later try of its own, however much time has passed."""
    before = sent(ledger)
    if state == "loaded":
        ledger.loaded([Made(before.id, None, **OFFER)])
    elif state == "ambiguous":
        ledger.ambiguous(before.id)
    before, told = entry(ledger), history(ledger, before)
    clock.shift(timedelta(days=30))

    assert ledger.claim(run, [ANNA])[1] == {}
    assert entry(ledger) == before
    assert history(ledger, before) == told


def test_claiming_nobody_is_nothing(ledger: Ledger) -> None:
    assert ledger.claim(RUN, [])[1] == {}


# --- sending -----------------------------------------------------------------------------------------------


def test_sending_confirms_what_is_claimed_under_the_token(
    ledger: Ledger, clock: time_machine.Coordinates
) -> None:
    token, won = ledger.claim(RUN, [ANNA, BERT])
    before, other = entry(ledger), entry(ledger, BERT)
    clock.shift(MINUTE)

    assert ledger.sending([before.id], token) == {before.id}
    assert changes(before, entry(ledger)) == {
        "state": "sent",
        "sent_at": NOW + MINUTE,
        "updated_at": NOW + MINUTE,
    }
    assert entry(ledger, BERT) == other
    assert history(ledger, before)[1:] == [("sent", None, None, None)]
    assert ledger.sending(won.values(), token) == {other.id}


def test_sending_needs_the_token(ledger: Ledger) -> None:
    _, won = ledger.claim(RUN, [ANNA])

    assert ledger.sending(won.values(), "another token") == set()
    assert entry(ledger).state == "claimed"


def test_a_request_that_waits_keeps_the_time_of_its_last_try(
    ledger: Ledger, clock: time_machine.Coordinates
) -> None:
    before = sent(ledger)
    clock.shift(MINUTE)

    assert ledger.still_sending([before.id], before.claim or "")
    assert changes(before, entry(ledger)) == {"sent_at": NOW + MINUTE, "updated_at": NOW + MINUTE}


def test_a_request_of_which_one_entry_is_lost_is_not_sent(ledger: Ledger) -> None:
    token, won = ledger.claim(RUN, [ANNA, BERT])
    ledger.sending(won.values(), token)
    ids = [entry(ledger, ANNA).id, entry(ledger, BERT).id]
    assert ledger.still_sending(ids, token)
    ledger.refused(ids[:1], "unknown_unit")

    assert not ledger.still_sending(ids, token)
    assert not ledger.still_sending(ids[1:], "another token")
    assert ledger.still_sending(ids[1:], token)


def test_an_import_is_remembered(ledger: Ledger, clock: time_machine.Coordinates) -> None:
    before = sent(ledger)
    clock.shift(MINUTE)
    ledger.in_job([before.id], "job 1", {before.claim})

    assert changes(before, entry(ledger)) == {"job": "job 1", "updated_at": NOW + MINUTE}
    assert history(ledger, before)[2:] == [("import started", None, None, "job 1")]


def test_a_new_send_knows_nothing_of_an_earlier_import(ledger: Ledger) -> None:
    before = sent(ledger)
    ledger.in_job([before.id], "job 1", {before.claim})
    ledger.not_sent([before.id], before.claim or "")
    ledger.sending([before.id], before.claim or "")

    assert (entry(ledger).state, entry(ledger).job) == ("sent", None)


def test_an_import_is_remembered_for_who_holds_the_claim(ledger: Ledger) -> None:
    before = sent(ledger)
    ledger.in_job([before.id], "job 1", ["yet another token", before.claim])
    ledger.in_job([before.id], "job 2", ["another token"])

    assert entry(ledger).job == "job 1"
    assert history(ledger, before)[2:] == [("import started", None, None, "job 1")]


def test_what_was_surely_not_taken_is_claimed_as_before(ledger: Ledger) -> None:
    before = sent(ledger)
    ledger.not_sent([before.id], "another token")
    assert entry(ledger) == before

    ledger.not_sent([before.id], before.claim or "")
    assert changes(before, entry(ledger)) == {"state": "claimed"}
    assert history(ledger, before)[2:] == [("not taken by the ERP", None, None, None)]


def test_an_outcome_is_not_undone_by_a_late_refusal_of_the_request(ledger: Ledger) -> None:
    before = loaded(ledger)
    ledger.not_sent([before.id], before.claim or "")

    assert entry(ledger) == before


def test_taking_back_gives_a_new_token(ledger: Ledger, clock: time_machine.Coordinates) -> None:
    before, other = sent(ledger), sent(ledger, BERT)
    ledger.in_job([before.id, other.id], "job 1", {before.claim, other.claim})
    clock.shift(MINUTE)
    token = ledger.take_back(NEXT_RUN, [before, other])

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
    ledger.take_back(None, [first, second])

    assert [entry(ledger, intent).run_id for intent in (ANNA, BERT)] == ["run 1", "run 2"]


def test_what_was_decided_meanwhile_is_not_taken_back(ledger: Ledger) -> None:
    stale = sent(ledger)
    ledger.loaded([Made(stale.id, None, **OFFER)])
    ledger.take_back(NEXT_RUN, [stale])
    assert entry(ledger).state == "loaded"

    stale = sent(ledger, BERT)
    ledger.take_back(RUN, [stale])
    token = entry(ledger, BERT).claim or ""
    ledger.sending([stale.id], token)
    ledger.take_back(NEXT_RUN, [stale])
    assert (entry(ledger, BERT).state, entry(ledger, BERT).claim) == ("sent", token)


# --- outcomes ----------------------------------------------------------------------------------------------


def test_an_offer_is_written_with_all_its_numbers(ledger: Ledger, clock: time_machine.Coordinates) -> None:
    before = sent(ledger)
    clock.shift(MINUTE)
    ledger.loaded([Made(before.id, None, **OFFER)])

    assert changes(before, entry(ledger)) == OFFER | {"state": "loaded", "updated_at": NOW + MINUTE}
    assert history(ledger, before)[2:] == [("offer", None, None, "O-1")]


def test_an_offer_found_in_the_erp_says_so(ledger: Ledger) -> None:
    before = claimed(ledger)
    ledger.loaded([Made(before.id, None, reason="found_in_erp", offer_id="4711")])

    assert changes(before, entry(ledger)) == {"state": "loaded", "reason": "found_in_erp", "offer_id": "4711"}
    assert history(ledger, before)[1:] == [("offer", None, "found_in_erp", None)]


def test_a_refusal_is_written_with_its_reason(ledger: Ledger) -> None:
    before, other = sent(ledger), sent(ledger, BERT)
    ledger.refused([before.id], "unknown_unit")

    assert changes(before, entry(ledger)) == {"state": "refused", "reason": "unknown_unit"}
    assert history(ledger, before)[2:] == [("refused", None, "unknown_unit", None)]
    assert entry(ledger, BERT) == other


def test_several_offers_are_for_a_person(ledger: Ledger) -> None:
    before = sent(ledger)
    ledger.ambiguous(before.id)

    assert changes(before, entry(ledger)) == {"state": "ambiguous", "reason": "ambiguous"}
    assert history(ledger, before)[2:] == [("several offers found", None, "ambiguous", None)]


def test_an_old_answer_overwrites_nothing(ledger: Ledger) -> None:
    """A process that was thought dead wakes up and writes what it was told about a claim that it lost."""
    lost = sent(ledger).claim
    ledger.take_back(NEXT_RUN, [entry(ledger)])
    before = entry(ledger)
    ledger.loaded([Made(before.id, lost, **OFFER)])
    ledger.refused([before.id], "unknown_unit", lost)
    ledger.ambiguous(before.id, lost)

    assert entry(ledger) == before
    assert len(history(ledger, before)) == 3


@pytest.mark.parametrize("state", ["loaded", "refused", "ambiguous"])
def test_an_answer_to_the_claim_that_holds_is_written(ledger: Ledger, state: str) -> None:
    before = sent(ledger)
    if state == "loaded":
        ledger.loaded([Made(before.id, before.claim, **OFFER)])
    elif state == "refused":
        ledger.refused([before.id], "unknown_unit", before.claim)
    else:
        ledger.ambiguous(before.id, before.claim)

    assert entry(ledger).state == state


def test_a_change_at_the_partner_is_noted_once(ledger: Ledger, clock: time_machine.Coordinates) -> None:
    before = loaded(ledger)
    ledger.changed_after_load([before.id])
    clock.shift(MINUTE)
    ledger.changed_after_load([before.id])

    assert changes(before, entry(ledger)) == {"changed_at": NOW, "reason": "changed_after_load"}
    assert history(ledger, before)[3:] == [("changed at the partner", None, "changed_after_load", None)]


def test_who_withdrew_after_the_load_is_told_and_noted_once(
    ledger: Ledger, clock: time_machine.Coordinates
) -> None:
    before = loaded(ledger)
    (told,) = ledger.withdrawn_after_load(PAIR, ["anna"])
    assert told == before
    clock.shift(MINUTE)
    assert [again.id for again in ledger.withdrawn_after_load(PAIR, ["anna"])] == [before.id]

    assert changes(before, entry(ledger)) == {"withdrawn_at": NOW, "reason": "withdrawn_after_load"}
    assert history(ledger, before)[3:] == [("withdrawn at the partner", None, "withdrawn_after_load", None)]


@pytest.mark.parametrize(
    ("state", "has_offer"),
    [("claimed", False), ("refused", False), ("sent", True), ("loaded", True), ("ambiguous", True)],
)
def test_a_withdrawal_matters_where_there_is_or_may_be_an_offer(
    ledger: Ledger, state: str, has_offer: bool
) -> None:
    before = claimed(ledger) if state == "claimed" else sent(ledger)
    if state == "refused":
        ledger.refused([before.id], "unknown_unit")
    elif state == "loaded":
        ledger.loaded([Made(before.id, None, **OFFER)])
    elif state == "ambiguous":
        ledger.ambiguous(before.id)

    assert len(ledger.withdrawn_after_load(PAIR, ["anna"])) == has_offer
    assert bool(entry(ledger).withdrawn_at) == has_offer


def test_a_withdrawal_in_another_pair_is_none_here(ledger: Ledger) -> None:
    before = loaded(ledger)

    assert ledger.withdrawn_after_load(OTHER_PAIR, ["anna"]) == []
    assert ledger.withdrawn_after_load(PAIR, ["bert"]) == []
    assert entry(ledger) == before


# --- acceptance --------------------------------------------------------------------------------------------


def test_the_right_to_accept_is_written_before_the_deed(
    ledger: Ledger, clock: time_machine.Coordinates
) -> None:
    before = loaded(ledger)
    clock.shift(MINUTE)

    assert ledger.accepting(before, "run 2")
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
    assert ledger.accepting(mine, "run 1")

    assert not ledger.accepting(rival, "run 1")
    assert entry(ledger, replace(BERT, unit=ANNA.unit), OTHER_PAIR) == rival
    assert ledger.accepting(neighbour, "run 1")
    assert ledger.accepting(elsewhere, "run 1")

    ledger.held([mine.id], "unit_let", "run 1")
    assert ledger.accepting(rival, "run 1")


def test_a_lease_ends_it(ledger: Ledger, clock: time_machine.Coordinates) -> None:
    before = loaded(ledger)
    ledger.held([before.id], "competing_offer", "run 1")
    clock.shift(MINUTE)
    ledger.leased(before.id, "L-1", "run 2")

    assert changes(before, entry(ledger)) == {
        "acceptance": "leased",
        "acceptance_run": "run 2",
        "lease_number": "L-1",
        "updated_at": NOW + MINUTE,
    }
    assert history(ledger, before)[4:] == [("lease", "run 2", None, "L-1")]


def test_what_is_leased_is_not_accepted_again(ledger: Ledger) -> None:
    before = loaded(ledger)
    ledger.leased(before.id, "L-1", "run 1")
    leased = entry(ledger)
    ledger.accepting(leased, "run 2")

    assert entry(ledger) == leased


def test_a_lease_belongs_to_the_run_that_wrote_it_first(ledger: Ledger) -> None:
    """Of two runs over the same window one makes the lease and both see it; only one counts it as its own."""
    before = loaded(ledger)
    ledger.leased(before.id, "L-1", "run 1")
    leased, told = entry(ledger), history(ledger, before)

    ledger.leased(before.id, "L-1", "run 2")

    assert (entry(ledger), history(ledger, before)) == (leased, told)


def test_what_is_leased_is_not_held(ledger: Ledger) -> None:
    """Another process may have found the lease since this one looked."""
    before = loaded(ledger)
    ledger.leased(before.id, "L-1", "run 1")
    leased, told = entry(ledger), history(ledger, before)
    ledger.held([before.id], "unit_let", "run 2")

    assert entry(ledger) == leased
    assert history(ledger, before) == told


def test_a_held_offer_says_why_and_keeps_the_reason_of_its_load(ledger: Ledger) -> None:
    before = claimed(ledger)
    ledger.loaded([Made(before.id, None, reason="found_in_erp")])
    before = entry(ledger)
    ledger.held([before.id], "competing_offer", "run 2")

    assert changes(before, entry(ledger)) == {
        "acceptance": "held",
        "acceptance_reason": "competing_offer",
        "acceptance_run": "run 2",
    }
    assert history(ledger, before)[2:] == [("held", "run 2", "competing_offer", None)]


def test_who_said_no_is_written_down(ledger: Ledger) -> None:
    before = loaded(ledger)
    ledger.held([before.id], "rejected_by_approver", "run 2", decided_by="m.huber")

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
    ledger.held([before.id], "too_many", "run 1")
    ledger.awaiting([before.id], "run 2")
    asked = entry(ledger)
    assert (asked.acceptance, asked.acceptance_run) == ("awaiting", "run 2")

    ledger.approved([before.id], "run 2", "m.huber")
    assert changes(asked, entry(ledger)) == {
        "acceptance": None,
        "acceptance_reason": None,
        "decided_by": "m.huber",
        "decided_at": NOW,
    }
    assert history(ledger, before)[4:] == [
        ("approval asked", "run 2", None, None),
        ("approved", "run 2", None, "m.huber"),
    ]


# --- reading -----------------------------------------------------------------------------------------------


def test_sent_is_what_has_gone_in_the_pair_and_has_no_outcome(ledger: Ledger) -> None:
    open_one = sent(ledger, BERT, NEXT_RUN)
    claimed(ledger)
    loaded(ledger, replace(ANNA, external_id="loaded"))
    ledger.refused([sent(ledger, replace(ANNA, external_id="refused")).id], "unknown_unit")
    sent(ledger, ANNA, OTHER_PAIRS_RUN)

    assert ledger.sent(PAIR) == [open_one]


def test_undecided_is_an_offer_without_verdict_or_left_in_the_middle(ledger: Ledger) -> None:
    intents = {
        name: replace(ANNA, external_id=name, unit=f"1/1/1/{at}")
        for at, name in enumerate(("fresh", "broken off", "held", "leased", "asked"))
    }
    made = {name: loaded(ledger, intent) for name, intent in intents.items()}
    ledger.accepting(made["broken off"], "run 1")
    ledger.held([made["held"].id], "unit_let", "run 1")
    ledger.leased(made["leased"].id, "L-1", "run 1")
    ledger.awaiting([made["asked"].id], "run 1")
    sent(ledger, BERT)
    loaded(ledger, ANNA, OTHER_PAIRS_RUN)

    assert [found.external_id for found in ledger.left_undecided(PAIR)] == ["fresh", "broken off"]


def test_a_lease_whose_acceptance_was_forgotten_is_decided(ledger: Ledger) -> None:
    before = loaded(ledger)
    ledger.leased(before.id, "L-1", "run 1")
    ledger.approved([before.id], "run 1", "m.huber")

    assert entry(ledger).acceptance is None
    assert ledger.left_undecided(PAIR) == []


def test_a_run_finds_what_it_decided_on_last(ledger: Ledger) -> None:
    first, second = loaded(ledger), loaded(ledger, BERT)
    other = loaded(ledger, ANNA, OTHER_PAIRS_RUN)
    ledger.held([first.id, second.id], "competing_offer", "run 1")
    ledger.held([other.id], "competing_offer", "run 1")
    ledger.held([second.id], "competing_offer", "run 2")

    assert [found.id for found in ledger.of_acceptance_run(RUN)] == [first.id]


def test_a_unit_shows_the_entries_of_all_pairs_on_its_erp(ledger: Ledger) -> None:
    mine, theirs = claimed(ledger), claimed(ledger, replace(BERT, unit=ANNA.unit), OTHER_PAIRS_RUN)
    claimed(ledger, BERT)
    claimed(ledger, replace(ANNA, external_id="carl"), replace(RUN, erp="another"))

    assert ledger.on_units(ERP, [ANNA.unit, ANNA.unit]) == [mine, theirs]


def test_entries_come_in_the_order_in_which_they_were_made(ledger: Ledger) -> None:
    """Whatever index the database takes; of two runs both do the same first."""
    first, second = claimed(ledger, BERT), claimed(ledger, ANNA)

    assert ledger.on_units(ERP, [ANNA.unit, BERT.unit]) == [first, second]


@pytest.mark.parametrize(
    ("state", "found"), [("claimed", False), ("refused", False), ("sent", True), ("loaded", True)]
)
def test_a_person_is_known_by_hash_where_an_offer_is_or_may_be(
    ledger: Ledger, state: str, found: bool
) -> None:
    before = claimed(ledger) if state == "claimed" else sent(ledger)
    if state == "refused":
        ledger.refused([before.id], "unknown_unit")
    elif state == "loaded":
        ledger.loaded([Made(before.id, None, **OFFER)])
    sent(ledger, ANNA, OTHER_PAIRS_RUN)
    sent(ledger, BERT)

    there = {("person", ANNA.unit): {"anna"}} if found else {}
    assert ledger.same_person_on_unit(PAIR, ["person"]) == there
    assert ledger.same_person_on_unit(PAIR, ["somebody else"]) == {}


def test_more_than_fits_into_one_statement(ledger: Ledger) -> None:
    """Each method takes a list in parts, and none of them is forgotten."""
    intents = [Intent(f"p{n}", f"1/1/1/{n}", True, "content", f"h{n}") for n in range(MORE_THAN_A_STATEMENT)]
    keys = {intent.key for intent in intents}
    token, won = ledger.claim(RUN, intents)
    assert set(won) == keys
    assert ledger.sending(won.values(), token) == set(won.values())
    found = ledger.find(PAIR, [intent.external_id for intent in intents])
    assert set(found) == keys
    ids = [one.id for one in found.values()]
    assert ledger.still_sending(ids, token)
    assert not ledger.still_sending([*ids, 0], token)
    assert {one.id for one in ledger.on_units(ERP, [intent.unit for intent in intents])} == set(ids)
    assert len(ledger.same_person_on_unit(PAIR, [f"h{n}" for n in range(len(ids))])) == len(ids)
    ledger.in_job(ids, "job 1", {token})
    assert {one.job for one in ledger.sent(PAIR)} == {"job 1"}
    assert len(ledger.sent(PAIR)) == MORE_THAN_A_STATEMENT


# --- hashes ------------------------------------------------------------------------------------------------


def test_equal_fields_have_an_equal_hash_in_any_order(ledger: Ledger) -> None:
    one = {"name": "Jürgen", "born": date(1980, 5, 6), "chosen": None}

    assert ledger.hash(one) == ledger.hash(dict(reversed(one.items())))
    assert ledger.hash(one) != ledger.hash(one | {"name": "Jurgen"})
    assert ledger.hash(one) != ledger.hash(one | {"born": date(1980, 5, 7)})


def test_without_the_key_no_hash_can_be_tried_out(ledger: Ledger, tmp_path: Path) -> None:
    other = Ledger(Store(sa.URL.create("sqlite", database=str(tmp_path / "other.db")), b"another key"))

    assert ledger.hash({"name": "Anna"}) != other.hash({"name": "Anna"})
    # Written down, since hashes in the database must still compare after an update of the program.
    assert ledger.hash({"name": "Jürgen", "born": date(1980, 5, 6)}).startswith("36f83da845a28077")


def test_an_entry_has_the_fields_of_the_table_in_their_order() -> None:
    """Rows become entries by place."""
    assert [field.name for field in fields(Entry)] == [column.name for column in entries.c]
