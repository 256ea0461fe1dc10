"""Telephone numbers: rewritten where it is certain which number is meant, else left as they were written."""

from __future__ import annotations

import pandas as pd
import phonenumbers
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from letting_sync.matching.cleaning import clean

COUNTRIES = st.sampled_from([None, "DE", "AT", "CH", "PL", "TR", "IT", "FR", "US", "XX"])
PIECES = st.lists(
    st.one_of(
        st.sampled_from(
            ["0", "+49", "0049", "(0)", "00", "+43", " / ", "-", " ", ";", "0171", "030", "+", "tel:"]
        ),
        st.text("0123456789", min_size=1, max_size=9),
        st.text("0123456789 /-().+", max_size=12),
    ),
    max_size=6,
).map("".join)


def cleaned(phone: str, country: str | None = None) -> str | None:
    row = clean(pd.DataFrame([{"record": 0, "phone": phone, "country": country}], dtype=object)).iloc[0]
    return None if pd.isna(row["phone"]) else row["phone"]


@pytest.mark.parametrize(
    ("written", "country", "number"),
    [
        ("030 / 1234567", None, "+49301234567"),
        ("(0171) 123-45 67", None, "+491711234567"),
        ("0049 30 1234567", None, "+49301234567"),
        ("+49 (0)30 1234567", "DE", "+49301234567"),
        ("+49 (0) 170 1234567", "AT", "+491701234567"),
        ("+49 0170/1234567", None, "+491701234567"),
        ("(+49)170 1234567", None, "+491701234567"),
        ("0049 (0) 170 / 1234567", "PL", "+491701234567"),
        ("030 1234567-12", None, "+4930123456712"),
        ("tel:+49301234567", None, "+49301234567"),
        ("030\u20131234567", None, "+49301234567"),
        ("+43 660 1234567", None, "+436601234567"),
        ("0664 1234567", "AT", "+436641234567"),
        ("079 123 45 67", "CH", "+41791234567"),
        ("06 12 34 56 78", "FR", "+33612345678"),
        ("601 234 567", "PL", "+48601234567"),
        ("0532 123 45 67", "TR", "+905321234567"),
        ("+1 212-555-1234", None, "+12125551234"),
    ],
)
def test_a_number_that_is_certain_is_written_as_e164(written: str, country: str | None, number: str) -> None:
    assert cleaned(written, country) == number


@pytest.mark.parametrize(
    ("written", "country"),
    [
        ("491701234567", None),  # a number of Germany with its code, or of the town with the area code 04917
        ("1701234567", "DE"),
        ("1234567", "DE"),
        ("0171 1234567", "AT"),  # a German mobile, or a number in Vienna
        ("0171 1234567", "PL"),
        ("030 1234567", "XX"),
        ("0171 123456", None),  # possible, but too short to be valid
        ("030 1234567 mobil", None),
        ("0171 1234567 / 030 7654321", None),
        ("0171 1234567; 030 7654321", None),
        ("0171 1234567, 0171 7654321", None),
        ("0171 1234567 oder 030 7654321", None),
        ("+49170 1234567 +49301234567", None),
        ("030 12345 / 12346", None),
        ("030 12345 12346", None),
        ("030 12345 - 12346", None),
        ("0301234 0305678", None),
        ("(030) 12345 (040) 123", None),
        ("04123 123 / 124", None),
        ("auf Anfrage", None),
        ("12", None),
        ("0", None),
        ("00", "AT"),
    ],
)
def test_what_is_not_certain_stays_as_it_was_written(written: str, country: str | None) -> None:
    assert cleaned(f" {written} ", country) == written


@given(
    st.tuples(
        st.sampled_from(["0", "+49", "0049", "(0", "+49 "]),
        st.sampled_from(["30", "171", "4123", "1512", "89", "49", "493", "4978", ""]),
        st.sampled_from(["", " ", "/", " / ", "-", ")"]),
        st.text("0123456789", max_size=11),
    ).map("".join)
)
@settings(max_examples=150, deadline=None)
def test_the_quick_way_for_german_numbers_is_what_the_library_says(written: str) -> None:
    written = " ".join(written.split())
    result = cleaned(written)
    try:
        number = phonenumbers.parse(written, "DE")
    except phonenumbers.NumberParseException:
        assert result == written
        return
    assert result in (written, phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
    assert phonenumbers.is_valid_number(number) or result == written


@given(PIECES, COUNTRIES)
@example("04930000", None)  # the pattern of German landlines allows it, that of all German numbers does not
@example("009603000000", None)  # a country code that ends in a zero
@example("7872000000", "US")  # Puerto Rico, which has the country code of the United States
@settings(max_examples=300, deadline=None)
def test_no_digit_is_invented_and_what_is_rewritten_is_valid(written: str, country: str | None) -> None:
    result = cleaned(written, country)
    trimmed = " ".join(written.split())
    if result is None or result == trimmed:
        return
    digits = "".join(char for char in written if char.isdigit())
    number = phonenumbers.parse(result, None)
    national = str(number.national_number)
    assert phonenumbers.is_valid_number(number)
    assert digits.endswith(national)
    # In front of it only a country code and zeros; a code that was not written is that of the address.
    before = digits.removesuffix(national).strip("0")
    assert before in ("", str(number.country_code).rstrip("0"))
    if not before:
        assert number.country_code == phonenumbers.country_code_for_region(country or "DE")
    assert cleaned(result, country) == result
