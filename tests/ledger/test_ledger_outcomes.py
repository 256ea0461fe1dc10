"""What an answer of the ERP or of the partner writes into the ledger, and what it leaves alone."""

from __future__ import annotations

import pytest
import time_machine

from letting_sync.ledger.ledger import Ledger
from letting_sync.ledger.records import Made
from tests.harness.ledger_entries import (
    BERT,
    MINUTE,
    NEXT_RUN,
    NOW,
    OFFER,
    changes,
    claimed,
    entry,
    history,
    loaded,
    sent,
)


def test_an_offer_is_written_with_all_its_numbers(ledger: Ledger, clock: time_machine.Coordinates) -> None:
    before = sent(ledger)
    clock.shift(MINUTE)
    ledger.mark_loaded([Made(before.id, None, **OFFER)])

    assert changes(before, entry(ledger)) == OFFER | {"state": "loaded", "updated_at": NOW + MINUTE}
    assert history(ledger, before)[2:] == [("offer", None, None, "O-1")]


def test_an_offer_found_in_the_erp_says_so(ledger: Ledger) -> None:
    before = claimed(ledger)
    ledger.mark_loaded([Made(before.id, None, reason="found_in_erp", offer_id="4711")])

    assert changes(before, entry(ledger)) == {"state": "loaded", "reason": "found_in_erp", "offer_id": "4711"}
    assert history(ledger, before)[1:] == [("offer", None, "found_in_erp", None)]


def test_a_refusal_is_written_with_its_reason(ledger: Ledger) -> None:
    before, other = sent(ledger), sent(ledger, BERT)
    ledger.mark_refused([before.id], "unknown_unit")

    assert changes(before, entry(ledger)) == {"state": "refused", "reason": "unknown_unit"}
    assert history(ledger, before)[2:] == [("refused", None, "unknown_unit", None)]
    assert entry(ledger, BERT) == other


def test_several_offers_are_for_a_person(ledger: Ledger) -> None:
    before = sent(ledger)
    ledger.mark_ambiguous(before.id)

    assert changes(before, entry(ledger)) == {"state": "ambiguous", "reason": "ambiguous"}
    assert history(ledger, before)[2:] == [("several offers found", None, "ambiguous", None)]


def test_an_old_response_overwrites_nothing(ledger: Ledger) -> None:
    """A process that was thought dead wakes up and writes what it had read about a claim that it lost."""
    lost = sent(ledger).claim
    ledger.claim_again(NEXT_RUN, [entry(ledger)])
    before = entry(ledger)
    ledger.mark_loaded([Made(before.id, lost, **OFFER)])
    ledger.mark_refused([before.id], "unknown_unit", lost)
    ledger.mark_ambiguous(before.id, lost)

    assert entry(ledger) == before
    assert len(history(ledger, before)) == 3


@pytest.mark.parametrize("state", ["loaded", "refused", "ambiguous"])
def test_a_response_to_the_claim_that_holds_is_written(ledger: Ledger, state: str) -> None:
    before = sent(ledger)
    if state == "loaded":
        ledger.mark_loaded([Made(before.id, before.claim, **OFFER)])
    elif state == "refused":
        ledger.mark_refused([before.id], "unknown_unit", before.claim)
    else:
        ledger.mark_ambiguous(before.id, before.claim)

    assert entry(ledger).state == state


def test_a_change_at_the_partner_is_noted_once(ledger: Ledger, clock: time_machine.Coordinates) -> None:
    before = loaded(ledger)
    ledger.mark_changed([before.id])
    clock.shift(MINUTE)
    ledger.mark_changed([before.id])

    assert changes(before, entry(ledger)) == {"changed_at": NOW, "reason": "changed_after_load"}
    assert history(ledger, before)[3:] == [("changed at the partner", None, "changed_after_load", None)]
