"""Sigma's inbox and the run of its import, which answers when it has ended and goes on whatever the line does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import pytest

import letting_sync.systems.sigma.hook as sigma_hook
from letting_sync.erp import Outgoing
from letting_sync.errors import RefuseRecord, ResponseLost, StopRun, WaitAndRepeat
from letting_sync.systems.sigma import SIGMA
from letting_sync.systems.sigma.client import Sigma

RUN = "/wodis/rest/verarbeitung/interessenten-import"
Make = Callable[..., list[Outgoing]]


def deliver(sigma: Any, batch: list[Outgoing]) -> None:
    sigma.erp.deliver(batch, lambda: None)


def inbox(sigma: Any) -> list[str]:
    return [one.external_id for one in sigma.system.inbox("Immomio")]


def offers(sigma: Any) -> list[str]:
    return sorted(offer.external_id for offer in sigma.system.offers)


def test_the_first_run_of_a_portal(sigma: Any, make: Make) -> None:
    """There is no latest run yet, which Sigma answers with 404."""
    assert sigma.erp.import_going_on() is None
    deliver(sigma, make("anna"))
    job = sigma.erp.start_import()

    assert [run.id for run in sigma.system.runs] == [job]
    assert offers(sigma) == ["anna"]


def test_several_deliveries_share_one_run(sigma: Any, make: Make) -> None:
    deliver(sigma, make("anna"))
    deliver(sigma, make("bert"))
    job = sigma.erp.start_import()

    assert len(sigma.ended(job).results) == 2
    assert len(sigma.system.runs) == 1


def test_a_second_delivery_replaces_what_still_is_in_the_inbox(sigma: Any, make: Make) -> None:
    deliver(sigma, make("anna"))
    deliver(sigma, make("anna", city="Dresden"))
    sigma.erp.start_import()

    assert offers(sigma) == ["anna"]
    assert sigma.system.business_partners[0].person.city == "Dresden"


@pytest.mark.parametrize("kind", ["drop_after", "drop_before", "html", "500_after"])
def test_a_delivery_is_not_repeated_on_a_doubt(sigma: Any, make: Make, kind: str) -> None:
    """The first one may arrive when a run has taken the second, and would be a second offer."""
    sigma.system.faults.once(kind, path="*/eingang")

    with pytest.raises(ResponseLost):
        deliver(sigma, make("anna"))
    assert sigma.system.requests.count("POST", "*/eingang") == 1


@pytest.mark.parametrize("response", [[1], {"abgewiesen": 1}, {"abgewiesen": [{"fehler": "FELD_UNGUELTIG"}]}])
def test_a_response_of_the_inbox_that_cannot_be_read_is_a_lost_one(
    sigma: Any, make: Make, monkeypatch: pytest.MonkeyPatch, response: Any
) -> None:
    """What was delivered lies there all the same."""
    monkeypatch.setattr(sigma.erp.hook, "deliver", lambda *_: response)

    with pytest.raises(ResponseLost):
        deliver(sigma, make("anna"))


@pytest.mark.parametrize(("seconds", "may_come"), [(60, True), (180, False)])
def test_how_long_a_lost_delivery_may_still_come(sigma: Any, seconds: float, may_come: bool) -> None:
    """Two minutes, unless the connection says otherwise."""
    assert sigma.erp.within_settle_window(datetime.now(UTC) - timedelta(seconds=seconds)) is may_come


def test_what_the_inbox_turns_away_has_its_reason(sigma: Any, make: Make) -> None:
    (empty,) = make("empty")
    nameless = Outgoing(empty.prospect.model_copy(update={"last_name": ""}))
    delivery = sigma.erp.deliver([*make("anna"), nameless], lambda: None)

    assert delivery.refused == {"empty": "invalid_field"}
    assert delivery.refusal_texts == {"empty": "name"}
    assert inbox(sigma) == ["anna"]


def test_a_run_that_goes_on_already_is_waited_for(sigma: Any, make: Make) -> None:
    """A clerk's run, begun before our delivery, which is still in the inbox afterwards."""
    sigma.system.options.run_seconds = 0.1
    deliver(sigma, make("anna"))
    sigma.system.faults.once("run_active")

    assert sigma.erp.start_import() is None
    (theirs,) = sigma.system.runs
    assert sigma.erp.import_going_on() == theirs.id
    assert sigma.ended(theirs.id).results == []
    assert inbox(sigma) == ["anna"]
    sigma.ended(sigma.erp.start_import())
    assert offers(sigma) == ["anna"]


