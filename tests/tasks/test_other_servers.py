"""Servers that keep the contracts and are still unlike the sandbox: slower, later, busier, shorter of words.

Each test bends the sandbox in one way that the contracts allow. What counts in the end is what the ERP holds.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
import requests

from include.sandbox.common import Refused
from tests.harness.house import AFTER_LOAD, LOAD, PROSPECTS, UP_TO_LOAD, House, dies, until
from tests.harness.task_process import TASKS

only_yuneo = pytest.mark.parametrize("house", ["yuneo"], indirect=True)
only_sigma = pytest.mark.parametrize("house", ["sigma"], indirect=True)


def a_clerk_runs_the_import(house: House) -> None:
    """Whatever was left in Sigma's inbox becomes an offer now."""
    until(lambda: not house.system.asgi.late)
    sigma = house.box.sigma
    path = "/wodis/rest/verarbeitung/interessenten-import"
    answer = requests.post(
        sigma.url + path, json={"portal": "Immomio"}, auth=(sigma.login, sigma.password), timeout=30
    )
    answer.raise_for_status()


# --- effects that come late ---------------------------------------------------------------------------------


@pytest.mark.parametrize("call", ["deliveries", "imports"])
def test_a_lost_request_that_takes_effect_later(house: House, call: str) -> None:
    """The line broke at once; the ERP does what it was asked when we have long begun to look."""
    house.add()
    house.run = replace(house.run, environment=house.environment(settle_seconds=4))
    house.system.faults.once("late_effect", path=getattr(house.names, call), method="POST", hold_seconds=2)

    house.succeeds()

    a_clerk_runs_the_import(house)
    house.all_is_well()


def test_an_acceptance_that_takes_effect_later(house: House) -> None:
    """It is repeated meanwhile; one of the two makes the lease, and the ERP refuses the other."""
    house.add()
    method, path = house.names.accepts
    house.system.faults.once("late_effect", path=path, method=method, hold_seconds=0.2)

    house.succeeds()

    until(lambda: not house.system.asgi.late)
    house.all_is_well()


@only_yuneo
def test_a_lost_import_waits_in_the_same_queue_as_the_others(house: House) -> None:
    """Two imports, the number of the first one lost, and a queue slower than an import is expected to be.

    While the second one, whose number is known, has not ended, the first one may not have either.
    """
    house.add(201)
    house.box.yuneo.options.work_order_seconds = 6
    house.system.faults.once("drop_after", path=house.names.imports, method="POST")
    dies(house, UP_TO_LOAD, "letting_sync.ledger.ledger.Ledger.mark_in_import", "after")
    house.run = replace(house.run, environment=house.environment(settle_seconds=0))

    house.succeeds(LOAD)

    assert len(house.box.yuneo.work_orders) == 2
    assert house.offers() == Counter(house.ids)


@only_yuneo
def test_a_work_order_that_is_queued_for_long_is_waited_for(house: House) -> None:
    """Longer than an import whose number is lost is waited for."""
    house.add()
    house.box.yuneo.options.work_order_seconds = 6
    dies(house, UP_TO_LOAD, "letting_sync.ledger.ledger.Ledger.mark_in_import", "after")

    house.succeeds(TASKS[2:])

    house.all_is_well()
    assert house.count("POST", house.names.imports) == 1


# --- what an import says, or does not say -------------------------------------------------------------------


def _import_of(house: House) -> tuple[str, str, str]:
    """Where the sandbox reads an import, the key of its results, and the key of their ids."""
    if house.erp == "yuneo":
        return "work_order", "results", "externalId"
    return "run_state", "protokoll", "externeId"


