"""Exactly once into the ERP, whatever breaks: one contract for both ERPs.

Tasks run in processes of their own, with the operators of the real DAG files. Where an answer is meant to get lost the
sandbox loses it; what a death leaves behind is the matter of ``test_recovery_after_death.py``. What counts in the end
is what the ERP holds.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from include.sandbox import world
from tests.harness.installation import (
    AFTER_LOAD,
    PROSPECTS,
    UP_TO_LOAD,
    Installation,
    clear,
    dies,
    retry,
    until,
)
from tests.harness.task_process import TASKS

ROOT = Path(__file__).resolve().parents[2]


# --- an answer gets lost, and nobody dies -------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["drop_after", "cut_body", "html", "drop_before", "500", "503"])
def test_a_lost_response_of_the_import(installation: Installation, kind: str) -> None:
    """Whether the ERP had taken it or not."""
    installation.add()
    installation.system.faults.once(kind, path=installation.names.deliveries, method="POST")
    if installation.names.imports != installation.names.deliveries:
        installation.system.faults.once(kind, path=installation.names.imports, method="POST")

    installation.succeeds()

    installation.all_is_well()


def test_an_erp_whose_responses_are_all_lost_is_left_alone(installation: Installation) -> None:
    """Three deliveries in one try, however often the task is deferred between them; then Airflow's retry."""
    installation.add()
    installation.system.faults.set(1, ["drop_before"], path=installation.names.deliveries)
    ended = installation.does(UP_TO_LOAD)

    assert ended.how == "failed"
    assert "several times in a row" in ended.error
    assert installation.count("POST", installation.names.deliveries) == 3
    installation.system.faults.clear()

    installation.succeeds(TASKS[2:])

    installation.all_is_well()


@pytest.mark.parametrize("kind", ["drop_after", "cut_body", "500_after", "drop_before", "503"])
def test_a_lost_response_of_an_acceptance(installation: Installation, kind: str) -> None:
    """Whether the lease had been made or not."""
    installation.add()
    method, path = installation.names.accepts
    installation.system.faults.once(kind, path=path, method=method, times=2)

    installation.succeeds()

    installation.all_is_well()


def test_a_request_that_had_to_wait_counts_from_when_it_went(installation: Installation) -> None:
    """The ERP asks for a pause longer than its imports take, then takes the import and loses the answer.

    Counted from before the pause the import would seem to have ended long ago, and be sent a second time.
    """
    installation.add()
    installation.box.yuneo.options.work_order_seconds = installation.box.sigma.options.run_seconds = 0.8
    installation.system.faults.once("429", path=installation.names.deliveries, method="POST", retry_after=2)
    installation.system.faults.once("drop_after", path=installation.names.imports, method="POST")

    installation.succeeds()

    installation.all_is_well()


@pytest.mark.parametrize("same_run", [True, False])
def test_a_process_thought_dead_sends_nothing(installation: Installation, same_run: bool) -> None:
    """It stands still while it waits as the ERP asked; another try does the work; then it wakes up."""
    installation.add()
    installation.system.faults.once("503", path=installation.names.deliveries, method="POST", retry_after=2)
    sleeper = installation.begins(UP_TO_LOAD)
    until(lambda: installation.count("POST", installation.names.deliveries) == 1)
    os.kill(sleeper.process.pid or 0, signal.SIGSTOP)

    installation.succeeds(run=None if same_run else installation.another_run())
    os.kill(sleeper.process.pid or 0, signal.SIGCONT)
    ended = sleeper.end()

    assert ended.how == "failed"
    assert "Another run has taken over prospects" in ended.error
    installation.all_is_well()


# --- what the loader must not do ----------------------------------------------------------------------------


def test_two_offers_for_one_prospect_are_left_to_a_person(installation: Installation) -> None:
    """Ambiguous, in quarantine, and never accepted."""
    installation.add()
    partner = installation.system.add_business_partner(first_name="A", last_name="B").number
    for _ in range(2):
        installation.system.add_offer(installation.ids[0], installation.unit(0), partner, exchange="Immomio")

    counts = installation.succeeds()

    assert counts["quarantine_reasons"] == {"ambiguous": 1}
    assert installation.offers()[installation.ids[0]] == 2
    assert installation.unit(0) not in installation.leases()
    assert len(installation.leases()) == PROSPECTS - 1


def test_two_offers_found_after_a_death_are_left_to_a_person(installation: Installation) -> None:
    """The same where the intent was left open."""
    installation.add()
    dies(installation, UP_TO_LOAD, installation.names.send)
    partner = installation.system.add_business_partner(first_name="A", last_name="B").number
    for _ in range(2):
        installation.system.add_offer(installation.ids[0], installation.unit(0), partner, exchange="Immomio")

    retry(installation, "load_offers")

    assert installation.offers()[installation.ids[0]] == 2
    assert installation.unit(0) not in installation.leases()
    assert Counter(entry.state for entry in installation.entries()) == {
        "ambiguous": 1,
        "loaded": PROSPECTS - 1,
    }


def test_a_change_after_the_load_is_reported_and_not_sent(installation: Installation) -> None:
    """A clerk decides; the offer stays as it was made and is not accepted."""
    installation.add()
    installation.succeeds(UP_TO_LOAD)
    (changed, *_) = installation.box.immomio.applications
    person = changed["mainTenant"] | {"lastname": "Anders"}
    installation.box.immomio.update(changed["id"], mainTenant=person, updatedAt=changed["updatedAt"])

    clear(installation, "extract")

    assert installation.offers() == Counter(installation.ids)
    assert len(installation.leases()) == PROSPECTS - 1
    assert installation.count("POST", installation.names.imports) == 1
    (entry,) = [entry for entry in installation.entries() if entry.external_id == changed["id"]]
    assert (entry.reason, entry.acceptance_reason) == ("changed_after_load", "changed_after_load")


