"""Mapping of EverReal's contracts and candidates to prospects; EverReal's field names are used only here.

The fields of contract and candidate are published (``everreal.graphql``). The names inside the JSON string
``applicationDataString`` are assumed (``docs/contracts.md``). The status words are in ``contract_status.py``. Only the
main candidate is transferred; the other applications of a candidate and the self-disclosure fields (income,
employer, …) are removed here, also from the quarantine table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from functools import lru_cache
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
"""Key of the number of the contract's units, set on each part of a contract. GraphQL reserves names that begin with
``__``, so no field has this name."""

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
    """Map a contract for one unit to a prospect. Any JSON either returns a prospect or raises ``RefuseRecord``.

    The lease starts on the contract's date; without one it has no start, since the date that the person wished for
    is not what was agreed on. A contract with an unknown status counts as started, not as signed.

    :param contract: a contract, or one of its :func:`parts`.
    :param separator: between the four parts of the unit number, as the customer has set it in EverReal.
    :param today: the current day at the customer; a later date of birth is refused.
    :param chosen_when: contract stage from which on the candidate counts as chosen.
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
    """Return the record as an object, refused if EverReal reported an error for it.

    :raises RefuseRecord: ``partner_error``, since a failed field would be taken for an empty one.
    """
    whole = fields.mapping(record, name)
    if ERRORS in whole:
        failed = ", ".join(whole[ERRORS]) or "the whole record"
        raise RefuseRecord(Reason.PARTNER_ERROR, f"EverReal responds with an error instead of: {failed}.")
    return whole


def contract_version(contract: Any) -> datetime:
    """Return when the contract was last changed; of a disabled candidate when that one was, if it is later.

    A candidate can be disabled without a change of the contract.

    :raises RefuseRecord: the contract has no readable time.
    """
    changed = fields.moment(contract.get("updatedAt"), Field.UPDATED_AT)
    candidate = contract_candidate(contract)
    if not is_disabled(candidate):
        return changed
    try:
        return max(changed, fields.moment(candidate.get("updatedAt"), Field.UPDATED_AT))
    except RefuseRecord:
        return changed


def parts(contract: Any, several_units: SeveralUnits) -> list[Any]:
    """Split a contract for several units, e.g. a flat and its parking space, into one part per unit.

    A part is the contract with that one unit and, under :data:`TOGETHER`, the number of units. A unit listed twice
    counts once. A contract for one unit is returned as it is.

    :param several_units: with ``quarantine`` the contract is not split, and the mapping refuses it.
    """
    units = contract.get("units") if isinstance(contract, dict) else None
    if several_units != "offer_each" or not isinstance(units, list) or len(units) < 2:
        return [contract]
    different = {_numbers(unit): unit for unit in units}
    if len(different) == 1:
        return [contract]
    return [{**contract, "units": [unit], TOGETHER: len(different)} for unit in different.values()]


def unit_numbers(contract: Any) -> frozenset[tuple[str, ...]]:
    """Return comparable keys of the contract's units; empty if it has none."""
    units = contract.get("units") if isinstance(contract, dict) else None
    return frozenset(map(_numbers, units)) if isinstance(units, list) else frozenset()


def _numbers(unit: Any) -> tuple[str, ...]:
    if not isinstance(unit, dict):
        return (repr(unit),)
    return str(unit.get("objectId") or "").strip(), str(unit.get("externalId") or "").strip()


def _contract_unit(
    contract: Mapping[str, Any], candidate: Mapping[str, Any], separator: str | None
) -> UnitNumber:
    """Return the contract's only unit; if it has none, the listing's."""
    units = _objects(contract.get("units"), Field.UNITS)
    if len(units) > 1 and len({_numbers(unit) for unit in units}) > 1:
        raise RefuseRecord(Reason.SEVERAL_UNITS, "The contract has several units; create its offers by hand.")
    return _unit_number(units[0], separator) if units else _listing_unit(candidate, separator)


def _unit_number(unit: Mapping[str, Any], separator: str | None) -> UnitNumber:
    """Return the first of ``objectId`` (shown to users) and ``externalId`` (set by integrations) with four parts.

    Both are published. Which one is the ERP's number depends on how the customer's units were imported into EverReal.

    :raises RefuseRecord: neither is a unit number; the reason is that of ``objectId`` if there is one.
    """
    refused: list[RefuseRecord] = []
    for name in ("objectId", "externalId"):
        try:
            return fields.unit(unit.get(name), separator)
        except RefuseRecord as refusal:
            refused.append(refusal)
    raise next((refusal for refusal in refused if refusal.reason is not Reason.UNIT_MISSING), refused[0])


