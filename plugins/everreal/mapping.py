"""EverReal's contract or candidate -> our prospect: the one place that knows its field names and status words.

The candidate's fields are published, those of ``applicationData`` and the status words assumed
(``docs/contracts.md``). Only the main candidate travels; the other applications of a candidate and the self-disclosure
fields (income, employer, …) are dropped here, from the quarantine table too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from include.prospects import fields
from include.prospects.errors import RefuseRecord
from include.prospects.model import Prospect, Salutation, UnitNumber

ENDED = frozenset(
    {"CANCELLED", "CANCELED", "DECLINED", "REJECTED", "WITHDRAWN", "EXPIRED", "VOIDED", "DELETED"}
)
"""A contract in one of these chooses nobody. Assumed: CANCELLED; the others are not known to exist, but must never
make a lease. Any other word (DRAFT, SENT, SIGNED, a new one) is a living contract."""

_SALUTATIONS = {
    "mr": Salutation.MR,
    "herr": Salutation.MR,
    "male": Salutation.MR,
    "mrs": Salutation.MRS,
    "ms": Salutation.MRS,
    "frau": Salutation.MRS,
    "female": Salutation.MRS,
}  # the words are not published; anything else (DIVERSE, null, a new one): none

_DATA: dict[str, Any] = {
    "email": {},
    "firstName": {},
    "lastName": {},
    "dateOfBirth": {},
    "phoneNumber": {},
    "cellPhoneNumber": {},
    "salutation": {},
    "desiredStartDate": {},
    "address": {"streetName": {}, "streetNumber": {}, "zip": {}, "city": {}, "country": {}},
}
_CANDIDATE: dict[str, Any] = {
    "id": {},
    "email": {},
    "firstName": {},
    "lastName": {},
    "isDisabled": {},
    "createdAt": {},
    "updatedAt": {},
    "applications": {"id": {}, "email": {}, "isMainCandidate": {}, "applicationData": _DATA},
    "listing": {"unit": {"objectId": {}}},
}
_CONTRACT: dict[str, Any] = {
    "id": {},
    "status": {},
    "startDate": {},
    "createdAt": {},
    "updatedAt": {},
    "units": {"id": {}, "objectId": {}},
    "candidate": _CANDIDATE,
}


# --- contracts: prospects are chosen in EverReal ----------------------------------------------------------


def contract_to_prospect(contract: Any, separator: str | None, today: date) -> Prospect:
    """Map a contract; for any JSON whatever this returns a prospect or raises ``RefuseRecord``.

    The lease starts on the contract's date or, where it has none, on no date: what the person once wished for
    is not what the two have agreed on.

    :param separator: between the four parts of the unit's number, as the customer set it in EverReal.
    :param today: the customer's day; nobody is born after it.
    :raises RefuseRecord: see :mod:`include.prospects.fields` for the reasons; besides them ``status_missing``,
        ``several_units``, ``several_main_candidates``, ``implausible_lease_start``.
    """
    contract = fields.mapping(contract, "contract")
    candidate = fields.mapping(contract.get("candidate"), "candidate")
    withdrawn = contract_ended(contract) or is_disabled(candidate)
    return _prospect(
        candidate,
        today,
        unit=_contract_unit(contract, candidate, separator),
        chosen=not withdrawn,
        withdrawn=withdrawn,
        updated_at=fields.moment(contract.get("updatedAt"), "updated_at"),
        lease_start=_agreed_start(contract.get("startDate"), today),
    )


def contract_ended(contract: Any) -> bool:
    """Whether the contract chooses nobody (any more).

    :raises RefuseRecord: ``status_missing``: nobody could say, so a person must.
    """
    status = fields.mapping(contract, "contract").get("status")
    return fields.required_text(status, "status", 64).strip().upper() in ENDED


def _contract_unit(
    contract: Mapping[str, Any], candidate: Mapping[str, Any], separator: str | None
) -> UnitNumber:
    """The contract's one unit; without any, the listing's. Several are a person's decision."""
    numbers = [unit.get("objectId") for unit in _objects(contract.get("units"), "units")]
    texts = {fields.limited_text(number, "unit", 64) for number in numbers}
    if len(texts) > 1:
        raise RefuseRecord("several_units", "The contract is about several units; make its offers by hand.")
    return fields.unit(numbers[0], separator) if numbers else _listing_unit(candidate, separator)


def _agreed_start(value: Any, today: date) -> date | None:
    """The contract's date; refused where it cannot be read, since a lease must not begin on another day."""
    start = fields.day(value, "lease_start")
    if start and not fields.EARLIEST_YEAR <= start.year <= today.year + 10:
        raise RefuseRecord("implausible_lease_start", "The contract starts in a year that cannot be meant.")
    return start


# --- candidates: prospects are chosen in the ERP -------------------------------------------------------


def candidate_to_prospect(candidate: Any, separator: str | None, today: date) -> Prospect:
    """Map a candidate, who is never chosen; otherwise as :func:`contract_to_prospect`."""
    candidate = fields.mapping(candidate, "candidate")
    application = _main_application(candidate)
    return _prospect(
        candidate,
        today,
        unit=_listing_unit(candidate, separator),
        chosen=False,
        withdrawn=is_disabled(candidate),
        updated_at=fields.moment(candidate.get("updatedAt"), "updated_at"),
        lease_start=fields.wished_day(_data(application).get("desiredStartDate"), "lease_start", today),
    )


def _listing_unit(candidate: Mapping[str, Any], separator: str | None) -> UnitNumber:
    """The listing's unit; its property's number has three parts and is no unit."""
    listing = fields.mapping(candidate.get("listing"), "listing")
    return fields.unit(fields.mapping(listing.get("unit"), "unit").get("objectId"), separator)


