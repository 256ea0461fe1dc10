"""E-mail addresses: the bare address where exactly one is meant."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from letting_sync.matching.cleaning import clean

ADDRESSES = ["eva.kern@example.org", "Eva@Example.ORG", "o'neill@example.org", "müller@exämple.de"]
PIECES = st.lists(
    st.sampled_from(
        [*ADDRESSES, "<", ">", "mailto:", ";", ",", " ", ".", '"', "'", "Eva Kern", "@", "?x=1", "/", "&#64;"]
    ),
    max_size=6,
).map("".join)


def cleaned(email: str) -> str | None:
    row = clean(pd.DataFrame([{"record": 0, "email": email}], dtype=object)).iloc[0]
    return None if pd.isna(row["email"]) else row["email"]


@pytest.mark.parametrize(
    "written",
    [
        "Eva Kern <eva@example.org>",
        "Kern, Eva <mailto:eva@example.org>",
        '"Kern, Eva" < eva@example.org >;',
        "<eva@example.org>",
        "eva@example.org <EVA@example.org>".replace("EVA", "eva"),
        "mailto:eva@example.org",
        "MAILTO: eva@example.org?subject=Wohnung",
        "E-Mail: eva@example.org",
        "eva@example.org.",
        "eva@example.org,",
        "(eva@example.org)",
        "'eva@example.org'",
        "eva @ example.org",
        "eva@EXAMPLE.org",
        "eva&#64;example.org",
        "\u200beva@example.org\u00a0",
    ],
)
def test_the_bare_address(written: str) -> None:
    assert cleaned(written) == "eva@example.org"


@pytest.mark.parametrize(
    "written",
    [
        "a@example.org;c@example.org",
        "a@example.org, c@example.org",
        "a@example.org / c@example.org",
        "a@example.org c@example.org",
        "a@example.org <c@example.org>",
        "mailto:a@example.org,c@example.org",
        "eva kern@example.org",
        "Eva Kern",
        "@",
        "@example.org",
        "eva@",
        "a@b@c",
        "eva@exa mple.org",
        "eva@@example.org",
        "eva@example..org",
        "eva@.example.org",
        "eva&amp;#64;&amp;#64;example.org",
        f"eva@{'e' * 400}/@example.org",
    ],
)
def test_what_is_not_exactly_one_address_is_left_out(written: str) -> None:
    """An ERP refuses the whole prospect for it."""
    assert cleaned(written) is None
    assert cleaned(f" {written} ") is None


@pytest.mark.parametrize(
    "written", ["o'neill@example.org", "Eva.Kern+flat@example.org", "müller@exämple.de", "a@b"]
)
def test_unusual_addresses_stay(written: str) -> None:
    assert cleaned(f" {written} ") == written


@given(PIECES)
@settings(max_examples=200, deadline=None)
def test_what_is_left_is_one_address_of_the_text(written: str) -> None:
    result = cleaned(written)
    if result is None:
        return
    decoded = " ".join(written.replace("&#64;", "@").split())
    assert re.fullmatch(r"[^@\s]+@[^@\s]+", result)
    assert result.casefold() in decoded.casefold().replace(" @", "@").replace("@ ", "@")
    assert result.count("@") <= decoded.count("@")
    assert cleaned(result) == result
