"""The words of this house: what a prospect, an offer and a lease are, whatever system they come from.

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
    model_config = ConfigDict(frozen=True, extra="forbid")


PARTNER_SEPARATORS = ("-", "_", ".", "/", "|")
"""Separators that a letting platform can show between the parts of a unit number (published)."""


class UnitNumber(tuple[str, str, str, str]):
    """Number of a unit (Verwaltungseinheit): client, estate, building, unit. Leading zeros count.

    Written in our own tables with ``/``, as Wodis Yuneo does (published); therefore no part may hold a ``/``.
    """

    __slots__ = ()
    SEPARATOR = "/"

    @classmethod
    def parse(cls, text: str | None, separator: str | None = SEPARATOR) -> Self:
        """Read ``1.2.3.4``.

        :param separator: the one its writer uses; ``None``: the number itself tells, if it holds exactly one of
            the separators that a letting platform can show.
        :raises RefuseRecord: unless there are exactly four parts with something in each; nothing is guessed.
        """
        if not text or not text.strip():
            raise RefuseRecord(Reason.UNIT_MISSING, "The record names no unit.")
        parts = tuple(part.strip() for part in text.split(separator or cls._separator_in(text)))
        if len(parts) != 4:
            raise RefuseRecord(
                Reason.UNIT_NOT_FOUR_PARTS, f"A unit number has four parts; this one has {len(parts)}."
            )
        if not all(parts):
            raise RefuseRecord(Reason.UNIT_PART_EMPTY, "One of the four parts of the unit number is empty.")
        if any(cls.SEPARATOR in part for part in parts):
            raise RefuseRecord(
                Reason.UNIT_PART_WITH_SEPARATOR, f"A part of the unit number contains {cls.SEPARATOR!r}."
            )
        return cls(parts)

    @classmethod
    def _separator_in(cls, text: str) -> str:
        found = [separator for separator in PARTNER_SEPARATORS if separator in text]
        if len(found) > 1:
            raise RefuseRecord(Reason.UNIT_SEPARATOR_UNCLEAR, f"The unit number holds several of {found}.")
        return found[0] if found else cls.SEPARATOR

    def written(self, separator: str) -> str:
        """The number as the target system writes it.

        :raises RefuseRecord: if a part contains the separator, which would make five parts of four.
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
    """How a letter addresses a person; ``NONE`` for anything that is neither Herr nor Frau, or not told."""

    MR = "MR"
    MRS = "MRS"
    NONE = "NONE"


class Prospect(_Frozen):
    """A partner's record of one person for one unit (Interessent), as it travels through a run.

    Straight from the mapping the texts are as the partner wrote them; the dedup task cleans them. Fields that
    the ERP cannot take never get in here: income, profession and the like are dropped at the door.
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
"""What an ERP gets of a prospect; a change in any other field is no change for the ERP."""


class OfferStatus(StrEnum):
    """How far an offer is in the ERP; ``UNKNOWN`` for a word that its mapping does not know."""

    OFFERED = "offered"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    IGNORED = "ignored"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


class Offer(_Frozen):
    """An offer (Angebot) as the ERP holds it, without the person's name: nobody here needs it."""

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
        """Whether somebody could still accept it; one with a status that is not known might be."""
        might_be = self.status in (OfferStatus.OFFERED, OfferStatus.UNKNOWN)
        return might_be and not (self.valid_until and self.valid_until < today)


class Lease(_Frozen):
    """A lease (Mietvertrag): what an accepted offer turned into."""

    lease_number: str
    offer_id: str


class BusinessPartner(_Frozen):
    """A business partner (Geschäftspartner), names exactly as the ERP stores them, stray blanks included."""

    number: str
    first_name: str | None
    last_name: str | None
    birth_date: date | None
    email: str | None


class ImportResult(_Frozen):
    """What the ERP's import says of one prospect."""

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
    """How a record ended; each extracted record ends in exactly one of these ways.

    After ``created`` and ``already_there`` the ERP holds one offer for it.
    """

    CREATED = "created"
    ALREADY_THERE = "already_there"
    DUPLICATE = "duplicate"
    QUARANTINED = "quarantined"
    SKIPPED = "skipped"


class Outcome(_Frozen):
    """What became of one record in one task: a value, never an exception."""

    record: int = Field(description="running number of the record in its run, from 0")
    external_id: str | None
    kind: OutcomeKind
    reason: Reason | None = None
    detail: str | None = None
