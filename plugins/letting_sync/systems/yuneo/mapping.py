"""Mapping between the model and Wodis Yuneo's field names and status words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from letting_sync.erp import ImportState, Outgoing
from letting_sync.errors import RefuseRecord
from letting_sync.model import BusinessPartner, ImportResult, Lease, Offer, OfferStatus, UnitNumber
from letting_sync.parsing.responses import Row
from letting_sync.reasons import Field, Problem, Reason, field_reason

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
    "UNKNOWN_UNIT": Reason.UNKNOWN_UNIT,
    "UNIT_NOT_VACANT": Reason.UNIT_NOT_VACANT,
    "UNKNOWN_BUSINESS_PARTNER": Reason.UNKNOWN_BUSINESS_PARTNER,
    "INVALID_FIELD": Reason.INVALID_FIELD,
}


SENT_FIELDS = {
    "external_id": "externalId",
    "unit": "unitNumber",
    "salutation": "salutation",
    "first_name": "firstName",
    "last_name": "lastName",
    "birth_date": "birthDate",
    "email": "email",
    "phone": "phone",
    "mobile": "mobile",
    "street": "street",
    "house_number": "houseNumber",
    "postal_code": "postalCode",
    "city": "city",
    "country": "country",
    "lease_start": "leaseStart",
    "message": "message",
}
"""Fields of a prospect that are sent, mapped to Yuneo's names."""


def prospect_in(outgoing: Outgoing) -> dict[str, Any]:
    """Map a prospect to the form of the import; fields without a value are left out.

    :raises RefuseRecord: ``unit_part_with_separator``, or ``last_name_too_long``/``first_name_too_long``.
    """
    prospect = outgoing.prospect
    for field, name in ((Field.FIRST_NAME, prospect.first_name), (Field.LAST_NAME, prospect.last_name)):
        if name and len(name) > LONGEST_NAME:
            raise RefuseRecord(
                field_reason(Problem.TOO_LONG, field), f"Yuneo accepts at most {LONGEST_NAME} characters."
            )
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
    """Map a work order to its state. One that failed has ended too, with a part of its results."""
    row = _row(work_order)
    return ImportState(
        row.word("status") in ("COMPLETED", "FAILED"), [_result(r) for r in row.rows("results")]
    )


def _result(row: Row) -> ImportResult:
    refusal = None
    if row.word("outcome") == "REJECTED":
        refusal = _REFUSALS.get(row.word("code"), Reason.REFUSED_BY_ERP)
    return ImportResult(
        external_id=row.required("externalId"),
        offer_id=row.text("offerId"),
        offer_number=row.text("offerNumber"),
        business_partner_number=row.text("businessPartnerNumber"),
        business_partner_created=row.flag("businessPartnerCreated"),
        refusal=refusal,
        refusal_text=row.sentence("detail") if refusal else None,
    )


def offer(response: Mapping[str, Any], *, looked_up: bool = False) -> Offer:
    """Map an offer (Angebot); an unknown status word becomes ``UNKNOWN``, which is never accepted.

    :param looked_up: whether the offer was found by its external id, which is required then: an offer without it would
        be overlooked and made again.
    :raises StopRun: a required field is missing or unreadable.
    """
    row = _row(response)
    return Offer(
        offer_id=row.required("id"),
        number=row.required("number"),
        external_id=row.required("externalId") if looked_up else row.text("externalId"),
        unit=_unit(row.text("unitNumber")),
        status=_STATUS.get(row.word("status"), OfferStatus.UNKNOWN),
        normal_kind=row.word("kind") == "NORMAL",
        valid_from=row.day("validFrom"),
        valid_until=row.day("validUntil"),
        lease_start=row.day("leaseStart"),
        business_partner_number=row.text("businessPartnerNumber"),
        lease_number=row.text("leaseNumber"),
        version=row.text("version") or "",
    )


def lease(response: Mapping[str, Any], offer_id: str) -> Lease:
    """Map the response of an acceptance to the lease."""
    return Lease(lease_number=_row(response).required("leaseNumber"), offer_id=offer_id)


def business_partner(response: Mapping[str, Any], *, by_day: bool = True) -> BusinessPartner:
    """Map a business partner; names are unchanged.

    :param by_day: whether the person was found by the date of birth, which must be readable then.
    """
    row = _row(response)
    return BusinessPartner(
        number=row.number("number"),
        first_name=row.text("firstName"),
        last_name=row.text("lastName"),
        birth_date=row.day("birthDate", strict=by_day),
        email=row.text("email"),
    )


def _row(response: Any) -> Row:
    return Row("Wodis Yuneo", response)


def _unit(written: str | None) -> UnitNumber | None:
    try:
        return UnitNumber.parse(written, SEPARATOR)
    except RefuseRecord:
        return None


def _day(value: date | None) -> str | None:
    return value.isoformat() if value else None
