"""What the ledger finds, and its hashes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
import time_machine

from letting_sync.ledger.ledger import CLAIM_EXPIRES, Ledger
from letting_sync.ledger.records import REVIEW_AFTER, Entry, InFlight, Intent, Retraction
from letting_sync.ledger.schema import Store, entries
from letting_sync.reasons import Reason
from tests.harness.ledger_entries import (
    ANNA,
    BERT,
    ERP,
    MINUTE,
    NEXT_RUN,
    NOW,
    OTHER_PAIRS_RUN,
    PAIR,
    RUN,
    claim,
    claimed,
    in_state,
    loaded,
    sent,
)

MORE_THAN_A_STATEMENT = 501


def test_sent_is_what_has_gone_in_the_pair_and_has_no_outcome(ledger: Ledger) -> None:
    open_one = sent(ledger, BERT, NEXT_RUN)
    claimed(ledger)
    loaded(ledger, replace(ANNA, external_id="loaded"))
    ledger.mark_refused([sent(ledger, replace(ANNA, external_id="refused")).id], "unknown_unit")
    sent(ledger, ANNA, OTHER_PAIRS_RUN)

    (found,) = ledger.find_sent(PAIR)
    assert found == InFlight(**{name: getattr(open_one, name) for name in InFlight._fields})


def test_undecided_is_an_offer_without_verdict_or_left_in_the_middle(ledger: Ledger) -> None:
    intents = {
        name: replace(ANNA, external_id=name, unit=f"1/1/1/{at}")
        for at, name in enumerate(("fresh", "broken off", "held", "leased", "asked"))
    }
    made = {name: loaded(ledger, intent) for name, intent in intents.items()}
    ledger.mark_accepting(made["broken off"], "run 1")
    ledger.mark_held([made["held"].id], "unit_let", "run 1")
    ledger.mark_leased(made["leased"].id, "L-1", "run 1")
    ledger.mark_awaiting([made["asked"].id], "run 1")
    sent(ledger, BERT)
    loaded(ledger, ANNA, OTHER_PAIRS_RUN)

    assert [found.external_id for found in ledger.find_undecided(PAIR)] == ["fresh", "broken off", "asked"]


def test_several_offers_on_which_nobody_has_decided_are_undecided(ledger: Ledger) -> None:
    """Found by another run than the one that sent the prospect: a person has to hear of it."""
    before = in_state(ledger, "ambiguous")
    assert ledger.find_undecided(PAIR) == [before]
    assert ledger.find_anything_open(PAIR, NOW)

    ledger.mark_held([before.id], Reason.AMBIGUOUS, "run 2")
    assert ledger.find_undecided(PAIR) == []


def _reviewed(ledger: Ledger, at: datetime) -> None:
    """Write into all entries that they were reviewed at this time."""
    with ledger.engine.begin() as connection:
        connection.execute(sa.update(entries).values(reviewed_at=at))


def test_a_pair_with_nothing_left_to_do_has_nothing_open(ledger: Ledger) -> None:
    """Refused, leased, closed, held and looked at just now; and all that other pairs have."""
    names = ("refused", "leased", "closed", "held", "ambiguous", "withdrawn claim", "moved claim")
    intents = {name: replace(ANNA, external_id=name, unit=f"1/1/1/{at}") for at, name in enumerate(names)}
    in_state(ledger, "refused", intents["refused"])
    ledger.mark_leased(loaded(ledger, intents["leased"]).id, "L-1", "run 1")
    ledger.mark_closed([loaded(ledger, intents["closed"]).id], Reason.OFFER_REJECTED, "run 1")
    ledger.mark_held([loaded(ledger, intents["held"]).id], Reason.UNIT_LET, "run 1")
    ledger.mark_held([in_state(ledger, "ambiguous", intents["ambiguous"]).id], Reason.AMBIGUOUS, "run 1")
    claimed(ledger, intents["withdrawn claim"])
    ledger.mark_retracted(RUN, [Retraction("withdrawn claim", None, Reason.WITHDRAWN, NOW)])
    ledger.mark_moved([claimed(ledger, intents["moved claim"])], "run 1")
    sent(ledger, ANNA, OTHER_PAIRS_RUN)

    assert not ledger.find_anything_open(PAIR, NOW - REVIEW_AFTER)


@pytest.mark.parametrize("how", ["claimed", "sent", "new offer", "asked about", "left in the middle", "held"])
def test_what_a_run_has_to_do_without_any_change_at_the_partner_is_open(ledger: Ledger, how: str) -> None:
    """An empty window runs all tasks exactly where one of them would find something."""
    one = in_state(ledger, how if how in ("claimed", "sent") else "loaded")
    if how == "asked about":
        ledger.mark_awaiting([one.id], "run 1")
    elif how == "left in the middle":
        ledger.mark_accepting(one, "run 1")
    elif how == "held":
        ledger.mark_held([one.id], Reason.UNIT_LET, "run 1")
    before = NOW + MINUTE if how == "held" else NOW - REVIEW_AFTER

    assert ledger.find_anything_open(PAIR, before)
    found = ledger.find_sent(PAIR) + ledger.find_undecided(PAIR) + ledger.find_due_for_review(PAIR, before, 1)
    assert found or how == "claimed"
    _reviewed(ledger, NOW + 2 * MINUTE)
    assert ledger.find_anything_open(PAIR, before) == (how != "held")


def test_a_run_finds_what_it_decided_on_last(ledger: Ledger) -> None:
    first, second = loaded(ledger), loaded(ledger, BERT)
    other = loaded(ledger, ANNA, OTHER_PAIRS_RUN)
    ledger.mark_held([first.id, second.id], "competing_offer", "run 1")
    ledger.mark_held([other.id], "competing_offer", "run 1")
    ledger.mark_held([second.id], "competing_offer", "run 2")

    assert [found.id for found in ledger.find_decided_by(RUN)] == [first.id]


def test_a_unit_shows_the_entries_of_all_pairs_on_its_erp(ledger: Ledger) -> None:
    mine, theirs = claimed(ledger), claimed(ledger, replace(BERT, unit=ANNA.unit), OTHER_PAIRS_RUN)
    claimed(ledger, BERT)
    claimed(ledger, replace(ANNA, external_id="carl"), replace(RUN, erp="another"))

    assert ledger.find_on_units(ERP, [ANNA.unit, ANNA.unit]) == [mine, theirs]


def test_entries_come_in_the_order_in_which_they_were_made(ledger: Ledger) -> None:
    """Whatever index the database takes; of two runs both do the same first."""
    first, second = claimed(ledger, BERT), claimed(ledger, ANNA)

    assert ledger.find_on_units(ERP, [ANNA.unit, BERT.unit]) == [first, second]


@pytest.mark.parametrize(
    ("state", "found"), [("claimed", False), ("refused", False), ("sent", True), ("loaded", True)]
)
def test_a_person_is_known_by_hash_where_an_offer_is_or_may_be(
    ledger: Ledger, state: str, found: bool
) -> None:
    in_state(ledger, state)
    sent(ledger, ANNA, OTHER_PAIRS_RUN)
    sent(ledger, BERT)

    known = ledger.find_person_on_unit(PAIR, ["person"])
    ids = {who: [offer.external_id for offer in offers] for who, offers in known.items()}
    assert ids == ({("person", ANNA.unit): [ANNA.external_id]} if found else {})
    assert ledger.find_person_on_unit(PAIR, ["somebody else"]) == {}


@pytest.mark.parametrize("how", ["withdrawn", "moved"])
def test_a_person_whom_the_partner_no_longer_chooses_is_known_by_a_lease_only(
    ledger: Ledger, how: str
) -> None:
    one = loaded(ledger)
    if how == "moved":
        ledger.mark_moved([one], "run 2")
    else:
        ledger.mark_retracted(NEXT_RUN, [Retraction(ANNA.external_id, None, Reason.WITHDRAWN, NOW)])
    assert ledger.find_person_on_unit(PAIR, ["person"]) == {}

    ledger.mark_leased(one.id, "L-1", "run 2")
    (offer,) = ledger.find_person_on_unit(PAIR, ["person"])["person", ANNA.unit]
    assert (offer.external_id, offer.lease_number) == (ANNA.external_id, "L-1")


def test_who_is_not_chosen_any_more_is_found_and_says_so(ledger: Ledger) -> None:
    """Whether that is in the way depends on who else comes: a candidate of a pair without choice is never chosen."""
    loaded(ledger)
    ledger.mark_retracted(NEXT_RUN, [Retraction(ANNA.external_id, None, Reason.NOT_CHOSEN, NOW)])

    (offer,) = ledger.find_person_on_unit(PAIR, ["person"])["person", ANNA.unit]
    assert (offer.external_id, offer.chosen) == (ANNA.external_id, False)


def test_more_than_fits_into_one_statement(store: Store) -> None:
    """Each method takes a list in parts, and none of them is forgotten."""
    ledger = Ledger(store)
    intents = [
        Intent(f"p{n}", f"1/1/1/{n}", True, "content", f"h{n}", f"c{n}") for n in range(MORE_THAN_A_STATEMENT)
    ]
    keys = {intent.key for intent in intents}
    token, won = claim(ledger, RUN, intents)
    assert set(won) == keys
    assert ledger.mark_sent(won.values(), token) == set(won.values())
    found = ledger.find(PAIR, [intent.external_id for intent in intents])
    assert set(found) == keys
    ids = [one.id for one in found.values()]
    assert ledger.mark_sent_again(ids, token)
    assert not ledger.mark_sent_again([*ids, 0], token)
    assert {one.id for one in ledger.find_on_units(ERP, [intent.unit for intent in intents])} == set(ids)
    assert {one.id for one in ledger.find_let_together(PAIR, [f"c{n}" for n in range(len(ids))])} == set(ids)
    assert len(ledger.find_person_on_unit(PAIR, [f"h{n}" for n in range(len(ids))])) == len(ids)
    ledger.mark_in_import(ids, "job 1", {token})
    assert {one.job for one in ledger.find_sent(PAIR)} == {"job 1"}
    assert len(ledger.find_sent(PAIR)) == MORE_THAN_A_STATEMENT
    ledger.mark_reviewed(ids)
    assert all(one.reviewed_at for one in ledger.find(PAIR, [key[0] for key in keys]).values())


def test_those_reviewed_longest_ago_are_due_first(ledger: Ledger, clock: time_machine.Coordinates) -> None:
    first, second, third = (loaded(ledger, replace(BERT, external_id=name)) for name in ("c", "a", "b"))
    leased, other = loaded(ledger), loaded(ledger, ANNA, OTHER_PAIRS_RUN)
    for one in (first, second, third, leased, other):
        ledger.mark_held([one.id], Reason.EXPIRED, "run 2")
    ledger.mark_leased(leased.id, "L-1", "run 2")
    clock.shift(MINUTE)
    ledger.mark_reviewed([first.id])
    later = ledger.now() + MINUTE

    assert [one.id for one in ledger.find_due_for_review(PAIR, later, 10)] == [second.id, third.id, first.id]
    assert [one.id for one in ledger.find_due_for_review(PAIR, later, 2)] == [second.id, third.id]


def test_units_of_a_bundle_are_found_in_their_pair(ledger: Ledger) -> None:
    bundles = {"anna": "c1", "bert": "c2", "carla": None, "dora": "c3"}
    for at, (name, bundle) in enumerate(bundles.items()):
        claimed(ledger, replace(ANNA, external_id=name, unit=f"1/1/1/{at}", bundle=bundle))
    claimed(ledger, replace(ANNA, bundle="c1"), OTHER_PAIRS_RUN)

    found = ledger.find_let_together(PAIR, ["c2", "c1", "c1"])
    assert [(one.pair, one.external_id) for one in found] == [(PAIR, "anna"), (PAIR, "bert")]
    assert ledger.find_let_together(PAIR, []) == []


def test_a_claim_may_be_taken_over_once_it_expired_or_its_run_ended(ledger: Ledger) -> None:
    mine = claimed(ledger)
    assert mine.claimed_at
    expires = mine.claimed_at + CLAIM_EXPIRES

    assert not ledger.may_be_taken_over(mine, expires, ["run 2"])
    assert ledger.may_be_taken_over(mine, expires + timedelta(microseconds=1), [])
    assert ledger.may_be_taken_over(mine, NOW, ["run 2", RUN.run_id])
    assert ledger.may_be_taken_over(mine._replace(claimed_at=None), NOW, [])


# --- hashes ------------------------------------------------------------------------------------------------


def test_equal_fields_have_an_equal_hash_in_any_order(ledger: Ledger) -> None:
    one = {"name": "Jürgen", "born": date(1980, 5, 6), "chosen": None}

    assert ledger.hash(one) == ledger.hash(dict(reversed(one.items())))
    assert ledger.hash(one) != ledger.hash(one | {"name": "Jurgen"})
    assert ledger.hash(one) != ledger.hash(one | {"born": date(1980, 5, 7)})


def test_the_hash_of_the_content_is_that_of_what_an_erp_receives(ledger: Ledger) -> None:
    anna = {"external_id": "anna", "last_name": "Groß", "updated_at": NOW}

    assert ledger.hash_of_content(anna | {"external_id": "anna-again", "updated_at": None}) == (
        ledger.hash_of_content(anna)
    )
    assert ledger.hash_of_content(anna | {"last_name": "Klein"}) != ledger.hash_of_content(anna)
    assert ledger.hash_of_content(anna | {"first_name": None}) == ledger.hash_of_content(anna)


def test_without_the_key_no_hash_can_be_tried_out(ledger: Ledger, tmp_path: Path) -> None:
    other = Ledger(Store(sa.URL.create("sqlite", database=str(tmp_path / "other.db")), b"another key"))

    assert ledger.hash({"name": "Anna"}) != other.hash({"name": "Anna"})
    # Written down, since hashes in the database must still compare after an update of the program.
    assert ledger.hash({"name": "Jürgen", "born": date(1980, 5, 6)}).startswith("36f83da845a28077")


def test_an_entry_has_the_fields_of_the_table_in_their_order() -> None:
    """Rows become entries by place."""
    assert list(Entry._fields) == [column.name for column in entries.c]
