"""EverReal's contract or candidate -> our prospect: the one place that knows its field names.

The fields of contract and candidate are published (``everreal.graphql``), the names inside the JSON text
``applicationDataString`` are assumed (``docs/contracts.md``); the words of a contract's status are in
``contract_status.py``. Only the main candidate is transferred; the other applications of a candidate and the
self-disclosure fields (income, employer, …) are dropped here, from the quarantine table too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, Literal

from letting_sync.errors import RefuseRecord
from letting_sync.model import Prospect, UnitNumber
from letting_sync.parsing import records as fields
from letting_sync.parsing.json_body import UnreadableJson, read_json
from letting_sync.reasons import Field, Problem, Reason, field_reason
from letting_sync.systems.everreal.contract_status import ContractStage, stage_of
from letting_sync.systems.everreal.graphql_errors import ERRORS

ChosenWhen = Literal["signed", "started"]
SeveralUnits = Literal["offer_each", "quarantine"]

TOGETHER = "__units_together"
"""Key under which one unit's part of a contract carries the number of the contract's units. GraphQL reserves names that
begin with ``__``, so no field of a contract is called so."""

_UNIT: dict[str, Any] = {"id": {}, "objectId": {}, "externalId": {}}
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
    "companyContactId": {},
    "isDisabled": {},
    "createdAt": {},
    "updatedAt": {},
    "applications": {"id": {}, "email": {}, "isMainCandidate": {}, "applicationDataString": _DATA},
    "listing": {"unit": _UNIT},
    ERRORS: {},
}
_CONTRACT: dict[str, Any] = {
    "id": {},
    "status": {},
    "startDate": {},
    "createdAt": {},
    "updatedAt": {},
    "units": _UNIT,
    "candidate": _CANDIDATE,
    ERRORS: {},
    TOGETHER: {},
}


# --- contracts: prospects are chosen in EverReal ----------------------------------------------------------


def contract_to_prospect(
    contract: Any, separator: str | None, today: date, chosen_when: ChosenWhen = "signed"
) -> Prospect:
    """Map a contract about one unit; for any JSON whatever this returns a prospect or raises ``RefuseRecord``.

    The lease starts on the contract's date or, where it has none, on no date: what the person once wished for
    is not what the two have agreed on. A contract with an unknown status counts as started, not as signed.

    :param contract: a contract, or one of its :func:`parts`.
    :param separator: between the four parts of the unit's number, as the customer set it in EverReal.
    :param today: the customer's day; nobody is born after it.
    :param chosen_when: from when on a contract chooses its candidate.
    :raises RefuseRecord: see :mod:`letting_sync.parsing.records` for the reasons; besides them ``partner_error``,
        ``status_missing``, ``several_units``, ``several_main_candidates``, ``implausible_lease_start``.
    """
    contract = _whole(contract, Field.CONTRACT)
    candidate = _whole(contract.get("candidate"), Field.CANDIDATE)
    stage = stage_of(contract)
    withdrawn = stage is ContractStage.ENDED or is_disabled(candidate)
    together = contract.get(TOGETHER)
    return _prospect(
        candidate,
        today,
        unit=_contract_unit(contract, candidate, separator),
        chosen=not withdrawn and (stage is ContractStage.SIGNED or chosen_when == "started"),
        withdrawn=withdrawn,
        updated_at=contract_version(contract),
        source_id=fields.identifier(contract.get("id"), Field.CONTRACT_ID),
        lease_start=_agreed_start(contract.get("startDate"), today),
        bundle=fields.identifier(contract.get("id"), Field.CONTRACT_ID) if together else None,
        bundle_size=together or 1,
    )


def _whole(record: Any, name: Field) -> Mapping[str, Any]:
    """The record as an object, refused if EverReal could not give all of it.

    :raises RefuseRecord: ``partner_error``: a missing field would be taken for an empty one.
    """
    whole = fields.mapping(record, name)
    if ERRORS in whole:
        failed = ", ".join(whole[ERRORS]) or "the whole record"
        raise RefuseRecord(Reason.PARTNER_ERROR, f"EverReal responds with an error instead of: {failed}.")
    return whole


def contract_version(contract: Any) -> datetime:
    """When the contract was last changed, or its candidate, who may be disabled without a change of the contract.

    :raises RefuseRecord: the contract does not say so.
    """
    changed = fields.moment(contract.get("updatedAt"), Field.UPDATED_AT)
    candidate = contract_candidate(contract)
    if not isinstance(candidate, Mapping):
        return changed
    try:
        return max(changed, fields.moment(candidate.get("updatedAt"), Field.UPDATED_AT))
    except RefuseRecord:
        return changed


def contract_ended(contract: Any) -> bool:
    """Whether the contract chooses nobody (any more).

    :raises RefuseRecord: ``status_missing``: nobody could say, so a person must.
    """
    return stage_of(contract) is ContractStage.ENDED


def parts(contract: Any, several_units: SeveralUnits) -> list[Any]:
    """The contract, or one part for each of its units where it is about several: a flat and its parking space.

    A part is the contract with that one unit and, under :data:`TOGETHER`, the number of all. A unit that is named
    twice counts once.

    :param several_units: with ``quarantine`` a contract stays whole, and the mapping refuses it.
    """
    units = contract.get("units") if isinstance(contract, Mapping) else None
    if several_units != "offer_each" or not isinstance(units, list) or len(units) < 2:
        return [contract]
    different = {_numbers(unit): unit for unit in units}
    if len(different) == 1:
        return [contract]
    return [{**contract, "units": [unit], TOGETHER: len(different)} for unit in different.values()]


def unit_numbers(contract: Any) -> frozenset[tuple[str, ...]]:
    """What tells the contract's units from those of another contract; empty if it names none."""
    units = contract.get("units") if isinstance(contract, Mapping) else None
    return frozenset(map(_numbers, units)) if isinstance(units, list) else frozenset()


