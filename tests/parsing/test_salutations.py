"""How a person is addressed, in the words of any partner."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letting_sync.model import Salutation
from letting_sync.parsing.records import salutation


@pytest.mark.parametrize(
    "written",
    ["Herr", "herr", "HERRN", "Hr.", "mr", "MR", "Mr.", " Mr ", "Herr Dr.", "Herr Prof. Dr. med.", "male"],
)
def test_herr(written: str) -> None:
    assert salutation(written) is Salutation.MR


@pytest.mark.parametrize(
    "written", ["Frau", "FRAU", "Fr.", "mrs", "Mrs.", "Ms", "Miss", "Frau Dr.", "Frau Dipl.-Ing.", "weiblich"]
)
def test_frau(written: str) -> None:
    assert salutation(written) is Salutation.MRS


@pytest.mark.parametrize(
    "written",
    [
        "",
        " ",
        None,
        7,
        ["MR"],
        "divers",
        "DIVERSE",
        "Familie",
        "Herr und Frau",
        "Frau/Herr",
        "Dr.",
        "Herr Müller",
        "X",
    ],
)
def test_everything_else_is_nobody_s_guess(written: object) -> None:
    assert salutation(written) is Salutation.NONE


@given(st.one_of(st.none(), st.integers(), st.text(max_size=40)))
def test_it_never_fails(written: object) -> None:
    assert isinstance(salutation(written), Salutation)