def test_a_long_run_is_watched_from_outside(sigma: Any, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its answer is not waited for; the run is found by its portal and read until it has ended."""
    monkeypatch.setattr(sigma_hook, "START_TIMEOUT", 0.05)
    sigma.system.options.run_seconds = 0.4
    deliver(sigma, make("anna", "bert"))
    job = sigma.erp.start_import()

    assert not sigma.erp.import_state(job).finished
    assert sigma.erp.import_going_on() == job
    assert [result.external_id for result in sigma.ended(job).results] == ["anna", "bert"]
    assert sigma.erp.import_going_on() is None
    assert offers(sigma) == ["anna", "bert"]
    assert len(sigma.system.runs) == 1


@pytest.mark.parametrize("kind", ["drop_after", "cut_body", "html", "malformed_json", "500_after"])
def test_a_run_whose_response_is_lost_is_found(sigma: Any, make: Make, kind: str) -> None:
    sigma.ended(sigma.erp.start_import())  # an earlier one, which it must not be taken for
    deliver(sigma, make("anna"))
    sigma.system.faults.once(kind, path=RUN, method="POST")
    job = sigma.erp.start_import()

    assert [result.external_id for result in sigma.ended(job).results] == ["anna"]
    assert sigma.system.requests.count("POST", RUN) == 2
    assert offers(sigma) == ["anna"]


def test_a_run_that_breaks_off_the_line_in_the_middle_goes_on(
    sigma: Any, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sigma_hook, "START_TIMEOUT", 0.1)
    sigma.system.options.run_seconds = 0.2
    deliver(sigma, make(*[f"p{number}" for number in range(10)]))
    sigma.system.faults.once("timeout_after", path=RUN, method="POST", hold_seconds=5)
    job = sigma.erp.start_import()

    assert len(sigma.ended(job).results) == len(sigma.system.offers) == 10


@pytest.mark.parametrize("kind", ["drop_before", "500", "502"])
def test_a_run_that_was_not_started_is_not_made_up(sigma: Any, make: Make, kind: str) -> None:
    """What was delivered is in the inbox; the next try finds it there, and it is imported once."""
    sigma.ended(sigma.erp.start_import())
    deliver(sigma, make("anna"))
    sigma.system.faults.once(kind, path=RUN, method="POST")

    with pytest.raises(WaitAndRepeat, match="inbox"):
        sigma.erp.start_import()
    assert inbox(sigma) == ["anna"]
    sigma.ended(sigma.erp.start_import())
    assert offers(sigma) == ["anna"]


def test_an_aborted_run_has_ended_with_part_of_its_protocol(sigma: Any, make: Make) -> None:
    """The rest is still in the inbox and is imported by the next run; nobody twice."""
    names = ["anna", "bert", "cleo", "dora"]
    deliver(sigma, make(*names))
    sigma.system.faults.once("run_aborts", part=0.5)
    state = sigma.ended(sigma.erp.start_import())

    assert state.broken_off
    assert [result.external_id for result in state.results] == names[:2]
    assert inbox(sigma) == names[2:]
    sigma.ended(sigma.erp.start_import())
    assert offers(sigma) == names


def test_an_unknown_word_for_a_runs_state_is_no_end(
    sigma: Any, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who took it for the end would deliver again what is still being worked on."""
    deliver(sigma, make("anna"))
    job = sigma.erp.start_import()
    monkeypatch.setattr(
        sigma.system, "run_state", lambda number: {"laufNr": number, "status": "wartet", "protokoll": []}
    )

    assert not sigma.erp.import_state(job).finished
    assert sigma.erp.import_going_on()


@pytest.mark.parametrize("response", [{"status": "beendet"}, {"laufNr": {}, "status": "beendet"}, [1]])
def test_a_run_that_cannot_be_read_stops_the_run(
    sigma: Any, make: Make, monkeypatch: pytest.MonkeyPatch, response: Any
) -> None:
    deliver(sigma, make("anna"))
    monkeypatch.setattr(sigma.system, "latest_run", lambda portal: response)

    with pytest.raises(StopRun):
        sigma.erp.start_import()


def test_an_unknown_portal_stops_the_run_at_its_start_too(sigma: Any) -> None:
    sigma.system.options.exchanges = ("Another",)

    with pytest.raises(StopRun, match="'exchange'"):
        sigma.erp.start_import()


def test_other_portals_runs_are_not_ours(sigma: Any, make: Make) -> None:
    other = Sigma(SIGMA.at("sigma", exchange="EverReal", separator="."))
    other.deliver(make("theirs"), lambda: None)
    theirs = other.start_import()

    assert sigma.erp.hook.latest_import("Immomio") is None
    assert sigma.erp.start_import() != theirs


def test_many_deliveries_at_a_time_keep_to_sigmas_limit(sigma: Any, make: Make) -> None:
    """A fifth request at the same time would be refused; each connection carries one."""
    sigma.system.options.latency_seconds = 0.01
    batches = [make(*[f"{batch}-{number}" for number in range(50)]) for batch in range(8)]
    list(sigma.erp.concurrently(lambda batch: sigma.erp.deliver(batch, lambda: None), batches))

    assert sigma.system.requests.connections <= 4
    assert len(inbox(sigma)) == 400


def test_the_portals_name_is_one_part_of_the_address(sigma: Any, make: Make) -> None:
    """A slash in it must not lead to another address: the sandbox shows what came in, quoting undone."""
    erp = Sigma(SIGMA.at("sigma", exchange="Süd/Nord ?x=1", separator="."))
    with pytest.raises(
        StopRun
    ):  # the sandbox, as many servers, ends a name at a slash even where it is quoted
        erp.deliver(make("anna"), lambda: None)

    ((_, path, _),) = list(sigma.system.requests)
    assert unquote(path) == "/wodis/rest/immobilienboersen/Süd/Nord ?x=1/eingang"
    assert sigma.system.requests.queries() == [""]


def test_an_offer_that_was_saved_since_it_was_read_is_not_accepted(sigma: Any) -> None:
    """Whatever was changed: the lease was decided on by what was read."""
    stored = sigma.stored_offer()
    (offer,) = sigma.erp.offers(["stored"])
    sigma.system.clerk_edits(stored)

    with pytest.raises(RefuseRecord) as refusal:
        sigma.erp.accept(offer)
    assert refusal.value.reason == "offer_changed"
    assert sigma.system.leases == []
    (again,) = sigma.erp.offers(["stored"])
    sigma.erp.accept(again)
    assert len(sigma.system.leases) == 1


def test_an_offer_saved_in_the_moment_of_acceptance_is_not_accepted(sigma: Any) -> None:
    sigma.stored_offer()
    (offer,) = sigma.erp.offers(["stored"])
    sigma.system.faults.once("stale")

    with pytest.raises(RefuseRecord) as refusal:
        sigma.erp.accept(offer)
    assert refusal.value.reason == "offer_changed"
    assert sigma.system.leases == []


def test_the_customers_separator_is_used_both_ways(sigma: Any, make: Make) -> None:
    sigma.system.add_unit("01-0002-3-004")
    erp = Sigma(SIGMA.at("sigma", exchange="Immomio", separator="-"))
    erp.deliver(make("anna"), lambda: None)
    erp.start_import()

    (offer,) = erp.offers_on_unit("01/0002/3/004")
    assert str(offer.unit) == "01/0002/3/004"
    assert sigma.system.offers[0].unit == "01-0002-3-004"
