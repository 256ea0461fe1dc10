"""A contract and a candidate of EverReal with every field, and what the mapping makes of a changed one."""

import copy
import json
from datetime import date

from letting_sync.systems.everreal import mapping

TODAY = date(2024, 11, 11)
DATA = {
    "email": "zoe@example.org",
    "dateOfBirth": "1990-05-01",
    "phoneNumber": "040/123 45-6",
    "cellPhoneNumber": "+49 171 1234567",
    "salutation": "MRS",
    "address": {
        "streetName": "Am Weg",
        "streetNumber": "1a",
        "zip": "01067",
        "city": "Dresden",
        "country": "Deutschland",
    },
    "desiredStartDate": "2025-02-01",
    "income": 3210.5,
    "employer": "Geheimdienst",
}
APPLICATION = {
    "id": "a1",
    "email": "zoe@example.org",
    "isMainCandidate": True,
    "applicationDataString": DATA,
}
CONTRACT = {
    "id": "contract-1",
    "status": "SIGNED",
    "startDate": "2025-01-01",
    "createdAt": "2024-11-01T08:00:00.000Z",
    "updatedAt": "2024-11-10T10:11:12.345Z",
    "contractData": {"deposit": 999},
    "units": [{"id": "u", "objectId": "1-02-3-004", "externalId": None}],
    "candidate": {
        "id": "7f0c1f3e-6a58-4a0e-9f6e-1c8f5f1d2a3b",
        "email": "zoe@example.org",
        "firstName": "Zoë",
        "lastName": "Groß",
        "companyContactId": "contact-7",
        "isDisabled": False,
        "createdAt": "2024-11-01T08:00:00.000Z",
        "updatedAt": "2024-11-09T10:11:12.345Z",
        "applications": [
            APPLICATION,
            {
                "id": "a2",
                "email": "mit@bewohner.example",
                "isMainCandidate": False,
                "applicationDataString": {"lastName": "Mitbewohner"},
            },
        ],
        "listing": {"unit": {"objectId": "9-9-9-9"}, "property": {"objectId": "1-02-3"}},
    },
}
CANDIDATE = CONTRACT["candidate"]
IN_DATA = "candidate.applications.0.applicationDataString"


def changed(record, path, value):
    """The record with one field set (``...``: taken away)."""
    if not path:
        return value
    record = copy.deepcopy(record)
    *way, name = [int(step) if step.isdigit() else step for step in path.split(".")]
    place = record
    for step in way:
        place = place[step]
    if value is ...:
        del place[name]
    else:
        place[name] = value
    return record


def sent(record):
    """The record as EverReal sends it: what an application says is JSON text."""
    if isinstance(record, list):
        return [sent(item) for item in record]
    if not isinstance(record, dict):
        return record
    written = {name: sent(value) for name, value in record.items()}
    said = record.get("applicationDataString")
    return written | ({"applicationDataString": json.dumps(said)} if isinstance(said, dict | list) else {})


def mapped(*changes, chosen_when="signed"):
    contract = CONTRACT
    for path, value in changes:
        contract = changed(contract, path, value)
    return mapping.contract_to_prospect(sent(contract), "-", TODAY, chosen_when)


def mapped_candidate(*changes):
    candidate = CANDIDATE
    for path, value in changes:
        candidate = changed(candidate, path, value)
    return mapping.candidate_to_prospect(sent(candidate), "-", TODAY)
