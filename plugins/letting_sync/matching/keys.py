"""Normalising of texts for comparison: ignores blanks, case, composition, accents and the spelling of umlauts.

The matching key of a person is built from normalised texts. Whole columns are normalised at once: ordinary values by
vectorised kernels, others by a Python function, once per distinct value.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from anyascii import anyascii

from letting_sync.matching.columns import (
    NO_DAY,
    as_dates,
    column,
    days,
    on_distinct,
    once_each,
    text_codes,
    text_series,
)
from letting_sync.matching.names import without_stray_blanks

KEY_FIELDS: Final = ("first_name", "last_name", "birth_date", "email", "phone", "postal_code")
"""Fields that a customer's ERP can be configured to compare (published: configurable; the fields: assumed)."""
DEFAULT_KEY: Final = ("first_name", "last_name", "birth_date")
"""Fields that both ERPs compare by default (published for Sigma, assumed for Yuneo)."""
NAMES: Final = ("first_name", "last_name")

_SPELLINGS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ђ": "đ", "ь": "", "ъ": ""})
_FOLDS_PLAINLY = r"^[A-Za-z0-9 .'@_+\-]*$"
_BEGINS_WITH_DJ = r"(?i)(?:^|[ .'\-])dj"
_INITIAL_DJ = re.compile(r"(?<!\w)(?:đ|dj)")
_ACCENTED = re.compile("[\u0080-\u052f\u1e00-\u1fff\u2018-\u201b]")
"""Latin, Greek and Cyrillic letters, accents and apostrophes. Other scripts have no usual spelling in Latin letters: their
transliterations would map many names to one (Chinese) or omit the vowels (Arabic)."""
_VERBATIM: Final = ("email", "phone", "mobile")
"""Fields in which every letter counts."""


def normalise(text: str) -> str | None:
    """Return a name for comparison: no blanks, lower case, ``ä`` as ``ae``, ``ß`` as ``ss``, other letters without accents.

    ``Işıl`` becomes ``isil``, ``Wałęsa`` becomes ``walesa``, ``Иванов`` becomes ``ivanov``. ``Đ`` becomes ``d`` at the beginning
    of a word (as Vietnamese is written without accents; ``Djordje`` too) and ``dj`` inside, so that ``Nadja`` is not ``Nada``.
    Hyphens and apostrophes count: records that differ in them are possible duplicates, not the same person.
    """
    visible = without_stray_blanks(unicodedata.normalize("NFKC", text))
    small = unicodedata.normalize("NFC", visible.casefold()).translate(_SPELLINGS)
    spelled = _INITIAL_DJ.sub("d", small).replace("đ", "dj")
    return _ACCENTED.sub(_in_plain_letters, spelled).replace(" ", "") or None


def _in_plain_letters(match: re.Match[str]) -> str:
    return anyascii(match[0]).lower()


def _normalise_verbatim(text: str) -> str | None:
    visible = without_stray_blanks(unicodedata.normalize("NFKC", text)).replace(" ", "")
    return unicodedata.normalize("NFC", visible.casefold()) or None


def normalised(frame: pd.DataFrame, name: str) -> pa.Array:
    """Return a text column normalised by :func:`normalise`; e-mail addresses and telephone numbers keep every letter."""
    return once_each(column(frame, name), _normalised_verbatim if name in _VERBATIM else _normalised)


def _normalised(values: pa.Array) -> pa.Array:
    return _normalised_by(normalise, values, pc.match_substring_regex(values, _BEGINS_WITH_DJ))


def _normalised_verbatim(values: pa.Array) -> pa.Array:
    return _normalised_by(_normalise_verbatim, values, None)


def _normalised_by(rule: Callable[[str], str | None], values: pa.Array, odd: pa.Array | None) -> pa.Array:
    plain = pc.fill_null(pc.match_substring_regex(values, _FOLDS_PLAINLY), True)
    if odd is not None and pc.any(odd).as_py():
        plain = pc.and_not(plain, pc.fill_null(odd, False))
    lower = pc.replace_substring(pc.ascii_lower(values), " ", "")
    empty = pc.fill_null(pc.equal(lower, ""), False)
    if pc.any(empty).as_py():
        lower = pc.if_else(empty, pa.scalar(None, pa.large_string()), lower)
    unusual = pc.invert(plain)
    if not pc.any(unusual).as_py():
        return lower
    return on_distinct(pc.if_else(unusual, values, lower), unusual, rule)


def checked_key(key: Sequence[str]) -> tuple[str, ...]:
    """Return the key's fields without repetitions, in the order of :data:`KEY_FIELDS`.

    :raises ValueError: the key is empty or contains a field that no ERP compares.
    """
    if not key or isinstance(key, str) or not set(key) <= set(KEY_FIELDS):
        raise ValueError(f"A matching key is made of {', '.join(KEY_FIELDS)}.")
    return tuple(field for field in KEY_FIELDS if field in key)


def person_key(frame: pd.DataFrame, fields: Sequence[str] = DEFAULT_KEY) -> pd.Series:
    """Return the matching key as text; ``NA`` if one of its fields is missing.

    :param frame: cleaned prospects or partners; columns ``fields``.
    :returns: text, same index; equal keys mean the same person by this key.
    :raises ValueError: the key is empty or contains a field that no ERP compares.
    """
    parts = []
    for field in checked_key(fields):
        if field == "birth_date":
            born = as_dates(frame, field).dt.strftime("%Y-%m-%d")
            parts.append(pa.array(born, pa.large_string(), from_pandas=True))
        else:
            parts.append(normalised(frame, field))
    # No normalised text contains a control character, so the separator cannot make two keys equal.
    joined = pc.binary_join_element_wise(*parts, pa.scalar("\x1f", pa.large_string()))
    return text_series(joined, frame.index)


def field_codes(frame: pd.DataFrame, field: str) -> np.ndarray:
    """Return the codes of one normalised field; -1 if missing."""
    if field == "birth_date":
        born = days(frame, field)
        return np.where(born == NO_DAY, -1, pd.factorize(born)[0])
    return text_codes(normalised(frame, field))
