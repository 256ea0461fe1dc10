"""Telephone numbers in E.164, if it is certain which number is meant.

A number is rewritten only if it is *valid* (phonenumbers' ``is_valid_number``) as written: with its country
code, or with the trunk prefix of the address's country. "Possible" is not enough: ``491701234567`` is also a
possible number of a German town. A text that may be two numbers, or a number of two countries, stays unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import phonenumbers
import pyarrow as pa
import pyarrow.compute as pc
from phonenumbers import PhoneNumberType

from letting_sync.matching.columns import on_distinct, unlike
from letting_sync.matching.names import stable, without_entities, without_stray_blanks

REGION: Final = "DE"
"""Country of a telephone number without a country code if the address has no country."""

_TIDY: Final = r"^\+49[1-9][0-9]*$"
_BETWEEN_DIGITS: Final = " /().-"
# One area code, one separator, one subscriber's number: it cannot contain two numbers.
_PLAIN: Final = r"^(?:\+49 ?|0049 ?|\(?0)[1-9][0-9]{1,4}\)?(?: ?[/-] ?| )?[0-9]+(?: [1-9][0-9]{1,3}){0,4}(?:-[0-9]{1,4})?$"
_LONGEST: Final = 40
_ONE_NUMBER: Final = re.compile(r"\(?\+?[\d ()./-]+")
_SCHEME: Final = re.compile(r"(?i)^tel:\s*(?=[+\d(])")
_COUNTRY_CODE: Final = re.compile(r"^\(?(?:\+|00) ?\d{1,3}\)?")
_DASHES: Final = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"))
_AREA: Final = 6
"""Digits of the longest German area code, including its zero."""
_LONGEST_HEAD: Final = {"/": _AREA, "-": _AREA, " 0": _AREA, " ": _AREA + 1, "(": 4}
"""So many digits before a sign or a long group of digits may be an area code; more are a number of their own."""
_EXTENSION: Final = 4
"""Digits of the longest extension (Durchwahl) after a hyphen. Assumed."""


def cleaned_phones(values: pa.Array, countries: pa.Array) -> pa.Array:
    """Return telephone numbers as E.164; a text that is not certainly one valid number is only trimmed.

    German numbers in plain digits are handled by vectorised code with the same results as ``phonenumbers``.

    :param countries: the address's country of each row as ISO alpha-2, null if missing.
    """
    if values.null_count == len(values):
        return values
    untidy = unlike(values, _TIDY)
    if not pc.any(untidy).as_py():
        return values
    rest, places = values.filter(untidy), pc.fill_null(countries.filter(untidy), REGION)
    places = pc.if_else(pc.equal(places, ""), REGION, places)
    german = pc.equal(places, REGION)
    e164 = _in_plain_digits(rest)
    quick = pc.and_(german, pc.fill_null(pc.match_substring_regex(rest, _PLAIN), False))
    for pattern in _VALID_IN_GERMANY:
        quick = pc.and_(quick, pc.fill_null(pc.match_substring_regex(e164, pattern), False))
    done = pc.if_else(quick, e164, rest)
    others = pc.and_not(pc.is_valid(rest), quick)
    for place in pc.unique(places.filter(others)).to_pylist():
        done = on_distinct(done, pc.and_(others, pc.equal(places, place)), _for_region(place))
    return pc.replace_with_mask(values, untidy, done)


def _in_plain_digits(values: pa.Array) -> pa.Array:
    digits = values
    for char in _BETWEEN_DIGITS:
        digits = pc.replace_substring(digits, char, "")
    national = pc.if_else(
        pc.starts_with(digits, "00"),
        pc.binary_replace_slice(digits, start=0, stop=4, replacement="+49"),
        pc.binary_replace_slice(digits, start=0, stop=1, replacement="+49"),
    )
    return pc.if_else(pc.starts_with(digits, "+"), digits, national)


def _german_patterns() -> list[str]:
    """The library's patterns of German numbers, including their lengths.

    A valid number matches that of all numbers, and that of a landline or a mobile number.
    """
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(REGION)
    if metadata is None:
        raise LookupError(f"phonenumbers has no patterns of {REGION}")
    of_any_kind = _patterns(metadata.general_desc)
    return [
        rf"^\+49(?:{'|'.join(p)})$" for p in (of_any_kind, _patterns(metadata.fixed_line, metadata.mobile))
    ]


def _patterns(*kinds: phonenumbers.PhoneNumberDesc | None) -> list[str]:
    return [kind.national_number_pattern for kind in kinds if kind and kind.national_number_pattern]


_VALID_IN_GERMANY: Final = _german_patterns()


def _for_region(region: str) -> Callable[[str], str | None]:
    return stable(lambda text: tidy_phone(text, region))


def tidy_phone(text: str, region: str = REGION) -> str:
    """Return one telephone number as E.164, or the trimmed text if it is not certain which number is meant.

    :param region: ISO alpha-2 code of the country of a number without a country code.
    """
    trimmed = without_stray_blanks(without_entities(text))
    written = _SCHEME.sub("", trimmed).translate(_DASHES)
    if len(written) > _LONGEST or not _ONE_NUMBER.fullmatch(written) or _may_be_two(written):
        return trimmed
    digits = "".join(char for char in written if char.isdigit())
    if "+" in written:
        number = _valid(f"+{digits}", None)
    elif digits.startswith("00"):
        number = _valid(f"+{digits[2:]}", None)
    else:
        number = _national(digits, region)
    return trimmed if number is None else phonenumbers.format_number(number, _E164)


_E164: Final = phonenumbers.PhoneNumberFormat.E164


def _may_be_two(written: str) -> bool:
    """Return whether the text may contain two numbers; joined they would be a third number."""
    national = _COUNTRY_CODE.sub("", written)
    if "+" in national or national.count("/") > 1:
        return True
    for match in re.finditer(r"[/(-]| 0(?=\d{3})| (?=\d{5})", national):
        before = _digits(national[: match.start()])
        behind = _digits(national[match.start() :])
        is_extension = match[0] == "-" and behind <= _EXTENSION
        if before > _LONGEST_HEAD[match[0]] and not is_extension:
            return True
    return False


def _digits(text: str) -> int:
    return sum(char.isdigit() for char in text)


def _national(digits: str, region: str) -> phonenumbers.PhoneNumber | None:
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(region)
    if metadata is None or (metadata.national_prefix == "0" and not digits.startswith("0")):
        return None  # without the trunk prefix it may be a local number or one with its country code
    number = _valid(digits, region)
    if number is None or region == REGION:
        return number
    # A tenant who moves to Germany may already have a German mobile, so the country is not certain.
    german = _valid(digits, REGION) if digits.startswith("0") else None
    mobile = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)
    if (
        german
        and phonenumbers.number_type(german) in mobile
        and phonenumbers.number_type(number) not in mobile
    ):
        return None
    return number


def _valid(text: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    # A number that is parsed differently after formatting is not accepted.
    again = phonenumbers.parse(phonenumbers.format_number(number, _E164), None)
    return number if again.national_number == number.national_number else None
