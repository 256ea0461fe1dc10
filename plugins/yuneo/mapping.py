"""Wodis Yuneo's field names and status words <-> ours. The only place that knows them besides the hook."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from include.prospects.erp import ImportState, Outgoing
from include.prospects.errors import RefuseRecord
from include.prospects.model import BusinessPartner, ImportResult, Lease, Offer, OfferStatus, UnitNumber

SEPARATOR = "/"
"""Yuneo always separates the parts of a unit number by a slash (published)."""
LONGEST_NAME = 60
LONGEST_MESSAGE = 2000

_STATUS = {
    "OFFERED": OfferStatus.OFFERED,
    "ACCEPTED": OfferStatus.ACCEPTED,
    "REJECTED": OfferStatus.REJECTED,
    "IGNORED": OfferStatus.IGNORED,
    "EXPIRED": OfferStatus.EXPIRED,
}
_REFUSALS = {
    "UNKNOWN_UNIT": "unknown_unit",
    "UNIT_NOT_VACANT": "unit_not_vacant",
    "UNKNOWN_BUSINESS_PARTNER": "unknown_business_partner",
    "INVALID_FIELD": "invalid_field",
}


def prospect_in(outgoing: Outgoing) -> dict[str, Any]:
    """A prospect as the import takes it; fields without a value are left out.

    :raises RefuseRecord: ``unit_part_with_separator``, or ``last_name_too_long``/``first_name_too_long``.
    """
    prospect = outgoing.prospect
    for field, name in (("first_name", prospect.first_name), ("last_name", prospect.last_name)):
        if name and len(name) > LONGEST_NAME:
            raise RefuseRecord(f"{field}_too_long", f"Yuneo takes {LONGEST_NAME} characters.")
    fields = {
        "externalId": prospect.external_id,
        "unitNumber": prospect.unit.written(SEPARATOR),
        "salutation": str(prospect.salutation),
        "firstName": prospect.first_name,
        "lastName": prospect.last_name,
        "birthDate": _day(prospect.birth_date),
        "email": prospect.email,
        "phone": prospect.phone,
        "mobile": prospect.mobile,
        "street": prospect.street,
        "houseNumber": prospect.house_number,
        "postalCode": prospect.postal_code,
        "city": prospect.city,
        "country": prospect.country,
        "leaseStart": _day(prospect.lease_start),
        "message": prospect.message[:LONGEST_MESSAGE] if prospect.message else None,
        "businessPartnerNumber": int(outgoing.business_partner_number)
        if outgoing.business_partner_number
        else None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def import_state(work_order: Mapping[str, Any]) -> ImportState:
    """How far a work order is. One that failed has ended too, with part of its results."""
    finished = work_order.get("status") in ("COMPLETED", "FAILED")
    return ImportState(finished, [_result(row) for row in work_order.get("results") or []])


def _result(row: Mapping[str, Any]) -> ImportResult:
    refusal = None
    if row.get("outcome") == "REJECTED":
        refusal = _REFUSALS.get(row.get("code") or "", "refused_by_erp")
    return ImportResult(
        external_id=row["externalId"],
        offer_id=row.get("offerId"),
        offer_number=_text(row.get("offerNumber")),
        business_partner_number=_text(row.get("businessPartnerNumber")),
        business_partner_created=row.get("businessPartnerCreated"),
        refusal=refusal,
    )


def offer(row: Mapping[str, Any]) -> Offer:
    """An offer (Angebot) as Yuneo holds it; an unknown status word stays unknown and is never accepted."""
    return Offer(
        offer_id=row["id"],
        number=str(row["number"]),
        external_id=row.get("externalId"),
        unit=_unit(row.get("unitNumber")),
        status=_STATUS.get(row.get("status") or "", OfferStatus.UNKNOWN),
        normal_kind=row.get("kind") == "NORMAL",
        valid_from=_read_day(row.get("validFrom")),
        valid_until=_read_day(row.get("validUntil")),
        lease_start=_read_day(row.get("leaseStart")),
        business_partner_number=_text(row.get("businessPartnerNumber")),
        lease_number=row.get("leaseNumber"),
        version=str(row.get("version")),
    )


def lease(row: Mapping[str, Any], offer_id: str) -> Lease:
    """The lease that an accepted offer turned into."""
    return Lease(lease_number=row["leaseNumber"], offer_id=offer_id)


def business_partner(row: Mapping[str, Any]) -> BusinessPartner:
    """A stored person, names exactly as stored."""
    return BusinessPartner(
        number=str(row["number"]),
        first_name=row.get("firstName"),
        last_name=row.get("lastName"),
        birth_date=_read_day(row.get("birthDate")),
        email=row.get("email"),
    )


def _unit(written: str | None) -> UnitNumber | None:
    try:
        return UnitNumber.parse(written, SEPARATOR)
    except RefuseRecord:
        return None


def _day(value: date | None) -> str | None:
    return value.isoformat() if value else None


def _read_day(value: str | None) -> date | None:
    return datetime.fromisoformat(value).date() if value else None


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
