"""Mietblick's application -> our prospect: the one place that knows its field names and status words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from include.prospects import fields
from include.prospects.model import Prospect, Salutation

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
    application = fields.mapping(application, "application")
    status = fields.required_text(application.get("stand"), "status", 64).strip()
    flat = fields.mapping(application.get("wohnung"), "unit")
    return fields.prospect(
        external_id=fields.identifier(application.get("nr")),
        unit=fields.unit(flat.get("nummer"), separator),
        chosen=status == CHOSEN,
        withdrawn=status in WITHDRAWN,
        updated_at=fields.moment(application.get("geaendert"), "updated_at"),
        lease_start=fields.wished_day(application.get("einzug"), "lease_start", today),
        **_person(fields.mapping(application.get("person"), "person"), today),
    )


def _person(person: Mapping[str, Any], today: date) -> dict[str, Any]:
    address = fields.mapping(person.get("anschrift"), "address")
    return {
        "salutation": SALUTATIONS.get(str(person.get("anrede")), Salutation.NONE),
        "first_name": fields.limited_text(person.get("vorname"), "first_name", fields.LONGEST_NAME),
        "last_name": fields.required_text(person.get("nachname"), "last_name", fields.LONGEST_NAME),
        "birth_date": fields.birth_date(person.get("geboren"), today),
        "email": fields.email(person.get("mail")),
        "phone": fields.limited_text(person.get("telefon"), "phone"),
        "street": fields.limited_text(address.get("strasse"), "street"),
        "postal_code": fields.limited_text(address.get("plz"), "postal_code"),
        "city": fields.limited_text(address.get("ort"), "city"),
    }
    # guide: end
