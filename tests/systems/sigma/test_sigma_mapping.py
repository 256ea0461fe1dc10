"""Prospect -> Sigma's words, and Sigma's answers -> ours: a test for each rule."""

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
from letting_sync.systems.sigma import mapping

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


def written(number: str | None = None, separator: str = ".", **changes: Any) -> dict[str, Any]:
    return mapping.prospect_in(Outgoing(Prospect(**(FULL | changes)), number), separator)


def test_every_field_finds_its_place() -> None:
    assert written("500001") == {
        "externeId": "x-1",
        "ve": "01.0002.3.004",
        "anrede": "Frau",
        "vorname": "Zoë",
        "name": "Groß",
        "geburtsdatum": "01.05.1990",
        "email": "zoe@example.org",
        "telefon": "+49 40 123456",
        "mobil": "+49 171 1234567",
        "strasse": "Am Weg 1a",
        "plz": "01067",
        "ort": "Dresden",
        "land": "DE",
        "mietbeginn": "01.01.2025",
        "bemerkung": "Guten Tag",
        "gpNr": 500001,
    }


def test_what_is_not_there_is_left_out() -> None:
    bare = Prospect(
        **{name: FULL[name] for name in ("external_id", "unit", "chosen", "updated_at", "last_name")}
    )

    assert mapping.prospect_in(Outgoing(bare), ".") == {
        "externeId": "x-1",
        "ve": "01.0002.3.004",
        "anrede": "",
        "name": "Groß",
    }


@pytest.mark.parametrize(
    ("field", "value", "key", "result"),
    [
        # TT.MM.JJJJ, always ten characters
        ("birth_date", date(1990, 12, 31), "geburtsdatum", "31.12.1990"),
        ("birth_date", date(987, 6, 5), "geburtsdatum", "05.06.0987"),
        ("lease_start", date(2025, 1, 1), "mietbeginn", "01.01.2025"),
        ("salutation", Salutation.MR, "anrede", "Herr"),
        ("salutation", Salutation.NONE, "anrede", ""),
        ("unit", UnitNumber.parse("1-02-3-000", "-"), "ve", "1.02.3.000"),
        # street and house number are one field
        ("house_number", None, "strasse", "Am Weg"),
        ("street", None, "strasse", "1a"),
        ("message", "x" * 2000, "bemerkung", "x" * 2000),
        ("message", "x" * 2001, "bemerkung", "x" * 2000),
        ("last_name", "x" * 60, "name", "x" * 60),
        ("last_name", " Groß ", "name", " Groß "),
    ],
)
def test_a_field_is_written(field: str, value: Any, key: str, result: Any) -> None:
    assert written(**{field: value})[key] == result


@pytest.mark.parametrize("separator", [".", "-", "_", "|", "/", "#"])
def test_the_customers_separator_is_written(separator: str) -> None:
    assert written(separator=separator)["ve"] == separator.join(("01", "0002", "3", "004"))


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("first_name", "x" * 61, "first_name_too_long"),
        ("last_name", "x" * 61, "last_name_too_long"),
        ("unit", UnitNumber.parse("1/2/3.1/4"), "unit_part_with_separator"),
    ],
)
def test_what_sigma_cannot_take_is_refused(field: str, value: Any, reason: str) -> None:
    """A part that holds the separator would make another unit's number of it."""
    with pytest.raises(RefuseRecord) as refusal:
        written(**{field: value})

    assert refusal.value.reason == reason


def test_nothing_but_the_contracts_fields_is_sent() -> None:
    """The academic title has no place in the interface."""
    assert "Dr." not in written().values()


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


# --- answers -----------------------------------------------------------------------------------------------

OFFER = {
    "angebotNr": 100001,
    "angebotsgruppe": "IMP100",
    "externeId": "x-1",
    "portal": "Immomio",
    "art": "normal",
    "status": "offeriert",
    "interesseBekundet": True,
    "internetimport": True,
    "erstelltAm": "10.11.2024",
    "gueltigBis": "24.11.2024",
    "zum": None,
    "veAngebotenZum": "01.01.2025",
    "ve": "01.0002.3.004",
    "gpNr": 500001,
    "name": "Groß",
    "vorname": "Zoë",
    "plz": "01067",
    "ort": "Dresden",
    "mietvertragNr": None,
    "aenderungsstand": 3,
}


def offered(**changes: Any) -> Any:
    row = {key: value for key, value in (OFFER | changes).items() if value is not ...}
    return mapping.offer(row, ".")


def test_an_offer_is_read() -> None:
    offer = offered()

    assert (offer.offer_id, offer.number) == ("100001", "100001")
    assert offer.external_id == "x-1"
    assert offer.unit == ("01", "0002", "3", "004")
    assert offer.status is OfferStatus.OFFERED
    assert offer.normal_kind
    assert (offer.valid_from, offer.valid_until) == (date(2024, 11, 10), date(2024, 11, 24))
    assert offer.lease_start == date(2025, 1, 1)
    assert offer.business_partner_number == "500001"
    assert offer.lease_number is None
    assert offer.version == "3"


