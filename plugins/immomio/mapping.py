"""Immomio's application -> our prospect: the one place that knows its field names and status words.

Source: ``contracts/immomio.md`` (field names assumed). Only the main tenant travels; co-tenants and self-disclosure
fields (income, profession, …) are dropped here, from the quarantine table too.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from pydantic import ValidationError

from include.prospects import fields
from include.prospects.errors import RefuseRecord
from include.prospects.model import Prospect, Salutation

CHOSEN = "ACCEPTED_AS_TENANT"
"""The landlord pressed "Als Mieter akzeptieren" (published); the word is assumed."""
WITHDRAWN = ("WITHDRAWN", "REJECTED")
"""The prospect or the landlord said no (assumed). Any other word, a new one too, is just not chosen yet."""

LONGEST_NAME = 60
"""Characters; both ERPs refuse longer names, and a cut name would be another person for the duplicate check."""

_SALUTATIONS = {"MR": Salutation.MR, "MRS": Salutation.MRS}  # DIVERSE, null and new words: none

_ADDRESS: dict[str, Any] = {"street": {}, "houseNumber": {}, "zip": {}, "city": {}, "country": {}}
CONTRACT_FIELDS: dict[str, Any] = {
    "id": {},
    "status": {},
    "createdAt": {},
    "updatedAt": {},
    "property": {"id": {}, "externalId": {}, "name": {}},
    "mainTenant": {
        "salutation": {},
        "firstname": {},
        "lastname": {},
        "dateOfBirth": {},
        "email": {},
        "phone": {},
        "mobile": {},
        "address": _ADDRESS,
    },
    "desiredMoveIn": {},
    "message": {},
    "customerAccount": {},
}
"""What may be kept of a record that goes to quarantine."""


def to_prospect(application: Any, separator: str | None, today: date) -> Prospect:
    """Map an application; for any JSON whatever this returns a prospect or raises ``RefuseRecord``.

    :param separator: between the four parts of the unit's number, as the customer set it in Immomio.
    :param today: the customer's day; nobody is born after it.
    :raises RefuseRecord: see :mod:`include.prospects.fields` for the reasons; ``status_missing`` too.
    """
    application = fields.mapping(application, "application")
    status = _status(application)
    try:
        return Prospect(
            external_id=fields.identifier(application.get("id")),
            unit=fields.unit(
                fields.mapping(application.get("property"), "property").get("externalId"), separator
            ),
            chosen=status == CHOSEN,
            withdrawn=status in WITHDRAWN,
            updated_at=fields.moment(application.get("updatedAt"), "updated_at"),
            # The wish is the only date that Immomio has; one that cannot be read is left out (see wished_day).
            lease_start=fields.wished_day(application.get("desiredMoveIn"), "lease_start", today),
            message=fields.message(application.get("message")),
            **_person(fields.mapping(application.get("mainTenant"), "main_tenant"), today),
        )
    except ValidationError:
        # Its text holds the values; it must reach no log, not even as a cause.
        raise RefuseRecord("unreadable_record", "The record does not fit the form of a prospect.") from None


def _status(application: Mapping[str, Any]) -> str:
    """A status in capitals; a record without any goes to a person, since nobody could say what it means."""
    return fields.required_text(application.get("status"), "status", 64).strip().upper()


def _person(person: Mapping[str, Any], today: date) -> dict[str, Any]:
    address = fields.mapping(person.get("address"), "address")
    return {
        "salutation": _salutation(person.get("salutation")),
        "first_name": fields.limited_text(person.get("firstname"), "first_name", LONGEST_NAME),
        "last_name": fields.required_text(person.get("lastname"), "last_name", LONGEST_NAME),
        "birth_date": fields.birth_date(person.get("dateOfBirth"), today),
        "email": fields.email(person.get("email")),
        "phone": fields.limited_text(person.get("phone"), "phone"),
        "mobile": fields.limited_text(person.get("mobile"), "mobile"),
        "street": fields.limited_text(address.get("street"), "street"),
        "house_number": fields.limited_text(address.get("houseNumber"), "house_number"),
        "postal_code": fields.limited_text(address.get("zip"), "postal_code"),
        "city": fields.limited_text(address.get("city"), "city"),
        "country": fields.country(address.get("country")),
    }


def _salutation(value: Any) -> Salutation:
    return _SALUTATIONS.get(value, Salutation.NONE) if isinstance(value, str) else Salutation.NONE


def external_id_of(application: Any) -> str | None:
    """The application's id if it has a readable one."""
    try:
        return fields.identifier(fields.mapping(application, "application").get("id"))
    except RefuseRecord:
        return None


def raw(application: Any) -> str:
    """The application as JSON for the quarantine table, cut to the contract's fields."""
    return fields.as_raw(application, CONTRACT_FIELDS)


def lacking_fields(application: Any) -> list[str]:
    """Names of the fields that each application has by the contract, be they ``null``, and this one has not."""
    places: dict[str, tuple[str, ...]] = {
        "": ("id", "status", "updatedAt", "property", "mainTenant"),
        "property": ("externalId",),
        "mainTenant": ("firstname", "lastname", "dateOfBirth", "email"),
    }
    lacking = []
    for place, names in places.items():
        held = application.get(place) if place and isinstance(application, Mapping) else application
        if isinstance(held, Mapping):
            lacking += [f"{place}.{name}".lstrip(".") for name in names if name not in held]
    return lacking
