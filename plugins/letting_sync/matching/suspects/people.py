"""The records as arrays, for blocking and comparison."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa

from letting_sync.matching.columns import NO_DAY, column, combined, days, once_each, text_codes
from letting_sync.matching.keys import normalise, normalised

_STREET: Final = re.compile(r"(str(a(ss|ß)e)?|platz|pl)\b\.?(?=\W*$)")
_BETWEEN_WORDS: Final = re.compile(r"[\s\-./,;()&+]+")
_STREET_ENDS: Final = {"s": "str", "p": "pl"}


@dataclass(frozen=True)
class Text:
    """One field of all records."""

    values: np.ndarray
    """Texts for comparison: names normalised word by word, hyphens as blanks, without apostrophes; empty if missing."""
    codes: np.ndarray
    """Codes of the values; -1 if missing."""

    def chosen(self, rows: np.ndarray) -> Text:
        """Return the field of some of the records."""
        return Text(self.values[rows], self.codes[rows])


@dataclass(frozen=True)
class People:
    """The records: one entry for each person of the run or stored partner."""

    first: Text
    last: Text
    strict_code: np.ndarray
    """Code of both names as normalised for exact matching."""
    year: np.ndarray
    """0 if there is no date of birth; month and day likewise."""
    month: np.ndarray
    day: np.ndarray
    email: Text
    phones: tuple[np.ndarray, np.ndarray]
    """Codes of both telephone numbers; an equal number has the same code in both columns."""
    contact: np.ndarray
    street: Text
    house: Text
    postal: Text
    city: Text

    def __len__(self) -> int:
        return len(self.year)

    @property
    def date(self) -> np.ndarray:
        """Code of the date of birth; -1 if missing."""
        return np.where(self.year > 0, self.year * 400 + self.month * 32 + self.day, -1)


def people(frame: pd.DataFrame) -> People:
    """Read cleaned records; a missing column counts as missing values."""
    born = days(frame, "birth_date")
    known = born != NO_DAY
    date = np.where(known, born, 0).astype("datetime64[D]")
    months = date.astype("datetime64[M]")
    phones = text_codes(pa.concat_arrays([normalised(frame, "phone"), normalised(frame, "mobile")]))
    strict = combined(text_codes(normalised(frame, "first_name")), text_codes(normalised(frame, "last_name")))
    return People(
        first=_text(frame, "first_name", _plain),
        last=_text(frame, "last_name", _plain),
        strict_code=strict,
        year=np.where(known, date.astype("datetime64[Y]").astype(int) + 1970, 0),
        month=np.where(known, months.astype(int) % 12 + 1, 0),
        day=np.where(known, (date - months).astype(int) + 1, 0),
        email=_as_text(normalised(frame, "email")),
        phones=(phones[: len(frame)], phones[len(frame) :]),
        contact=text_codes(column(frame, "contact_id")),
        street=_text(frame, "street", _plain_street),
        house=_text(frame, "house_number", _without_blanks),
        postal=_text(frame, "postal_code", _without_blanks),
        city=_text(frame, "city", _plain),
    )


def _text(frame: pd.DataFrame, name: str, work: Callable[[str], str]) -> Text:
    def each(values: pa.Array) -> pa.Array:
        return pa.array([value and (work(value) or None) for value in values.to_pylist()], pa.large_string())

    return _as_text(once_each(column(frame, name), each))


def _as_text(values: pa.Array) -> Text:
    return Text(values.fill_null("").to_numpy(zero_copy_only=False), text_codes(values))


def _plain(name: str) -> str:
    """``Müller-Lüdenscheidt`` -> ``mueller luedenscheidt``, ``O'Neill`` -> ``oneill``."""
    words = (
        _letters(normalise(word) or "") for word in _BETWEEN_WORDS.split(unicodedata.normalize("NFC", name))
    )
    return " ".join(word for word in words if word)


def _letters(word: str) -> str:
    return "".join(char for char in unicodedata.normalize("NFKD", word) if char.isalnum())


def _plain_street(street: str) -> str:
    """``Hauptstraße`` and ``Haupt-Str.`` -> ``hauptstr``: endings short, no blanks."""
    plain = _STREET.sub(lambda found: _STREET_ENDS[found[0][0]], street.casefold())
    return _plain(plain).replace(" ", "")


def _without_blanks(text: str) -> str:
    return _plain(text).replace(" ", "")
