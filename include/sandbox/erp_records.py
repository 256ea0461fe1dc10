"""Records with the same fields for both ERPs, so that a test can use either."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

from include.sandbox.common import now, today

Reason = Literal["unknown_unit", "unit_not_vacant", "unknown_business_partner", "invalid_field"]


@dataclass
class Person:
    """A person's data, unchanged from the prospect to the business partner."""

    first_name: str = ""
    last_name: str = ""
    birth_date: date | None = None
    email: str | None = None
    phone: str | None = None
    mobile: str | None = None
    street: str | None = None
    postal_code: str | None = None
    city: str | None = None
    country: str | None = None


@dataclass
class BusinessPartner:
    """The ERP's person record."""

    number: int
    person: Person


@dataclass
class Prospect:
    """One delivered prospect. ``problem`` is the error of a field."""

    external_id: str
    unit: str
    person: Person
    lease_start: date | None = None
    business_partner: int | None = None
    problem: str | None = None


@dataclass
class Offer:
    """A unit offered to a business partner; ``status`` is the ERP's own word."""

    id: str
    number: int
    external_id: str
    exchange: str
    status: str
    unit: str
    business_partner: int
    created_at: datetime
    valid_from: date
    valid_until: date
    lease_start: date | None = None
    lease_number: str | None = None
    clerk: str = "SCHNITTSTELLE"
    version: int = 1

    @property
    def expired(self) -> bool:
        return self.valid_until < today()


@dataclass
class Lease:
    """A lease; one without ``end`` goes on."""

    number: str
    unit: str
    start: date
    end: date | None = None
    business_partner: int | None = None
    offer_number: int | None = None


@dataclass
class Result:
    """The result of the import for one prospect."""

    external_id: str
    offer: Offer | None = None
    partner_created: bool = False
    reason: Reason | None = None
    detail: str | None = None


@dataclass
class Job:
    """A work order (Yuneo) or a run (Sigma), which imports prospects one after the other."""

    id: str
    exchange: str
    total: int
    status: str
    created_at: datetime = field(default_factory=now)
    finished_at: datetime | None = None
    results: list[Result] = field(default_factory=list)
