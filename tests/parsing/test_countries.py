"""Countries by the names that people write."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letting_sync.parsing.countries import alpha2


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("Deutschland ", "DE"),
        ("Germany", "DE"),
        ("D", "DE"),
        ("BRD", "DE"),
        ("Allemagne", "DE"),
        ("Niemcy", "DE"),
        ("Almanya", "DE"),
        ("Германия", "DE"),
        ("Österreich", "AT"),
        ("Oesterreich", "AT"),
        ("Osterreich", "AT"),
        ("ÖSTERREICH", "AT"),
        ("O\u0308sterreich", "AT"),
        ("Tuerkei", "TR"),
        ("Turkei", "TR"),
        ("Türkiye", "TR"),
        ("Turkiye", "TR"),
        ("Rumaenien", "RO"),
        ("România", "RO"),
        ("Großbritannien", "GB"),
        ("Grossbritannien", "GB"),
        ("UK", "GB"),
        ("England", "GB"),
        ("Tschechische Republik", "CZ"),
        ("Česko", "CZ"),
        ("Ceska republika", "CZ"),
        ("Polska", "PL"),
        ("Hrvatska", "HR"),
        ("Việt Nam", "VN"),
        ("Vietnam", "VN"),
        ("Україна", "UA"),
        ("سوريا", "SY"),
        ("U.S.A.", "US"),
        ("the Netherlands", "NL"),
        ("Bosnien-Herzegowina", "BA"),
        ("Süd-Korea", "KR"),
        ("AUT", "AT"),
        ("Kanarische Inseln", "ES"),
        ("Canary Islands", "ES"),
        ("Kosovo", "XK"),
        ("ch", "CH"),
    ],
)
def test_a_country_is_known_by_its_name_in_many_languages(written: str, code: str) -> None:
    assert alpha2(written) == code


@pytest.mark.parametrize(
    "written",
    ["Atlantis", "Europa", "EU", "deutsch", "Kongo", "", "-", "ZZ", "12", "Berlin", "Sark", "IC", "TA"],
)
def test_what_is_no_country_or_two_is_none(written: str) -> None:
    assert alpha2(written) is None


@given(st.text(max_size=20))
def test_any_text_is_a_code_or_none(written: str) -> None:
    code = alpha2(written)
    assert code is None or (len(code) == 2 and code.isupper())
