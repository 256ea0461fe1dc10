"""Immomio's application -> prospect, a test for each rule."""

import copy
from datetime import UTC, date, datetime

import pytest

from letting_sync.errors import RefuseRecord
from letting_sync.model import Prospect, Salutation
from letting_sync.parsing import records as fields
from letting_sync.systems.immomio import mapping

TODAY = date(2024, 11, 11)
APPLICATION = {
    "id": "7f0c1f3e-6a58-4a0e-9f6e-1c8f5f1d2a3b",
    "status": "ACCEPTED_AS_TENANT",
    "createdAt": "2024-11-01T08:00:00.000Z",
    "updatedAt": "2024-11-10T10:11:12.345Z",
    "property": {"id": "p", "externalId": "1.02.3.004", "name": "Weg 1", "address": {"city": "Ulm"}},
    "mainTenant": {
        "salutation": "MRS",
        "firstname": "Zoë",
        "lastname": "Groß",
        "dateOfBirth": "1990-05-01",
        "email": "zoe@example.org",
        "phone": "040/123 45-6",
        "mobile": "+49 171 1234567",
        "address": {
            "street": "Am Weg",
            "houseNumber": "1a",
            "zip": "01067",
            "city": "Dresden",
            "country": "Deutschland",
        },
        "income": 3210.5,
        "profession": "Geheimagentin",
    },
    "coTenants": [{"firstname": "Mitbewohner", "lastname": "Niemand"}],
    "desiredMoveIn": "2025-01-01",
    "message": "Guten Tag",
    "customerAccount": "1",
}


def changed(path, value):
    """The application with one field set (``...``: taken away)."""
    application = copy.deepcopy(APPLICATION)
    *way, name = path.split(".")
    place = application
    for step in way:
        place = place[step]
    if value is ...:
        del place[name]
    else:
        place[name] = value
    return application


def mapped(path=None, value=None):
    return mapping.to_prospect(changed(path, value) if path else APPLICATION, ".", TODAY)


def test_every_field_finds_its_place():
    assert mapped() == Prospect(
        external_id="7f0c1f3e-6a58-4a0e-9f6e-1c8f5f1d2a3b",
        unit="1/02/3/004",
        chosen=True,
        withdrawn=False,
        updated_at=datetime(2024, 11, 10, 10, 11, 12, 345000, tzinfo=UTC),
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
        message="Guten Tag",
    )


