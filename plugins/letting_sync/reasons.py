"""All reason codes of records and offers, with their properties.

The codes are stored in the ledger, in staged tables and in XCom, so they never change. Their texts for people are in
:mod:`letting_sync.locales`, in both languages.

Reasons about one field of a record (``last_name_missing``) are members too, one for each combination of
:class:`Problem` and :class:`Field`; :func:`field_reason` returns them.
"""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """What a reason explains; if it explains several things, the one that is stored longest."""

    QUARANTINED = "quarantined"
    """why a record went to quarantine"""
    SKIPPED = "skipped"
    """why a record was not handed over"""
    DUPLICATE = "duplicate"
    """why a record is left out in favour of another one"""
    LOADED = "loaded"
    """how an offer came about, or an import did not start"""
    HELD = "held"
    """why an offer does not become a lease"""
    SUSPECT = "suspect"
    """what differs between two records that may be one person"""
    UNKNOWN = "unknown"
    """a code of another version of this package"""


class Field(StrEnum):
    """A field or a part of a partner's record, as reasons name it."""

    EXTERNAL_ID = "external_id"
    FIRST_NAME = "first_name"
    LAST_NAME = "last_name"
    BIRTH_DATE = "birth_date"
    UPDATED_AT = "updated_at"
    LEASE_START = "lease_start"
    EMAIL = "email"
    PHONE = "phone"
    MOBILE = "mobile"
    TITLE = "title"
    STREET = "street"
    HOUSE_NUMBER = "house_number"
    POSTAL_CODE = "postal_code"
    CITY = "city"
    COUNTRY = "country"
    MESSAGE = "message"
    ADDRESS = "address"
    UNIT = "unit"
    CONTRACT_ID = "contract_id"
    UNITS = "units"
    STATUS = "status"
    TEXT = "text"
    RECORD = "record"
    APPLICATION = "application"
    APPLICATIONS = "applications"
    CANDIDATE = "candidate"
    CONTRACT = "contract"
    PERSON = "person"
    MAIN_TENANT = "main_tenant"
    LISTING = "listing"
    PROPERTY = "property"


class Problem(StrEnum):
    """What is wrong with a field; the value is the pattern of the reason's code."""

    MISSING = "{field}_missing"
    TOO_LONG = "{field}_too_long"
    UNREADABLE = "unreadable_{field}"
    INVISIBLE_CHARACTERS = "{field}_unreadable"

    def code(self, field: Field) -> str:
        """The code of this problem with a field."""
        return self.value.format(field=field)


