"""Two processes, one ledger: of two runs of a pair at the same moment only one sends a prospect.

Real processes on a SQLite file and on PostgreSQL.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from letting_sync.ledger.ledger import Ledger
from letting_sync.ledger.records import Intent, Key, Made, Run
from letting_sync.ledger.schema import Store
from tests.harness.ledger_entries import claim
from tests.harness.task_process import server

INTENTS = 2_000
ERP = "yuneo http://erp"


def in_two_processes(work: Callable[..., Any], store: Store, *arguments: Any) -> list[Any]:
    """Let two processes do the same work on one ledger, as nearly at one moment as can be."""
    start = server().Barrier(2)
    pipes = [server().Pipe(duplex=False) for _ in range(2)]
    processes = [
        server().Process(target=_body, args=(start, theirs, work, store, number, *arguments))
        for number, (_, theirs) in enumerate(pipes)
    ]
    for process in processes:
        process.start()
    for _, theirs in pipes:
        theirs.close()
    results = [mine.recv() for mine, _ in pipes]
    for process in processes:
        process.join()
    return results


def _body(
    start: Any, response: Any, work: Callable[..., Any], store: Store, number: int, *arguments: Any
) -> None:
    start.wait(60)
    response.send(work(Ledger(store), number, *arguments))


def intents(count: int = INTENTS) -> list[Intent]:
    return [Intent(f"prospect {n}", f"1/1/1/{n}", True, "content", None) for n in range(count)]


def run(number: int) -> Run:
    return Run("immomio_yuneo", ERP, f"run {number}")


def _claims_and_sends(ledger: Ledger, number: int, same_run: bool) -> list[Key]:
    """What a run may send; each process has the prospects in an order of its own."""
    wanted = intents()
    random.Random(number).shuffle(wanted)
    mine = run(0 if same_run else number)
    may_send: list[Key] = []
    for start in range(0, INTENTS, 400):
        token, won = claim(ledger, mine, wanted[start : start + 400])
        confirmed = ledger.mark_sent(won.values(), token)
        may_send += [key for key, entry_id in won.items() if entry_id in confirmed]
    return may_send


@pytest.mark.parametrize("same_run", [False, True], ids=["two runs", "two tries of one run"])
def test_each_prospect_is_sent_by_exactly_one_of_two_processes(store: Store, same_run: bool) -> None:
    """Also by two tries of one run: Airflow may think a process dead that still works."""
    first, second = in_two_processes(_claims_and_sends, store, same_run)

    assert sorted([*first, *second]) == sorted(intent.key for intent in intents())


def _makes_the_ledger(ledger: Ledger, number: int) -> int:
    return len(ledger.claim(run(number), intents(5)))


def test_two_first_runs_make_one_ledger(store: Store) -> None:
    """Neither fails for tables that the other is just making."""
    assert sum(in_two_processes(_makes_the_ledger, store)) == 5


def _takes_the_right(ledger: Ledger, number: int, units: int) -> list[str]:
    pair = f"pair {number}"
    mine = list(ledger.find(pair, [f"{pair} {n}" for n in range(units)]).values())
    return [entry.unit for entry in mine if ledger.mark_accepting(entry, f"run {number}")]


def test_of_two_pairs_one_has_the_right_to_accept_on_a_unit(store: Store) -> None:
    """Each pair has a prospect of its own on every unit of the ERP that they share."""
    ledger, units = Ledger(store), 200
    for number in range(2):
        own = Run(f"pair {number}", ERP, f"run {number}")
        wanted = [Intent(f"{own.pair} {n}", f"1/1/1/{n}", True, "content", None) for n in range(units)]
        ledger.claim(own, wanted)
    ledger.engine.dispose()

    first, second = in_two_processes(_takes_the_right, store, units)

    assert sorted([*first, *second]) == sorted(f"1/1/1/{n}" for n in range(units))


def test_a_claim_that_was_taken_over_keeps_its_old_holder_from_sending(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old holder is not dead, only slow."""
    ledger, wanted = Ledger(store), intents(3)
    old, won = claim(ledger, run(0), wanted)
    monkeypatch.setattr("letting_sync.ledger.ledger.CLAIM_EXPIRES", -timedelta(seconds=1))
    new, taken_over = claim(ledger, run(1), wanted[:2])

    assert set(taken_over) == {intent.key for intent in wanted[:2]}
    assert ledger.mark_sent(won.values(), old) == {won[wanted[2].key]}
    assert ledger.mark_sent(taken_over.values(), new) == set(taken_over.values())


def test_a_send_that_was_taken_back_keeps_its_old_holder_from_sending(store: Store) -> None:
    """It was marked as sent, waited, and was found to have made nothing; now another run has it.

    Nor may the old holder, with an old answer of the ERP in its hands, undo what the other has written.
    """
    ledger, (intent,) = Ledger(store), intents(1)
    old, won = claim(ledger, run(0), [intent])
    ledger.mark_sent(won.values(), old)
    (entry,) = ledger.find_sent("immomio_yuneo")
    new = ledger.claim_again(run(1), [entry])
    assert ledger.mark_sent(won.values(), new) == set(won.values())

    assert ledger.mark_sent(won.values(), old) == set()
    assert not ledger.mark_sent_again([entry.id], old)
    assert ledger.mark_sent_again([entry.id], new)
    ledger.release_unsent([entry.id], old)
    ledger.mark_in_import([entry.id], "an old job", {old})
    ledger.mark_refused([entry.id], "unknown_unit", old)
    ledger.mark_ambiguous(entry.id, old)
    ledger.mark_loaded([Made(entry.id, old, offer_id="1", offer_number="1")])

    (entry,) = ledger.find_sent("immomio_yuneo")
    assert (entry.claim, entry.job) == (new, None)


def test_a_prospect_with_an_outcome_is_not_claimed_again(store: Store) -> None:
    """Loaded or ambiguous: never; refused: by the next run."""
    ledger, wanted = Ledger(store), intents(3)
    ledger.claim(run(0), wanted)
    entries = ledger.find("immomio_yuneo", [intent.external_id for intent in wanted])
    loaded, ambiguous, refused = (entries[intent.key].id for intent in wanted)
    ledger.mark_loaded([Made(loaded, None, offer_id="1", offer_number="1")])
    ledger.mark_ambiguous(ambiguous)
    ledger.mark_refused([refused], "unknown_unit")

    assert set(ledger.claim(run(1), wanted)) == {wanted[2].key}


def test_the_same_prospect_twice_in_one_claim_is_one(store: Store) -> None:
    """PostgreSQL refuses to write a row twice in one statement."""
    assert set(Ledger(store).claim(run(0), intents(1) * 2)) == {intents(1)[0].key}
