"""Prospect -> Yuneo's words, and Yuneo's answers -> ours: a test for each rule."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from letting_sync.erp import Outgoing
from letting_sync.errors import RefuseRecord, StopRun
from letting_sync.model import OfferStatus, Prospect, Salutation, UnitNumber
from letting_sync.systems.yuneo import mapping

FULL = {
    "external_id": "x-1",
    "unit": "01/0002/3/004",
    "chosen": True,
    "updated_at": datetime(2024, 11, 10, tzinfo=UTC),
    "salutation": Salutation.MRS,
    "title": "Dr.",
    "first_name": "Zoë",
    "last_name": "Groß",
    "birth_date": date(1990, 5, 1),
    "email": "zoe@example.org",
    "phone": "+49 40 123456",
    "mobile": "+49 171 1234567",
    "street": "Am Weg",
    "house_number": "1a",
    "postal_code": "01067",
    "city": "Dresden",
    "country": "DE",
    "lease_start": date(2025, 1, 1),
    "message": "Guten Tag",
}


def written(number: str | None = None, **changes: Any) -> dict[str, Any]:
    return mapping.prospect_in(Outgoing(Prospect(**(FULL | changes)), number))


def test_every_field_finds_its_place() -> None:
    assert written("500001") == {
        "externalId": "x-1",
        "unitNumber": "01/0002/3/004",
        "salutation": "MRS",
        "firstName": "Zoë",
        "lastName": "Groß",
        "birthDate": "1990-05-01",
        "email": "zoe@example.org",
        "phone": "+49 40 123456",
        "mobile": "+49 171 1234567",
        "street": "Am Weg",
        "houseNumber": "1a",
        "postalCode": "01067",
        "city": "Dresden",
        "country": "DE",
        "leaseStart": "2025-01-01",
        "message": "Guten Tag",
        "businessPartnerNumber": 500001,
    }


def test_what_is_not_there_is_left_out() -> None:
    bare = Prospect(
        **{name: FULL[name] for name in ("external_id", "unit", "chosen", "updated_at", "last_name")}
    )

    assert mapping.prospect_in(Outgoing(bare)) == {
        "externalId": "x-1",
        "unitNumber": "01/0002/3/004",
        "salutation": "NONE",
        "lastName": "Groß",
    }


@pytest.mark.parametrize(
    ("field", "value", "key", "result"),
    [
        ("birth_date", date(987, 6, 5), "birthDate", "0987-06-05"),
        ("lease_start", date(2025, 1, 1), "leaseStart", "2025-01-01"),
        ("salutation", Salutation.MR, "salutation", "MR"),
        ("salutation", Salutation.NONE, "salutation", "NONE"),
        ("unit", UnitNumber.parse("1.02.3-a.000", "."), "unitNumber", "1/02/3-a/000"),
        ("message", "x" * 2000, "message", "x" * 2000),
        ("message", "x" * 2001, "message", "x" * 2000),
        ("last_name", "x" * 60, "lastName", "x" * 60),
        ("last_name", " Groß ", "lastName", " Groß "),
    ],
)
def test_a_field_is_written(field: str, value: Any, key: str, result: Any) -> None:
    assert written(**{field: value})[key] == result


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("first_name", "x" * 61, "first_name_too_long"),
        ("last_name", "x" * 61, "last_name_too_long"),
        ("unit", UnitNumber(("1", "2/3", "4", "5")), "unit_part_with_separator"),
    ],
)
def test_what_yuneo_cannot_take_is_refused(field: str, value: Any, reason: str) -> None:
    with pytest.raises(RefuseRecord) as refusal:
        written(**{field: value})

    assert refusal.value.reason == reason


def test_nothing_but_the_contracts_fields_is_sent() -> None:
    """The academic title has no place in the interface."""
    assert "Dr." not in written().values()


# --- answers -----------------------------------------------------------------------------------------------

OFFER = {
    "id": "9b2e",
    "number": 100001,
    "externalId": "x-1",
    "exchange": "Immomio",
    "createdAt": "2024-11-10T10:00:00+01:00",
    "validFrom": "2024-11-10",
    "validUntil": "2025-11-10",
    "leaseStart": "2025-01-01",
    "kind": "NORMAL",
    "status": "OFFERED",
    "interestExpressed": True,
    "searchProfileNumber": 7,
    "clerk": "MEIER",
    "businessPartnerNumber": 500001,
    "firstName": "Zoë",
    "lastName": "Groß",
    "unitNumber": "01/0002/3/004",
    "leaseNumber": None,
    "version": 3,
}


def offered(**changes: Any) -> Any:
    row = {key: value for key, value in (OFFER | changes).items() if value is not ...}
    return mapping.offer(row)


def test_an_offer_is_read() -> None:
    offer = offered()

    assert offer.offer_id == "9b2e"
    assert offer.number == "100001"
    assert offer.external_id == "x-1"
    assert offer.unit == ("01", "0002", "3", "004")
    assert offer.status is OfferStatus.OFFERED
    assert offer.normal_kind
    assert (offer.valid_from, offer.valid_until) == (date(2024, 11, 10), date(2025, 11, 10))
    assert offer.lease_start == date(2025, 1, 1)
    assert offer.business_partner_number == "500001"
    assert offer.lease_number is None
    assert offer.version == "3"


@pytest.mark.parametrize(
    ("key", "value", "field", "result"),
    [
        ("status", "ACCEPTED", "status", OfferStatus.ACCEPTED),
        ("status", "REJECTED", "status", OfferStatus.REJECTED),
        ("status", "IGNORED", "status", OfferStatus.IGNORED),
        ("status", "EXPIRED", "status", OfferStatus.EXPIRED),
        # whatever is no known word is never accepted
        ("status", "RESERVED", "status", OfferStatus.UNKNOWN),
        ("status", "offered", "status", OfferStatus.UNKNOWN),
        ("status", None, "status", OfferStatus.UNKNOWN),
        ("status", ..., "status", OfferStatus.UNKNOWN),
        ("status", ["OFFERED"], "status", OfferStatus.UNKNOWN),
        ("kind", "SUBLET", "normal_kind", False),
        ("kind", None, "normal_kind", False),
        # units that are none
        ("unitNumber", "01/0002/3", "unit", None),
        ("unitNumber", "01.0002.3.004", "unit", None),
        ("unitNumber", "", "unit", None),
        ("unitNumber", None, "unit", None),
        ("unitNumber", 1, "unit", None),
        # offers that a clerk has made carry no id of ours
        ("externalId", None, "external_id", None),
        ("externalId", ..., "external_id", None),
        ("externalId", 17, "external_id", "17"),
        # numbers as text, texts as numbers
        ("number", "100001", "number", "100001"),
        ("number", 100001.0, "number", "100001"),
        ("leaseNumber", 17, "lease_number", "17"),
        ("leaseNumber", "", "lease_number", None),
        ("version", ..., "version", ""),
        # days as times, in either half of the year
        ("validUntil", "2025-11-09T23:00:00Z", "valid_until", date(2025, 11, 10)),
        ("validUntil", "2025-06-09T22:00:00Z", "valid_until", date(2025, 6, 10)),
        ("validUntil", "2025-11-10T00:00:00+01:00", "valid_until", date(2025, 11, 10)),
        ("validUntil", "2025-11-10T00:00:00", "valid_until", date(2025, 11, 10)),
        ("validUntil", "10.11.2025", "valid_until", date(2025, 11, 10)),
        ("validUntil", None, "valid_until", None),
        ("validUntil", "", "valid_until", None),
        ("leaseStart", ..., "lease_start", None),
    ],
)
def test_a_field_of_an_offer_is_read(key: str, value: Any, field: str, result: Any) -> None:
    assert getattr(offered(**{key: value}), field) == result


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("id", None),
        ("id", ...),
        ("id", {"Geheim": 1}),
        ("number", ...),
        ("number", True),
        ("validUntil", "Geheim"),
        ("validUntil", "31.02.2025"),
        ("validUntil", 20251110),
        ("validFrom", ["Geheim"]),
        ("validFrom", "0001-01-01T00:00:00+14:00"),
        ("leaseStart", {"Geheim": 1}),
        ("leaseNumber", ["Geheim"]),
        ("businessPartnerNumber", True),
        ("externalId", {"Geheim": 1}),
    ],
)
def test_an_offer_that_cannot_be_read_stops_the_run_and_names_the_field_only(key: str, value: Any) -> None:
    """It must neither be overlooked nor be accepted by a guess."""
    with pytest.raises(StopRun, match=f"'{key}'") as stop:
        offered(**{key: value})

    assert "Geheim" not in str(stop.value)


def test_an_offer_found_by_its_external_id_carries_it() -> None:
    assert mapping.offer(OFFER, looked_up=True).external_id == "x-1"
    with pytest.raises(StopRun, match="externalId"):
        mapping.offer(OFFER | {"externalId": None}, looked_up=True)


RESULT = {
    "externalId": "x-1",
    "outcome": "CREATED",
    "offerId": "9b2e",
    "offerNumber": 100001,
    "businessPartnerNumber": 500001,
    "businessPartnerCreated": True,
}


@pytest.mark.parametrize(
    ("status", "finished"),
    [
        ("QUEUED", False),
        ("RUNNING", False),
        ("COMPLETED", True),
        ("FAILED", True),
        ("PAUSED", False),
        (None, False),
        ([], False),
    ],
)
def test_when_a_work_order_has_ended(status: Any, finished: bool) -> None:
    assert mapping.import_state({"status": status, "results": []}).finished is finished


@pytest.mark.parametrize("results", [{}, {"results": None}, {"results": []}])
def test_a_work_order_may_have_no_results_yet(results: dict[str, Any]) -> None:
    assert list(mapping.import_state({"status": "QUEUED"} | results).results) == []


def test_a_result_is_read() -> None:
    (result,) = mapping.import_state({"status": "COMPLETED", "results": [RESULT]}).results

    assert result.external_id == "x-1"
    assert (result.offer_id, result.offer_number) == ("9b2e", "100001")
    assert (result.business_partner_number, result.business_partner_created) == ("500001", True)
    assert result.refusal is None


@pytest.mark.parametrize(
    ("code", "refusal"),
    [
        ("UNKNOWN_UNIT", "unknown_unit"),
        ("UNIT_NOT_VACANT", "unit_not_vacant"),
        ("UNKNOWN_BUSINESS_PARTNER", "unknown_business_partner"),
        ("INVALID_FIELD", "invalid_field"),
        ("SOMETHING_NEW", "refused_by_erp"),
        ("", "refused_by_erp"),
        (None, "refused_by_erp"),
        ({}, "refused_by_erp"),
    ],
)
def test_a_rejection_has_a_reason_in_our_words(code: Any, refusal: str) -> None:
    row = {"externalId": "x-1", "outcome": "REJECTED", "code": code, "detail": "Geheim"}
    (result,) = mapping.import_state({"status": "COMPLETED", "results": [row]}).results

    assert (result.refusal, result.offer_id) == (refusal, None)


@pytest.mark.parametrize("results", ["Geheim", [None], ["Geheim"], [RESULT | {"externalId": None}], {"a": 1}])
def test_results_that_cannot_be_read_stop_the_run(results: Any) -> None:
    with pytest.raises(StopRun) as stop:
        mapping.import_state({"status": "COMPLETED", "results": results})

    assert "Geheim" not in str(stop.value)


def test_a_lease_is_read() -> None:
    lease = mapping.lease({"leaseNumber": "01/0002/3/004/01", "offerId": "9b2e"}, "9b2e")

    assert (lease.lease_number, lease.offer_id) == ("01/0002/3/004/01", "9b2e")
    with pytest.raises(StopRun, match="leaseNumber"):
        mapping.lease({"offerId": "9b2e"}, "9b2e")


def test_a_business_partner_is_read_exactly_as_stored() -> None:
    row = {"number": 500001, "firstName": " Zoë", "lastName": "Groß\u00a0", "birthDate": "1990-05-01"}
    partner = mapping.business_partner(row | {"email": "Zoe@Example.org "})

    assert (partner.number, partner.first_name, partner.last_name) == ("500001", " Zoë", "Groß\u00a0")
    assert (partner.birth_date, partner.email) == (date(1990, 5, 1), "Zoe@Example.org ")


@pytest.mark.parametrize("born", ["00.00.1950", "1950", "Geheim", 1950])
def test_a_birth_date_a_clerk_left_half_empty_is_none_where_nobody_asked_for_it(born: Any) -> None:
    row = {"number": 1, "birthDate": born}

    assert mapping.business_partner(row, by_day=False).birth_date is None
    with pytest.raises(StopRun, match="birthDate"):
        mapping.business_partner(row)


@pytest.mark.parametrize("number", [None, "", "A-17", -1, 1.5, True, [1]])
def test_a_business_partners_number_is_a_whole_number(number: Any) -> None:
    """It goes back with the next prospect of this person."""
    with pytest.raises(StopRun, match="number"):
        mapping.business_partner({"number": number})


# --- whatever comes ----------------------------------------------------------------------------------------

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.dates().map(str)
    | st.datetimes(timezones=st.none() | st.just(UTC)).map(str)
    | st.sampled_from(["OFFERED", "REJECTED", "CREATED", "COMPLETED", "NORMAL", "1/2/3/4", "1/2//4"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=4,
)


def like(row: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Rows of about this shape: some values replaced by anything, some keys missing."""
    return st.dictionaries(st.sampled_from(sorted(row)), ANYTHING | st.just(...), max_size=4).map(
        lambda changes: {key: value for key, value in (row | changes).items() if value is not ...}
    )


@given(row=like(OFFER) | ANYTHING)
@settings(max_examples=120, deadline=None)
def test_any_offer_is_read_or_stops_the_run(row: Any) -> None:
    with suppress(StopRun):
        offer = mapping.offer(row)
        assert offer.status is OfferStatus.UNKNOWN or row["status"] == offer.status.name


@given(
    order=like({"id": "w", "status": "COMPLETED"}) | ANYTHING,
    rows=st.lists(like(RESULT) | ANYTHING, max_size=3),
)
@settings(max_examples=120, deadline=None)
def test_any_work_order_is_read_or_stops_the_run(order: Any, rows: list[Any]) -> None:
    with suppress(StopRun):
        mapping.import_state(order | {"results": rows} if isinstance(order, dict) else order)


@given(row=like({"number": 1, "firstName": "a", "lastName": "b", "birthDate": "1990-01-01", "email": "c"}))
@settings(max_examples=60, deadline=None)
def test_any_business_partner_is_read_or_stops_the_run(row: Any) -> None:
    with suppress(StopRun):
        assert int(mapping.business_partner(row).number) >= 0