def _numbers(unit: Any) -> tuple[str, ...]:
    if not isinstance(unit, Mapping):
        return (repr(unit),)
    return tuple(str(unit.get(name) or "").strip() for name in ("objectId", "externalId"))


def _contract_unit(
    contract: Mapping[str, Any], candidate: Mapping[str, Any], separator: str | None
) -> UnitNumber:
    """The contract's one unit; without any, the listing's."""
    units = _objects(contract.get("units"), Field.UNITS)
    if len({_numbers(unit) for unit in units}) > 1:
        raise RefuseRecord(
            Reason.SEVERAL_UNITS, "The contract is about several units; make its offers by hand."
        )
    return _unit_number(units[0], separator) if units else _listing_unit(candidate, separator)


def _unit_number(unit: Mapping[str, Any], separator: str | None) -> UnitNumber:
    """The first of ``objectId`` (what users see) and ``externalId`` (what an integration writes) with four parts.

    Both are published; which of them holds the ERP's number depends on how the customer's units came into EverReal.

    :raises RefuseRecord: what is wrong with ``objectId``, or with ``externalId`` where there is no other.
    """
    refused: list[RefuseRecord] = []
    for name in ("objectId", "externalId"):
        try:
            return fields.unit(unit.get(name), separator)
        except RefuseRecord as refusal:
            refused.append(refusal)
    raise next((refusal for refusal in refused if refusal.reason is not Reason.UNIT_MISSING), refused[0])


def _agreed_start(value: Any, today: date) -> date | None:
    """The contract's date; refused where it cannot be read, since a lease must not begin on another day."""
    start = fields.day(value, Field.LEASE_START)
    if start and not fields.EARLIEST_YEAR <= start.year <= today.year + 10:
        raise RefuseRecord(
            Reason.IMPLAUSIBLE_LEASE_START, "The contract starts in a year that cannot be meant."
        )
    return start


# --- candidates: prospects are chosen in the ERP -------------------------------------------------------


def candidate_to_prospect(candidate: Any, separator: str | None, today: date) -> Prospect:
    """Map a candidate, who is never chosen; otherwise as :func:`contract_to_prospect`."""
    candidate = _whole(candidate, Field.CANDIDATE)
    application = _main_application(candidate)
    return _prospect(
        candidate,
        today,
        unit=_listing_unit(candidate, separator),
        chosen=False,
        withdrawn=is_disabled(candidate),
        updated_at=fields.moment(candidate.get("updatedAt"), Field.UPDATED_AT),
        lease_start=fields.wished_day(_data(application).get("desiredStartDate"), Field.LEASE_START, today),
    )


def _listing_unit(candidate: Mapping[str, Any], separator: str | None) -> UnitNumber:
    """The listing's unit; its property's number has three parts and is no unit."""
    listing = fields.mapping(candidate.get("listing"), Field.LISTING)
    return _unit_number(fields.mapping(listing.get("unit"), Field.UNIT), separator)


# --- the person -------------------------------------------------------------------------------------------


