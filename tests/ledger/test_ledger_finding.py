"""What the ledger finds, and its hashes."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa

from letting_sync.ledger.ledger import Ledger
from letting_sync.ledger.records import Entry, Intent
from letting_sync.ledger.schema import Store, entries
from tests.harness.ledger_entries import (
    ANNA,
    BERT,
    ERP,
    NEXT_RUN,
    OTHER_PAIRS_RUN,
    PAIR,
    RUN,
    claim,
    claimed,
    entry,
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

    assert ledger.find_sent(PAIR) == [open_one]


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


def test_a_lease_whose_acceptance_was_forgotten_is_decided(ledger: Ledger) -> None:
    before = loaded(ledger)
    ledger.mark_leased(before.id, "L-1", "run 1")
    ledger.mark_approved([before.id], "run 1", "m.huber")

    assert entry(ledger).acceptance is None
    assert ledger.find_undecided(PAIR) == []


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

    there = {("person", ANNA.unit): [entry(ledger)]} if found else {}
    assert ledger.find_person_on_unit(PAIR, ["person"]) == there
    assert ledger.find_person_on_unit(PAIR, ["somebody else"]) == {}


def test_more_than_fits_into_one_statement(ledger: Ledger) -> None:
    """Each method takes a list in parts, and none of them is forgotten."""
    intents = [Intent(f"p{n}", f"1/1/1/{n}", True, "content", f"h{n}") for n in range(MORE_THAN_A_STATEMENT)]
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
    assert len(ledger.find_person_on_unit(PAIR, [f"h{n}" for n in range(len(ids))])) == len(ids)
    ledger.mark_in_import(ids, "job 1", {token})
    assert {one.job for one in ledger.find_sent(PAIR)} == {"job 1"}
    assert len(ledger.find_sent(PAIR)) == MORE_THAN_A_STATEMENT


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