class Reason(StrEnum):
    """A reason code.

    :ivar kind: what it explains.
    :ivar needs_a_person: whether a held offer waits for a person's decision, which no later run makes.
    :ivar final: whether a person has rejected the offer or let the approval time out; only a replay asks again.
    """

    kind: Kind
    needs_a_person: bool
    final: bool

    def __new__(
        cls, code: str, kind: Kind = Kind.QUARANTINED, needs_a_person: bool = True, final: bool = False
    ) -> Reason:
        member = str.__new__(cls, code)
        member._value_ = code
        member.kind, member.needs_a_person, member.final = kind, needs_a_person, final
        return member

    UNIT_MISSING = "unit_missing", Kind.QUARANTINED
    UNIT_NOT_FOUR_PARTS = "unit_not_four_parts", Kind.QUARANTINED
    UNIT_PART_EMPTY = "unit_part_empty", Kind.QUARANTINED
    UNIT_PART_WITH_SEPARATOR = "unit_part_with_separator", Kind.QUARANTINED
    UNIT_SEPARATOR_UNCLEAR = "unit_separator_unclear", Kind.QUARANTINED
    SEVERAL_UNITS = "several_units", Kind.QUARANTINED
    PARTNER_ERROR = "partner_error", Kind.QUARANTINED
    SEVERAL_MAIN_CANDIDATES = "several_main_candidates", Kind.QUARANTINED
    IMPLAUSIBLE_BIRTH_DATE = "implausible_birth_date", Kind.QUARANTINED
    IMPLAUSIBLE_LEASE_START = "implausible_lease_start", Kind.QUARANTINED
    NOTHING_TELLS_WHO_IT_IS = "nothing_tells_who_it_is", Kind.QUARANTINED
    AMBIGUOUS_PARTNER = "ambiguous_partner", Kind.QUARANTINED
    UNKNOWN_UNIT = "unknown_unit", Kind.QUARANTINED
    UNIT_NOT_VACANT = "unit_not_vacant", Kind.QUARANTINED
    UNKNOWN_BUSINESS_PARTNER = "unknown_business_partner", Kind.QUARANTINED
    INVALID_FIELD = "invalid_field", Kind.QUARANTINED
    REFUSED_BY_ERP = "refused_by_erp", Kind.QUARANTINED
    MALFORMED = "malformed", Kind.QUARANTINED
    APPLICATION_UNKNOWN = "application_unknown", Kind.QUARANTINED

    SAME_RECORD = "same_record", Kind.DUPLICATE, False
    SAME_PERSON = "same_person", Kind.DUPLICATE, False
    SAME_PERSON_ON_UNIT = "same_person_on_unit", Kind.DUPLICATE, False

    WITHDRAWN = "withdrawn", Kind.SKIPPED, False
    NOT_SIGNED = "not_signed", Kind.SKIPPED, False
    CLIENT_EXCLUDED = "client_excluded", Kind.SKIPPED, False
    REHEARSAL = "rehearsal", Kind.SKIPPED, False

    FOUND_IN_ERP = "found_in_erp", Kind.LOADED, False
    IMPORT_RUNNING = "import_running", Kind.LOADED, False

    NOT_CHOSEN = "not_chosen", Kind.HELD, False
    WITHDRAWN_AFTER_LOAD = "withdrawn_after_load", Kind.HELD
    GONE_AT_PARTNER = "gone_at_partner", Kind.HELD
    UNREADABLE_AT_PARTNER = "unreadable_at_partner", Kind.HELD
    MOVED = "moved", Kind.HELD
    LEASE_ON_OTHER_UNIT = "lease_on_other_unit", Kind.HELD
    CHOSEN_AGAIN = "chosen_again", Kind.HELD
    CHANGED_AFTER_LOAD = "changed_after_load", Kind.HELD
    AMBIGUOUS = "ambiguous", Kind.HELD
    OFFER_MISSING = "offer_missing", Kind.HELD
    OFFER_REJECTED = "offer_rejected", Kind.HELD, False
    OFFER_IGNORED = "offer_ignored", Kind.HELD, False
    EXPIRED = "expired", Kind.HELD
    NOT_YET_VALID = "not_yet_valid", Kind.HELD, False
    KIND_NOT_NORMAL = "kind_not_normal", Kind.HELD
    UNKNOWN_STATUS = "unknown_status", Kind.HELD
    PERSON_CHANGED = "person_changed", Kind.HELD
    ACCEPTED_WITHOUT_LEASE = "accepted_without_lease", Kind.HELD
    COMPETING_OFFER = "competing_offer", Kind.HELD
    UNIT_LET = "unit_let", Kind.HELD
    NAMES_AND_CONTACT_ONLY = "names_and_contact_only", Kind.HELD
    WEAK_BIRTH_DATE = "weak_birth_date", Kind.HELD
    PLACEHOLDER_BIRTH_DATE = "placeholder_birth_date", Kind.HELD
    NEAR_PARTNER = "near_partner", Kind.HELD
    OFFER_CHANGED = "offer_changed", Kind.HELD
    BUNDLE_INCOMPLETE = "bundle_incomplete", Kind.HELD
    BUNDLE_HELD = "bundle_held", Kind.HELD
    ACCEPT_OFF = "accept_off", Kind.HELD, False
    TOO_MANY = "too_many", Kind.HELD
    REJECTED_BY_APPROVER = "rejected_by_approver", Kind.HELD, False, True
    APPROVAL_TIMED_OUT = "approval_timed_out", Kind.HELD, True, True
    NOT_FOUND = "not_found", Kind.HELD

    FIRST_NAME_TYPO = "first_name_typo", Kind.SUSPECT
    LAST_NAME_TYPO = "last_name_typo", Kind.SUSPECT
    FIRST_NAME_PART = "first_name_part", Kind.SUSPECT
    FIRST_NAME_SHORT_FORM = "first_name_short_form", Kind.SUSPECT
    LAST_NAME_PART = "last_name_part", Kind.SUSPECT
    LAST_NAME_DIFFERS = "last_name_differs", Kind.SUSPECT
    NAMES_SWAPPED = "names_swapped", Kind.SUSPECT
    NAMES_SPLIT_DIFFERENTLY = "names_split_differently", Kind.SUSPECT
    NAME_SPELLING = "name_spelling", Kind.SUSPECT
    BIRTH_DAY_TYPO = "birth_day_typo", Kind.SUSPECT
    BIRTH_MONTH_TYPO = "birth_month_typo", Kind.SUSPECT
    BIRTH_YEAR_TYPO = "birth_year_typo", Kind.SUSPECT
    DAY_MONTH_SWAPPED = "day_month_swapped", Kind.SUSPECT
    BIRTH_DATE_MISSING = "birth_date_missing", Kind.SUSPECT
    BIRTH_DATE_DIFFERS = "birth_date_differs", Kind.SUSPECT
    ADDRESS_DIFFERS = "address_differs", Kind.SUSPECT
    EMAIL_DIFFERS = "email_differs", Kind.SUSPECT
    PHONE_DIFFERS = "phone_differs", Kind.SUSPECT

    # One member for each problem with each field, as Python's enum documentation makes members from a table.
    _ignore_ = ["members", "problem", "field", "code"]
    members = vars()
    for problem in Problem:
        for field in Field:
            code = problem.code(field)
            if code.upper() not in members:
                members[code.upper()] = code, Kind.QUARANTINED

    @classmethod
    def stored(cls, code: str) -> Reason:
        """Return the reason of a stored code; one that another version of this package wrote is kept as it is."""
        try:
            return cls(code)
        except ValueError:
            unknown = str.__new__(cls, code)
            unknown._name_, unknown._value_ = code.upper(), code
            unknown.kind, unknown.needs_a_person, unknown.final = Kind.UNKNOWN, True, False
            return unknown


def field_reason(problem: Problem, field: Field) -> Reason:
    """Return the reason that says what is wrong with which field."""
    return Reason.stored(problem.code(field))