@pytest.mark.parametrize(
    ("key", "value", "field", "result"),
    [
        ("status", "angenommen", "status", OfferStatus.ACCEPTED),
        ("status", "abgelehnt", "status", OfferStatus.REJECTED),
        ("status", "ignoriert", "status", OfferStatus.IGNORED),
        # whatever is no known word is never accepted
        ("status", "vorgemerkt", "status", OfferStatus.UNKNOWN),
        ("status", "Offeriert", "status", OfferStatus.UNKNOWN),
        ("status", None, "status", OfferStatus.UNKNOWN),
        ("status", ..., "status", OfferStatus.UNKNOWN),
        ("status", ["offeriert"], "status", OfferStatus.UNKNOWN),
        ("art", "Untermiete", "normal_kind", False),
        ("art", None, "normal_kind", False),
        # units that are none
        ("ve", "01.0002.3", "unit", None),
        ("ve", "01/0002/3/004", "unit", None),
        ("ve", "", "unit", None),
        ("ve", None, "unit", None),
        ("ve", 1, "unit", None),
        # offers that a clerk has made carry no id of ours
        ("externeId", None, "external_id", None),
        ("externeId", ..., "external_id", None),
        ("externeId", 17, "external_id", "17"),
        # numbers as text, texts as numbers
        ("angebotNr", "100001", "offer_id", "100001"),
        ("angebotNr", 100001.0, "number", "100001"),
        ("mietvertragNr", 17, "lease_number", "17"),
        ("mietvertragNr", "", "lease_number", None),
        # days with a time behind them
        ("erstelltAm", "10.11.2024 13:45", "valid_from", date(2024, 11, 10)),
        ("erstelltAm", "10.11.2024 13:45:10", "valid_from", date(2024, 11, 10)),
        ("gueltigBis", "2024-11-23T23:00:00Z", "valid_until", date(2024, 11, 24)),
        ("gueltigBis", "2024-11-24", "valid_until", date(2024, 11, 24)),
        ("gueltigBis", "4.1.2024", "valid_until", date(2024, 1, 4)),
        ("gueltigBis", None, "valid_until", None),
        ("gueltigBis", "", "valid_until", None),
        ("veAngebotenZum", None, "lease_start", None),
    ],
)
def test_a_field_of_an_offer_is_read(key: str, value: Any, field: str, result: Any) -> None:
    assert getattr(offered(**{key: value}), field) == result


def test_without_the_day_a_unit_was_offered_for_the_leases_start_counts() -> None:
    assert offered(veAngebotenZum=None, zum="01.02.2025").lease_start == date(2025, 2, 1)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("angebotNr", None),
        ("angebotNr", ...),
        ("angebotNr", {"Geheim": 1}),
        ("aenderungsstand", ...),
        ("aenderungsstand", None),
        ("gueltigBis", "Geheim"),
        ("gueltigBis", "00.00.0000"),
        ("gueltigBis", "31.02.2025"),
        ("gueltigBis", 20251110),
        ("erstelltAm", ["Geheim"]),
        ("veAngebotenZum", {"Geheim": 1}),
        ("mietvertragNr", ["Geheim"]),
        ("gpNr", True),
        ("externeId", {"Geheim": 1}),
    ],
)
def test_an_offer_that_cannot_be_read_stops_the_run_and_names_the_field_only(key: str, value: Any) -> None:
    """It must neither be overlooked nor be accepted by a guess."""
    with pytest.raises(StopRun, match=f"'{key}'") as stop:
        offered(**{key: value})

    assert "Geheim" not in str(stop.value)


def test_an_offer_found_by_its_external_id_carries_it() -> None:
    assert mapping.offer(OFFER, ".", looked_up=True).external_id == "x-1"
    with pytest.raises(StopRun, match="externeId"):
        mapping.offer(OFFER | {"externeId": None}, ".", looked_up=True)


LINE = {"externeId": "x-1", "ergebnis": "angelegt", "angebotNr": 100001, "gpNr": 500001, "gpNeu": True}


@pytest.mark.parametrize(
    ("status", "finished"),
    [
        ("laeuft", False),
        ("beendet", True),
        ("abgebrochen", True),
        ("wartet", False),
        (None, False),
        ([], False),
    ],
)
def test_when_a_run_has_ended(status: Any, finished: bool) -> None:
    run = {"laufNr": 1, "status": status, "protokoll": []}

    assert mapping.import_state(run).finished is finished
    assert mapping.is_going_on(run) is not finished


@pytest.mark.parametrize("protocol", [{}, {"protokoll": None}, {"protokoll": []}])
def test_a_run_may_have_no_protocol_yet(protocol: dict[str, Any]) -> None:
    assert list(mapping.import_state({"status": "laeuft"} | protocol).results) == []


