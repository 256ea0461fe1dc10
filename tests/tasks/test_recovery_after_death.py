"""A process dies, by SIGKILL, from within at a named point or from outside while the ERP works; exactly once all the same.

One contract for both ERPs. Tasks run in processes of their own, with the operators of the real DAG files, and whatever
comes next leads to one offer and one lease each: the task again, the whole run again, another run over the window.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.harness.house import PROSPECTS, UP_TO_LOAD, House, backfill, clear, dies, retry, until

ways_back = pytest.mark.parametrize("way_back", [retry, backfill])
all_ways_back = pytest.mark.parametrize("way_back", [retry, clear, backfill])


@ways_back
def test_death_before_the_send(house: House, way_back: Callable[[House, str], None]) -> None:
    """The claim is written and nothing is marked as sent: it is sent once."""
    house.add()
    dies(house, UP_TO_LOAD, "letting_sync.ledger.ledger.Ledger.mark_sent")
    assert house.offers() == Counter()

    way_back(house, "load_offers")

    house.all_is_well()


@ways_back
def test_death_between_the_intent_and_the_send(house: House, way_back: Callable[[House, str], None]) -> None:
    """Marked as sent, but it never went: looked up, found nowhere, and sent once it is sure."""
    house.add()
    dies(house, UP_TO_LOAD, house.names.send)
    assert {entry.state for entry in house.entries()} == {"sent"}

    way_back(house, "load_offers")

    house.all_is_well()


@ways_back
@pytest.mark.parametrize(
    ("at", "nth"),
    [
        ("letting_sync.ledger.ledger.Ledger.claim", 6),
        ("send", 3),
        ("letting_sync.ledger.ledger.Ledger.mark_sent", 5),
    ],
)
def test_death_between_the_groups_of_a_wave(
    house: House, way_back: Callable[[House, str], None], at: str, nth: int
) -> None:
    """Some are delivered, some on their way, some claimed, some not even that: each is sent once."""
    house.add(8)
    house.run = replace(house.run, modules={"letting_sync.tasks.load_offers.sender.PROSPECTS_PER_GROUP": 1})
    dies(house, UP_TO_LOAD, house.names.send if at == "send" else at, nth=nth)
    assert len({entry.state for entry in house.entries()}) + (len(house.entries()) < 8) > 1

    way_back(house, "load_offers")

    house.all_is_well()


@ways_back
def test_death_after_the_send_before_the_answer(house: House, way_back: Callable[[House, str], None]) -> None:
    """The ERP has taken it while the line is silent: what it made is found by external id and adopted."""
    house.add()
    house.system.faults.once("timeout_after", path=house.names.imports, method="POST")
    task = house.begins(UP_TO_LOAD)
    until(lambda: len(house.system.offers) > 0)
    task.kill()
    assert task.end().how == "killed"

    way_back(house, "load_offers")

    house.all_is_well()


@ways_back
def test_death_after_the_answer_before_the_write(
    house: House, way_back: Callable[[House, str], None]
) -> None:
    """The number of the import is lost; its offers are found all the same."""
    house.add()
    dies(house, UP_TO_LOAD, "letting_sync.ledger.ledger.Ledger.mark_in_import")

    way_back(house, "load_offers")

    house.all_is_well()


@all_ways_back
def test_death_in_the_middle_of_an_import(house: House, way_back: Callable[[House, str], None]) -> None:
    """A work order or run that goes on is picked up again: it was started once, whatever died meanwhile."""
    house.add()
    house.box.yuneo.options.work_order_seconds = house.box.sigma.options.run_seconds = 2
    task = house.begins(UP_TO_LOAD)
    until(lambda: len(house.system.offers) > 0)
    task.kill()
    assert task.end().how == "killed"
    assert len(house.system.offers) < PROSPECTS

    way_back(house, "load_offers")

    house.all_is_well()
    assert house.count("POST", house.names.imports) == 1


@ways_back
def test_death_before_the_results_are_written(house: House, way_back: Callable[[House, str], None]) -> None:
    """The ERP holds all offers, the ledger none."""
    house.add()
    dies(house, UP_TO_LOAD, "letting_sync.ledger.ledger.Ledger.mark_loaded")
    assert {entry.state for entry in house.entries()} == {"sent"}

    way_back(house, "load_offers")

    house.all_is_well()
    assert house.count("POST", house.names.imports) == 1


@ways_back
def test_death_in_the_middle_of_writing_results(house: House, way_back: Callable[[House, str], None]) -> None:
    """The results that came stand in the ledger, those that did not come are still open."""
    house.add()
    house.system.faults.once(house.names.import_fails, part=0.5)
    dies(house, UP_TO_LOAD, "letting_sync.ledger.ledger.Ledger.mark_loaded", "after")
    assert {entry.state for entry in house.entries()} == {"loaded", "sent"}

    way_back(house, "load_offers")

    house.all_is_well()


@ways_back
def test_death_after_an_import_that_failed_half_way(
    house: House, way_back: Callable[[House, str], None]
) -> None:
    """It made half of the offers; the other half is sent again, that half only."""
    house.add()
    house.system.faults.once(house.names.import_fails, part=0.5)
    dies(house, UP_TO_LOAD, "letting_sync.ledger.ledger.Ledger.mark_in_import", "after")

    way_back(house, "load_offers")

    house.all_is_well()


@ways_back
def test_death_before_an_acceptance(house: House, way_back: Callable[[House, str], None]) -> None:
    """The right to accept is taken and nothing was asked of the ERP."""
    house.add()
    house.succeeds(UP_TO_LOAD)
    dies(house, ("auto_accept",), house.names.accept, nth=2)
    assert len(house.leases()) < len(house.ids)

    way_back(house, "auto_accept")

    house.all_is_well()


@ways_back
def test_death_between_an_acceptance_and_its_answer(
    house: House, way_back: Callable[[House, str], None]
) -> None:
    """The lease is made while the line is silent: it is found at the offer, not made again."""
    house.add()
    house.succeeds(UP_TO_LOAD)
    method, path = house.names.accepts
    house.system.faults.once("timeout_after", path=path, method=method)
    task = house.begins(("auto_accept",))
    until(lambda: len(house.leases()) > 0)
    task.kill()
    assert task.end().how == "killed"

    way_back(house, "auto_accept")

    house.all_is_well()


@all_ways_back
def test_death_between_an_acceptance_and_its_write(
    house: House, way_back: Callable[[House, str], None]
) -> None:
    """The ERP has said the lease's number, and nobody wrote it down."""
    house.add()
    house.succeeds(UP_TO_LOAD)
    dies(house, ("auto_accept",), "letting_sync.ledger.ledger.Ledger.mark_leased", nth=2)
    written_down = [entry for entry in house.entries() if entry.lease_number]
    assert len(written_down) < len(house.leases())

    way_back(house, "auto_accept")

    house.all_is_well()
