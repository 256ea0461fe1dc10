"""Wodis Sigma's German field names and status words <-> ours. The only place that knows them besides the hook."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from include.prospects.erp import ImportState, Outgoing
from include.prospects.errors import RefuseRecord
from include.prospects.model import (
    BusinessPartner,
    ImportResult,
    Lease,
    Offer,
    OfferStatus,
    Prospect,
    Salutation,
    UnitNumber,
)

LONGEST_NAME = 60
LONGEST_NOTE = 2000

_SALUTATION = {Salutation.MR: "Herr", Salutation.MRS: "Frau", Salutation.NONE: ""}
_STATUS = {
    "offeriert": OfferStatus.OFFERED,
    "angenommen": OfferStatus.ACCEPTED,
    "abgelehnt": OfferStatus.REJECTED,
    "ignoriert": OfferStatus.IGNORED,
}
_REFUSALS = {
    "VE_UNBEKANNT": "unknown_unit",
    "VE_NICHT_FREI": "unit_not_vacant",
    "GP_UNBEKANNT": "unknown_business_partner",
    "FELD_UNGUELTIG": "invalid_field",
}


def prospect_in(outgoing: Outgoing, separator: str) -> dict[str, Any]:
    """A prospect as the portal's inbox takes it; fields without a value are left out.

    :raises RefuseRecord: ``unit_part_with_separator``, ``first_name_too_long`` or ``last_name_too_long``.
    """
    prospect = outgoing.prospect
    for field, name in (("first_name", prospect.first_name), ("last_name", prospect.last_name)):
        if name and len(name) > LONGEST_NAME:
            raise RefuseRecord(f"{field}_too_long", f"Sigma takes {LONGEST_NAME} characters.")
    number = outgoing.business_partner_number
    fields = {
        "externeId": prospect.external_id,
        "ve": prospect.unit.written(separator),
        "anrede": _SALUTATION[prospect.salutation],
        "vorname": prospect.first_name,
        "name": prospect.last_name,
        "geburtsdatum": written_day(prospect.birth_date),
        "email": prospect.email,
        "telefon": prospect.phone,
        "mobil": prospect.mobile,
        "strasse": _street(prospect),
        "plz": prospect.postal_code,
        "ort": prospect.city,
        "land": prospect.country,
        "mietbeginn": written_day(prospect.lease_start),
        "bemerkung": prospect.message[:LONGEST_NOTE] if prospect.message else None,
        "gpNr": int(number) if number else None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _street(prospect: Prospect) -> str | None:
    """Sigma holds street and house number in one field."""
    return " ".join(part for part in (prospect.street, prospect.house_number) if part) or None


def refused_at_the_inbox(answer: Mapping[str, Any]) -> dict[str, str]:
    """Reason by external id for those the inbox would not take."""
    return {
        row["externeId"]: _REFUSALS.get(row.get("fehler") or "", "refused_by_erp")
        for row in answer.get("abgewiesen") or []
    }


def import_state(run: Mapping[str, Any]) -> ImportState:
    """How far an import is. One that was aborted has ended too, with part of its protocol."""
    return ImportState(not is_going_on(run), [_result(row) for row in run.get("protokoll") or []])


def is_going_on(run: Mapping[str, Any]) -> bool:
    """Whether the import still works; only then may what was delivered still turn into offers."""
    return run.get("status") == "laeuft"


def _result(row: Mapping[str, Any]) -> ImportResult:
    refusal = None
    if row.get("ergebnis") == "abgelehnt":
        refusal = _REFUSALS.get(row.get("fehler") or "", "refused_by_erp")
    return ImportResult(
        external_id=row["externeId"],
        offer_id=_text(row.get("angebotNr")),
        offer_number=_text(row.get("angebotNr")),
        business_partner_number=_text(row.get("gpNr")),
        business_partner_created=row.get("gpNeu"),
        refusal=refusal,
    )


def offer(row: Mapping[str, Any], separator: str) -> Offer:
    """An offer (Angebot) as Sigma holds it; an unknown status word stays unknown and is never accepted.

    Sigma names no first day of validity; an offer counts from when it was made. It has no status for an offer
    that has expired, only a last day.
    """
    return Offer(
        offer_id=str(row["angebotNr"]),
        number=str(row["angebotNr"]),
        external_id=row.get("externeId"),
        unit=_unit(row.get("ve"), separator),
        status=_STATUS.get(row.get("status") or "", OfferStatus.UNKNOWN),
        normal_kind=row.get("art") == "normal",
        valid_from=read_day(row.get("erstelltAm")),
        valid_until=read_day(row.get("gueltigBis")),
        lease_start=read_day(row.get("veAngebotenZum") or row.get("zum")),
        business_partner_number=_text(row.get("gpNr")),
        lease_number=row.get("mietvertragNr"),
        version=str(row.get("aenderungsstand")),
    )


def lease(row: Mapping[str, Any]) -> Lease:
    """The lease that an accepted offer turned into.

    :raises KeyError: never for an offer that was accepted: it carries its lease's number by the contract.
    """
    return Lease(lease_number=row["mietvertragNr"], offer_id=str(row["angebotNr"]))


def business_partner(row: Mapping[str, Any]) -> BusinessPartner:
    """A stored person, names exactly as stored."""
    return BusinessPartner(
        number=str(row["gpNr"]),
        first_name=row.get("vorname"),
        last_name=row.get("name"),
        birth_date=read_day(row.get("geburtsdatum")),
        email=row.get("email"),
    )


def written_day(value: date | None) -> str | None:
    """A day as Sigma writes it: ``TT.MM.JJJJ``."""
    return f"{value.day:02}.{value.month:02}.{value.year:04}" if value else None


def read_day(value: str | None) -> date | None:
    """A day that Sigma wrote as ``TT.MM.JJJJ``, with or without a time behind it."""
    return datetime.strptime(value[:10], "%d.%m.%Y").date() if value else None


def _unit(written: str | None, separator: str) -> UnitNumber | None:
    try:
        return UnitNumber.parse(written, separator)
    except RefuseRecord:
        return None


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