def test_a_line_of_the_protocol_is_read() -> None:
    (result,) = mapping.import_state({"status": "beendet", "protokoll": [LINE]}).results

    assert result.external_id == "x-1"
    assert (result.offer_id, result.offer_number) == ("100001", "100001")
    assert (result.business_partner_number, result.business_partner_created) == ("500001", True)
    assert result.refusal is None


@pytest.mark.parametrize(
    ("code", "refusal"),
    [
        ("VE_UNBEKANNT", "unknown_unit"),
        ("VE_NICHT_FREI", "unit_not_vacant"),
        ("GP_UNBEKANNT", "unknown_business_partner"),
        ("FELD_UNGUELTIG", "invalid_field"),
        ("ETWAS_NEUES", "refused_by_erp"),
        ("", "refused_by_erp"),
        (None, "refused_by_erp"),
        ({}, "refused_by_erp"),
    ],
)
def test_a_refusal_has_a_reason_in_our_words(code: Any, refusal: str) -> None:
    row = {"externeId": "x-1", "ergebnis": "abgelehnt", "fehler": code, "meldung": "Geheim"}
    (result,) = mapping.import_state({"status": "beendet", "protokoll": [row]}).results

    assert (result.refusal, result.offer_id) == (refusal, None)


@pytest.mark.parametrize("protocol", ["Geheim", [None], ["Geheim"], [LINE | {"externeId": None}], {"a": 1}])
def test_a_protocol_that_cannot_be_read_stops_the_run(protocol: Any) -> None:
    with pytest.raises(StopRun) as stop:
        mapping.import_state({"status": "beendet", "protokoll": protocol})

    assert "Geheim" not in str(stop.value)


def test_a_lease_is_read() -> None:
    lease = mapping.lease(OFFER | {"mietvertragNr": "01.0002.3.004.01"})

    assert (lease.lease_number, lease.offer_id) == ("01.0002.3.004.01", "100001")
    with pytest.raises(StopRun, match="mietvertragNr"):
        mapping.lease(OFFER)


def test_a_business_partner_is_read_exactly_as_stored() -> None:
    row = {"gpNr": 500001, "vorname": " Zoë", "name": "Groß\u00a0", "geburtsdatum": "01.05.1990"}
    partner = mapping.business_partner(row | {"email": "Zoe@Example.org "})

    assert (partner.number, partner.first_name, partner.last_name) == ("500001", " Zoë", "Groß\u00a0")
    assert (partner.birth_date, partner.email) == (date(1990, 5, 1), "Zoe@Example.org ")


@pytest.mark.parametrize("born", ["00.00.1950", "1950", "Geheim", 1950])
def test_a_birth_date_a_clerk_left_half_empty_is_none_where_nobody_asked_for_it(born: Any) -> None:
    row = {"gpNr": 1, "geburtsdatum": born}

    assert mapping.business_partner(row, by_day=False).birth_date is None
    with pytest.raises(StopRun, match="geburtsdatum"):
        mapping.business_partner(row)


@pytest.mark.parametrize("number", [None, "", "A-17", -1, 1.5, True, [1]])
def test_a_business_partners_number_is_a_whole_number(number: Any) -> None:
    """It goes back with the next prospect of this person."""
    with pytest.raises(StopRun, match="gpNr"):
        mapping.business_partner({"gpNr": number})


# --- whatever comes ----------------------------------------------------------------------------------------

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.dates().map(lambda day: f"{day:%d.%m.}{day.year:04}")
    | st.datetimes(timezones=st.none() | st.just(UTC)).map(str)
    | st.sampled_from(["offeriert", "abgelehnt", "angelegt", "beendet", "normal", "1.2.3.4", "1.2..4"]),
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
        offer = mapping.offer(row, ".")
        assert offer.status is not OfferStatus.OFFERED or row["status"] == "offeriert"


@given(
    run=like({"laufNr": 1, "status": "beendet"}) | ANYTHING, rows=st.lists(like(LINE) | ANYTHING, max_size=3)
)
@settings(max_examples=120, deadline=None)
def test_any_run_is_read_or_stops_the_run(run: Any, rows: list[Any]) -> None:
    with suppress(StopRun):
        mapping.import_state(run | {"protokoll": rows} if isinstance(run, dict) else run)


@given(response=like({"angenommen": 1, "abgewiesen": [{"externeId": "a", "fehler": "b"}]}) | ANYTHING)
@settings(max_examples=60, deadline=None)
def test_any_response_of_the_inbox_is_read_or_stops_the_run(response: Any) -> None:
    with suppress(StopRun):
        mapping.refused_at_the_inbox(response)


@given(row=like({"gpNr": 1, "vorname": "a", "name": "b", "geburtsdatum": "01.01.1990", "email": "c"}))
@settings(max_examples=60, deadline=None)
def test_any_business_partner_is_read_or_stops_the_run(row: Any) -> None:
    with suppress(StopRun):
        assert int(mapping.business_partner(row).number) >= 0
