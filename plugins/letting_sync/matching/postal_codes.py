"""Postal codes: leading zeros that a spreadsheet took off, and country signs in front. Rules assumed from usage."""

from __future__ import annotations

import re
from functools import partial
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from letting_sync.matching.columns import on_distinct, unlike

_TIDY: Final = r"^[0-9]{5}$"
_WITHOUT_ZERO: Final = re.compile(r"[1-46-9]\d{3}")
"""Germany has the areas 01 to 04 and 06 to 09; a 5 in front is no German code, but an Austrian one."""
_GERMAN: Final = re.compile(r"\d{2} ?\d{3}")
_SIGNS: Final = {"DE": "DE|D", "AT": "AT|A", "CH": "CH"}
"""What stands in front of a code: the country's sign on cars or its ISO code."""
_DIGITS: Final = {"DE": 5, "AT": 4, "CH": 4}


def cleaned_postal_codes(texts: pa.Array, countries: pa.Array) -> pa.Array:
    """Codes of Germany, Austria and Switzerland as their post writes them.

    A code is touched only where the address names the country: four digits alone are a code in Austria, too.

    :param texts: with their blanks in order.
    :param countries: the address's country of each row as ISO alpha-2, null where none is given.
    """
    untidy = unlike(texts, _TIDY)
    for country in _SIGNS:
        rows = pc.and_(untidy, pc.and_(pc.is_valid(texts), pc.fill_null(pc.equal(countries, country), False)))
        texts = on_distinct(texts, rows, partial(tidy_postal_code, country=country))
    return texts


def tidy_postal_code(text: str, country: str) -> str:
    """One code without its country sign, five digits in Germany: ``1067`` and ``D-01067`` -> ``01067``."""
    code = re.sub(rf"(?i)^(?:{_SIGNS[country]}) ?-? ?(?=\d)", "", text)
    if country == "DE" and _GERMAN.fullmatch(code):
        return code.replace(" ", "")
    if country == "DE" and _WITHOUT_ZERO.fullmatch(code):
        return f"0{code}"
    return code if len(code) == _DIGITS[country] and code.isdecimal() else text
