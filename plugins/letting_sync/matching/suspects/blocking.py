"""Blocking: selects the pairs of records that are compared, so that not every record is compared with every other one.

Two records become a candidate pair if they agree in enough of names, date of birth, contact data or address,
even if two fields are wrong or one is missing. :mod:`letting_sync.matching.suspects.scoring` then scores them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa

from letting_sync.matching.columns import combined, once_each, text_codes
from letting_sync.matching.suspects.people import People, Text
from letting_sync.matching.suspects.phonetics import sound

_LARGEST_DAY: Final = 600
"""A block with more members is too weak (everybody born on 1 January 1970); it is divided or omitted."""
_LARGEST_OF_A_NAME: Final = 100
"""The same limit for a name with a part of the date, or without a date."""
_LARGEST_CONTACT: Final = 25
"""The same limit for an address, an e-mail address or a telephone number: a block of flats, a housing office."""
_RARE_NAME: Final = 8
"""Names that at most so many records share are compared regardless of the dates."""

Pairs = tuple[np.ndarray, np.ndarray]


def candidate_pairs(who: People) -> Pairs:
    """Return all candidate pairs, each once, the smaller position first."""
    return _unique(list(_blocks(who)), len(who))


def _blocks(who: People) -> Iterator[Pairs]:
    first, last = who.first.codes, who.last.codes
    first_sound, last_sound = _sounds(who.first), _sounds(who.last)
    names, names_sound = combined(first, last), combined(first_sound, last_sound)
    yield from _by_date(who, names, first_sound, last_sound)
    for code in (names, names_sound, _unordered(who)):
        yield _in_blocks(code, largest=_RARE_NAME)
    dateless = who.year == 0
    without = np.bincount(names_sound[dateless] + 1, minlength=names_sound.max(initial=0) + 2) > 0
    yield _in_blocks(np.where(without[names_sound + 1], names_sound, -1), largest=_LARGEST_OF_A_NAME)
    for code in (who.email.codes, who.contact):
        yield _in_blocks(code, largest=_LARGEST_CONTACT)
    yield _in_blocks(np.concatenate(who.phones), len(who), largest=_LARGEST_CONTACT)
    street = _sounds(who.street)
    for place in (who.postal.codes, street):
        house = combined(place, who.house.codes)
        yield _in_blocks(house, largest=_LARGEST_CONTACT)
        for name in (first_sound, last_sound):
            yield _in_blocks(combined(house, name), largest=_LARGEST_CONTACT)
    nearby = combined(street, who.postal.codes)
    for name in (first, last):
        yield _in_blocks(combined(nearby, name), largest=_LARGEST_CONTACT)


def _by_date(
    who: People, names: np.ndarray, first_sound: np.ndarray, last_sound: np.ndarray
) -> Iterator[Pairs]:
    dated = who.year > 0
    yield _in_date_blocks(_dense(who.date), who.first.codes, who.last.codes)
    parts = {"y": who.year, "m": who.month, "d": who.day}
    for two in ("ym", "yd", "md"):
        partly = _dense(np.where(dated, parts[two[0]] * 4000 + parts[two[1]], -1))
        for name in (names, first_sound, last_sound):
            yield _in_blocks(combined(partly, name), largest=_LARGEST_OF_A_NAME)
    unordered = np.minimum(who.month, who.day) * 40 + np.maximum(who.month, who.day)
    swapped = _dense(np.where(dated, who.year * 4000 + unordered, -1))
    for name in (first_sound, last_sound):
        yield _in_blocks(combined(swapped, name), largest=_LARGEST_OF_A_NAME)


def _sounds(text: Text) -> np.ndarray:
    """Return phonetic codes of the names; -1 if missing."""

    def each(values: pa.Array) -> pa.Array:
        return pa.array([sound(value) or value or None for value in values.to_pylist()], pa.large_string())

    return text_codes(once_each(pa.array(text.values, pa.large_string()), each))


def _unordered(who: People) -> np.ndarray:
    """Return one code for both names, regardless of their order."""
    both = pd.factorize(np.concatenate([who.first.values, who.last.values]))[0]
    one, other = both[: len(who)], both[len(who) :]
    given = (who.first.codes >= 0) & (who.last.codes >= 0)
    small, large = np.minimum(one, other), np.maximum(one, other)
    return combined(np.where(given, small, -1), np.where(given, large, -1))


def _dense(values: np.ndarray) -> np.ndarray:
    return np.where(values < 0, -1, pd.factorize(values)[0])


def _unique(found: Sequence[Pairs], count: int) -> Pairs:
    left, right = (np.concatenate(side) for side in zip(*found, strict=True))
    small, large = np.minimum(left, right), np.maximum(left, right)
    pairs = pd.unique((small * count + large)[small != large])
    return pairs // max(count, 1), pairs % max(count, 1)


def _in_date_blocks(date: np.ndarray, first: np.ndarray, last: np.ndarray) -> Pairs:
    """Return pairs born on one day; on a day that too many have (a placeholder), one name must agree too."""
    sizes = np.bincount(date + 1, minlength=1)
    crowded = (sizes[date + 1] > _LARGEST_DAY // 4) & (date >= 0)
    blocks = [_in_blocks(np.where(crowded, -1, date))]
    if crowded.any():
        blocks += [
            _in_blocks(np.where(crowded, combined(date, name), -1), largest=_LARGEST_OF_A_NAME)
            for name in (first, last)
        ]
    left, right = (np.concatenate(side) for side in zip(*blocks, strict=True))
    return left, right


def _in_blocks(codes: np.ndarray, modulo: int | None = None, largest: int = _LARGEST_DAY) -> Pairs:
    """Return all pairs of positions with equal codes, without -1 and without blocks that are too large.

    :param modulo: number of records, if each of them occurs several times in ``codes``.
    """
    sizes = np.bincount(codes + 1, minlength=1)
    sizes[0] = 0
    useful = np.flatnonzero((sizes[codes + 1] > 1) & (sizes[codes + 1] <= largest))
    order = useful[np.argsort(codes[useful], kind="stable")]
    in_order = codes[order]
    # Members that follow in the same block: where the next block starts, less one's own place.
    ends = np.searchsorted(in_order, in_order, side="right")
    partners = ends - np.arange(len(order)) - 1
    left = np.repeat(np.arange(len(order)), partners)
    nth = np.arange(len(left)) - np.repeat(np.cumsum(partners) - partners, partners)
    pairs = order[left], order[left + 1 + nth]
    return pairs if modulo is None else (pairs[0] % modulo, pairs[1] % modulo)