def _prospect(candidate: Mapping[str, Any], today: date, **rest: Any) -> Prospect:
    return fields.prospect(
        external_id=fields.identifier(candidate.get("id")),
        contact_id=fields.readable_identifier(candidate, "companyContactId"),
        **rest,
        **_person(candidate, today),
    )


def _person(candidate: Mapping[str, Any], today: date) -> dict[str, Any]:
    """The person of the main application, where it says nothing that of the candidate.

    Both names come from the same place, so that no third person is put together.
    """
    application = _main_application(candidate)
    data = _data(application)
    address = fields.mapping(data.get("address"), Field.ADDRESS)
    named = data if fields.text(data.get("lastName"), Field.LAST_NAME) else candidate
    emails = (fields.email(place.get("email")) for place in (data, application, candidate))
    return {
        "salutation": fields.salutation(data.get("salutation")),
        "first_name": fields.limited_text(named.get("firstName"), Field.FIRST_NAME, fields.LONGEST_NAME),
        "last_name": fields.required_text(named.get("lastName"), Field.LAST_NAME, fields.LONGEST_NAME),
        "birth_date": fields.birth_date(data.get("dateOfBirth"), today),
        "email": next((email for email in emails if email), None),
        "phone": fields.limited_text(data.get("phoneNumber"), Field.PHONE),
        "mobile": fields.limited_text(data.get("cellPhoneNumber"), Field.MOBILE),
        "street": fields.limited_text(address.get("streetName"), Field.STREET),
        "house_number": fields.limited_text(address.get("streetNumber"), Field.HOUSE_NUMBER),
        "postal_code": fields.limited_text(address.get("zip"), Field.POSTAL_CODE),
        "city": fields.limited_text(address.get("city"), Field.CITY),
        "country": fields.country(address.get("country")),
    }


def _main_application(candidate: Mapping[str, Any]) -> Mapping[str, Any]:
    """The application of the main candidate, an empty one if there is none.

    Of several the one with the candidate's own e-mail address is meant, since EverReal knows a candidate by it
    (published). A single one counts whatever its address: people apply with another one than they were invited by.

    :raises RefuseRecord: ``several_main_candidates`` if that leaves none or several.
    """
    applications = _objects(candidate.get("applications"), Field.APPLICATIONS)
    main = [application for application in applications if application.get("isMainCandidate") is True]
    if len(main) > 1:
        own = _normalized(candidate.get("email"))
        main = [application for application in main if own and _normalized(application.get("email")) == own]
        if len(main) != 1:
            raise RefuseRecord(
                Reason.SEVERAL_MAIN_CANDIDATES,
                "Several applications claim to be the main one; choose in EverReal.",
            )
    return main[0] if main else {}


def _normalized(email: Any) -> str:
    return email.strip().casefold() if isinstance(email, str) else ""


def _data(application: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the application says: the JSON text ``applicationDataString``.

    :raises RefuseRecord: ``unreadable_application``; a date of birth may stand in it, so it is not passed over.
    """
    text = application.get("applicationDataString")
    if text is None or (isinstance(text, str) and not text.strip()):
        return {}
    if not isinstance(text, str):
        raise RefuseRecord(
            field_reason(Problem.UNREADABLE, Field.APPLICATION), "The application's data is no text."
        )
    try:
        return fields.mapping(read_json(text), Field.APPLICATION)
    except UnreadableJson:
        raise RefuseRecord(
            field_reason(Problem.UNREADABLE, Field.APPLICATION), "The application's data is no JSON."
        ) from None


def _objects(value: Any, field: Field) -> list[Mapping[str, Any]]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise RefuseRecord(field_reason(Problem.UNREADABLE, field), f"{field} is not a list.")
    return [fields.mapping(item, field) for item in value]


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

    If any other field is gone, GraphQL itself says so; what stands inside the JSON text it does not know.
    """
    try:
        data = _data(_main_application(fields.mapping(contract_candidate(contract), Field.CANDIDATE)))
    except RefuseRecord:
        return []
    return [
        f"applicationDataString.{name}" for name in ("dateOfBirth", "address") if data and name not in data
    ]


def without_application(contract: Any) -> list[str]:
    """What this contract has nothing of, although most contracts should: the main application, or its data."""
    try:
        application = _main_application(fields.mapping(contract_candidate(contract), Field.CANDIDATE))
        if not application:
            return ["isMainCandidate"]
        return [] if _data(application) else ["applicationDataString"]
    except RefuseRecord:
        return []


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
                yield {**application, "applicationDataString": _data(application)}
            except RefuseRecord:
                yield {**application, "applicationDataString": None}
