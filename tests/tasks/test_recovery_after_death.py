"""A process dies, by SIGKILL, from within at a named point or from outside while the ERP works; exactly once all the same.

One contract for both ERPs. Tasks run in processes of their own, with the operators of the real DAG files, and whatever
comes next leads to one offer and one lease each: the task again, the whole run again, another run over the window.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.harness.installation import (
    PROSPECTS,
    UP_TO_LOAD,
    Installation,
    backfill,
    clear,
    dies,
    retry,
    until,
)

ways_back = pytest.mark.parametrize("way_back", [retry, backfill])
all_ways_back = pytest.mark.parametrize("way_back", [retry, clear, backfill])


@ways_back
def test_death_before_the_send(
    installation: Installation, way_back: Callable[[Installation, str], None]
) -> None:
    """The claim is written and nothing is marked as sent: it is sent once."""
    installation.add()
    dies(installation, UP_TO_LOAD, "letting_sync.ledger.ledger.Ledger.mark_sent")
    assert installation.offers() == Counter()

    way_back(installation, "load_offers")

    installation.all_is_well()


@ways_back
def test_death_between_the_intent_and_the_send(
    installation: Installation, way_back: Callable[[Installation, str], None]
) -> None:
    """Marked as sent, but it never went: looked up, found nowhere, and sent once it is sure."""
    installation.add()
    dies(installation, UP_TO_LOAD, installation.names.send)
    assert {entry.state for entry in installation.entries()} == {"sent"}

    way_back(installation, "load_offers")

    installation.all_is_well()


@ways_back
@pytest.mark.parametrize(
    ("at", "nth"),
    [
        ("letting_sync.ledger.ledger.Ledger.claim", 6),
        ("send", 3),
        ("letting_sync.ledger.ledger.Ledger.mark_sent", 5),
    ],
)
def test_death_between_the_groups_of_a_batch(
    installation: Installation, way_back: Callable[[Installation, str], None], at: str, nth: int
) -> None:
    """Some are delivered, some on their way, some claimed, some not even that: each is sent once."""
    installation.add(8)
    installation.run = replace(
        installation.run, modules={"letting_sync.tasks.load_offers.sender.PROSPECTS_PER_GROUP": 1}
    )
    dies(installation, UP_TO_LOAD, installation.names.send if at == "send" else at, nth=nth)
    assert len({entry.state for entry in installation.entries()}) + (len(installation.entries()) < 8) > 1

    way_back(installation, "load_offers")

    installation.all_is_well()


@ways_back
def test_death_after_the_send_before_the_response(
    installation: Installation, way_back: Callable[[Installation, str], None]
) -> None:
    """The ERP has taken it while the line is silent: what it made is found by external id and linked."""
    installation.add()
    installation.system.faults.once("timeout_after", path=installation.names.imports, method="POST")
    task = installation.begins(UP_TO_LOAD)
    until(lambda: len(installation.system.offers) > 0)
    task.kill()
    assert task.end().how == "killed"

    way_back(installation, "load_offers")

    installation.all_is_well()


@ways_back
def test_death_after_the_response_before_the_write(
    installation: Installation, way_back: Callable[[Installation, str], None]
) -> None:
    """The number of the import is lost; its offers are found all the same."""
    installation.add()
    dies(installation, UP_TO_LOAD, "letting_sync.ledger.ledger.Ledger.mark_in_import")

    way_back(installation, "load_offers")

    installation.all_is_well()


@all_ways_back
def test_death_in_the_middle_of_an_import(
    installation: Installation, way_back: Callable[[Installation, str], None]
) -> None:
    """A work order or run that goes on is picked up again: it was started once, whatever died meanwhile."""
    installation.add()
    installation.box.yuneo.options.work_order_seconds = installation.box.sigma.options.run_seconds = 2
    task = installation.begins(UP_TO_LOAD)
    until(lambda: len(installation.system.offers) > 0)
    task.kill()
    assert task.end().how == "killed"
    assert len(installation.system.offers) < PROSPECTS

    way_back(installation, "load_offers")

    installation.all_is_well()
    assert installation.count("POST", installation.names.imports) == 1


@ways_back
def test_death_before_the_results_are_written(
    installation: Installation, way_back: Callable[[Installation, str], None]
) -> None:
    """The ERP holds all offers, the ledger none."""
    installation.add()
    dies(installation, UP_TO_LOAD, "letting_sync.ledger.ledger.Ledger.mark_loaded")
    assert {entry.state for entry in installation.entries()} == {"sent"}

    way_back(installation, "load_offers")

    installation.all_is_well()
    assert installation.count("POST", installation.names.imports) == 1


@ways_back
def test_death_in_the_middle_of_writing_results(
    installation: Installation, way_back: Callable[[Installation, str], None]
) -> None:
    """The results that came are in the ledger, those that did not come are still open."""
    installation.add()
    installation.system.faults.once(installation.names.import_fails, part=0.5)
    dies(installation, UP_TO_LOAD, "letting_sync.ledger.ledger.Ledger.mark_loaded", "after")
    assert {entry.state for entry in installation.entries()} == {"loaded", "sent"}

    way_back(installation, "load_offers")

    installation.all_is_well()


@ways_back
def test_death_after_an_import_that_failed_half_way(
    installation: Installation, way_back: Callable[[Installation, str], None]
) -> None:
    """It made half of the offers; the other half is sent again, that half only."""
    installation.add()
    installation.system.faults.once(installation.names.import_fails, part=0.5)
    dies(installation, UP_TO_LOAD, "letting_sync.ledger.ledger.Ledger.mark_in_import", "after")

    way_back(installation, "load_offers")

    installation.all_is_well()


@ways_back
def test_death_before_an_acceptance(
    installation: Installation, way_back: Callable[[Installation, str], None]
) -> None:
    """The right to accept is taken and nothing was asked of the ERP."""
    installation.add()
    installation.succeeds(UP_TO_LOAD)
    dies(installation, ("auto_accept",), installation.names.accept, nth=2)
    assert len(installation.leases()) < len(installation.ids)

    way_back(installation, "auto_accept")

    installation.all_is_well()


@ways_back
def test_death_between_an_acceptance_and_its_response(
    installation: Installation, way_back: Callable[[Installation, str], None]
) -> None:
    """The lease is made while the line is silent: it is found at the offer, not made again."""
    installation.add()
    installation.succeeds(UP_TO_LOAD)
    method, path = installation.names.accepts
    installation.system.faults.once("timeout_after", path=path, method=method)
    task = installation.begins(("auto_accept",))
    until(lambda: len(installation.leases()) > 0)
    task.kill()
    assert task.end().how == "killed"

    way_back(installation, "auto_accept")

    installation.all_is_well()


@all_ways_back
def test_death_between_an_acceptance_and_its_write(
    installation: Installation, way_back: Callable[[Installation, str], None]
) -> None:
    """The ERP has said the lease's number, and nobody wrote it down."""
    installation.add()
    installation.succeeds(UP_TO_LOAD)
    dies(installation, ("auto_accept",), "letting_sync.ledger.ledger.Ledger.mark_leased", nth=2)
    written_down = [entry for entry in installation.entries() if entry.lease_number]
    assert len(written_down) < len(installation.leases())

    way_back(installation, "auto_accept")

    installation.all_is_well()
