"""The data model shared by all systems: prospect, offer, lease, business partner and outcome.

Source of the vocabulary: the masks of Wodis and the documentation of the letting platforms (published);
see ``docs/contracts.md`` for what is assumed.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, InstanceOf, PlainSerializer

from letting_sync.errors import RefuseRecord
from letting_sync.reasons import Reason


class _Frozen(BaseModel):
    # The text of a ValidationError must not quote a person's data.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


PARTNER_SEPARATORS = ("-", "_", ".", "/", "|")
"""Separators that a letting platform can show between the parts of a unit number (published)."""


class UnitNumber(tuple[str, str, str, str]):
    """Number of a unit (Verwaltungseinheit): client, estate, building, unit. Leading zeros are significant.

    The product's tables use the separator ``/``, as Wodis Yuneo does (published), so no part may contain a ``/``.
    """

    __slots__ = ()
    SEPARATOR = "/"

    @classmethod
    def parse(cls, text: str | None, separator: str | None = SEPARATOR) -> Self:
        """Parse a number such as ``1.2.3.4``.

        :param separator: separator of the system that wrote the number. ``None``: it is detected, if the number
            contains exactly one of the separators that a letting platform can show.
        :raises RefuseRecord: the number does not have exactly four non-empty parts; nothing is guessed.
        """
        if not text or not text.strip():
            raise RefuseRecord(Reason.UNIT_MISSING, "The record has no unit number.")
        parts = tuple(map(str.strip, text.split(separator or cls._separator_in(text))))
        if len(parts) != 4:
            raise RefuseRecord(
                Reason.UNIT_NOT_FOUR_PARTS, f"A unit number has four parts; this one has {len(parts)}."
            )
        if not all(parts):
            raise RefuseRecord(Reason.UNIT_PART_EMPTY, "One of the four parts of the unit number is empty.")
        if cls.SEPARATOR in "".join(parts):
            raise RefuseRecord(
                Reason.UNIT_PART_WITH_SEPARATOR, f"A part of the unit number contains {cls.SEPARATOR!r}."
            )
        return cls(parts)

    @classmethod
    def _separator_in(cls, text: str) -> str:
        found = [separator for separator in PARTNER_SEPARATORS if separator in text]
        if len(found) > 1:
            raise RefuseRecord(Reason.UNIT_SEPARATOR_UNCLEAR, f"The unit number contains several of {found}.")
        return found[0] if found else cls.SEPARATOR

    def written(self, separator: str) -> str:
        """Format the number for a target system.

        :raises RefuseRecord: a part contains the separator, so the result would have five parts.
        """
        if any(separator in part for part in self):
            raise RefuseRecord(
                Reason.UNIT_PART_WITH_SEPARATOR, f"A part of the unit number contains {separator!r}."
            )
        return separator.join(self)

    @property
    def client(self) -> str:
        """Mandant: the legal entity that owns the unit."""
        return self[0]

    def __str__(self) -> str:
        return self.SEPARATOR.join(self)


def _as_unit(value: Any) -> Any:
    return UnitNumber.parse(value) if isinstance(value, str) else value


Unit = Annotated[InstanceOf[UnitNumber], BeforeValidator(_as_unit), PlainSerializer(str, return_type=str)]


class Salutation(StrEnum):
    """Salutation of a person; ``NONE`` for anything that is neither Herr nor Frau, or unknown."""

    MR = "MR"
    MRS = "MRS"
    NONE = "NONE"


class Prospect(_Frozen):
    """A partner's record of one person for one unit (Interessent), as the tasks of a run process it.

    The mapping leaves texts as the partner wrote them; the task ``dedup`` cleans them. Fields that no ERP accepts, such
    as income or profession, are never included: the mapping removes them.
    """

    external_id: str = Field(min_length=1, max_length=64)
    unit: Unit
    chosen: bool = Field(
        description="the landlord has accepted this person as tenant in the partner's system"
    )
    withdrawn: bool = False
    updated_at: datetime
    salutation: Salutation = Salutation.NONE
    title: str | None = None
    first_name: str | None = None
    last_name: str
    birth_date: date | None = None
    email: str | None = None
    phone: str | None = None
    mobile: str | None = None
    street: str | None = None
    house_number: str | None = None
    postal_code: str | None = None
    city: str | None = None
    country: str | None = Field(None, description="ISO 3166 alpha-2")
    lease_start: date | None = None
    message: str | None = None
    contact_id: str | None = Field(
        None, description="the partner's id of the person: two records with one contact are one person"
    )
    bundle: str | None = Field(
        None, max_length=64, description="what the partner lets several units by together: the contract's id"
    )
    bundle_size: int = Field(1, ge=1, description="how many units the bundle has")
    source_id: str | None = Field(
        None,
        max_length=64,
        description="the partner's id of the record that was read, where one external id may have several",
    )


CONTENT_FIELDS = frozenset(Prospect.model_fields) - {
    "external_id",
    "unit",
    "chosen",
    "withdrawn",
    "updated_at",
    "contact_id",
    "bundle",
    "bundle_size",
    "source_id",
}
"""Fields of a prospect that an ERP may receive; a change of any other field is not a change for the ERP."""
FIELDS_FOR_ERP = tuple(name for name in Prospect.model_fields if name in CONTENT_FIELDS | {"unit"})
"""The same and the unit, in the order in which people read them."""


class OfferStatus(StrEnum):
    """Status of an offer in the ERP; ``UNKNOWN`` for a status word that the mapping does not know."""

    OFFERED = "offered"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    IGNORED = "ignored"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


class Offer(_Frozen):
    """An offer (Angebot) in the ERP, without the person's name, which is not needed."""

    offer_id: str = Field(description="what the ERP's interface calls it by; not always its number")
    number: str
    external_id: str | None
    unit: Unit | None
    status: OfferStatus
    normal_kind: bool
    valid_from: date | None
    valid_until: date | None
    lease_start: date | None
    business_partner_number: str | None
    lease_number: str | None
    version: str

    def is_open(self, today: date) -> bool:
        """Return whether the offer can still be accepted; one with an unknown status counts as open."""
        might_be = self.status in (OfferStatus.OFFERED, OfferStatus.UNKNOWN)
        return might_be and not (self.valid_until and self.valid_until < today)