def test_a_withdrawal_after_the_load_is_reported_and_not_accepted(installation: Installation) -> None:
    """The prospect is withdrawn at the partner between load and acceptance."""
    installation.add()
    installation.succeeds(UP_TO_LOAD)
    installation.box.immomio.update(installation.ids[0], status="WITHDRAWN")
    soon = datetime.now(UTC) + timedelta(hours=1)

    installation.succeeds(run=replace(installation.run, run_id="next", start=installation.run.end, end=soon))

    (entry,) = [entry for entry in installation.entries() if entry.external_id == installation.ids[0]]
    assert entry.acceptance_reason == "withdrawn_after_load"
    assert len(installation.leases()) == PROSPECTS - 1
    installation.nothing_is_doubled()


@pytest.mark.parametrize("replay", [True, False])
def test_a_refused_prospect_is_sent_again_once_its_cause_is_fixed(
    installation: Installation, replay: bool
) -> None:
    """By a run over the same window, or by its external id."""
    installation.add(count=PROSPECTS - 1)
    installation.add(count=1, unit=5000)
    counts = installation.succeeds()
    assert counts["quarantine_reasons"] == {"unknown_unit": 1}
    installation.system.add_unit(installation.unit(5000))

    run = installation.another_run()
    installation.succeeds(run=replace(run, params={"external_ids": installation.ids[-1:]}) if replay else run)

    installation.all_is_well()


def test_five_more_runs_over_the_same_window_change_nothing(installation: Installation) -> None:
    """Counted in the ERP."""
    installation.add()
    for number in range(6):
        counts = installation.succeeds(run=installation.another_run(f"run {number}"))

    installation.all_is_well()
    assert counts["already_there"] == PROSPECTS
    assert installation.count("POST", installation.names.imports) == 1


@pytest.mark.parametrize("lost_after", ["load_offers", "reconcile"])
def test_a_lost_ledger_doubles_nothing(installation: Installation, lost_after: str) -> None:
    """The ERP stays the source of truth."""
    installation.add()
    installation.succeeds(TASKS[: TASKS.index(lost_after) + 1])
    for file in installation.home.glob("ledger.db*"):
        file.unlink()

    installation.succeeds(run=installation.another_run())

    installation.all_is_well()


@pytest.mark.parametrize("installation", ["sigma"], indirect=True)
def test_a_ledger_lost_in_the_middle_of_a_run_doubles_nothing(installation: Installation) -> None:
    """While an import of the portal goes on, nothing is delivered: what it will make cannot be seen yet.

    Yuneo has no list of its work orders; there a ledger lost within seconds of a crash is out of reach.
    """
    installation.add()
    installation.box.sigma.options.run_seconds = 2
    task = installation.begins(UP_TO_LOAD)
    until(lambda: len(installation.system.offers) > 0)
    task.kill()
    task.end()
    for file in installation.home.glob("ledger.db*"):
        file.unlink()

    installation.succeeds()

    installation.all_is_well()
    assert installation.count("POST", installation.names.imports) == 1


def test_two_pairs_with_a_prospect_each_for_one_unit_accept_neither(installation: Installation) -> None:
    """Each pair sees the other's through the ledger, since both feed the same ERP."""
    installation.add()
    (candidate,), (contract,) = world.candidates(1, 99, installation.box.world.anchor, units=[world.unit(0)])
    installation.box.everreal.add_candidate(candidate)
    installation.box.everreal.add_contract(contract)
    other = replace(installation.run, pair=f"everreal_{installation.erp}")
    for run in (installation.run, other):
        installation.succeeds(UP_TO_LOAD, run)

    for run in (installation.run, other):
        installation.succeeds(AFTER_LOAD, run)

    assert installation.unit(0) not in installation.leases()
    assert len(installation.leases()) == PROSPECTS - 1
    assert installation.offers() == Counter([*installation.ids, candidate["id"]])


def test_a_run_that_died_for_good_does_not_block_its_prospect(installation: Installation) -> None:
    """Its intent was never sent; meanwhile the partner moved the prospect to another unit."""
    installation.add()
    dies(installation, UP_TO_LOAD, installation.names.send)
    (moved, *_) = installation.box.immomio.applications
    elsewhere = moved["property"] | {"externalId": ".".join(world.unit(50))}
    installation.box.immomio.update(moved["id"], property=elsewhere, updatedAt=moved["updatedAt"])

    installation.succeeds(run=installation.another_run())

    assert installation.offers() == Counter(installation.ids)
    assert installation.unit(50) in installation.leases()
    assert installation.unit(0) not in installation.leases()


# --- the storm ----------------------------------------------------------------------------------------------


def test_a_short_storm_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    """``make chaos`` in small, with the seed fixed: a fifth of all requests with faults, tasks killed at random."""
    report = tmp_path / "report.json"
    storm = "--seed 11 --prospects 60 --import-seconds 0.5 --pairs immomio_yuneo,immomio_sigma --json"
    command = [sys.executable, "-m", "benchmarks.chaos", *storm.split(), str(report)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=_clean(os.environ))

    assert done.returncode == 0, done.stdout + done.stderr
    pairs = json.loads(report.read_text())["pairs"]
    assert {pair: (found["lost"], found["doubled"]) for pair, found in pairs.items()} == {
        "immomio_yuneo": (0, 0),
        "immomio_sigma": (0, 0),
    }


def _clean(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if not name.startswith("AIRFLOW")}
