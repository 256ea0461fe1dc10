"""Mapping between the model and Wodis Sigma's German field names and status words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from letting_sync.erp import ImportState, Outgoing
from letting_sync.errors import RefuseRecord
from letting_sync.model import (
    BusinessPartner,
    ImportResult,
    Lease,
    Offer,
    OfferStatus,
    Prospect,
    Salutation,
    UnitNumber,
)
from letting_sync.parsing.responses import Row
from letting_sync.reasons import Field, Problem, Reason, field_reason

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
    "VE_UNBEKANNT": Reason.UNKNOWN_UNIT,
    "VE_NICHT_FREI": Reason.UNIT_NOT_VACANT,
    "GP_UNBEKANNT": Reason.UNKNOWN_BUSINESS_PARTNER,
    "FELD_UNGUELTIG": Reason.INVALID_FIELD,
}


SENT_FIELDS = {
    "external_id": "externeId",
    "unit": "ve",
    "salutation": "anrede",
    "first_name": "vorname",
    "last_name": "name",
    "birth_date": "geburtsdatum",
    "email": "email",
    "phone": "telefon",
    "mobile": "mobil",
    "street": "strasse",
    "house_number": "strasse",
    "postal_code": "plz",
    "city": "ort",
    "country": "land",
    "lease_start": "mietbeginn",
    "message": "bemerkung",
}
"""Fields of a prospect that are sent, mapped to Sigma's names."""


def prospect_in(outgoing: Outgoing, separator: str) -> dict[str, Any]:
    """Map a prospect to the form of the portal's inbox; fields without a value are left out.

    :raises RefuseRecord: ``unit_part_with_separator``, ``first_name_too_long`` or ``last_name_too_long``.
    """
    prospect = outgoing.prospect
    for field, name in ((Field.FIRST_NAME, prospect.first_name), (Field.LAST_NAME, prospect.last_name)):
        if name and len(name) > LONGEST_NAME:
            raise RefuseRecord(
                field_reason(Problem.TOO_LONG, field), f"Sigma takes {LONGEST_NAME} characters."
            )
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
    """Join street and house number, which are one field in Sigma."""
    return " ".join(part for part in (prospect.street, prospect.house_number) if part) or None


def refused_at_the_inbox(response: Mapping[str, Any]) -> dict[str, Reason]:
    """Return the reasons of the prospects that the inbox refused, by external id."""
    return {
        row.required("externeId"): _REFUSALS.get(row.word("fehler"), Reason.REFUSED_BY_ERP)
        for row in _row(response).rows("abgewiesen")
    }


def refusal_texts(response: Mapping[str, Any]) -> dict[str, str]:
    """The inbox's own words by external id, on those that it would not take."""
    rows = _row(response).rows("abgewiesen")
    return {row.required("externeId"): text for row in rows if (text := row.sentence("meldung"))}


def import_state(run: Mapping[str, Any]) -> ImportState:
    """Map an import to its state. An aborted one has ended too, with a part of its protocol."""
    row = _row(run)
    results = [_result(line) for line in row.rows("protokoll")]
    return ImportState(not is_going_on(run), results, row.word("status") == "abgebrochen")


def is_going_on(run: Mapping[str, Any]) -> bool:
    """Return whether the import is still running, so that delivered prospects may still become offers.

    An unknown status word counts as running: taking it for ended would cause a second delivery.
    """
    return _row(run).word("status") not in ("beendet", "abgebrochen")


def run_number(run: Mapping[str, Any]) -> str:
    """Return the number (Laufnummer) of an import."""
    return _row(run).required("laufNr")


def _result(row: Row) -> ImportResult:
    refusal = None
    if row.word("ergebnis") == "abgelehnt":
        refusal = _REFUSALS.get(row.word("fehler"), Reason.REFUSED_BY_ERP)
    return ImportResult(
        external_id=row.required("externeId"),
        offer_id=row.text("angebotNr"),
        offer_number=row.text("angebotNr"),
        business_partner_number=row.text("gpNr"),
        business_partner_created=row.flag("gpNeu"),
        refusal=refusal,
        refusal_text=row.sentence("meldung") if refusal else None,
    )


def offer(response: Mapping[str, Any], separator: str, *, looked_up: bool = False) -> Offer:
    """Map an offer (Angebot); an unknown status word becomes ``UNKNOWN``, which is never accepted.

    Sigma has no first day of validity: an offer is valid from its creation. It has no status for an expired offer,
    only a last day.

    :param looked_up: whether the offer was found by its external id, which is required then: an offer without it would
        be overlooked and made again.
    :raises StopRun: a required field is missing or unreadable.
    """
    row = _row(response)
    return Offer(
        offer_id=row.required("angebotNr"),
        number=row.required("angebotNr"),
        external_id=row.required("externeId") if looked_up else row.text("externeId"),
        unit=_unit(row.text("ve"), separator),
        status=_STATUS.get(row.word("status"), OfferStatus.UNKNOWN),
        normal_kind=row.word("art") == "normal",
        valid_from=row.day("erstelltAm"),
        valid_until=row.day("gueltigBis"),
        lease_start=row.day("veAngebotenZum") or row.day("zum"),
        business_partner_number=row.text("gpNr"),
        lease_number=row.text("mietvertragNr"),
        version=row.required("aenderungsstand"),
    )


def lease(response: Mapping[str, Any]) -> Lease:
    """Map the response of an acceptance to the lease."""
    row = _row(response)
    return Lease(lease_number=row.required("mietvertragNr"), offer_id=row.required("angebotNr"))


def business_partner(response: Mapping[str, Any], *, by_day: bool = True) -> BusinessPartner:
    """Map a business partner; names are unchanged.

    :param by_day: whether the person was found by the date of birth, which must be readable then.
    """
    row = _row(response)
    return BusinessPartner(
        number=row.number("gpNr"),
        first_name=row.text("vorname"),
        last_name=row.text("name"),
        birth_date=row.day("geburtsdatum", strict=by_day),
        email=row.text("email"),
    )


def _row(response: Any) -> Row:
    return Row("Wodis Sigma", response)


def written_day(value: date | None) -> str | None:
    """Format a day as Sigma does: ``TT.MM.JJJJ``."""
    return f"{value.day:02}.{value.month:02}.{value.year:04}" if value else None


def _unit(written: str | None, separator: str) -> UnitNumber | None:
    try:
        return UnitNumber.parse(written, separator)
    except RefuseRecord:
        return None
