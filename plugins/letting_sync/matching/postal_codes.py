"""Postal codes: restores leading zeros that a spreadsheet removed, and removes country signs. The rules are assumed from usage."""

from __future__ import annotations

import re
from functools import partial
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from letting_sync.matching.columns import on_distinct, unlike

_TIDY: Final = r"^[0-9]{5}$"
_WITHOUT_ZERO: Final = re.compile(r"[1-46-9]\d{3}")
"""German areas are 01 to 04 and 06 to 09; four digits that begin with 5 are an Austrian code."""
_GERMAN: Final = re.compile(r"\d{2} ?\d{3}")
_SIGNS: Final = {"DE": "DE|D", "AT": "AT|A", "CH": "CH"}
"""Prefix of a code: the country's sign on cars, or its ISO code."""
_DIGITS: Final = {"DE": 5, "AT": 4, "CH": 4}


def cleaned_postal_codes(texts: pa.Array, countries: pa.Array) -> pa.Array:
    """Return the codes of Germany, Austria and Switzerland in their official form.

    A code is changed only if the address has a country: four digits are also a valid code in Austria.

    :param texts: texts with single blanks.
    :param countries: the address's country of each row as ISO alpha-2, null if missing.
    """
    untidy = unlike(texts, _TIDY)
    for country in _SIGNS:
        rows = pc.and_(untidy, pc.and_(pc.is_valid(texts), pc.fill_null(pc.equal(countries, country), False)))
        texts = on_distinct(texts, rows, partial(tidy_postal_code, country=country))
    return texts


def tidy_postal_code(text: str, country: str) -> str:
    """Return a code without its country sign, in Germany with five digits: ``1067`` and ``D-01067`` -> ``01067``."""
    code = re.sub(rf"(?i)^(?:{_SIGNS[country]}) ?-? ?(?=\d)", "", text)
    if country == "DE" and _GERMAN.fullmatch(code):
        return code.replace(" ", "")
    if country == "DE" and _WITHOUT_ZERO.fullmatch(code):
        return f"0{code}"
    return code if len(code) == _DIGITS[country] and code.isdecimal() else text
