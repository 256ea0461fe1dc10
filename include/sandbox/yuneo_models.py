"""The bodies of Yuneo's requests and responses, in the contract's terms."""

import re
from datetime import date
from http import HTTPStatus
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from include.sandbox.erp_records import Person, Prospect
from include.sandbox.strict import WholeNumber


def _real_date(value: str) -> str:
    date.fromisoformat(value)
    return value


Day = Annotated[
    str,
    Field(pattern=r"^\d{4}-\d{2}-\d{2}$", json_schema_extra={"format": "date"}),
    AfterValidator(_real_date),
]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class TokenIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    grant_type: Literal["client_credentials"]
    client_id: str
    client_secret: str


class TokenOut(BaseModel):
    access_token: str
    token_type: str
    expires_in: int


class ProspectIn(_In):
    """What is in the fields is looked at by the work order; here only that they are there and of the right type."""

    externalId: str
    unitNumber: str
    salutation: str | None = None
    firstName: str
    lastName: str
    birthDate: str | None = None
    email: str | None = None
    phone: str | None = None
    mobile: str | None = None
    street: str | None = None
    houseNumber: str | None = None
    postalCode: str | None = None
    city: str | None = None
    country: str | None = None
    leaseStart: str | None = None
    message: str | None = None
    businessPartnerNumber: int | None = None


def _date(value: str | None) -> date | None:
    if value is None:
        return None
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        raise ValueError
    return date.fromisoformat(value)


def read_prospect(one: ProspectIn) -> Prospect:
    """Read a prospect; errors of fields are kept for the work order."""
    wrong = [
        name
        for name, bad in (
            ("externalId", not one.externalId or len(one.externalId) > 64),
            ("firstName", not one.firstName or len(one.firstName) > 60),
            ("lastName", not one.lastName or len(one.lastName) > 60),
            ("message", len(one.message or "") > 2000),
            ("salutation", one.salutation not in (None, "MR", "MRS", "NONE")),
            ("country", one.country is not None and not re.fullmatch("[A-Z]{2}", one.country)),
            ("email", one.email is not None and not re.fullmatch(r"[^@\s]+@[^@\s]+", one.email)),
        )
        if bad
    ]
    dates: dict[str, date | None] = {}
    for name in ("birthDate", "leaseStart"):
        try:
            dates[name] = _date(getattr(one, name))
        except ValueError:
            wrong.append(name)
    person = Person(
        first_name=one.firstName,
        last_name=one.lastName,
        birth_date=dates.get("birthDate"),
        email=one.email,
        phone=one.phone,
        mobile=one.mobile,
        street=" ".join(part for part in (one.street, one.houseNumber) if part) or None,
        postal_code=one.postalCode,
        city=one.city,
        country=one.country,
    )
    return Prospect(
        external_id=one.externalId,
        unit=one.unitNumber,
        person=person,
        lease_start=dates.get("leaseStart"),
        business_partner=one.businessPartnerNumber,
        problem=", ".join(wrong) or None,
    )


class ImportIn(_In):
    exchange: str
    prospects: list[ProspectIn] = Field(min_length=1)


class ImportOut(BaseModel):
    workOrderId: str


class ResultOut(BaseModel):
    externalId: str
    outcome: Literal["CREATED", "REJECTED"]
    offerId: str | None = None
    offerNumber: int | None = None
    businessPartnerNumber: int | None = None
    businessPartnerCreated: bool | None = None
    code: str | None = None
    detail: str | None = None


class WorkOrderOut(BaseModel):
    id: str
    type: Literal["PROSPECT_IMPORT"]
    status: Literal["QUEUED", "RUNNING", "COMPLETED", "FAILED"]
    createdAt: str
    finishedAt: str | None
    results: list[ResultOut]


class OffersQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    externalId: list[str] = Field(default=[], max_length=100)
    status: Literal["OFFERED", "ACCEPTED", "REJECTED", "IGNORED", "EXPIRED"] | None = None
    unitNumber: str | None = None
    page: WholeNumber = Field(default=0, ge=0, le=1_000_000)
    size: WholeNumber = Field(default=50, ge=1, le=200)


class OfferOut(BaseModel):
    id: str
    number: int
    externalId: str
    exchange: str
    createdAt: str
    validFrom: str
    validUntil: str
    leaseStart: str | None
    kind: Literal["NORMAL"]
    status: Literal["OFFERED", "ACCEPTED", "REJECTED", "IGNORED", "EXPIRED"]
    interestExpressed: bool
    searchProfileNumber: int
    clerk: str
    businessPartnerNumber: int
    firstName: str
    lastName: str
    unitNumber: str
    leaseNumber: str | None
    version: int


class OfferPage(BaseModel):
    items: list[OfferOut]
    page: int
    size: int
    total: int


class AcceptIn(_In):
    leaseStart: Day | None


class AcceptOut(BaseModel):
    leaseNumber: str
    offerId: str
    unitNumber: str
    leaseStart: str


class SearchIn(_In):
    """One of the two lists."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"oneOf": [{"required": ["birthDates"]}, {"required": ["emails"]}]},
    )

    birthDates: list[Day] = Field(default=[], max_length=200)
    emails: list[str] = Field(default=[], max_length=200)

    @model_validator(mode="after")
    def one_list(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError("birthDates or emails")
        return self


class PartnerOut(BaseModel):
    number: int
    firstName: str
    lastName: str
    birthDate: str | None
    email: str | None


class PartnerPage(BaseModel):
    items: list[PartnerOut]


class Problem(BaseModel):
    """An error; ``OFFER_NOT_OPEN`` and ``UNIT_LET`` carry ``leaseNumber``, the first one also ``offerStatus``."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    code: str


def problems(*codes: int) -> dict[int | str, dict[str, Any]]:
    """Describe the error answers of an operation."""
    content = {"application/problem+json": {"schema": Problem.model_json_schema()}}
    return {code: {"description": HTTPStatus(code).phrase, "content": content} for code in codes}