def _agreed_start(value: Any, today: date) -> date | None:
    """Return the contract's start date; an unreadable one is refused, since the lease must not start on another day."""
    start = fields.day(value, Field.LEASE_START)
    if start and not fields.EARLIEST_YEAR <= start.year <= today.year + 10:
        raise RefuseRecord(Reason.IMPLAUSIBLE_LEASE_START, "The year of the contract's start is implausible.")
    return start


# --- candidates: prospects are chosen in the ERP -------------------------------------------------------


def candidate_to_prospect(candidate: Any, separator: str | None, today: date) -> Prospect:
    """Map a candidate to a prospect that is not chosen; otherwise as :func:`contract_to_prospect`."""
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
    """Return the listing's unit; the property's number has three parts and is not a unit number."""
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
    """Return the fields of the person from the main application; missing ones from the candidate.

    First and last name are taken from the same source, so that names of two people are never combined.
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
    """Return the application of the main candidate, an empty mapping if there is none.

    Of several, the one with the candidate's own e-mail address is used, since EverReal identifies a candidate by it
    (published). A single one counts with any address: people apply with another one than the one they were invited by.

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
                "Several applications are marked as the main one; choose one in EverReal.",
            )
    return main[0] if main else {}


def _normalized(email: Any) -> str:
    return email.strip().casefold() if isinstance(email, str) else ""


def _data(application: Mapping[str, Any]) -> Mapping[str, Any]:
    """Parse the application's JSON string ``applicationDataString``.

    :raises RefuseRecord: ``unreadable_application``; it may contain the date of birth, so it is not ignored.
    """
    text = application.get("applicationDataString")
    if text is None or (isinstance(text, str) and not text.strip()):
        return {}
    if not isinstance(text, str):
        raise RefuseRecord(
            field_reason(Problem.UNREADABLE, Field.APPLICATION), "The application's data is no text."
        )
    try:
        return fields.mapping(_parsed(text), Field.APPLICATION)
    except UnreadableJson:
        raise RefuseRecord(
            field_reason(Problem.UNREADABLE, Field.APPLICATION), "The application's data is no JSON."
        ) from None


@lru_cache(64)
def _parsed(text: str) -> Any:
    """Parse an application's data; mapping and checks of one contract need the same several times in a row."""
    return read_json(text)


def _objects(value: Any, field: Field) -> list[Mapping[str, Any]]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise RefuseRecord(field_reason(Problem.UNREADABLE, field), f"{field} is not a list.")
    return [fields.mapping(item, field) for item in value]


def candidate_id(candidate: Any) -> str | None:
    """Return the candidate's id, ``None`` if unreadable; it is the prospect's external id in both selections."""
    return fields.readable_identifier(candidate, "id")


def contract_candidate(contract: Any) -> Any:
    """Return the candidate of a contract."""
    return contract.get("candidate") if isinstance(contract, dict) else None


def is_disabled(candidate: Any) -> bool:
    """Return whether the candidate is disabled in EverReal."""
    return isinstance(candidate, dict) and candidate.get("isDisabled") is True


def lacking_fields(contract: Any) -> list[str]:
    """Return the expected fields (assumed) that the contract's application lacks; ``null`` is not lacking.

    GraphQL reports any other missing field itself, but does not know the contents of the JSON string.
    """
    try:
        data = _data(_main_application(fields.mapping(contract_candidate(contract), Field.CANDIDATE)))
    except RefuseRecord:
        return []
    return [
        f"applicationDataString.{name}" for name in ("dateOfBirth", "address") if data and name not in data
    ]


def without_application(contract: Any) -> list[str]:
    """Return the names of missing parts that most contracts should have: the main application, or its data."""
    try:
        application = _main_application(fields.mapping(contract_candidate(contract), Field.CANDIDATE))
        if not application:
            return ["isMainCandidate"]
        return [] if _data(application) else ["applicationDataString"]
    except RefuseRecord:
        return []


def raw_contract(contract: Any) -> str:
    """Return the contract as JSON for the quarantine table, reduced to known fields and the main application."""
    if isinstance(contract, Mapping) and "candidate" in contract:
        contract = {**contract, "candidate": _bare(contract["candidate"])}
    return fields.as_raw(contract, _CONTRACT)


def raw_candidate(candidate: Any) -> str:
    """As :func:`raw_contract`, for a candidate."""
    return fields.as_raw(_bare(candidate), _CANDIDATE)


def _bare(candidate: Any) -> Any:
    """Return the candidate without other people's applications, with the JSON string parsed for filtering."""
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
