"""EverReal's contract or candidate -> prospect, a test for each rule."""

import copy
import json
from datetime import UTC, date, datetime

import pytest

from letting_sync.errors import RefuseRecord
from letting_sync.model import Prospect, Salutation
from letting_sync.systems.everreal import mapping
from letting_sync.systems.everreal.graphql_errors import ERRORS
from tests.systems.everreal.records import (
    APPLICATION,
    CANDIDATE,
    CONTRACT,
    IN_DATA,
    TODAY,
    changed,
    mapped,
    mapped_candidate,
    sent,
)


def test_every_field_of_a_contract_finds_its_place():
    assert mapped() == Prospect(
        external_id="7f0c1f3e-6a58-4a0e-9f6e-1c8f5f1d2a3b",
        unit="1/02/3/004",
        chosen=True,
        withdrawn=False,
        updated_at=datetime(2024, 11, 10, 10, 11, 12, 345000, tzinfo=UTC),
        source_id="contract-1",
        salutation=Salutation.MRS,
        first_name="Zoë",
        last_name="Groß",
        birth_date=date(1990, 5, 1),
        email="zoe@example.org",
        phone="040/123 45-6",
        mobile="+49 171 1234567",
        street="Am Weg",
        house_number="1a",
        postal_code="01067",
        city="Dresden",
        country="DE",
        lease_start=date(2025, 1, 1),
        contact_id="contact-7",
    )


def test_a_candidate_is_never_chosen_and_is_for_the_listings_unit():
    candidate = mapped_candidate()

    assert (candidate.chosen, candidate.withdrawn) == (False, False)
    assert candidate.unit == ("9", "9", "9", "9")
    assert candidate.external_id == mapped().external_id
    assert candidate.updated_at == datetime(2024, 11, 9, 10, 11, 12, 345000, tzinfo=UTC)
    assert candidate.lease_start == date(2025, 2, 1)


@pytest.mark.parametrize(
    ("status", "signed", "started", "withdrawn"),
    [
        ("DRAFT", False, True, False),
        ("SENT", False, True, False),
        ("SIGNED", True, True, False),
        (" signed", True, True, False),
        ("COUNTERSIGNED", False, True, False),  # unknown: counts as not signed
        ("CANCELLED", False, False, True),
        ("cancelled ", False, False, True),
        ("DECLINED", False, False, True),
    ],
)
def test_a_contract_chooses_when_it_is_signed_or_already_when_it_is_started(
    status, signed, started, withdrawn
):
    prospect = mapped(("status", status))

    assert (prospect.chosen, prospect.withdrawn) == (signed, withdrawn)
    assert mapped(("status", status), chosen_when="started").chosen == started


def test_a_contract_that_came_with_an_error_is_refused_whatever_is_left_of_it():
    """``units`` that failed are ``null`` in the data, and must not be taken for "the listing's unit"."""
    for failed in (["units"], ["candidate"], []):
        with pytest.raises(RefuseRecord) as refused:
            mapped((ERRORS, failed))
        assert refused.value.reason == "partner_error"
        assert all(name in refused.value.detail for name in failed)
    with pytest.raises(RefuseRecord, match="partner_error"):
        mapped_candidate((ERRORS, ["listing"]))


FLAT = {"id": "u1", "objectId": "1-2-3-4", "externalId": None}
PARKING = {"id": "u2", "objectId": "1-2-3-90", "externalId": None}


def test_a_contract_about_flat_and_parking_space_has_a_part_for_each():
    contract = CONTRACT | {"units": [FLAT, PARKING]}

    found = [
        mapping.contract_to_prospect(sent(part), "-", TODAY) for part in mapping.parts(contract, "offer_each")
    ]

    assert [str(prospect.unit) for prospect in found] == ["1/2/3/4", "1/2/3/90"]
    assert {(p.external_id, p.bundle, p.bundle_size) for p in found} == {(CANDIDATE["id"], "contract-1", 2)}


@pytest.mark.parametrize("units", [[FLAT], [FLAT, FLAT], [], None, "1-2-3-4"])
def test_a_contract_about_one_unit_is_its_only_part(units):
    contract = CONTRACT | {"units": units}

    assert mapping.parts(contract, "offer_each") == [contract]
    assert mapping.parts("no object", "offer_each") == ["no object"]


def test_several_units_go_to_quarantine_where_the_customer_wants_it():
    contract = CONTRACT | {"units": [FLAT, PARKING]}

    assert mapping.parts(contract, "quarantine") == [contract]


