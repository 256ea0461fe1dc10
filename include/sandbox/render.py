"""A person on a listing, as a record of Immomio and of EverReal."""

import json
import random
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from include.sandbox.partner import iso
from include.sandbox.people import Someone

Unit = tuple[str, str, str, str]


@dataclass
class Draft:
    """One person on one listing. ``state``: chosen, open, rejected, withdrawn, cancelled or unknown_status."""

    id: str
    person: Someone
    unit: Unit
    created: datetime
    updated: datetime
    note: str = "clean"
    state: str = "chosen"
    unit_parts: int = 4
    """Number of parts of the unit's number in the record; 0: none."""
    move_in: str | None = None
    message: str = ""
    co_tenants: list[Someone] = field(default_factory=list)
    contract_status: str = "SIGNED"
    parking: Unit | None = None
    """A parking space that EverReal's contract lets together with the unit."""


def new_id(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def named_id(*parts: str) -> str:
    """Return an id that is derived from other values."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(parts)))


def contact_id(email: str | None) -> str | None:
    """Return EverReal's contact of a candidate: one for each e-mail address, ignoring case and blanks."""
    plain = (email or "").strip().casefold()
    return named_id("contact", plain) if plain else None


IMMOMIO_STATUS = {
    "chosen": "ACCEPTED_AS_TENANT",
    "open": "APPLIED",
    "rejected": "REJECTED",
    "withdrawn": "WITHDRAWN",
    "cancelled": "WITHDRAWN",
    "unknown_status": "RESERVED_BY_LANDLORD",
}


def as_application(draft: Draft) -> dict[str, Any]:
    """Return the draft as an application of Immomio."""
    return {
        "id": draft.id,
        "status": IMMOMIO_STATUS[draft.state],
        "createdAt": iso(draft.created),
        "updatedAt": iso(draft.updated),
        "property": {
            "id": named_id("property", *draft.unit),
            "externalId": ".".join(draft.unit[: draft.unit_parts]) or None,
            "name": f"Wohnung {draft.unit[3]}",
            "address": {"city": "Hamburg", "zip": "20095", "country": "DE"},
        },
        "mainTenant": _immomio_person(draft.person),
        "coTenants": [_immomio_person(one) for one in draft.co_tenants],
        "desiredMoveIn": draft.move_in,
        "message": draft.message,
        "customerAccount": draft.unit[0],
    }


def _immomio_person(one: Someone) -> dict[str, Any]:
    return {
        "salutation": one.salutation,
        "firstname": one.first,
        "lastname": one.last,
        "dateOfBirth": one.birth,
        "email": one.email,
        "phone": one.phone,
        "mobile": one.mobile,
        "address": one.address,
        **one.extra,
    }


def as_candidate(draft: Draft) -> dict[str, Any]:
    """Return the draft as a candidate of EverReal with its applications and its listing."""
    one = draft.person
    ended = draft.state in ("rejected", "withdrawn")
    listing = _listing(draft)
    return {
        "id": draft.id,
        "email": one.email,
        "firstName": one.first,
        "lastName": one.last,
        "fullName": f"{one.first} {one.last}",
        "companyContactId": contact_id(one.email),
        "listingId": listing["id"],
        "candidateSource": "LANDLORD_PORTAL",
        "notes": draft.message or None,
        "isApplicant": draft.state != "open",
        "isNewCandidate": draft.state == "open",
        "isDisabled": ended,
        "disabledReason": {} if ended else None,  # an object; its fields are not published
        "statuses": {},
        "createdAt": iso(draft.created),
        "updatedAt": iso(draft.updated),
        "applications": [
            _application(draft, one, main=True),
            *(_application(draft, other, main=False) for other in draft.co_tenants),
        ],
        "listing": listing,
    }


def _listing(draft: Draft) -> dict[str, Any]:
    unit = _everreal_unit(draft.unit, draft.unit_parts)
    building = "-".join(draft.unit[:3]) if draft.unit_parts else None
    rental = {
        "id": named_id("building", *draft.unit[:3]),
        "objectId": building,
        "externalId": building,
        "name": f"Haus {draft.unit[2]}",
    }
    return {
        "id": named_id("listing", *draft.unit),
        "unitId": unit["id"],
        "unit": unit,
        "propertyId": rental["id"],
        "property": rental,
        "isActive": True,
        "isArchived": False,
    }


def _everreal_unit(number: Unit, parts: int = 4, kind: str = "APARTMENT") -> dict[str, Any]:
    """
    A unit of EverReal. Its ``externalId`` is the ERP's number.

    Units of client 2 have another ``objectId``; all others have the ERP's number there too.
    """
    written = "-".join(number[:parts]) or None
    seen = f"Objekt {number[1]}, Einheit {number[3]}" if number[0] == "2" and parts == 4 else written
    return {
        "id": named_id("unit", *number),
        "objectId": seen,
        "externalId": written,
        "name": f"WE {number[3]}",
        "type": kind,
    }


def _application(draft: Draft, one: Someone, main: bool) -> dict[str, Any]:
    address = one.address and {
        "streetName": one.address["street"],
        "streetNumber": one.address["houseNumber"],
        "zip": one.address["zip"],
        "city": one.address["city"],
        "country": one.address["country"],
    }
    data = {
        "firstName": one.first,
        "lastName": one.last,
        "email": one.email,
        "dateOfBirth": one.birth,
        "phoneNumber": one.phone,
        "cellPhoneNumber": one.mobile,
        "salutation": one.salutation,
        "address": address,
        "desiredStartDate": draft.move_in,
        **one.extra,
    }
    return {
        "id": named_id("application", draft.id, one.email or one.first),
        "email": one.email,
        "userId": named_id("user", one.email or draft.id),
        "isMainCandidate": main,
        "applicationData": data,
        "applicationDataString": json.dumps(data, ensure_ascii=False),
    }


def as_contract(draft: Draft) -> dict[str, Any] | None:
    """The candidate's contract; only who is or was chosen has one."""
    status = {
        "chosen": draft.contract_status,
        "cancelled": "CANCELLED",
        "unknown_status": "COUNTERSIGNED",
    }.get(draft.state)
    if status is None:
        return None
    everybody = [draft.person, *draft.co_tenants]
    contract: dict[str, Any] = {
        "id": named_id("contract", draft.id),
        "candidate": draft.id,
        "status": status,
        "contractFlowType": "ELECTRONIC_SIGNATURE_V2",
        "startDate": draft.move_in,
        "createdAt": iso(draft.created),
        "updatedAt": iso(draft.updated),
        "tenantFullNames": ", ".join(f"{one.first} {one.last}" for one in everybody),
        "tenants": [
            {"id": named_id("tenant", one.email or draft.id), "externalId": None} for one in everybody
        ],
        "contractData": {"terms": {"rent": "640.50", "contractStartDate": draft.move_in}},
    }
    if draft.parking is not None:
        contract["units"] = [_everreal_unit(draft.unit), _everreal_unit(draft.parking, kind="PARKING")]
    return contract
