"""Conversion of a partner's JSON values to typed fields, with the same rules for all partners.

Each function accepts any JSON value and returns a typed value, or ``None`` if there is none. A value that cannot be
read raises :class:`RefuseRecord` with a reason code; no other exception is raised.
"""

from __future__ import annotations

import html
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from functools import cache, lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from letting_sync.errors import RefuseRecord
from letting_sync.model import Prospect, Salutation, UnitNumber
from letting_sync.parsing.countries import alpha2
from letting_sync.reasons import Field, Problem, Reason, field_reason

EARLIEST_YEAR = 1900
"""No living tenant was born earlier; date fields of ERPs do not accept years before 1753 anyway."""

_GERMAN_DATE = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")
_ISO_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
"""Unicode's category Cc."""
_BERLIN = ZoneInfo("Europe/Berlin")

LARGEST_EXACT_FLOAT = 2.0**53
"""A float represents every whole number up to here exactly; larger ones may be rounded."""
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
"""U+FFFD: an earlier decoder replaced an unreadable character by it."""

LONGEST_TEXT = 2000
"""Characters of the longest field that an ERP accepts, the message (assumed); anything longer is cut or refused."""
LONGEST_NAME = 60
"""Characters of a name that both ERPs accept (assumed). The duplicate check would take a cut name for another person."""
_CUT_MARK = " […]"


def text(value: Any, field: Field) -> str | None:
    """Return the text without control characters, or ``None`` if it has no visible character.

    Numbers are accepted (a house number may be sent as ``12`` or ``12.0``). Blanks stay: the task ``dedup`` cleans.

    :raises RefuseRecord: ``unreadable_text`` for another type, for a number that a float cannot represent exactly
        (an id ``12345678901234567890.0`` has already been rounded), and for lone surrogates, which no ERP can store.
    """
    if value is None:
        return None
    result = value if isinstance(value, str) else _number(value, field)
    # A fast path: nearly every text is printable, and then contains none of the characters searched for below.
    if result.isprintable():
        return result if result.strip() else None
    if _SURROGATE.search(result):
        raise RefuseRecord(field_reason(Problem.UNREADABLE, Field.TEXT), f"{field} contains invalid Unicode.")
    result = _CONTROL.sub(" ", result)
    return result if _something_visible(result) else None


def _number(value: Any, field: Field) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RefuseRecord(
            field_reason(Problem.UNREADABLE, Field.TEXT), f"{field} is neither text nor a number."
        )
    if isinstance(value, float):
        # Also false for NaN, which Python's JSON parser accepts.
        if not abs(value) <= LARGEST_EXACT_FLOAT:
            raise RefuseRecord(
                field_reason(Problem.UNREADABLE, Field.TEXT), f"{field} is not a number, or not an exact one."
            )
        value = int(value) if value.is_integer() else value
    return str(value)


def _something_visible(value: str) -> bool:
    return any(unicodedata.category(char)[0] not in "ZC" for char in value)


def _only_visible(value: str) -> bool:
    """Return whether a text has neither blanks nor invisible characters (Unicode's categories Z and C)."""
    return value.isprintable() and " " not in value


def limited_text(value: Any, field: Field, longest: int = LONGEST_TEXT) -> str | None:
    """Like :func:`text`, with a maximum length, and refusing a text with a replacement character.

    :raises RefuseRecord: ``<field>_too_long`` and, with U+FFFD in it, ``unreadable_<field>`` besides those of
        :func:`text`.
    """
    result = text(value, field)
    if result is None:
        return None
    if REPLACEMENT in result:
        raise RefuseRecord(
            field_reason(Problem.UNREADABLE, field),
            f"{field} contains a character that was lost in transfer.",
        )
    if len(result) > longest and len(result.strip()) > longest:
        raise RefuseRecord(
            field_reason(Problem.TOO_LONG, field), f"{field} is longer than the {longest} characters allowed."
        )
    return result


def message(value: Any) -> str | None:
    """Return the prospect's message, cut to the ERPs' 2000 characters with a mark if it is longer."""
    result = text(value, Field.MESSAGE)
    if result is None or len(result) <= LONGEST_TEXT:
        return result
    return result[: LONGEST_TEXT - len(_CUT_MARK)] + _CUT_MARK