# --- the person -------------------------------------------------------------------------------------------


def _prospect(candidate: Mapping[str, Any], today: date, **rest: Any) -> Prospect:
    return fields.prospect(
        external_id=fields.identifier(candidate.get("id")), **rest, **_person(candidate, today)
    )


def _person(candidate: Mapping[str, Any], today: date) -> dict[str, Any]:
    """The person of the main application, where it says nothing that of the candidate.

    Both names come from the same place, so that no third person is put together.
    """
    application = _main_application(candidate)
    data = _data(application)
    address = fields.mapping(data.get("address"), "address")
    named = data if fields.text(data.get("lastName"), "last_name") else candidate
    emails = (fields.email(place.get("email")) for place in (data, application, candidate))
    return {
        "salutation": _salutation(data.get("salutation")),
        "first_name": fields.limited_text(named.get("firstName"), "first_name", fields.LONGEST_NAME),
        "last_name": fields.required_text(named.get("lastName"), "last_name", fields.LONGEST_NAME),
        "birth_date": fields.birth_date(data.get("dateOfBirth"), today),
        "email": next((email for email in emails if email), None),
        "phone": fields.limited_text(data.get("phoneNumber"), "phone"),
        "mobile": fields.limited_text(data.get("cellPhoneNumber"), "mobile"),
        "street": fields.limited_text(address.get("streetName"), "street"),
        "house_number": fields.limited_text(address.get("streetNumber"), "house_number"),
        "postal_code": fields.limited_text(address.get("zip"), "postal_code"),
        "city": fields.limited_text(address.get("city"), "city"),
        "country": fields.country(address.get("country")),
    }


def _main_application(candidate: Mapping[str, Any]) -> Mapping[str, Any]:
    """The application of the main candidate, an empty one if there is none.

    Of several the one with the candidate's own e-mail address is meant, since EverReal knows a candidate by it
    (published). A single one counts whatever its address: people apply with another one than they were invited by.

    :raises RefuseRecord: ``several_main_candidates`` if that leaves none or several.
    """
    applications = _objects(candidate.get("applications"), "applications")
    main = [application for application in applications if application.get("isMainCandidate") is True]
    if len(main) > 1:
        own = _folded(candidate.get("email"))
        main = [application for application in main if own and _folded(application.get("email")) == own]
        if len(main) != 1:
            raise RefuseRecord(
                "several_main_candidates",
                "Several applications claim to be the main one; choose in EverReal.",
            )
    return main[0] if main else {}


def _folded(email: Any) -> str:
    return email.strip().casefold() if isinstance(email, str) else ""


def _data(application: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the application says: ``applicationData``, or the same as JSON text where that is missing.

    :raises RefuseRecord: ``unreadable_application``; a date of birth may stand in it, so it is not passed over.
    """
    data = application.get("applicationData") or application.get("applicationDataString")
    if isinstance(data, str) and data.strip():
        try:
            data = json.loads(data)
        except (ValueError, RecursionError):
            raise RefuseRecord("unreadable_application", "The application's data is no JSON.") from None
    return fields.mapping(None if isinstance(data, str) else data, "application")


def _objects(value: Any, field: str) -> list[Mapping[str, Any]]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise RefuseRecord(f"unreadable_{field}", f"{field} is not a list.")
    return [fields.mapping(item, field) for item in value]


def _salutation(value: Any) -> Salutation:
    word = value.strip().rstrip(".").casefold() if isinstance(value, str) else ""
    return _SALUTATIONS.get(word, Salutation.NONE)


def candidate_id(candidate: Any) -> str | None:
    """The candidate's id if it has a readable one; it is the prospect's external id in both selections."""
    return fields.readable_identifier(candidate, "id")


def contract_candidate(contract: Any) -> Any:
    """The candidate whom a contract names."""
    return contract.get("candidate") if isinstance(contract, Mapping) else None


def is_disabled(candidate: Any) -> bool:
    """Whether EverReal has taken the candidate out of the running."""
    return isinstance(candidate, Mapping) and candidate.get("isDisabled") is True


def lacking_fields(contract: Any) -> list[str]:
    """Which fields this contract's application lacks, of those that each one has (assumed); ``null`` is not lacking.

    If any other field is gone, GraphQL itself says so; what stands inside ``applicationData`` it does not know.
    """
    try:
        data = _data(_main_application(fields.mapping(contract_candidate(contract), "candidate")))
    except RefuseRecord:
        return []
    return [f"applicationData.{name}" for name in ("dateOfBirth", "address") if data and name not in data]


def raw_contract(contract: Any) -> str:
    """The contract as JSON for the quarantine table, cut to the fields we know and to the main application."""
    if isinstance(contract, Mapping) and "candidate" in contract:
        contract = {**contract, "candidate": _bare(contract["candidate"])}
    return fields.as_raw(contract, _CONTRACT)


def raw_candidate(candidate: Any) -> str:
    """As :func:`raw_contract`, for a candidate."""
    return fields.as_raw(_bare(candidate), _CANDIDATE)


def _bare(candidate: Any) -> Any:
    """The candidate without other people's applications, and with JSON text read, so that it can be cut."""
    if not isinstance(candidate, Mapping) or not isinstance(candidate.get("applications"), list):
        return candidate
    return {**candidate, "applications": list(_bare_applications(candidate["applications"]))}


def _bare_applications(applications: Iterable[Any]) -> Iterable[Any]:
    for application in applications:
        if isinstance(application, Mapping) and application.get("isMainCandidate") is True:
            try:
                yield {**application, "applicationData": _data(application)}
            except RefuseRecord:
                yield {**application, "applicationData": None}
