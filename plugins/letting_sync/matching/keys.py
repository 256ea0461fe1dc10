"""When two texts count as the same: without regard to blanks, case, composition and the spelling of umlauts.

On it stands the matching key of a person. Whole columns are folded at once: the usual value by vectorised kernels, the
unusual one by a Python function, once for each distinct value.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

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
"""What a customer's ERP can be set to compare (published: it can be changed; which fields: assumed)."""
DEFAULT_KEY: Final = ("first_name", "last_name", "birth_date")
"""What both ERPs compare unless the customer had it changed (published)."""
NAMES: Final = ("first_name", "last_name")

_SPELLINGS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
_FOLDS_PLAINLY = r"^[A-Za-z0-9 .'@_+\-]*$"


def fold(text: str) -> str | None:
    """The text as it is compared: no blanks, small, composed, ``ä`` as ``ae``, ``ß`` as ``ss``.

    Hyphens, apostrophes and other accents count: who differs in them is a suspect, not the same person.
    """
    visible = without_stray_blanks(unicodedata.normalize("NFKC", text)).replace(" ", "")
    small = unicodedata.normalize("NFC", visible.casefold())
    return small.translate(_SPELLINGS) or None


def folded(frame: pd.DataFrame, name: str) -> pa.Array:
    """A text column, each value as :func:`fold` makes it."""
    return once_each(column(frame, name), _folded)


def _folded(values: pa.Array) -> pa.Array:
    plain = pc.fill_null(pc.match_substring_regex(values, _FOLDS_PLAINLY), True)
    lower = pc.replace_substring(pc.ascii_lower(values), " ", "")
    empty = pc.fill_null(pc.equal(lower, ""), False)
    if pc.any(empty).as_py():
        lower = pc.if_else(empty, pa.scalar(None, pa.large_string()), lower)
    return on_distinct(lower, pc.invert(plain), fold)


def checked_key(key: Sequence[str]) -> tuple[str, ...]:
    """The key's fields, each once, in the order of :data:`KEY_FIELDS`.

    :raises ValueError: for an empty key or a field that no ERP compares.
    """
    if not key or isinstance(key, str) or not set(key) <= set(KEY_FIELDS):
        raise ValueError(f"A matching key is made of {', '.join(KEY_FIELDS)}.")
    return tuple(field for field in KEY_FIELDS if field in key)


def person_key(frame: pd.DataFrame, fields: Sequence[str] = DEFAULT_KEY) -> pd.Series:
    """The matching key as text, ``NA`` where one of its fields is missing.

    :param frame: cleaned prospects or partners; columns ``fields``.
    :returns: text, same index; equal keys mean "the same person by this key".
    :raises ValueError: for an empty key or a field that no ERP compares.
    """
    parts = []
    for field in checked_key(fields):
        if field == "birth_date":
            born = as_dates(frame, field).dt.strftime("%Y-%m-%d")
            parts.append(pa.array(born, pa.large_string(), from_pandas=True))
        else:
            parts.append(folded(frame, field))
    # No folded text holds a control character, so the separator cannot make two keys alike.
    joined = pc.binary_join_element_wise(*parts, pa.scalar("\x1f", pa.large_string()))
    return text_series(joined, frame.index)


def field_codes(frame: pd.DataFrame, field: str) -> np.ndarray:
    """One field, folded, as a number for each row; -1 where it is missing."""
    if field == "birth_date":
        born = days(frame, field)
        return np.where(born == NO_DAY, -1, pd.factorize(born)[0])
    return text_codes(folded(frame, field))
