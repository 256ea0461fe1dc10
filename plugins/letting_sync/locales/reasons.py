"""Reasons in words: (English, German). A code that is not in here is shown as it is."""

from __future__ import annotations

from letting_sync.config import Language
from letting_sync.reasons import Field, Problem, Reason, field_reason

_REASONS: dict[Reason, tuple[str, str]] = {
    # why a record went to quarantine
    Reason.UNIT_MISSING: ("names no unit", "nennt keine Verwaltungseinheit"),
    Reason.UNIT_NOT_FOUR_PARTS: ("unit number without four parts", "VE-Nummer hat nicht vier Teile"),
    Reason.UNIT_PART_EMPTY: ("a part of the unit number is empty", "ein Teil der VE-Nummer ist leer"),
    Reason.UNIT_PART_WITH_SEPARATOR: (
        "a part of the unit number holds the separator",
        "ein Teil der VE-Nummer enthält das Trennzeichen",
    ),
    Reason.UNIT_SEPARATOR_UNCLEAR: (
        "separator of the unit number unclear",
        "Trennzeichen der VE-Nummer unklar",
    ),
    Reason.SEVERAL_UNITS: ("contract about several units", "Vertrag über mehrere Einheiten"),
    Reason.PARTNER_ERROR: (
        "the partner responds with an error instead of the record",
        "das Portal meldet einen Fehler statt des Datensatzes",
    ),
    Reason.SEVERAL_MAIN_CANDIDATES: ("several main candidates", "mehrere Hauptbewerber"),
    Reason.IMPLAUSIBLE_BIRTH_DATE: ("implausible date of birth", "unplausibles Geburtsdatum"),
    Reason.IMPLAUSIBLE_LEASE_START: ("implausible start of the lease", "unplausibler Vertragsbeginn"),
    Reason.NOTHING_TELLS_WHO_IT_IS: (
        "nothing tells who it is (fields of the matching key missing)",
        "nicht zu erkennen, wer es ist (Felder des Abgleichs fehlen)",
    ),
    Reason.AMBIGUOUS_PARTNER: ("several business partners fit", "mehrere Geschäftspartner passen"),
    Reason.UNKNOWN_UNIT: ("the ERP does not know the unit", "das ERP kennt die Einheit nicht"),
    Reason.UNIT_NOT_VACANT: ("the unit is not vacant", "die Einheit steht nicht leer"),
    Reason.UNKNOWN_BUSINESS_PARTNER: (
        "the ERP does not know the business partner",
        "das ERP kennt den Geschäftspartner nicht",
    ),
    Reason.INVALID_FIELD: ("the ERP refuses a field as invalid", "das ERP lehnt ein Feld als ungültig ab"),
    Reason.REFUSED_BY_ERP: (
        "refused by the ERP without a known code",
        "vom ERP ohne bekannten Grund abgelehnt",
    ),
    Reason.MALFORMED: (
        "the import refuses the form of the record",
        "der Import lehnt die Form des Datensatzes ab",
    ),
    Reason.APPLICATION_UNKNOWN: (
        "the partner does not know the application (any more)",
        "das Portal kennt die Bewerbung nicht (mehr)",
    ),
    # how a record ended otherwise
    Reason.SAME_RECORD: ("the same record read twice", "derselbe Datensatz, zweimal gelesen"),
    Reason.SAME_PERSON: ("same person on the same unit", "dieselbe Person für dieselbe Einheit"),
    Reason.SAME_PERSON_ON_UNIT: (
        "this person has an offer for the unit already",
        "diese Person hat schon ein Angebot für die Einheit",
    ),
    Reason.WITHDRAWN: ("withdrawn at the partner", "im Portal zurückgezogen"),
    Reason.NOT_SIGNED: (
        "contract started but not signed yet",
        "Vertrag begonnen, aber noch nicht unterschrieben",
    ),
    Reason.CLIENT_EXCLUDED: ("its client (Mandant) is not transferred", "sein Mandant wird nicht übertragen"),
    Reason.FOUND_IN_ERP: ("found in the ERP and adopted", "im ERP gefunden und übernommen"),
    Reason.REHEARSAL: ("dry run only", "nur Probelauf"),
    # why an offer is held
    Reason.NOT_CHOSEN: ("not accepted as tenant at the partner", "im Portal nicht als Mieter akzeptiert"),
    Reason.WITHDRAWN_AFTER_LOAD: (
        "withdrawn at the partner after the offer",
        "nach dem Angebot im Portal zurückgezogen",
    ),
    Reason.GONE_AT_PARTNER: (
        "the partner does not have the record any more",
        "im Portal nicht mehr vorhanden",
    ),
    Reason.UNREADABLE_AT_PARTNER: (
        "the partner's record can no longer be read",
        "Datensatz im Portal nicht mehr lesbar",
    ),
    Reason.MOVED: (
        "the application is for another unit now",
        "die Bewerbung gilt jetzt für eine andere Einheit",
    ),
    Reason.LEASE_ON_OTHER_UNIT: (
        "the same application has a lease on another unit",
        "zur selben Bewerbung gibt es einen Mietvertrag für eine andere Einheit",
    ),
    Reason.CHOSEN_AGAIN: (
        "chosen again after a withdrawal",
        "nach einem Rückzug erneut ausgewählt",
    ),
    Reason.CHANGED_AFTER_LOAD: (
        "changed at the partner after the offer",
        "nach dem Angebot im Portal geändert",
    ),
    Reason.AMBIGUOUS: ("several offers in the ERP", "mehrere Angebote im ERP"),
    Reason.OFFER_MISSING: ("the ERP holds no offer (any more)", "das ERP hat kein Angebot (mehr)"),
    Reason.OFFER_REJECTED: ("the offer was rejected", "das Angebot wurde abgelehnt"),
    Reason.OFFER_IGNORED: ("the offer was ignored", "das Angebot wurde ignoriert"),
    Reason.EXPIRED: ("the offer has expired", "das Angebot ist abgelaufen"),
    Reason.NOT_YET_VALID: ("the offer is not valid yet", "das Angebot gilt noch nicht"),
    Reason.KIND_NOT_NORMAL: ("the offer is of a special kind", "das Angebot hat eine besondere Angebotsart"),
    Reason.UNKNOWN_STATUS: ("the offer's status is unknown", "der Status des Angebots ist unbekannt"),
    Reason.PERSON_CHANGED: (
        "the offer hangs on another business partner now",
        "das Angebot hängt jetzt an einem anderen Geschäftspartner",
    ),
    Reason.ACCEPTED_WITHOUT_LEASE: ("accepted, but without a lease", "angenommen, aber ohne Vertrag"),
    Reason.COMPETING_OFFER: (
        "another chosen prospect lays claim to the unit",
        "ein anderer ausgewählter Interessent beansprucht die Einheit",
    ),
    Reason.NAMES_AND_CONTACT_ONLY: (
        "the business partner was found by name and contact data only",
        "der Geschäftspartner wurde nur über Name und Kontaktdaten gefunden",
    ),
    Reason.WEAK_BIRTH_DATE: (
        "name and date of birth fit, but many people share that date",
        "Name und Geburtsdatum passen, aber dieses Datum haben viele",
    ),
    Reason.PLACEHOLDER_BIRTH_DATE: (
        "the date of birth is a placeholder",
        "das Geburtsdatum ist ein Platzhalter",
    ),
    Reason.NEAR_PARTNER: (
        "a stored business partner may be the same person",
        "ein vorhandener Geschäftspartner könnte dieselbe Person sein",
    ),
    Reason.UNIT_LET: ("a lease runs on the unit", "für die Einheit läuft ein Mietvertrag"),
    Reason.OFFER_CHANGED: (
        "somebody changed the offer meanwhile",
        "das Angebot wurde zwischendurch geändert",
    ),
    Reason.BUNDLE_INCOMPLETE: (
        "a unit let together with this one has no offer yet",
        "für eine Einheit, die mitvermietet wird, fehlt das Angebot",
    ),
    Reason.BUNDLE_HELD: (
        "the offer for a unit let together with this one is held",
        "das Angebot für eine Einheit, die mitvermietet wird, ist zurückgestellt",
    ),
    Reason.ACCEPT_OFF: ("the pair accepts nothing by itself", "die Strecke nimmt nichts von selbst an"),
    Reason.TOO_MANY: ("more than one run may accept unasked", "mehr, als ein Lauf ungefragt annehmen darf"),
    Reason.REJECTED_BY_APPROVER: ("rejected by the approver", "bei der Freigabe abgelehnt"),
    Reason.APPROVAL_TIMED_OUT: ("nobody answered in time", "niemand hat rechtzeitig geantwortet"),
    Reason.IMPORT_RUNNING: ("another import was going on", "ein anderer Import war im Gange"),
    Reason.NOT_FOUND: ("unknown to the ERP", "dem ERP unbekannt"),
    # what makes two records suspects
    Reason.FIRST_NAME_TYPO: ("slip in the first name", "Schreibfehler im Vornamen"),
    Reason.LAST_NAME_TYPO: ("slip in the last name", "Schreibfehler im Nachnamen"),
    Reason.FIRST_NAME_PART: ("only part of the first name", "nur ein Teil des Vornamens"),
    Reason.FIRST_NAME_SHORT_FORM: ("a short form of the first name", "Kurzform des Vornamens"),
    Reason.LAST_NAME_PART: ("only part of the last name", "nur ein Teil des Nachnamens"),
    Reason.LAST_NAME_DIFFERS: ("another last name", "anderer Nachname"),
    Reason.NAMES_SWAPPED: ("first and last name swapped", "Vor- und Nachname vertauscht"),
    Reason.NAMES_SPLIT_DIFFERENTLY: ("names split differently", "Namen anders aufgeteilt"),
    Reason.NAME_SPELLING: ("another spelling of the name", "andere Schreibweise des Namens"),
    Reason.BIRTH_DAY_TYPO: ("slip in the day of birth", "Schreibfehler im Geburtstag"),
    Reason.BIRTH_MONTH_TYPO: ("slip in the month of birth", "Schreibfehler im Geburtsmonat"),
    Reason.BIRTH_YEAR_TYPO: ("slip in the year of birth", "Schreibfehler im Geburtsjahr"),
    Reason.DAY_MONTH_SWAPPED: ("day and month swapped", "Tag und Monat vertauscht"),
    Reason.BIRTH_DATE_MISSING: ("date of birth missing", "Geburtsdatum fehlt"),
    Reason.BIRTH_DATE_DIFFERS: ("another date of birth", "anderes Geburtsdatum"),
    Reason.ADDRESS_DIFFERS: ("another address", "andere Adresse"),
    Reason.EMAIL_DIFFERS: ("another e-mail address", "andere E-Mail-Adresse"),
    Reason.PHONE_DIFFERS: ("another telephone number", "andere Telefonnummer"),
}
_FIELDS: dict[Field, tuple[str, str]] = {
    Field.EXTERNAL_ID: ("external id", "externe Kennung"),
    Field.FIRST_NAME: ("first name", "Vorname"),
    Field.LAST_NAME: ("last name", "Nachname"),
    Field.BIRTH_DATE: ("date of birth", "Geburtsdatum"),
    Field.UPDATED_AT: ("time of change", "Änderungszeit"),
    Field.LEASE_START: ("start of the lease", "Vertragsbeginn"),
    Field.EMAIL: ("e-mail", "E-Mail"),
    Field.PHONE: ("telephone", "Telefon"),
    Field.MOBILE: ("mobile", "Mobilnummer"),
    Field.TITLE: ("title", "Titel"),
    Field.STREET: ("street", "Straße"),
    Field.HOUSE_NUMBER: ("house number", "Hausnummer"),
    Field.POSTAL_CODE: ("postal code", "Postleitzahl"),
    Field.CITY: ("city", "Ort"),
    Field.COUNTRY: ("country", "Land"),
    Field.MESSAGE: ("message", "Nachricht"),
    Field.ADDRESS: ("address", "Adresse"),
    Field.UNIT: ("unit number", "VE-Nummer"),
    Field.CONTRACT_ID: ("contract id", "Vertragskennung"),
    Field.UNITS: ("the units", "die Verwaltungseinheiten"),
    Field.STATUS: ("status", "Status"),
    Field.TEXT: ("a text field", "ein Textfeld"),
    Field.RECORD: ("the record", "der Datensatz"),
    Field.APPLICATION: ("the application", "die Bewerbung"),
    Field.APPLICATIONS: ("the applications", "die Bewerbungen"),
    Field.CANDIDATE: ("the candidate", "der Kandidat"),
    Field.CONTRACT: ("the contract", "der Vertrag"),
    Field.PERSON: ("the person", "die Person"),
    Field.MAIN_TENANT: ("the main tenant", "der Hauptmieter"),
    Field.LISTING: ("the listing", "das Inserat"),
    Field.PROPERTY: ("the property", "das Objekt"),
}
_PROBLEMS: dict[Problem, tuple[str, str]] = {
    Problem.MISSING: ("{field}: missing", "{field}: fehlt"),
    Problem.TOO_LONG: ("{field}: too long", "{field}: zu lang"),
    Problem.INVISIBLE_CHARACTERS: ("{field}: not readable", "{field}: nicht lesbar"),
    Problem.UNREADABLE: ("{field}: not readable", "{field}: nicht lesbar"),
}


def of(language: Language) -> dict[Reason, str]:
    """Return the words of a language by reason."""
    column = 1 if language == "de" else 0
    found = {
        field_reason(problem, field): sentence[column].format(field=name[column])
        for problem, sentence in _PROBLEMS.items()
        for field, name in _FIELDS.items()
    }
    return found | {reason: words[column] for reason, words in _REASONS.items()}