@pytest.mark.parametrize(
    ("object_id", "external_id", "unit"),
    [
        ("1-2-3-4", None, "1/2/3/4"),
        ("1-2-3-4", "9-9-9-9", "1/2/3/4"),
        ("WE 12", "1-2-3-4", "1/2/3/4"),
        (None, "1-2-3-4", "1/2/3/4"),
        ("1-2-3", "1-2-3-4", "1/2/3/4"),
    ],
)
def test_the_first_of_the_two_numbers_that_has_four_parts_is_the_units(object_id, external_id, unit):
    both = {"objectId": object_id, "externalId": external_id}

    assert str(mapped(("units", [both])).unit) == unit
    assert str(mapped_candidate(("listing.unit", both)).unit) == unit


def test_a_disabled_candidate_is_withdrawn():
    assert mapped_candidate(("isDisabled", True)).withdrawn
    assert mapped(("candidate.isDisabled", True)).withdrawn
    assert not mapped(("candidate.isDisabled", True)).chosen


@pytest.mark.parametrize(
    ("units", "unit"),
    [
        ([{"objectId": "1-2-3-4"}], ("1", "2", "3", "4")),
        ([{"objectId": "1-2-3-4"}, {"objectId": "1-2-3-4"}], ("1", "2", "3", "4")),
        ([], ("9", "9", "9", "9")),
        (None, ("9", "9", "9", "9")),
    ],
)
def test_the_unit_is_the_contracts_one_or_else_the_listings(units, unit):
    assert mapped(("units", units)).unit == unit


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ([("units", [{"objectId": "1-2-3-4"}, {"objectId": "1-2-3-5"}])], "several_units"),
        ([("units", [{"objectId": "1-2-3-4"}, {"objectId": None}])], "several_units"),
        ([("units", [{"objectId": None}])], "unit_missing"),
        ([("units", "1-2-3-4")], "unreadable_units"),
        ([("units", ["1-2-3-4"])], "unreadable_units"),
        ([("units.0.objectId", "1.2.3.4")], "unit_not_four_parts"),
        ([("units", [{"objectId": None, "externalId": "1.2.3.4"}])], "unit_not_four_parts"),
        ([("units", [{"objectId": "1-2-3", "externalId": None}])], "unit_not_four_parts"),
        ([("units", []), ("candidate.listing.unit", None)], "unit_missing"),
        ([("status", None)], "status_missing"),
        ([("candidate", None)], "external_id_missing"),
        ([("candidate.id", "")], "external_id_missing"),
        ([("updatedAt", None)], "unreadable_updated_at"),
        ([("startDate", "demnächst")], "unreadable_lease_start"),
        ([("startDate", "9999-12-31")], "implausible_lease_start"),
        ([(f"{IN_DATA}.dateOfBirth", "1.5.90")], "unreadable_birth_date"),
        ([(f"{IN_DATA}.dateOfBirth", "2024-12-24")], "implausible_birth_date"),
        ([("candidate.lastName", None)], "last_name_missing"),
        ([("candidate.lastName", "x" * 61)], "last_name_too_long"),
        ([("candidate.applications", {"0": 1})], "unreadable_applications"),
        ([(IN_DATA, [1, 2])], "unreadable_application"),
        ([(IN_DATA, 7)], "unreadable_application"),
        ([(IN_DATA, "{no")], "unreadable_application"),
        ([(IN_DATA, "[" * 100_000)], "unreadable_application"),
    ],
)  # fmt: skip
def test_a_record_is_refused_with_its_reason(changes, reason):
    with pytest.raises(RefuseRecord) as refused:
        mapped(*changes)

    assert refused.value.reason == reason


def test_the_lease_starts_on_the_contracts_day_and_on_no_wished_one():
    assert mapped(("startDate", "01.03.2025")).lease_start == date(2025, 3, 1)
    assert mapped(("startDate", "2025-02-28T23:00:00.000Z")).lease_start == date(2025, 3, 1)
    assert mapped(("startDate", None)).lease_start is None


def test_a_wish_that_cannot_be_read_is_left_out():
    assert (
        mapped_candidate(("applications.0.applicationDataString.desiredStartDate", "bald")).lease_start
        is None
    )


@pytest.mark.parametrize("nothing", [None, {}, "", " "])
def test_an_application_that_says_nothing_leaves_the_candidates_own_names(nothing):
    prospect = mapped((IN_DATA, nothing))

    assert (prospect.first_name, prospect.last_name, prospect.birth_date) == ("Zoë", "Groß", None)


def test_without_an_application_the_candidates_own_names_are_taken():
    prospect = mapped(("candidate.applications", []), ("candidate.email", "own@example.org"))

    assert (prospect.first_name, prospect.last_name, prospect.email) == ("Zoë", "Groß", "own@example.org")
    assert prospect.birth_date is None