class Lease(_Frozen):
    """A lease (Mietvertrag), the result of an accepted offer."""

    lease_number: str
    offer_id: str


class BusinessPartner(_Frozen):
    """A business partner (Geschäftspartner); names are exactly as stored in the ERP, including stray blanks."""

    number: str
    first_name: str | None
    last_name: str | None
    birth_date: date | None
    email: str | None


class ImportResult(_Frozen):
    """Result of the ERP's import for one prospect."""

    external_id: str
    offer_id: str | None = None
    offer_number: str | None = None
    business_partner_number: str | None = None
    business_partner_created: bool | None = None
    refusal: Reason | None = Field(None, description="set if no offer was made")
    refusal_text: str | None = Field(
        None,
        repr=False,
        description="the ERP's own words on the refusal; may quote the person, for staging only",
    )


class OutcomeKind(StrEnum):
    """Final outcome of a record; each extracted record has exactly one.

    After ``created`` and ``already_there`` the ERP has one offer for the record.
    """

    CREATED = "created"
    ALREADY_THERE = "already_there"
    DUPLICATE = "duplicate"
    QUARANTINED = "quarantined"
    SKIPPED = "skipped"


class Outcome(_Frozen):
    """Outcome of one record in one task: a value, never an exception."""

    record: int = Field(description="running number of the record in its run, from 0")
    external_id: str | None
    kind: OutcomeKind
    reason: Reason | None = None
    detail: str | None = None