def test_an_import_that_is_unknown_when_it_has_ended(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its number is answered with 404: what it made is found by external id."""
    house.add()
    house.box.yuneo.options.work_order_seconds = house.box.sigma.options.run_seconds = 0

    def unknown(*_: Any) -> Any:
        raise Refused(404, "NOT_FOUND")

    monkeypatch.setattr(house.system, _import_of(house)[0], unknown)

    house.succeeds()

    house.all_is_well()
    assert house.count("POST", house.names.deliveries) == 1


@pytest.mark.parametrize("told", ["backwards", "half", "nothing", "twice"])
def test_an_import_whose_results_are_in_disorder(
    house: House, monkeypatch: pytest.MonkeyPatch, told: str
) -> None:
    """Results are taken by external id; what has none, or two, is looked up."""
    house.add()
    name, key, _ = _import_of(house)
    original = getattr(house.system, name)

    def in_disorder(number: Any) -> Any:
        answer = original(number)
        results = answer[key]
        by_way = {"backwards": results[::-1], "half": results[1::2], "nothing": [], "twice": results * 2}
        return answer | {key: by_way[told]}

    monkeypatch.setattr(house.system, name, in_disorder)

    house.succeeds()

    house.all_is_well()
    assert house.count("POST", house.names.deliveries) == 1


# --- Sigma's inbox and other people's runs ------------------------------------------------------------------


@only_sigma
def test_a_clerks_run_takes_the_delivery_before_ours_starts(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ours is then a run of an empty inbox; the offers are found by external id."""
    house.add()
    original = house.system.run

    async def clerk_first(portal: str, fault: Any) -> Any:
        if not house.system.runs:
            await original(portal, None)
        return await original(portal, fault)

    monkeypatch.setattr(house.system, "run", clerk_first)

    house.succeeds()

    a_clerk_runs_the_import(house)
    house.all_is_well()
    assert house.count("POST", house.names.deliveries) == 1


@only_sigma
@pytest.mark.parametrize("fault", ["run_active", "run_aborts", "drop_before"])
def test_what_lies_in_the_inbox_is_not_delivered_again(
    house: House, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """Somebody else's run goes on and nobody says which, or ours breaks off, or was not even started.

    A second delivery would be a second offer if somebody's run took the first one at the same moment: what may
    lie in the inbox is imported, not delivered.
    """
    house.add()
    monkeypatch.setattr(house.system, "_run_active", lambda job: Refused(409, "LAUF_AKTIV"))
    house.system.faults.once(fault, path=house.names.imports, method="POST")

    house.succeeds()

    a_clerk_runs_the_import(house)
    house.all_is_well()
    assert house.count("POST", house.names.deliveries) == 1


@only_sigma
def test_a_run_that_empties_the_inbox_and_breaks_off(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where an aborted run leaves nothing in the inbox, what it did not get to is delivered again."""
    house.add()
    original = house.system.run

    async def empties(portal: str, fault: Any) -> Any:
        answer = await original(portal, fault)
        if fault is not None:
            house.system._inbox.clear()
        return answer

    monkeypatch.setattr(house.system, "run", empties)
    house.system.faults.once("run_aborts", path=house.names.imports, method="POST")

    house.succeeds()

    house.all_is_well()
    assert house.count("POST", house.names.deliveries) == 2


# --- clerks -------------------------------------------------------------------------------------------------


def a_clerk_accepts(house: House, external_id: str) -> None:
    (offer,) = house.system.offers_for(external_id)
    with house.system.lock:
        house.system.accept(offer, None, ("expired", "let"))


def test_an_offer_that_a_clerk_accepted_meanwhile_is_one_lease(house: House) -> None:
    """Between load and acceptance: the clerk's lease is written down, and no other is made."""
    house.add()
    house.succeeds(UP_TO_LOAD)
    a_clerk_accepts(house, house.ids[0])

    house.succeeds(AFTER_LOAD)

    house.all_is_well()


def test_an_offer_that_a_clerk_accepts_at_the_same_moment_is_one_lease(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After our last look, before our request comes in."""
    house.add()
    name = "accept_offer" if house.erp == "yuneo" else "save_offer"
    original = getattr(house.system, name)

    def clerk_first(*arguments: Any) -> Any:
        if not house.system.leases:
            a_clerk_accepts(house, house.system.offers[0].external_id)
        return original(*arguments)

    monkeypatch.setattr(house.system, name, clerk_first)

    house.succeeds()

    house.all_is_well()


def test_a_unit_that_a_clerk_let_to_somebody_else_is_not_let_again(house: House) -> None:
    """Our offer stands, and no lease is made of it."""
    house.add()
    house.succeeds(UP_TO_LOAD)
    house.system.let_unit(house.unit(0))

    house.succeeds(AFTER_LOAD)

    assert house.leases()[house.unit(0)] == 1
    (entry,) = [entry for entry in house.entries() if entry.external_id == house.ids[0]]
    assert (entry.acceptance, entry.acceptance_reason) == ("held", "unit_let")
    assert len(house.leases()) == PROSPECTS


# --- the log-in ---------------------------------------------------------------------------------------------


@only_yuneo
def test_a_token_that_runs_out_in_the_middle(house: House) -> None:
    """At the import, at a look-up, at an acceptance: each is asked again with a new one, and takes effect once."""
    house.add()
    for path in (house.names.imports, "/api/v1/offers", "/api/v1/work-orders/*", house.names.accepts[1]):
        house.system.faults.once("expired_token", path=path, times=2)

    house.succeeds()

    house.all_is_well()
