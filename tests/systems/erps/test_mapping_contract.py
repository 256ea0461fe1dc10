"""What every ERP's mapping must do: write a prospect as its contract says, read what comes or stop the run."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from letting_sync.erp import Outgoing
from letting_sync.errors import RefuseRecord, StopRun
from letting_sync.model import OfferStatus, Prospect
from tests.systems.erps import mapping_sigma, mapping_yuneo
from tests.systems.erps.mapping_case import BARE, MappingCase

CASES = (mapping_yuneo.CASE, mapping_sigma.CASE)
each_erp = pytest.mark.parametrize("erp", CASES, ids=lambda erp: erp.name)


def rows(what: str) -> list[Any]:
    """The rows of both ERPs, each with its ERP before it."""
    return [
        pytest.param(erp, *row, id=f"{erp.name}-{number}")
        for erp in CASES
        for number, row in enumerate(getattr(erp, what))
    ]


# --- a prospect is written ---------------------------------------------------------------------------------


@each_erp
def test_every_field_finds_its_place(erp: MappingCase) -> None:
    assert erp.write("500001") == erp.written


@each_erp
def test_what_is_not_there_is_left_out(erp: MappingCase) -> None:
    assert erp.to_erp(Outgoing(Prospect(**BARE))) == erp.bare


@pytest.mark.parametrize(("erp", "field", "value", "key", "result"), rows("fields"))
def test_a_field_is_written(erp: MappingCase, field: str, value: Any, key: str, result: Any) -> None:
    assert erp.write(**{field: value})[key] == result


@pytest.mark.parametrize(("erp", "field", "value", "reason"), rows("refusals"))
def test_what_the_erp_cannot_take_is_refused(erp: MappingCase, field: str, value: Any, reason: str) -> None:
    """A part that holds the separator would make another unit's number of it."""
    with pytest.raises(RefuseRecord) as refusal:
        erp.write(**{field: value})

    assert refusal.value.reason == reason


@each_erp
def test_nothing_but_the_contracts_fields_is_sent(erp: MappingCase) -> None:
    """The academic title has no place in the interface."""
    assert "Dr." not in erp.write().values()


# --- an offer is read --------------------------------------------------------------------------------------


@each_erp
def test_an_offer_is_read(erp: MappingCase) -> None:
    offer = erp.read_offer()

    assert {name: getattr(offer, name) for name in erp.read_as} == erp.read_as


@pytest.mark.parametrize(("erp", "key", "value", "field", "result"), rows("offer_fields"))
def test_a_field_of_an_offer_is_read(erp: MappingCase, key: str, value: Any, field: str, result: Any) -> None:
    assert getattr(erp.read_offer(**{key: value}), field) == result


@pytest.mark.parametrize(("erp", "key", "value"), rows("unreadable"))
def test_an_offer_that_cannot_be_read_stops_the_run_and_names_the_field_only(
    erp: MappingCase, key: str, value: Any
) -> None:
    """It must neither be overlooked nor be accepted by a guess."""
    with pytest.raises(StopRun, match=f"'{key}'") as stop:
        erp.read_offer(**{key: value})

    assert "Geheim" not in str(stop.value)


@each_erp
def test_an_offer_found_by_its_external_id_carries_it(erp: MappingCase) -> None:
    assert erp.offer(erp.offer_row, looked_up=True).external_id == "x-1"
    with pytest.raises(StopRun, match=erp.external_id):
        erp.offer(erp.offer_row | {erp.external_id: None}, looked_up=True)


# --- an import's results are read --------------------------------------------------------------------------


@pytest.mark.parametrize(("erp", "status", "finished"), rows("states"))
def test_when_an_import_has_ended(erp: MappingCase, status: Any, finished: bool) -> None:
    assert erp.import_state({"status": status, erp.results: []}).finished is finished


@each_erp
@pytest.mark.parametrize("kind", ["missing", "null", "empty"])
def test_an_import_may_have_no_results_yet(erp: MappingCase, kind: str) -> None:
    results = {"missing": {}, "null": {erp.results: None}, "empty": {erp.results: []}}[kind]
    running = next(status for status, finished in erp.states if not finished)

    assert list(erp.import_state({"status": running} | results).results) == []


