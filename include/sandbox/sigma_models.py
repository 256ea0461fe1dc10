"""The bodies of Sigma's requests and responses in the contract's terms, and the parsing of a prospect."""

import re
from datetime import date, datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from include.sandbox.erp_records import Person, Prospect
from include.sandbox.strict import WholeNumber


def _date(value: str) -> date:
    """Read ``TT.MM.JJJJ``, each part with all its digits."""
    if not re.fullmatch(r"\d\d\.\d\d\.\d{4}", value, re.ASCII):
        raise ValueError("a day is TT.MM.JJJJ")
    return datetime.strptime(value, "%d.%m.%Y").date()


def _real_date(value: str) -> str:
    _date(value)
    return value


Day = Annotated[str, Field(pattern=r"^[0-3]\d\.[01]\d\.\d{4}$"), AfterValidator(_real_date)]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Interessent(_In):
    """What is in the fields is looked at later; here only that they are there and of the right type."""

    externeId: str
    ve: str
    anrede: str | None = None
    vorname: str
    name: str
    geburtsdatum: str | None = None
    email: str | None = None
    telefon: str | None = None
    mobil: str | None = None
    strasse: str | None = None
    plz: str | None = None
    ort: str | None = None
    land: str | None = None
    mietbeginn: str | None = None
    bemerkung: str | None = None
    gpNr: int | None = None


class EingangIn(_In):
    interessenten: list[Interessent] = Field(min_length=1, max_length=50)


class Abgewiesen(BaseModel):
    externeId: str
    fehler: str
    meldung: str


class EingangOut(BaseModel):
    angenommen: int
    abgewiesen: list[Abgewiesen]


class LaufIn(_In):
    portal: str


class Zeile(BaseModel):
    externeId: str
    ergebnis: Literal["angelegt", "abgelehnt"]
    angebotNr: int | None = None
    gpNr: int | None = None
    gpNeu: bool | None = None
    fehler: str | None = None
    meldung: str | None = None


class LaufOut(BaseModel):
    laufNr: int
    protokoll: list[Zeile]


class LaufStandOut(LaufOut):
    status: Literal["laeuft", "beendet", "abgebrochen"]


class LetzterQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    portal: str
    letzter: Literal["true"]


class AngeboteQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    externeId: list[str] = Field(default=[], max_length=50)
    status: Literal["offeriert", "angenommen", "abgelehnt", "ignoriert"] | None = None
    ve: str | None = None
    seite: WholeNumber = Field(default=1, ge=1, le=1_000_000)
    anzahl: WholeNumber = Field(default=50, ge=1, le=100)


class Angebot(BaseModel):
    angebotNr: int
    angebotsgruppe: str
    externeId: str
    portal: str
    art: Literal["normal"]
    status: Literal["offeriert", "angenommen", "abgelehnt", "ignoriert"]
    interesseBekundet: bool
    internetimport: bool
    erstelltAm: str
    gueltigBis: str
    zum: str | None
    veAngebotenZum: str
    ve: str
    gpNr: int
    name: str
    vorname: str
    plz: str | None
    ort: str | None
    mietvertragNr: str | None
    aenderungsstand: int


class AngeboteOut(BaseModel):
    angebote: list[Angebot]
    gesamt: int


class AngebotIn(_In):
    status: Literal["angenommen"]


class SucheIn(_In):
    """One of the two lists."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"oneOf": [{"required": ["geburtsdaten"]}, {"required": ["emails"]}]},
    )

    geburtsdaten: list[Day] = Field(default=[], max_length=50)
    emails: list[str] = Field(default=[], max_length=50)

    @model_validator(mode="after")
    def one_list(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError("geburtsdaten or emails")
        return self


class Geschaeftspartner(BaseModel):
    gpNr: int
    vorname: str
    name: str
    geburtsdatum: str | None
    email: str | None


class SucheOut(BaseModel):
    geschaeftspartner: list[Geschaeftspartner]


class Fehler(BaseModel):
    """An error; ``LAUF_AKTIV`` carries ``laufNr``, ``VE_VERMIETET`` carries ``mietvertragNr``."""

    model_config = ConfigDict(extra="allow")

    fehler: str
    meldung: str


def fehler(*codes: int) -> dict[int | str, dict[str, Any]]:
    """Describe the error answers of an operation."""
    return {code: {"description": HTTPStatus(code).phrase, "model": Fehler} for code in codes}


def day(value: date | None) -> str | None:
    """A date as Sigma writes it."""
    return None if value is None else f"{value:%d.%m.}{value.year:04d}"


def too_long_or_empty(one: Interessent) -> list[str]:
    """Return the fields for which the inbox rejects a prospect."""
    checks = (
        ("externeId", not one.externeId or len(one.externeId) > 64),
        ("ve", not one.ve),
        ("vorname", not one.vorname or len(one.vorname) > 60),
        ("name", not one.name or len(one.name) > 60),
        ("bemerkung", len(one.bemerkung or "") > 2000),
    )
    return [name for name, bad in checks if bad]


def read_prospect(one: Interessent) -> Prospect:
    """Read a prospect; errors of fields are kept for the run."""
    wrong = [] if one.anrede in (None, "", "Herr", "Frau") else ["anrede"]
    if one.email is not None and not re.fullmatch(r"[^@\s]+@[^@\s]+", one.email):
        wrong.append("email")
    dates: dict[str, date | None] = {"geburtsdatum": None, "mietbeginn": None}
    for name in dates:
        value = getattr(one, name)
        try:
            if value is not None:
                dates[name] = _date(value)
        except ValueError:
            wrong.append(name)
    return Prospect(
        external_id=one.externeId,
        unit=one.ve,
        person=Person(
            first_name=one.vorname,
            last_name=one.name,
            birth_date=dates["geburtsdatum"],
            email=one.email,
            phone=one.telefon,
            mobile=one.mobil,
            street=one.strasse,
            postal_code=one.plz,
            city=one.ort,
            country=one.land,
        ),
        lease_start=dates["mietbeginn"],
        business_partner=one.gpNr,
        problem=", ".join(wrong) or None,
    )