def email(value: Any) -> str | None:
    """Return an e-mail address; ``None`` for a text without ``@`` (a note), with a replacement character, or too long.

    The prospect is transferred without it: both ERPs accept that, and losing the person would be worse.
    """
    if isinstance(value, str) and (
        REPLACEMENT in value or _SURROGATE.search(value) or len(value.strip()) > LONGEST_TEXT
    ):
        return None
    result = limited_text(value, Field.EMAIL)
    return result if result is not None and "@" in html.unescape(result) else None


def unit(value: Any, separator: str | None) -> UnitNumber:
    """Read the number of a unit in the partner's notation.

    :raises RefuseRecord: see :meth:`UnitNumber.parse`; ``unit_unreadable`` for blanks or invisible characters inside a
        part.
    """
    result = UnitNumber.parse(limited_text(value, Field.UNIT, 64), separator)
    if not all(map(_only_visible, result)):
        raise RefuseRecord(
            field_reason(Problem.INVISIBLE_CHARACTERS, Field.UNIT),
            "The unit number contains blanks or invisible characters.",
        )
    return result


def required_text(value: Any, field: Field, longest: int) -> str:
    """Like :func:`text`, for a required field.

    :raises RefuseRecord: ``<field>_missing`` or ``<field>_too_long``.
    """
    result = limited_text(value, field, longest)
    if result is None:
        raise RefuseRecord(
            field_reason(Problem.MISSING, field), f"The record has no {field.replace('_', ' ')}."
        )
    return result


def identifier(value: Any, field: Field = Field.EXTERNAL_ID) -> str:
    """Read an id unchanged: up to 64 visible characters, without blanks.

    :raises RefuseRecord: ``external_id_missing``, ``external_id_too_long`` or ``external_id_unreadable``.
    """
    result = required_text(value, field, 64).strip()
    if not _only_visible(result):
        raise RefuseRecord(
            field_reason(Problem.INVISIBLE_CHARACTERS, field),
            f"{field} contains blanks or invisible characters.",
        )
    return result


def day(value: Any, field: Field) -> date | None:
    """Read ``YYYY-MM-DD`` or ``TT.MM.JJJJ``, or a time that is midnight as written or in Berlin.

    A browser in Germany sends the 1st of May as ``…-04-30T22:00:00Z``; cutting off the time would give a wrong date of
    birth. A time other than midnight is refused.

    :raises RefuseRecord: ``unreadable_<field>`` for anything else; a wrong date is never dropped silently, since the
        ERP's duplicate check depends on it.
    """
    written = text(value, field)
    if written is None:
        return None
    written = written.strip()
    try:
        if match := _ISO_DATE.fullmatch(written):
            year, month, day_of_month = map(int, match.groups())
        elif match := _GERMAN_DATE.fullmatch(written):
            day_of_month, month, year = map(int, match.groups())
        else:
            return _day_of_midnight(datetime.fromisoformat(written))
        return date(year, month, day_of_month)
    except (ValueError, OverflowError):
        raise RefuseRecord(field_reason(Problem.UNREADABLE, field), f"{field} is not a date.") from None


def _day_of_midnight(moment: datetime) -> date:
    if moment.time() == time.min:
        return moment.date()
    there = moment.astimezone(_BERLIN) if moment.tzinfo else moment
    if there.time() != time.min:
        raise ValueError
    return there.date()


def wished_day(value: Any, field: Field, today: date) -> date | None:
    """Read a date that the person wishes for; ``None`` if it is unreadable or implausible.

    The date is not binding, so an error in it must not delay a chosen tenant.
    """
    try:
        wished = day(value, field)
    except RefuseRecord:
        return None
    return wished if wished and EARLIEST_YEAR <= wished.year <= today.year + 10 else None


def birth_date(value: Any, today: date) -> date | None:
    """Read a plausible date of birth.

    :raises RefuseRecord: ``unreadable_birth_date`` or ``implausible_birth_date``.
    """
    born = day(value, Field.BIRTH_DATE)
    if born is not None and not (born.year >= EARLIEST_YEAR and born <= today):
        raise RefuseRecord(Reason.IMPLAUSIBLE_BIRTH_DATE, f"Born before {EARLIEST_YEAR} or after today.")
    return born


