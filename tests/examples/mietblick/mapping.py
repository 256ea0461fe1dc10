"""Mietblick's application -> our prospect: the one place that knows its field names and status words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from letting_sync.model import Prospect, Salutation
from letting_sync.parsing import records as fields
from letting_sync.reasons import Field

# guide: fields
CHOSEN = "zugesagt"
WITHDRAWN = ("abgesagt", "zurueckgezogen")
SALUTATIONS = {"Herr": Salutation.MR, "Frau": Salutation.MRS}

KEPT_FIELDS: dict[str, Any] = {
    "nr": {},
    "stand": {},
    "geaendert": {},
    "wohnung": {"nummer": {}},
    "person": {
        **{name: {} for name in ("anrede", "vorname", "nachname", "geboren", "mail", "telefon")},
        "anschrift": {"strasse": {}, "plz": {}, "ort": {}},
    },
    "einzug": {},
}
"""What may be kept of an application that goes to quarantine."""
PROMISED_FIELDS = ("nr", "stand", "geaendert", "wohnung.nummer", "person.nachname", "person.geboren")
"""What each application has by the contract, be it ``null``."""
# guide: end


# guide: mapping
def to_prospect(application: Any, separator: str | None, today: date) -> Prospect:
    """Map an application; for any JSON whatever this returns a prospect or raises ``RefuseRecord``."""
    application = fields.mapping(application, Field.APPLICATION)
    status = fields.required_text(application.get("stand"), Field.STATUS, 64).strip()
    flat = fields.mapping(application.get("wohnung"), Field.UNIT)
    return fields.prospect(
        external_id=fields.identifier(application.get("nr")),
        unit=fields.unit(flat.get("nummer"), separator),
        chosen=status == CHOSEN,
        withdrawn=status in WITHDRAWN,
        updated_at=fields.moment(application.get("geaendert"), Field.UPDATED_AT),
        lease_start=fields.wished_day(application.get("einzug"), Field.LEASE_START, today),
        **_person(fields.mapping(application.get("person"), Field.PERSON), today),
    )


def _person(person: Mapping[str, Any], today: date) -> dict[str, Any]:
    address = fields.mapping(person.get("anschrift"), Field.ADDRESS)
    return {
        "salutation": SALUTATIONS.get(str(person.get("anrede")), Salutation.NONE),
        "first_name": fields.limited_text(person.get("vorname"), Field.FIRST_NAME, fields.LONGEST_NAME),
        "last_name": fields.required_text(person.get("nachname"), Field.LAST_NAME, fields.LONGEST_NAME),
        "birth_date": fields.birth_date(person.get("geboren"), today),
        "email": fields.email(person.get("mail")),
        "phone": fields.limited_text(person.get("telefon"), Field.PHONE),
        "street": fields.limited_text(address.get("strasse"), Field.STREET),
        "postal_code": fields.limited_text(address.get("plz"), Field.POSTAL_CODE),
        "city": fields.limited_text(address.get("ort"), Field.CITY),
    }
    # guide: end