@each_erp
def test_a_result_is_read(erp: MappingCase) -> None:
    (result,) = erp.import_of([erp.result]).results

    assert result.external_id == "x-1"
    assert (result.offer_id, result.offer_number) == (erp.read_as["offer_id"], "100001")
    assert (result.business_partner_number, result.business_partner_created) == ("500001", True)
    assert result.refusal is None


@pytest.mark.parametrize(("erp", "code", "refusal"), rows("codes"))
def test_a_refusal_has_a_reason_in_our_words(erp: MappingCase, code: Any, refusal: str) -> None:
    (result,) = erp.import_of([erp.refused(code)]).results

    assert (result.refusal, result.offer_id) == (refusal, None)
    assert result.refusal_text == "Geheim"
    assert "Geheim" not in repr(result)


@each_erp
@pytest.mark.parametrize("kind", range(5))
def test_results_that_cannot_be_read_stop_the_run(erp: MappingCase, kind: int) -> None:
    results = ("Geheim", [None], ["Geheim"], [erp.result | {erp.external_id: None}], {"a": 1})[kind]
    with pytest.raises(StopRun) as stop:
        erp.import_of(results)

    assert "Geheim" not in str(stop.value)


# --- leases and business partners are read -----------------------------------------------------------------


@each_erp
def test_a_lease_is_read(erp: MappingCase) -> None:
    lease = erp.lease(erp.lease_row)

    assert (lease.lease_number, lease.offer_id) == erp.lease_read
    with pytest.raises(StopRun, match=erp.lease_key):
        erp.lease(erp.without_lease)


@each_erp
def test_a_business_partner_is_read_exactly_as_stored(erp: MappingCase) -> None:
    partner = erp.business_partner(erp.partner_row)

    assert (partner.number, partner.first_name, partner.last_name) == ("500001", " Zoë", "Groß\u00a0")
    assert (str(partner.birth_date), partner.email) == ("1990-05-01", "Zoe@Example.org ")


@each_erp
@pytest.mark.parametrize("born", ["00.00.1950", "1950", "Geheim", 1950])
def test_a_birth_date_a_clerk_left_half_empty_is_none_where_nobody_asked_for_it(
    erp: MappingCase, born: Any
) -> None:
    row = {erp.partner_number: 1, erp.partner_born: born}

    assert erp.business_partner(row, by_day=False).birth_date is None
    with pytest.raises(StopRun, match=erp.partner_born):
        erp.business_partner(row)


@each_erp
@pytest.mark.parametrize("number", [None, "", "A-17", -1, 1.5, True, [1]])
def test_a_business_partners_number_is_a_whole_number(erp: MappingCase, number: Any) -> None:
    """It goes back with the next prospect of this person."""
    with pytest.raises(StopRun, match=erp.partner_number):
        erp.business_partner({erp.partner_number: number})


# --- whatever comes ----------------------------------------------------------------------------------------


@each_erp
@given(data=st.data())
@settings(max_examples=120, deadline=None)
def test_any_offer_is_read_or_stops_the_run(erp: MappingCase, data: st.DataObject) -> None:
    row = data.draw(erp.like(erp.offer_row) | erp.anything)
    known = {
        value: result
        for key, value, _, result in erp.offer_fields
        if key == "status" and isinstance(value, str)
    }
    with suppress(StopRun):
        offer = erp.offer(row)
        assert (
            offer.status is OfferStatus.UNKNOWN
            or offer.status is (known | {erp.offered: OfferStatus.OFFERED})[row["status"]]
        )


@each_erp
@given(data=st.data())
@settings(max_examples=120, deadline=None)
def test_any_import_is_read_or_stops_the_run(erp: MappingCase, data: st.DataObject) -> None:
    run = data.draw(erp.like({"laufNr": 1, "id": "w", "status": erp.ended}) | erp.anything)
    results = data.draw(st.lists(erp.like(erp.result) | erp.anything, max_size=3))
    with suppress(StopRun):
        erp.import_state(run | {erp.results: results} if isinstance(run, dict) else run)


@each_erp
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_any_business_partner_is_read_or_stops_the_run(erp: MappingCase, data: st.DataObject) -> None:
    row = data.draw(erp.like(erp.partner_row))
    with suppress(StopRun):
        assert int(erp.business_partner(row).number) >= 0