def moment(value: Any, field: Field) -> datetime:
    """Read an ISO 8601 time; without an offset it is UTC.

    :raises RefuseRecord: ``unreadable_<field>`` if it is missing or not a time.
    """
    try:
        written = text(value, field)
        result = datetime.fromisoformat((written or "").strip())
        return (result if result.tzinfo else result.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise RefuseRecord(
            field_reason(Problem.UNREADABLE, field), f"{field} is missing or not an ISO 8601 time."
        ) from None


def mapping(value: Any, field: Field) -> Mapping[str, Any]:
    """Return a nested object, an empty one for ``None`` and for ``""``, which some partners send for no value.

    :raises RefuseRecord: ``unreadable_<field>`` for anything that is not an object.
    """
    if value is None or value == "":
        return {}
    if not isinstance(value, dict):
        raise RefuseRecord(field_reason(Problem.UNREADABLE, field), f"{field} is not an object.")
    return value


def country(value: Any) -> str | None:
    """Read a country as ISO alpha-2, from a name in one of many languages or an ISO code of two or three letters.

    Returns ``None`` for an unknown one: the ERP then uses its default, and the rest of the address is still correct.
    """
    if isinstance(value, str) and REPLACEMENT in value:
        return None
    written = limited_text(value, Field.COUNTRY)
    return None if written is None else alpha2(written)


_SALUTATIONS = dict.fromkeys(
    ("herr", "herrn", "hr", "mr", "mister", "sir", "male", "mann", "männlich", "maennlich"), Salutation.MR
) | dict.fromkeys(("frau", "fr", "mrs", "ms", "miss", "madam", "female", "weiblich"), Salutation.MRS)
_TITLE = re.compile(r"(?:dr|prof|professor|professorin|doktor|med|dipl|ing|jur|phil|h\.?c)\b")


def salutation(value: Any) -> Salutation:
    """Read a salutation: ``Herr``, ``mr``, ``Frau Dr.``; the words are assumed.

    Anything else (diverse, a family, an unknown word, no value) is ``NONE``: the sex is never guessed.
    """
    return _salutation(value) if isinstance(value, str) else Salutation.NONE


@lru_cache(1024)
def _salutation(value: str) -> Salutation:
    words = re.findall(r"[^\W\d_]+(?:\.[^\W\d_]+)*", value.casefold())
    named = [word for word in words if not _TITLE.match(word)]
    return _SALUTATIONS.get(named[0], Salutation.NONE) if len(named) == 1 else Salutation.NONE


def prospect(**values: Any) -> Prospect:
    """Create a prospect from fields read by the functions above.

    :raises RefuseRecord: ``unreadable_record`` if the fields are not valid for a prospect.
    """
    try:
        return Prospect(**values)
    except ValidationError:
        # The exception's text contains the values, so it must not be logged, not even as a cause.
        raise RefuseRecord(
            field_reason(Problem.UNREADABLE, Field.RECORD),
            "The record does not have the fields of a valid prospect.",
        ) from None


def readable_identifier(record: Any, name: str) -> str | None:
    """Return the id in a field of any JSON value; ``None`` if it is unreadable."""
    try:
        return identifier(record.get(name)) if isinstance(record, dict) else None
    except RefuseRecord:
        return None


def lacking(record: Any, promised: Iterable[str]) -> list[str]:
    """Return the expected fields that a record lacks; a field that is ``null`` is not lacking.

    :param promised: names, with a dot for each step into an object (``tenant.birthDate``). If that object itself is
        missing or ``null``, its fields do not count as lacking.
    """
    missing = []
    for path in promised:
        way, name = _steps(path)
        place = record
        for step in way:
            place = place.get(step) if isinstance(place, dict) else None
        if isinstance(place, dict) and name not in place:
            missing.append(path)
    return missing


@cache
def _steps(path: str) -> tuple[list[str], str]:
    """The objects on the way to a promised field, and its name."""
    *way, name = path.split(".")
    return way, name


def as_raw(record: Any, known: Mapping[str, Any]) -> str:
    """Return the record as JSON for the quarantine table, reduced to the fields of the contract.

    :param known: the contract's fields; a nested mapping lists the fields of a nested object. Any other field (income,
        profession, …) is removed.
    """
    return json.dumps(_cut(record, known), ensure_ascii=True, default=str)[:100_000]


def _cut(value: Any, known: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_cut(item, known) for item in value]
    if not isinstance(value, dict):
        return value if not known else f"<{type(value).__name__}>"
    return {key: _cut(value[key], inner) for key, inner in known.items() if key in value}
