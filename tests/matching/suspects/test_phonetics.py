"""Cologne phonetics, by the examples of those who describe it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letting_sync.matching.suspects.phonetics import sound


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Müller-Lüdenscheidt", "65752682"),
        ("Wikipedia", "3412"),
        ("Breschnew", "17863"),
        ("Philipp", "351"),
        ("", ""),
    ],
)
def test_published_examples(name: str, code: str) -> None:
    assert sound(name) == code


@pytest.mark.parametrize(
    ("one", "other"),
    [("Meier", "Mayr"), ("Christian", "Kristian"), ("Schmidt", "Schmitt"), ("Weiß", "WEISS")],
)
def test_names_that_sound_alike(one: str, other: str) -> None:
    assert sound(one) == sound(other)


@given(st.text())
def test_any_text_has_a_code_of_digits(name: str) -> None:
    assert set(sound(name)) <= set("012345678")