def test_another_persons_application_lends_nothing():
    prospect = mapped(("candidate.applications.0.isMainCandidate", False))

    assert (prospect.last_name, prospect.birth_date, prospect.phone) == ("Groß", None, None)


def test_both_names_come_from_the_same_place():
    prospect = mapped((f"{IN_DATA}.lastName", "Klein"))

    assert (prospect.first_name, prospect.last_name) == (None, "Klein")


def test_a_single_main_application_counts_whatever_its_address():
    prospect = mapped(
        ("candidate.applications.0.email", "other@example.org"),
        (f"{IN_DATA}.email", "other@example.org"),
    )

    assert (prospect.email, prospect.birth_date) == ("other@example.org", date(1990, 5, 1))


def test_of_several_main_applications_the_one_with_the_candidates_address_is_meant():
    other = {
        **APPLICATION,
        "email": "x@example.org",
        "applicationDataString": {"dateOfBirth": "1970-01-01"},
    }
    twice = ("candidate.applications", [other, APPLICATION])

    assert mapped(twice).birth_date == date(1990, 5, 1)
    with pytest.raises(RefuseRecord, match="several_main_candidates"):
        mapped(("candidate.applications", [APPLICATION, APPLICATION]))
    with pytest.raises(RefuseRecord, match="several_main_candidates"):
        mapped(("candidate.applications", [other, other]))


@pytest.mark.parametrize(
    ("word", "salutation"),
    [("MR", "MR"), ("Herr", "MR"), ("Mrs.", "MRS"), ("Frau", "MRS"), ("DIVERSE", "NONE"), (7, "NONE")],
)
def test_salutations(word, salutation):
    assert mapped((f"{IN_DATA}.salutation", word)).salutation == salutation


def test_what_goes_to_quarantine_holds_nobody_else_and_no_self_disclosure():
    for kept in (
        mapping.raw_contract(sent(CONTRACT)),
        mapping.raw_contract(sent(CONTRACT) | {ERRORS: ["units"]}),
        mapping.raw_candidate(sent(CANDIDATE)),
    ):
        assert "1990-05-01" in kept
        for foreign in ("itbewohner", "Geheimdienst", "3210.5", "999"):
            assert foreign not in kept


@pytest.mark.parametrize("damaged", ["no object", 7, None, {"id": "contract-1"}, {"candidate": "no object"}])
def test_what_is_no_contract_goes_to_quarantine_too(damaged):
    assert isinstance(json.loads(mapping.raw_contract(damaged)), dict | str | int | None)
    assert mapping.lacking_fields(damaged) == []
    assert not mapping.is_disabled(mapping.contract_candidate(damaged))


def test_a_candidate_whose_applications_cannot_be_read_goes_to_quarantine_without_them():
    broken = copy.deepcopy(CANDIDATE)
    broken["applications"] = "no list"
    assert mapping.raw_candidate(broken)
    broken["applications"] = [APPLICATION | {"applicationDataString": "{no JSON"}]
    assert "no JSON" not in json.loads(mapping.raw_candidate(broken))["applications"][0].values()
    assert mapping.lacking_fields(CONTRACT | {"candidate": broken}) == []
    assert mapping.without_application(CONTRACT | {"candidate": broken}) == []


def test_whoever_is_taken_out_of_the_running_is_disabled():
    assert mapping.is_disabled(CANDIDATE | {"isDisabled": True})
    assert mapping.candidate_id(CANDIDATE) == CANDIDATE["id"]


def test_a_date_of_birth_by_another_name_is_noticed():
    """The names in the JSON text are assumed: where all records lack one, the run must not go on."""

    def lacking(*changes):
        contract = CONTRACT
        for path, value in changes:
            contract = changed(contract, path, value)
        return mapping.lacking_fields(sent(contract))

    assert lacking() == []
    assert lacking((f"{IN_DATA}.dateOfBirth", None)) == []
    assert lacking((f"{IN_DATA}.dateOfBirth", ...)) == ["applicationDataString.dateOfBirth"]
    assert lacking((IN_DATA, None)) == []
    assert mapping.lacking_fields("no object") == []


def test_a_contract_without_an_application_is_noticed():
    """A flag or a field that means something else would take every date of birth away, without an error."""
    assert mapping.without_application(sent(CONTRACT)) == []
    assert mapping.without_application(changed(CONTRACT, IN_DATA, None)) == ["applicationDataString"]
    nobody = changed(CONTRACT, "candidate.applications.0.isMainCandidate", False)
    assert mapping.without_application(nobody) == ["isMainCandidate"]
    assert mapping.without_application("no object") == ["isMainCandidate"]
