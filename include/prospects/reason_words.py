"""Reason codes in words: code -> (English, German). An unknown code is shown as it is."""

from __future__ import annotations

_REASONS: dict[str, tuple[str, str]] = {
    # why a record went to quarantine
    "unit_missing": ("names no unit", "nennt keine Verwaltungseinheit"),
    "unit_not_four_parts": ("unit number without four parts", "VE-Nummer hat nicht vier Teile"),
    "unit_part_empty": ("a part of the unit number is empty", "ein Teil der VE-Nummer ist leer"),
    "unit_part_with_separator": (
        "a part of the unit number holds the separator",
        "ein Teil der VE-Nummer enthält das Trennzeichen",
    ),
    "unit_separator_unclear": ("separator of the unit number unclear", "Trennzeichen der VE-Nummer unklar"),
    "several_units": ("contract about several units", "Vertrag über mehrere Einheiten"),
    "partner_error": (
        "the partner responds with an error instead of the record",
        "das Portal meldet einen Fehler statt des Datensatzes",
    ),
    "several_main_candidates": ("several main candidates", "mehrere Hauptbewerber"),
    "implausible_birth_date": ("implausible date of birth", "unplausibles Geburtsdatum"),
    "implausible_lease_start": ("implausible start of the lease", "unplausibler Vertragsbeginn"),
    "nothing_tells_who_it_is": (
        "nothing tells who it is (fields of the matching key missing)",
        "nicht zu erkennen, wer es ist (Felder des Abgleichs fehlen)",
    ),
    "ambiguous_partner": ("several business partners fit", "mehrere Geschäftspartner passen"),
    "unknown_unit": ("the ERP does not know the unit", "das ERP kennt die Einheit nicht"),
    "unit_not_vacant": ("the unit is not vacant", "die Einheit steht nicht leer"),
    "unknown_business_partner": (
        "the ERP does not know the business partner",
        "das ERP kennt den Geschäftspartner nicht",
    ),
    "invalid_field": ("the ERP refuses a field as invalid", "das ERP lehnt ein Feld als ungültig ab"),
    "refused_by_erp": (
        "refused by the ERP without a known code",
        "vom ERP ohne bekannten Grund abgelehnt",
    ),
    "malformed": (
        "the import refuses the form of the record",
        "der Import lehnt die Form des Datensatzes ab",
    ),
    "application_unknown": (
        "the partner does not know the application (any more)",
        "das Portal kennt die Bewerbung nicht (mehr)",
    ),
    # how a record ended otherwise
    "same_record": ("the same record read twice", "derselbe Datensatz, zweimal gelesen"),
    "same_person": ("same person on the same unit", "dieselbe Person für dieselbe Einheit"),
    "same_person_on_unit": (
        "this person has an offer for the unit already",
        "diese Person hat schon ein Angebot für die Einheit",
    ),
    "withdrawn": ("withdrawn at the partner", "im Portal zurückgezogen"),
    "not_signed": (
        "contract started but not signed yet",
        "Vertrag begonnen, aber noch nicht unterschrieben",
    ),
    "client_excluded": ("its client (Mandant) is not transferred", "sein Mandant wird nicht übertragen"),
    "found_in_erp": ("found in the ERP and adopted", "im ERP gefunden und übernommen"),
    "rehearsal": ("only rehearsed", "nur Probelauf"),
    # why an offer is held
    "not_chosen": ("not accepted as tenant at the partner", "im Portal nicht als Mieter akzeptiert"),
    "withdrawn_after_load": (
        "withdrawn at the partner after the offer",
        "nach dem Angebot im Portal zurückgezogen",
    ),
    "changed_after_load": (
        "changed at the partner after the offer",
        "nach dem Angebot im Portal geändert",
    ),
    "ambiguous": ("several offers in the ERP", "mehrere Angebote im ERP"),
    "offer_missing": ("the ERP holds no offer (any more)", "das ERP hat kein Angebot (mehr)"),
    "offer_rejected": ("the offer was rejected", "das Angebot wurde abgelehnt"),
    "offer_ignored": ("the offer was ignored", "das Angebot wurde ignoriert"),
    "expired": ("the offer has expired", "das Angebot ist abgelaufen"),
    "not_yet_valid": ("the offer is not valid yet", "das Angebot gilt noch nicht"),
    "kind_not_normal": ("the offer is of a special kind", "das Angebot hat eine besondere Angebotsart"),
    "unknown_status": ("the offer's status is unknown", "der Status des Angebots ist unbekannt"),
    "person_changed": (
        "the offer hangs on another business partner now",
        "das Angebot hängt jetzt an einem anderen Geschäftspartner",
    ),
    "accepted_without_lease": ("accepted, but without a lease", "angenommen, aber ohne Vertrag"),
    "competing_offer": (
        "another chosen prospect lays claim to the unit",
        "ein anderer ausgewählter Interessent beansprucht die Einheit",
    ),
    "unit_let": ("a lease runs on the unit", "für die Einheit läuft ein Mietvertrag"),
    "offer_changed": ("somebody changed the offer meanwhile", "das Angebot wurde zwischendurch geändert"),
    "bundle_incomplete": (
        "a unit let together with this one has no offer yet",
        "für eine Einheit, die mitvermietet wird, fehlt das Angebot",
    ),
    "bundle_held": (
        "the offer for a unit let together with this one is held",
        "das Angebot für eine Einheit, die mitvermietet wird, ist zurückgestellt",
    ),
    "accept_off": ("the pair accepts nothing by itself", "die Strecke nimmt nichts von selbst an"),
    "too_many": ("more than one run may accept unasked", "mehr, als ein Lauf ungefragt annehmen darf"),
    "rejected_by_approver": ("rejected by the approver", "bei der Freigabe abgelehnt"),
    "approval_timed_out": ("nobody answered in time", "niemand hat rechtzeitig geantwortet"),
    "import_running": ("another import was going on", "ein anderer Import war im Gange"),
    "not_found": ("unknown to the ERP", "dem ERP unbekannt"),
    # what makes two records suspects
    "first_name_typo": ("slip in the first name", "Schreibfehler im Vornamen"),
    "last_name_typo": ("slip in the last name", "Schreibfehler im Nachnamen"),
    "first_name_part": ("only part of the first name", "nur ein Teil des Vornamens"),
    "last_name_part": ("only part of the last name", "nur ein Teil des Nachnamens"),
    "names_swapped": ("first and last name swapped", "Vor- und Nachname vertauscht"),
    "names_split_differently": ("names split differently", "Namen anders aufgeteilt"),
    "name_spelling": ("another spelling of the name", "andere Schreibweise des Namens"),
    "birth_day_typo": ("slip in the day of birth", "Schreibfehler im Geburtstag"),
    "birth_month_typo": ("slip in the month of birth", "Schreibfehler im Geburtsmonat"),
    "birth_year_typo": ("slip in the year of birth", "Schreibfehler im Geburtsjahr"),
    "day_month_swapped": ("day and month swapped", "Tag und Monat vertauscht"),
    "birth_date_missing": ("date of birth missing", "Geburtsdatum fehlt"),
}
_FIELDS: dict[str, tuple[str, str]] = {
    "external_id": ("external id", "externe Kennung"),
    "first_name": ("first name", "Vorname"),
    "last_name": ("last name", "Nachname"),
    "birth_date": ("date of birth", "Geburtsdatum"),
    "updated_at": ("time of change", "Änderungszeit"),
    "lease_start": ("start of the lease", "Vertragsbeginn"),
    "email": ("e-mail", "E-Mail"),
    "phone": ("telephone", "Telefon"),
    "mobile": ("mobile", "Mobilnummer"),
    "title": ("title", "Titel"),
    "street": ("street", "Straße"),
    "house_number": ("house number", "Hausnummer"),
    "postal_code": ("postal code", "Postleitzahl"),
    "city": ("city", "Ort"),
    "country": ("country", "Land"),
    "message": ("message", "Nachricht"),
    "address": ("address", "Adresse"),
    "unit": ("unit number", "VE-Nummer"),
    "contract_id": ("contract id", "Vertragskennung"),
    "units": ("the units", "die Verwaltungseinheiten"),
    "status": ("status", "Status"),
    "text": ("a text field", "ein Textfeld"),
    "record": ("the record", "der Datensatz"),
    "application": ("the application", "die Bewerbung"),
    "applications": ("the applications", "die Bewerbungen"),
    "candidate": ("the candidate", "der Kandidat"),
    "contract": ("the contract", "der Vertrag"),
    "person": ("the person", "die Person"),
    "main_tenant": ("the main tenant", "der Hauptmieter"),
    "listing": ("the listing", "das Inserat"),
    "property": ("the property", "das Objekt"),
}
_TROUBLES: dict[str, tuple[str, str]] = {
    "{field}_missing": ("{field}: missing", "{field}: fehlt"),
    "{field}_too_long": ("{field}: too long", "{field}: zu lang"),
    "{field}_unreadable": ("{field}: not readable", "{field}: nicht lesbar"),
    "unreadable_{field}": ("{field}: not readable", "{field}: nicht lesbar"),
}


def of(language: str) -> dict[str, str]:
    """The words of a language by reason code."""
    column = 1 if language == "de" else 0
    found = {
        code.format(field=field): told[column].format(field=name[column])
        for code, told in _TROUBLES.items()
        for field, name in _FIELDS.items()
    }
    return found | {code: told[column] for code, told in _REASONS.items()}
