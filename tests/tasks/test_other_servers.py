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
from tests.harness.installation import AFTER_LOAD, LOAD, PROSPECTS, UP_TO_LOAD, Installation, dies, until
from tests.harness.task_process import TASKS

only_yuneo = pytest.mark.parametrize("installation", ["yuneo"], indirect=True)
only_sigma = pytest.mark.parametrize("installation", ["sigma"], indirect=True)


def a_clerk_runs_the_import(installation: Installation) -> None:
    """Whatever was left in Sigma's inbox becomes an offer now."""
    until(lambda: not installation.system.asgi.late)
    sigma = installation.box.sigma
    path = "/wodis/rest/verarbeitung/interessenten-import"
    response = requests.post(
        sigma.url + path, json={"portal": "Immomio"}, auth=(sigma.login, sigma.password), timeout=30
    )
    response.raise_for_status()


# --- effects that come late ---------------------------------------------------------------------------------


@pytest.mark.parametrize("call", ["deliveries", "imports"])
def test_a_lost_request_that_takes_effect_later(installation: Installation, call: str) -> None:
    """The line broke at once; the ERP does what it was asked when we have long begun to look."""
    installation.add()
    installation.run = replace(installation.run, environment=installation.environment(settle_seconds=4))
    installation.system.faults.once(
        "late_effect", path=getattr(installation.names, call), method="POST", hold_seconds=2
    )

    installation.succeeds()

    a_clerk_runs_the_import(installation)
    installation.all_is_well()


def test_an_acceptance_that_takes_effect_later(installation: Installation) -> None:
    """It is repeated meanwhile; one of the two makes the lease, and the ERP refuses the other."""
    installation.add()
    method, path = installation.names.accepts
    installation.system.faults.once("late_effect", path=path, method=method, hold_seconds=0.2)

    installation.succeeds()

    until(lambda: not installation.system.asgi.late)
    installation.all_is_well()


@only_yuneo
def test_a_lost_import_waits_in_the_same_queue_as_the_others(installation: Installation) -> None:
    """Two imports, the number of the first one lost, and a queue slower than an import is expected to be.

    While the second one, whose number is known, has not ended, the first one may not have either.
    """
    installation.add(201)
    installation.box.yuneo.options.work_order_seconds = 6
    installation.system.faults.once("drop_after", path=installation.names.imports, method="POST")
    dies(installation, UP_TO_LOAD, "letting_sync.ledger.ledger.Ledger.mark_in_import", "after")
    installation.run = replace(installation.run, environment=installation.environment(settle_seconds=0))

    installation.succeeds(LOAD)

    assert len(installation.box.yuneo.work_orders) == 2
    assert installation.offers() == Counter(installation.ids)


@only_yuneo
def test_a_work_order_that_is_queued_for_long_is_waited_for(installation: Installation) -> None:
    """Longer than an import whose number is lost is waited for."""
    installation.add()
    installation.box.yuneo.options.work_order_seconds = 6
    dies(installation, UP_TO_LOAD, "letting_sync.ledger.ledger.Ledger.mark_in_import", "after")

    installation.succeeds(TASKS[2:])

    installation.all_is_well()
    assert installation.count("POST", installation.names.imports) == 1


# --- what an import says, or does not say -------------------------------------------------------------------


def _import_of(installation: Installation) -> tuple[str, str, str]:
    """Where the sandbox reads an import, the key of its results, and the key of their ids."""
    if installation.erp == "yuneo":
        return "work_order", "results", "externalId"
    return "run_state", "protokoll", "externeId"


