"""What Sigma's mapping does beside the contract suite (``tests/systems/erps``): its inbox, its separator, its two days."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings

from letting_sync.erp import Outgoing
from letting_sync.errors import StopRun
from letting_sync.model import Prospect
from letting_sync.systems.sigma import mapping
from tests.systems.erps.mapping_case import FULL
from tests.systems.erps.mapping_sigma import CASE


@pytest.mark.parametrize("separator", [".", "-", "_", "|", "/", "#"])
def test_the_customers_separator_is_written(separator: str) -> None:
    assert mapping.prospect_in(Outgoing(Prospect(**FULL)), separator)["ve"] == separator.join(
        ("01", "0002", "3", "004")
    )


def test_what_the_inbox_refused_has_our_reason() -> None:
    rows = [
        {"externeId": "a", "fehler": "FELD_UNGUELTIG", "meldung": "Geheim"},
        {"externeId": "b", "fehler": "NEU", "meldung": "Geheim"},
        {"externeId": "c"},
    ]

    assert mapping.refused_at_the_inbox({"angenommen": 1, "abgewiesen": rows}) == {
        "a": "invalid_field",
        "b": "refused_by_erp",
        "c": "refused_by_erp",
    }


@pytest.mark.parametrize("response", [{}, {"abgewiesen": None}, {"abgewiesen": []}])
def test_the_inbox_may_have_turned_nobody_away(response: dict[str, Any]) -> None:
    assert mapping.refused_at_the_inbox(response) == {}


@pytest.mark.parametrize(
    "response", [[], "Geheim", {"abgewiesen": "Geheim"}, {"abgewiesen": [{"fehler": "X"}]}]
)
def test_an_inbox_that_cannot_be_read_stops_the_run(response: Any) -> None:
    with pytest.raises(StopRun) as stop:
        mapping.refused_at_the_inbox(response)

    assert "Geheim" not in str(stop.value)


def test_without_the_day_a_unit_was_offered_for_the_leases_start_counts() -> None:
    assert CASE.read_offer(veAngebotenZum=None, zum="01.02.2025").lease_start == date(2025, 2, 1)


@given(
    response=CASE.like({"angenommen": 1, "abgewiesen": [{"externeId": "a", "fehler": "b"}]}) | CASE.anything
)
@settings(max_examples=60, deadline=None)
def test_any_response_of_the_inbox_is_read_or_stops_the_run(response: Any) -> None:
    with suppress(StopRun):
        mapping.refused_at_the_inbox(response)


@pytest.mark.parametrize(("status", "finished"), CASE.states)
def test_a_run_that_has_not_ended_goes_on(status: Any, finished: bool) -> None:
    assert mapping.is_going_on({"laufNr": 1, "status": status, "protokoll": []}) is not finished
