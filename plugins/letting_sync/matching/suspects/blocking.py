"""Which two records are worth a look at all: blocking, so that nobody compares everybody with everybody.

Two records become a candidate pair if they agree in enough of names and date of birth (or share a telephone or
an e-mail address) to be near; :mod:`letting_sync.matching.suspects.suspects` then weighs them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa

from letting_sync.matching.columns import NO_DAY, column, combined, days, once_each, text_codes
from letting_sync.matching.keys import folded

LARGEST_BLOCK: Final = 600
"""A block with more members says too little (everybody born on 1 January 1970); it is divided or left out."""
_RARE_NAME: Final = 8
"""Names that at most so many share are compared whatever the dates are."""


@dataclass(frozen=True)
class People:
    """The records as arrays: one entry for each person of the run or stored partner."""

    first: np.ndarray
    """First names as compared here: folded, without accents, words parted by single blanks."""
    last: np.ndarray
    first_code: np.ndarray
    last_code: np.ndarray
    strict_code: np.ndarray
    """Both names as the exact matching folds them; equal means that it sees no difference."""
    year: np.ndarray
    """0 where no date of birth is given, as month and day."""
    month: np.ndarray
    day: np.ndarray
    email: np.ndarray
    phones: tuple[np.ndarray, np.ndarray]

    def __len__(self) -> int:
        return len(self.first)


def people(frame: pd.DataFrame) -> People:
    """Read cleaned records; missing names are empty texts and code -1."""
    first, last = _spoken(frame, "first_name"), _spoken(frame, "last_name")
    born = days(frame, "birth_date")
    known = born != NO_DAY
    date = np.where(known, born, 0).astype("datetime64[D]")
    months = date.astype("datetime64[M]")
    phone, mobile = folded(frame, "phone"), folded(frame, "mobile")
    phones = text_codes(pa.concat_arrays([phone, mobile]))
    strict = combined(text_codes(folded(frame, "first_name")), text_codes(folded(frame, "last_name")))
    return People(
        first=first.fill_null("").to_numpy(zero_copy_only=False),
        last=last.fill_null("").to_numpy(zero_copy_only=False),
        first_code=text_codes(first),
        last_code=text_codes(last),
        strict_code=strict,
        year=np.where(known, date.astype("datetime64[Y]").astype(int) + 1970, 0),
        month=np.where(known, months.astype(int) % 12 + 1, 0),
        day=np.where(known, (date - months).astype(int) + 1, 0),
        email=text_codes(folded(frame, "email")),
        phones=(phones[: len(frame)], phones[len(frame) :]),
    )


def _spoken(frame: pd.DataFrame, name: str) -> pa.Array:
    return once_each(
        column(frame, name),
        lambda values: pa.array([_plain(v) for v in values.to_pylist()], pa.large_string()),
    )


def _plain(name: str | None) -> str | None:
    """``Müller-Lüdenscheidt`` -> ``mueller luedenscheidt``, ``André`` -> ``andre``."""
    if name is None:
        return None
    text = unicodedata.normalize("NFC", name).casefold()
    text = text.replace("ä", "ae").replace("ö", "oe").replace("ü", "ue")
    text = "".join(
        char if char.isalnum() else " " for char in unicodedata.normalize("NFKD", text) if _base(char)
    )
    return " ".join(text.split()) or None


def _base(char: str) -> bool:
    return not unicodedata.combining(char) and char not in "'’`´"


def candidate_pairs(who: People) -> tuple[np.ndarray, np.ndarray]:
    """All pairs worth weighing, each once, the smaller position first."""
    first, last = who.first_code, who.last_code
    parts = {"y": who.year, "m": who.month, "d": who.day}
    dated = who.year > 0
    date = np.where(dated, who.year * 400 + who.month * 32 + who.day, -1)
    names = combined(first, last)
    date_code = _dense(date)
    found = [_in_date_blocks(date_code, first, last)]
    for two in ("ym", "yd", "md"):
        partly = _dense(np.where(dated, parts[two[0]] * 4000 + parts[two[1]], -1))
        found += [_in_blocks(combined(partly, code)) for code in (names, first, last)]
    unordered = np.minimum(who.month, who.day) * 40 + np.maximum(who.month, who.day)
    swapped = _dense(np.where(dated, who.year * 4000 + unordered, -1))
    found.append(_in_blocks(combined(swapped, names)))
    sizes = np.bincount(names + 1, minlength=1)
    found.append(_in_blocks(np.where(sizes[names + 1] <= _RARE_NAME, names, -1)))
    without = np.bincount(names[~dated] + 1, minlength=len(sizes)) > 0
    found.append(_in_blocks(np.where(without[names + 1], names, -1)))
    found += [_in_blocks(who.email), _in_blocks(np.concatenate(who.phones), len(who))]
    return _unique(found, len(who))


def _dense(values: np.ndarray) -> np.ndarray:
    return np.where(values < 0, -1, pd.factorize(values)[0])


def _unique(found: Sequence[tuple[np.ndarray, np.ndarray]], count: int) -> tuple[np.ndarray, np.ndarray]:
    left, right = (np.concatenate(side) for side in zip(*found, strict=True))
    small, large = np.minimum(left, right), np.maximum(left, right)
    pairs = pd.unique((small * count + large)[small != large])
    return pairs // max(count, 1), pairs % max(count, 1)


def _in_date_blocks(date: np.ndarray, first: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs born on one day; on a day that too many have (a placeholder), one name has to agree."""
    sizes = np.bincount(date + 1, minlength=1)
    crowded = (sizes[date + 1] > LARGEST_BLOCK // 4) & (date >= 0)
    blocks = [_in_blocks(np.where(crowded, -1, date))]
    if crowded.any():
        blocks += [_in_blocks(np.where(crowded, combined(date, name), -1)) for name in (first, last)]
    left, right = (np.concatenate(side) for side in zip(*blocks, strict=True))
    return left, right


def _in_blocks(codes: np.ndarray, modulo: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """All pairs of positions with the same code, -1 and too large blocks left out.

    :param modulo: number of records, where each of them occurs several times in ``codes``.
    """
    sizes = np.bincount(codes + 1, minlength=1)
    sizes[0] = 0
    useful = np.flatnonzero((sizes[codes + 1] > 1) & (sizes[codes + 1] <= LARGEST_BLOCK))
    order = useful[np.argsort(codes[useful], kind="stable")]
    in_order = codes[order]
    # Members that follow in the same block: where the next block starts, less one's own place.
    ends = np.searchsorted(in_order, in_order, side="right")
    partners = ends - np.arange(len(order)) - 1
    left = np.repeat(np.arange(len(order)), partners)
    nth = np.arange(len(left)) - np.repeat(np.cumsum(partners) - partners, partners)
    pairs = order[left], order[left + 1 + nth]
    return pairs if modulo is None else (pairs[0] % modulo, pairs[1] % modulo)