def test_an_import_that_is_unknown_when_it_has_ended(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its number is answered with 404: what it made is found by external id."""
    installation.add()
    installation.box.yuneo.options.work_order_seconds = installation.box.sigma.options.run_seconds = 0

    def unknown(*_: Any) -> Any:
        raise Refused(404, "NOT_FOUND")

    monkeypatch.setattr(installation.system, _import_of(installation)[0], unknown)

    installation.succeeds()

    installation.all_is_well()
    assert installation.count("POST", installation.names.deliveries) == 1


@pytest.mark.parametrize("told", ["backwards", "half", "nothing", "twice"])
def test_an_import_whose_results_are_in_disorder(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, told: str
) -> None:
    """Results are taken by external id; what has none, or two, is looked up."""
    installation.add()
    name, key, _ = _import_of(installation)
    original = getattr(installation.system, name)

    def in_disorder(number: Any) -> Any:
        response = original(number)
        results = response[key]
        by_way = {"backwards": results[::-1], "half": results[1::2], "nothing": [], "twice": results * 2}
        return response | {key: by_way[told]}

    monkeypatch.setattr(installation.system, name, in_disorder)

    installation.succeeds()

    installation.all_is_well()
    assert installation.count("POST", installation.names.deliveries) == 1


# --- Sigma's inbox and other people's runs ------------------------------------------------------------------


@only_sigma
def test_a_clerks_run_takes_the_delivery_before_ours_starts(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ours is then a run of an empty inbox; the offers are found by external id."""
    installation.add()
    original = installation.system.run

    async def clerk_first(portal: str, fault: Any) -> Any:
        if not installation.system.runs:
            await original(portal, None)
        return await original(portal, fault)

    monkeypatch.setattr(installation.system, "run", clerk_first)

    installation.succeeds()

    a_clerk_runs_the_import(installation)
    installation.all_is_well()
    assert installation.count("POST", installation.names.deliveries) == 1


@only_sigma
@pytest.mark.parametrize("fault", ["run_active", "run_aborts", "drop_before"])
def test_what_is_in_the_inbox_is_not_delivered_again(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """Somebody else's run goes on and nobody says which, or ours breaks off, or was not even started.

    A second delivery would be a second offer if somebody's run took the first one at the same moment: what may
    be in the inbox is imported, not delivered.
    """
    installation.add()
    monkeypatch.setattr(installation.system, "_run_active", lambda job: Refused(409, "LAUF_AKTIV"))
    installation.system.faults.once(fault, path=installation.names.imports, method="POST")

    installation.succeeds()

    a_clerk_runs_the_import(installation)
    installation.all_is_well()
    assert installation.count("POST", installation.names.deliveries) == 1


@only_sigma
def test_a_run_that_empties_the_inbox_and_breaks_off(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where an aborted run leaves nothing in the inbox, what it did not get to is delivered again."""
    installation.add()
    original = installation.system.run

    async def empties(portal: str, fault: Any) -> Any:
        response = await original(portal, fault)
        if fault is not None:
            installation.system._inbox.clear()
        return response

    monkeypatch.setattr(installation.system, "run", empties)
    installation.system.faults.once("run_aborts", path=installation.names.imports, method="POST")

    installation.succeeds()

    installation.all_is_well()
    assert installation.count("POST", installation.names.deliveries) == 2


# --- clerks -------------------------------------------------------------------------------------------------


def a_clerk_accepts(installation: Installation, external_id: str) -> None:
    (offer,) = installation.system.offers_for(external_id)
    with installation.system.lock:
        installation.system.accept(offer, None, ("expired", "let"))


def test_an_offer_that_a_clerk_accepted_meanwhile_is_one_lease(installation: Installation) -> None:
    """Between load and acceptance: the clerk's lease is written down, and no other is made."""
    installation.add()
    installation.succeeds(UP_TO_LOAD)
    a_clerk_accepts(installation, installation.ids[0])

    installation.succeeds(AFTER_LOAD)

    installation.all_is_well()


def test_an_offer_that_a_clerk_accepts_at_the_same_moment_is_one_lease(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After our last look, before our request comes in."""
    installation.add()
    name = "accept_offer" if installation.erp == "yuneo" else "save_offer"
    original = getattr(installation.system, name)

    def clerk_first(*arguments: Any) -> Any:
        if not installation.system.leases:
            a_clerk_accepts(installation, installation.system.offers[0].external_id)
        return original(*arguments)

    monkeypatch.setattr(installation.system, name, clerk_first)

    installation.succeeds()

    installation.all_is_well()


def test_a_unit_that_a_clerk_let_to_somebody_else_is_not_let_again(installation: Installation) -> None:
    """Our offer stands, and no lease is made of it."""
    installation.add()
    installation.succeeds(UP_TO_LOAD)
    installation.system.let_unit(installation.unit(0))

    installation.succeeds(AFTER_LOAD)

    assert installation.leases()[installation.unit(0)] == 1
    (entry,) = [entry for entry in installation.entries() if entry.external_id == installation.ids[0]]
    assert (entry.acceptance, entry.acceptance_reason) == ("held", "unit_let")
    assert len(installation.leases()) == PROSPECTS


# --- the log-in ---------------------------------------------------------------------------------------------


@only_yuneo
def test_a_token_that_runs_out_in_the_middle(installation: Installation) -> None:
    """At the import, at a look-up, at an acceptance: each is asked again with a new one, and takes effect once."""
    installation.add()
    for path in (
        installation.names.imports,
        "/api/v1/offers",
        "/api/v1/work-orders/*",
        installation.names.accepts[1],
    ):
        installation.system.faults.once("expired_token", path=path, times=2)

    installation.succeeds()

    installation.all_is_well()
