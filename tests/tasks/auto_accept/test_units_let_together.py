"""Units that are let together are accepted together or not at all: nobody rents the parking space without the flat."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_acceptor import World, world
from test_policy import ENTRY, OFFER

from letting_sync.ledger.records import Entry, Intent
from letting_sync.reasons import Reason
from letting_sync.tasks.auto_accept.policy import Decision, Verdict, decide_together

__all__ = ["world"]  # the fixture
FLAT, PARKING = "01/0001/1/1", "01/0001/1/90"
CONTRACT = ("contract-1", 2)


def leases(world: World, unit: str) -> int:
    return len(world.system.leases_for(world.written(unit)))


def test_flat_and_parking_space_are_both_accepted(world: World) -> None:
    entries = [world.offer("anna", bundle=CONTRACT), world.offer("anna", unit=PARKING, bundle=CONTRACT)]
    acceptor = world.acceptor()

    acceptor.accept([decision.entry for decision in acceptor.plan(entries)])

    assert (leases(world, FLAT), leases(world, PARKING)) == (1, 1)


def test_if_one_is_held_so_is_the_other(world: World) -> None:
    """Another chosen prospect competes for the flat: then the parking space waits as well."""
    entries = [world.offer("anna", bundle=CONTRACT), world.offer("anna", unit=PARKING, bundle=CONTRACT)]
    world.offer("bert")

    decided = world.acceptor().accept(entries)

    assert (leases(world, FLAT), leases(world, PARKING)) == (0, 0)
    assert {d.entry.unit: d.reason for d in decided} == {FLAT: "competing_offer", PARKING: "bundle_held"}
    assert world.entry("anna", unit=PARKING).acceptance_reason == "bundle_held"


def test_without_an_offer_for_the_flat_the_parking_space_is_not_let(world: World) -> None:
    """The flat is in quarantine, or refused by the ERP: the ledger knows of one unit where the contract has two."""
    parking = world.offer("anna", unit=PARKING, bundle=CONTRACT)

    (decision,) = world.acceptor().accept([parking])

    assert (decision.verdict, decision.reason) == (Verdict.HOLD, "bundle_incomplete")
    assert leases(world, PARKING) == 0


def test_what_a_crash_left_half_done_is_finished(world: World) -> None:
    """The flat was accepted, the process died: the parking space follows with the next run."""
    flat = world.offer("anna", bundle=CONTRACT)
    parking = world.offer("anna", unit=PARKING, bundle=CONTRACT)
    world.erp.accept(next(iter(world.erp.offers_on_unit(FLAT))))
    acceptor = world.acceptor()

    acceptor.accept([decision.entry for decision in acceptor.plan([flat, parking])])

    assert (leases(world, FLAT), leases(world, PARKING)) == (1, 1)
    assert world.entry("anna").lease_number


def test_a_yes_to_one_of_the_two_is_no_yes(world: World) -> None:
    """In the approval somebody took the parking space out: the flat alone is not what the contract says."""
    flat = world.offer("anna", bundle=CONTRACT)
    parking = world.offer("anna", unit=PARKING, bundle=CONTRACT)
    world.ledger.mark_held([parking.id], "rejected_by_approver", "run of a", "berta")

    (decision,) = world.acceptor().accept([flat])

    assert decision.reason == "bundle_held"
    assert leases(world, FLAT) == 0


def test_a_flat_that_is_let_already_does_not_hold_a_parking_space_that_joins_it(world: World) -> None:
    flat = world.offer("anna")
    world.acceptor().accept([flat])
    parking = world.offer("anna", unit=PARKING, bundle=CONTRACT)
    joined = Intent(
        flat.external_id, flat.unit, True, flat.content_hash, None, *CONTRACT, source_id=CONTRACT[0]
    )
    world.ledger.mark_seen([(world.entry("anna"), joined)], "run of a")

    world.acceptor().accept([parking])

    assert (leases(world, FLAT), leases(world, PARKING)) == (1, 1)


VERDICTS = st.sampled_from(list(Verdict))


@given(st.lists(VERDICTS, min_size=1, max_size=4), st.integers(1, 5), st.integers(0, 2))
def test_a_bundle_is_accepted_whole_or_not_at_all(verdicts: list[Verdict], size: int, let: int) -> None:
    """After the decision no member is to be accepted while another one is held or missing."""
    members = [ENTRY._replace(id=at, unit=f"1/2/3/{at}", bundle="c", bundle_size=size) for at in range(9)]
    reasons = {Verdict.HOLD: "expired"}
    decisions = [
        Decision(member, verdict, OFFER, reasons.get(verdict))
        for member, verdict in zip(members, verdicts, strict=False)
    ]
    others = [member._replace(lease_number="L") for member in members[len(verdicts) :][:let]]

    found = decide_together(decisions, others)

    accepted = [decision for decision in found if decision.verdict is Verdict.ACCEPT]
    there = len(accepted) + sum(d.verdict is Verdict.LEASED for d in found) + len(others)
    if accepted:
        assert there >= size
        assert not any(decision.verdict is Verdict.HOLD for decision in found)
    for before, after in zip(decisions, found, strict=True):
        if before.verdict is not Verdict.ACCEPT:
            assert after == before


@pytest.mark.parametrize("acceptance", [None, "awaiting", "held"])
def test_a_unit_that_is_let_alone_is_left_alone(acceptance: str | None) -> None:
    alone = Decision(ENTRY, Verdict.ACCEPT, OFFER)
    other = ENTRY._replace(id=2, acceptance=acceptance, updated_at=datetime.now(UTC))

    assert decide_together([alone], [other]) == [alone]


OF_FLAT = ENTRY._replace(unit="1/2/3/1", bundle="c", bundle_size=2)
OF_PARKING = OF_FLAT._replace(id=2, unit="1/2/3/2")
OF_ANOTHER = OF_FLAT._replace(id=3, unit="1/2/3/3", bundle="another", bundle_size=1)
ACCEPT, LEASED, HOLD = Verdict


@pytest.mark.parametrize(
    ("flat", "parking", "others", "reason"),
    [
        (ACCEPT, ACCEPT, [], None),
        (ACCEPT, LEASED, [], None),
        (ACCEPT, HOLD, [], "bundle_held"),
        (ACCEPT, None, [], "bundle_incomplete"),
        (ACCEPT, None, [OF_PARKING], "bundle_incomplete"),
        (ACCEPT, None, [OF_PARKING._replace(lease_number="L")], None),
        (ACCEPT, None, [OF_PARKING._replace(acceptance="held")], "bundle_held"),
        (ACCEPT, None, [OF_PARKING._replace(acceptance="held"), OF_FLAT], "bundle_held"),
        (ACCEPT, None, [OF_ANOTHER._replace(acceptance="held", lease_number="L")], "bundle_incomplete"),
        (ACCEPT, ACCEPT, [OF_FLAT, OF_PARKING._replace(acceptance="held")], None),
    ],
    ids=[
        "both", "one let", "one held", "one without an offer", "one not decided on", "one let before",
        "one held before", "one held before, the other not", "another bundle", "one held before and fine now",
    ],
)  # fmt: skip
def test_what_becomes_of_the_flat(
    flat: Verdict, parking: Verdict | None, others: list[Entry], reason: str | None
) -> None:
    """Whatever becomes of another bundle."""
    on_flat = Decision(OF_FLAT, flat, OFFER)
    on_parking = (
        [Decision(OF_PARKING, parking, OFFER, Reason.EXPIRED if parking is HOLD else None)] if parking else []
    )
    elsewhere = Decision(OF_ANOTHER, HOLD, OFFER, Reason.EXPIRED)

    expected = replace(on_flat, verdict=HOLD, reason=Reason(reason)) if reason else on_flat
    assert decide_together([on_flat, *on_parking, elsewhere], others)[0] == expected
    assert decide_together([elsewhere, *on_parking, on_flat], others)[-1] == expected