@pytest.mark.parametrize(
    ("path", "value", "field", "result"),
    [
        # empty texts, nulls and missing fields are nothing
        ("mainTenant.firstname", "", "first_name", None),
        ("mainTenant.firstname", " \u200b\u00a0", "first_name", None),
        ("mainTenant.phone", None, "phone", None),
        ("mainTenant.mobile", ..., "mobile", None),
        ("mainTenant.address", None, "street", None),
        ("mainTenant.address", "", "city", None),
        # texts stay as they were written: cleaning them is the next task's
        ("mainTenant.lastname", " Gro\u00df\u00a0 ", "last_name", " Gro\u00df\u00a0 "),
        ("mainTenant.phone", "(0171) 12 34", "phone", "(0171) 12 34"),
        ("mainTenant.address.houseNumber", 12, "house_number", "12"),
        # dates in both spellings, and as a browser writes a day
        ("mainTenant.dateOfBirth", "01.05.1990", "birth_date", date(1990, 5, 1)),
        ("mainTenant.dateOfBirth", "1990-04-30T22:00:00Z", "birth_date", date(1990, 5, 1)),
        ("mainTenant.dateOfBirth", None, "birth_date", None),
        # a wish that cannot be read does not hold up a chosen tenant
        ("desiredMoveIn", "01.02.2025", "lease_start", date(2025, 2, 1)),
        ("desiredMoveIn", "ab sofort", "lease_start", None),
        ("desiredMoveIn", "9999-12-31", "lease_start", None),
        ("desiredMoveIn", "0001-01-01", "lease_start", None),
        ("desiredMoveIn", {"from": "2025"}, "lease_start", None),
        # countries by name and code
        ("mainTenant.address.country", "DEU", "country", "DE"),
        ("mainTenant.address.country", "at", "country", "AT"),
        ("mainTenant.address.country", "Türkei ", "country", "TR"),
        ("mainTenant.address.country", "Switzerland", "country", "CH"),
        ("mainTenant.address.country", "Atlantis", "country", None),
        # what is no address is left out, the person is not
        ("mainTenant.email", "habe keine", "email", None),
        # salutations that the ERPs do not know
        ("mainTenant.salutation", "MR", "salutation", Salutation.MR),
        ("mainTenant.salutation", "DIVERSE", "salutation", Salutation.NONE),
        ("mainTenant.salutation", None, "salutation", Salutation.NONE),
        ("mainTenant.salutation", ["MR"], "salutation", Salutation.NONE),
        # status words
        ("status", "REJECTED", "chosen", False),
        ("status", "REJECTED", "withdrawn", True),
        ("status", "WITHDRAWN", "withdrawn", True),
        ("status", "APPLIED", "chosen", False),
        ("status", "APPLIED", "withdrawn", False),
        ("status", "SOMETHING_NEW", "chosen", False),
        # units
        ("property.externalId", " 1.2.3.4 ", "unit", ("1", "2", "3", "4")),
    ],
)
def test_a_field_is_read(path, value, field, result):
    assert getattr(mapped(path, value), field) == result


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("id", None, "external_id_missing"),
        ("id", "x" * 65, "external_id_too_long"),
        ("id", "two words", "external_id_unreadable"),
        ("status", None, "status_missing"),
        ("updatedAt", "yesterday", "unreadable_updated_at"),
        ("updatedAt", ..., "unreadable_updated_at"),
        ("property", None, "unit_missing"),
        ("property.externalId", "", "unit_missing"),
        ("property.externalId", "1.2.3", "unit_not_four_parts"),
        ("property.externalId", "1.2.3.4.5", "unit_not_four_parts"),
        ("property.externalId", "1-2-3-4", "unit_not_four_parts"),
        ("property.externalId", "1..3.4", "unit_part_empty"),
        ("property.externalId", "1.2.3.4\u200b", "unit_unreadable"),
        ("mainTenant", None, "last_name_missing"),
        ("mainTenant", "Groß", "unreadable_main_tenant"),
        ("mainTenant.lastname", "  ", "last_name_missing"),
        ("mainTenant.lastname", "x" * 61, "last_name_too_long"),
        ("mainTenant.firstname", "x" * 61, "first_name_too_long"),
        ("mainTenant.lastname", "\ud800", "unreadable_text"),
        ("mainTenant.firstname", ["Zoë"], "unreadable_text"),
        ("mainTenant.dateOfBirth", "1.5.90", "unreadable_birth_date"),
        ("mainTenant.dateOfBirth", "31.02.1990", "unreadable_birth_date"),
        ("mainTenant.dateOfBirth", "1990-04-30T13:00:00Z", "unreadable_birth_date"),
        ("mainTenant.dateOfBirth", "2024-11-12", "implausible_birth_date"),
        ("mainTenant.dateOfBirth", "1899-12-31", "implausible_birth_date"),
    ],
)
def test_a_record_is_refused_with_its_reason(path, value, reason):
    with pytest.raises(RefuseRecord) as refused:
        mapped(path, value)

    assert refused.value.reason == reason


def test_a_name_of_60_characters_between_blanks_is_not_too_long():
    assert mapped("mainTenant.lastname", f"  {'x' * 60} ").last_name.strip() == "x" * 60


def test_a_long_message_is_cut_with_a_mark():
    message = mapped("message", "x" * 2001).message

    assert len(message) == 2000
    assert message.endswith("x […]")
    assert mapped("message", "x" * 2000).message == "x" * 2000


@pytest.mark.parametrize(
    ("path", "value", "lacking"),
    [
        ("message", ..., []),
        ("mainTenant.dateOfBirth", None, []),
        ("mainTenant", None, []),
        ("mainTenant.dateOfBirth", ..., ["mainTenant.dateOfBirth"]),
        ("property", ..., ["property"]),
        ("property.externalId", ..., ["property.externalId"]),
    ],
)
def test_a_field_that_is_gone_is_distinguished_from_an_empty_one(path, value, lacking):
    assert fields.lacking(changed(path, value), mapping.PROMISED_FIELDS) == lacking
    assert fields.lacking("no object", mapping.PROMISED_FIELDS) == []
