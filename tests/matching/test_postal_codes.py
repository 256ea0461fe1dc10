"""Postal codes: what a spreadsheet took off comes back, where the country says that it was there."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from letting_sync.matching.cleaning import clean


def cleaned(code: str, country: str | None) -> str | None:
    frame = pd.DataFrame([{"record": 0, "postal_code": code, "country": country}], dtype=object)
    result = clean(frame)["postal_code"][0]
    return None if pd.isna(result) else result


@pytest.mark.parametrize(
    ("written", "country", "code"),
    [
        ("1067", "DE", "01067"),
        ("6108", "DE", "06108"),
        ("D-01067", "DE", "01067"),
        ("D 1067", "DE", "01067"),
        ("de-10115", "DE", "10115"),
        ("10 115", "DE", "10115"),
        ("A-1010", "AT", "1010"),
        ("CH 8001", "CH", "8001"),
    ],
)
def test_a_code_as_the_post_writes_it(written: str, country: str, code: str) -> None:
    assert cleaned(written, country) == code


@pytest.mark.parametrize(
    ("written", "country"),
    [
        ("1067", None),
        ("1067", "AT"),
        ("8001", "CH"),
        ("5020", "DE"),  # there is no German area 05; it is Salzburg with the wrong country
        ("867", "DE"),
        ("0106", "DE"),
        ("010670", "DE"),
        ("01067 Dresden", "DE"),
        ("D-10115", "AT"),
        ("A-1010", "DE"),
        ("SW1A 1AA", "GB"),
        ("00-950", "PL"),
        ("110 00", "CZ"),
    ],
)
def test_what_is_not_certain_stays_as_it_was_written(written: str, country: str | None) -> None:
    assert cleaned(f" {written}", country) == written


@given(st.text("0123456789 DEACH-", max_size=9), st.sampled_from(["DE", "AT", "CH", "PL", None]))
@settings(max_examples=200, deadline=None)
def test_no_digit_is_lost_and_only_a_leading_zero_is_added(written: str, country: str | None) -> None:
    result = cleaned(written, country)
    if result is not None:
        digits, before = ("".join(filter(str.isdigit, text)) for text in (result, written))
        assert digits in (before, f"0{before}")
        assert cleaned(result, country) == result
