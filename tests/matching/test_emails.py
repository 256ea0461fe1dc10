"""E-mail addresses: the bare address where exactly one is meant."""

from __future__ import annotations

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
        "@example.org",
        "eva@",
        "eva@exa mple.org",
        "eva@@example.org",
        "o'neill@example.org",
        "Eva.Kern+flat@example.org",
    ],
)
def test_everything_else_stays_as_it_was_written(written: str) -> None:
    assert cleaned(f" {written} ") == written


@given(PIECES)
@settings(max_examples=200, deadline=None)
def test_an_address_is_found_in_the_text_or_the_text_stays(written: str) -> None:
    result = cleaned(written)
    if result is None:
        return
    decoded = " ".join(written.replace("&#64;", "@").split())
    assert result == decoded or result.casefold() in decoded.casefold().replace(" @", "@").replace("@ ", "@")
    assert result.count("@") <= decoded.count("@")
    assert cleaned(result) == result
