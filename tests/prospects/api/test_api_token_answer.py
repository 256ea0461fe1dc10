"""What a token end point answers is read tolerantly where a wrong value does no harm."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.prospects.api_token import DEFAULT_LIFETIME, LONGEST_LIFETIME, token_lifetime


@pytest.mark.parametrize(
    ("sent", "seconds"),
    [
        ("3600", 3600.0),
        ('"3600"', 3600.0),
        ('" 3600 "', 3600.0),
        ("59.5", 59.5),
        ("null", DEFAULT_LIFETIME),
        ("-1", DEFAULT_LIFETIME),
        ("0", DEFAULT_LIFETIME),
        ("NaN", DEFAULT_LIFETIME),
        ("Infinity", DEFAULT_LIFETIME),
        ('"an hour"', DEFAULT_LIFETIME),
        ('""', DEFAULT_LIFETIME),
        ("true", DEFAULT_LIFETIME),
        ("[3600]", DEFAULT_LIFETIME),
        ("1e12", LONGEST_LIFETIME),
        ("1" + "0" * 400, DEFAULT_LIFETIME),
    ],
)
def test_any_lifetime_is_usable(sent: str, seconds: float) -> None:
    """As Python reads it from JSON, which takes NaN and Infinity too."""
    assert token_lifetime(json.loads(sent)) == seconds


values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.lists(st.integers()),
    st.dictionaries(st.text(), st.text()),
)


@given(values)
def test_a_lifetime_is_always_a_duration(value: Any) -> None:
    assert 0 < token_lifetime(value) <= LONGEST_LIFETIME
