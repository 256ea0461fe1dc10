"""The look-up, on a ledger that the real one has written."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
import sqlalchemy as sa

from letting_sync.console import lookup
from letting_sync.ledger import reports
from letting_sync.ledger.ledger import Ledger
from letting_sync.ledger.records import Intent, Made, Run
from letting_sync.ledger.schema import entries
from tests.harness.ledger_entries import claim

PAIRS = {"a", "b"}


@pytest.fixture
def ledger(airflow_db: None, own_ledger: Path) -> Ledger:
    """Three prospects of pair a, one of pair b, one of pair c; A-1 became a lease."""
    ledger = Ledger()
    for pair, external_id, offer in (
        ("a", "A-1", "O-1"),
        ("a", "A-2", "O-2"),
        ("b", "A-1", "O-3"),
        ("c", "A-1", "O-4"),
    ):
        run = Run(pair, "erp", "run-1")
        token, won = claim(ledger, run, [Intent(external_id, f"1/1/1/{offer}", True, "hash", "person")])
        ledger.mark_sent(won.values(), token)
        entry = next(iter(ledger.find(pair, [external_id]).values()))
        ledger.mark_loaded([Made(entry.id, None, offer_number=offer)])
        if offer == "O-1":
            ledger.mark_leased(entry.id, "L-1", "run-2")
    return ledger


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A-1", {("a", "O-1"), ("b", "O-3")}),
        ("O-2", {("a", "O-2")}),
        ("L-1", {("a", "O-1")}),
        ("O-4", set()),
        ("A-", set()),
        ("%", set()),
        ("", set()),
    ],
)
def test_finds_exactly_what_is_meant_in_the_pairs_that_may_be_read(ledger: Ledger, text: str, expected: set):
    assert {(entry["pair"], entry["offer_number"]) for entry in lookup.find(text, PAIRS)} == expected


def test_nobody_who_may_read_nothing_finds_anything(ledger: Ledger):
    assert lookup.find("A-1", set()) == []


def test_shows_the_whole_history_in_its_order(ledger: Ledger):
    (entry,) = lookup.find("L-1", PAIRS)
    assert [event["what"] for event in entry["events"]] == ["claimed", "sent", "offer", "lease"]
    assert entry["events"][-1]["reference"] == "L-1"


def test_shows_no_hash_and_no_token(ledger: Ledger):
    (entry,) = lookup.find("L-1", PAIRS)
    assert not {"content_hash", "person_hash", "claim", "offer_id"} & entry.keys()


def test_states_are_those_of_one_pair(ledger: Ledger):
    found = lookup.states("a", {"A-1", "A-2", "A-9"})
    assert {external_id: state["acceptance"] for external_id, state in found.items()} == {
        "A-1": "leased",
        "A-2": None,
    }


def test_without_a_ledger_there_is_nothing_and_nothing_is_made(airflow_db: None, own_ledger: Path):
    assert lookup.find("A-1", PAIRS) == []
    assert lookup.states("a", {"A-1"}) == {}
    assert list(own_ledger.iterdir()) == []


def test_cannot_write(ledger: Ledger):
    engine = lookup.engine()
    assert engine is not None
    with engine.connect() as connection, pytest.raises(sa.exc.OperationalError, match="readonly"):
        connection.execute(sa.delete(entries))


def test_does_not_wait_for_a_run_that_writes(ledger: Ledger):
    with ledger.engine.begin():
        assert lookup.find("O-2", PAIRS)


def test_each_search_is_answered_by_an_index(ledger: Ledger):
    engine = lookup.engine()
    assert engine is not None
    with engine.connect() as connection:
        for query in reports._queries("A-1", {f"pair{i}" for i in range(600)}):
            sql = query.compile(engine, compile_kwargs={"literal_binds": True})
            plan = " ".join(str(row) for row in connection.execute(sa.text(f"EXPLAIN QUERY PLAN {sql}")))
            assert "SEARCH" in plan
            assert "SCAN" not in plan


def test_key_file_of_the_ledger_is_left_alone(ledger: Ledger, own_ledger: Path):
    key = own_ledger / "ledger.key"
    before = key.read_bytes()
    lookup.find("A-1", PAIRS)
    assert key.read_bytes() == before
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
