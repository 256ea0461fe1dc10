"""Mapping of Immomio's applications to prospects; Immomio's field names and status words are used only here.

Published: only accepted tenants are provided. Assumed: every field name and status word (``docs/contracts.md``). Only
the main tenant is transferred; co-tenants and self-disclosure fields (income, profession, …) are removed here, also
from the quarantine table.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from letting_sync.errors import RefuseRecord
from letting_sync.http.pagination.versions import Versions
from letting_sync.model import Prospect
from letting_sync.parsing import records as fields
from letting_sync.reasons import Field

VERSIONS = Versions("id", "updatedAt")
"""Identity and time of an application."""
CHOSEN = "ACCEPTED_AS_TENANT"
"""The landlord chose "Als Mieter akzeptieren" (published); the word is assumed."""
WITHDRAWN = ("WITHDRAWN", "REJECTED")
"""The prospect withdrew or the landlord rejected (assumed). Any other word, also a new one, means not chosen yet."""
UNDECIDED = ("NEW", "INVITED", "APPLIED")
"""No decision yet (assumed)."""
STATUS_WORDS = (CHOSEN, *WITHDRAWN, *UNDECIDED)
"""All known words; a run reports any other one in its counts."""

_ADDRESS: dict[str, Any] = {"street": {}, "houseNumber": {}, "zip": {}, "city": {}, "country": {}}
KEPT_FIELDS: dict[str, Any] = {
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
"""Fields that are kept of an application in quarantine."""

PROMISED_FIELDS = (
    "id",
    "status",
    "updatedAt",
    "property",
    "property.externalId",
    "mainTenant",
    "mainTenant.firstname",
    "mainTenant.lastname",
    "mainTenant.dateOfBirth",
    "mainTenant.email",
)
"""Fields that each application has by the contract, possibly ``null``."""


def to_prospect(application: Any, separator: str | None, today: date) -> Prospect:
    """Map an application to a prospect. Any JSON either returns a prospect or raises ``RefuseRecord``.

    :param separator: between the four parts of the unit number, as the customer has set it in Immomio.
    :param today: the current day at the customer; a later date of birth is refused.
    :raises RefuseRecord: see :mod:`letting_sync.parsing.records` for the reasons; ``status_missing`` too.
    """
    application = fields.mapping(application, Field.APPLICATION)
    status = _status(application)
    return fields.prospect(
        external_id=fields.identifier(application.get("id")),
        unit=fields.unit(
            fields.mapping(application.get("property"), Field.PROPERTY).get("externalId"), separator
        ),
        chosen=status == CHOSEN,
        withdrawn=status in WITHDRAWN,
        updated_at=fields.moment(application.get("updatedAt"), Field.UPDATED_AT),
        # Immomio has only the date the person wishes for; an unreadable one is left out (see wished_day).
        lease_start=fields.wished_day(application.get("desiredMoveIn"), Field.LEASE_START, today),
        message=fields.message(application.get("message")),
        **_person(fields.mapping(application.get("mainTenant"), Field.MAIN_TENANT), today),
    )


def _status(application: Mapping[str, Any]) -> str:
    """Return the status in upper case.

    :raises RefuseRecord: ``status_missing``, so that a person decides.
    """
    return fields.required_text(application.get("status"), Field.STATUS, 64).strip().upper()


def unknown_status(application: Any) -> str | None:
    """Return the application's status if it is not one of :data:`STATUS_WORDS`."""
    try:
        status = _status(fields.mapping(application, Field.APPLICATION))
    except RefuseRecord:
        return None
    return None if status in STATUS_WORDS else status


def _person(person: Mapping[str, Any], today: date) -> dict[str, Any]:
    address = fields.mapping(person.get("address"), Field.ADDRESS)
    return {
        "salutation": fields.salutation(person.get("salutation")),
        "first_name": fields.limited_text(person.get("firstname"), Field.FIRST_NAME, fields.LONGEST_NAME),
        "last_name": fields.required_text(person.get("lastname"), Field.LAST_NAME, fields.LONGEST_NAME),
        "birth_date": fields.birth_date(person.get("dateOfBirth"), today),
        "email": fields.email(person.get("email")),
        "phone": fields.limited_text(person.get("phone"), Field.PHONE),
        "mobile": fields.limited_text(person.get("mobile"), Field.MOBILE),
        "street": fields.limited_text(address.get("street"), Field.STREET),
        "house_number": fields.limited_text(address.get("houseNumber"), Field.HOUSE_NUMBER),
        "postal_code": fields.limited_text(address.get("zip"), Field.POSTAL_CODE),
        "city": fields.limited_text(address.get("city"), Field.CITY),
        "country": fields.country(address.get("country")),
    }
