"""The review of held offers, against both ERPs and EverReal: what happened to them outside every window."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from test_acceptor import World, world

from letting_sync.reasons import Reason
from letting_sync.tasks.auto_accept.review import review

__all__ = ["world"]  # the fixture


def held(world: World, reason: Reason) -> None:
    """An offer for Anna that was held with this reason by a run that is over."""
    world.ledger.mark_held([world.offer("anna").id], reason, "yesterday's run")


def reviewed(world: World) -> dict[str, int]:
    _, found = review(world.acceptor(), [world.entry("anna")])
    return dict(found)


def a_clerk_accepts(world: World) -> None:
    world.erp.accept(next(iter(world.erp.offers_on_unit(world.unit))))


def a_clerk_rejects(world: World) -> None:
    world.system.clerk.reject(int(world.entry("anna").offer_number or 0))


def contract(world: World) -> str:
    return str(world.entry("anna").source_id)


def the_contract_is_cancelled(world: World) -> None:
    world.everreal.cancel_contract(contract(world))


def the_contract_is_deleted(world: World) -> None:
    world.everreal.remove_contract(contract(world))


def test_a_lease_made_by_a_clerk_is_noted_as_found(world: World) -> None:
    held(world, Reason.EXPIRED)
    a_clerk_accepts(world)

    assert reviewed(world) == {"leased": 1}
    after = world.entry("anna")
    assert (after.acceptance, after.acceptance_reason) == ("leased", "found_in_erp")


def test_an_offer_that_a_clerk_rejected_is_closed(world: World) -> None:
    held(world, Reason.COMPETING_OFFER)
    a_clerk_rejects(world)

    assert reviewed(world) == {"closed offer_rejected": 1}
    assert world.entry("anna").acceptance == "closed"


@pytest.mark.parametrize(
    ("happens", "reason"),
    [
        (the_contract_is_cancelled, "withdrawn_after_load"),
        (the_contract_is_deleted, "gone_at_partner"),
    ],
)
def test_who_is_not_chosen_any_more_is_held_for_that_while_the_offer_is_open(
    world: World, happens: Callable[[World], None], reason: str
) -> None:
    held(world, Reason.EXPIRED)
    happens(world)

    assert reviewed(world) == {f"held {reason}": 1}
    assert world.entry("anna").acceptance_reason == reason


def test_what_nothing_speaks_against_any_more_is_decided_anew(world: World) -> None:
    held(world, Reason.COMPETING_OFFER)

    free, found = review(world.acceptor(), [world.entry("anna")])

    assert [decision.entry.external_id for decision in free] == ["anna"]
    assert not found


@pytest.mark.parametrize(
    "reason",
    [Reason.ACCEPT_OFF, Reason.TOO_MANY, Reason.REJECTED_BY_APPROVER, Reason.APPROVAL_TIMED_OUT],
)
def test_what_a_person_has_decided_stays(world: World, reason: Reason) -> None:
    held(world, reason)

    free, found = review(world.acceptor(), [world.entry("anna")])

    assert (free, dict(found)) == ([], {})
    assert world.entry("anna").acceptance_reason == reason
