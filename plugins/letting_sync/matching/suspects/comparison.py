"""In what two near records differ: the names, their order, the date of birth."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
from rapidfuzz.distance import OSA
from rapidfuzz.process import cpdist

from letting_sync.matching.suspects.blocking import People
from letting_sync.reasons import Reason

_UMLAUT: Final = re.compile("([aou])e")


class Name(IntEnum):
    """How two names compare."""

    EQUAL = 0
    ONE_TYPO = 1
    TWO_TYPOS = 2
    PART = 3
    DIFFERENT = 4


class Date(IntEnum):
    """How two dates of birth compare."""

    EQUAL = 0
    YEAR_DIGIT = 1
    YEAR = 2
    MONTH_STEP = 3
    MONTH = 4
    DAY_STEP = 5
    DAY_DIGIT = 6
    DAY = 7
    SWAPPED = 8
    TWO_PARTS = 9
    MISSING = 10
    DIFFERENT = 11


class Order(IntEnum):
    """What became of the names besides typing errors."""

    PLAIN = 0
    SWAPPED = 1
    SPLIT = 2


@dataclass(frozen=True)
class Comparison:
    """Pairs of records and how each of their fields compares."""

    who: People
    left: np.ndarray
    right: np.ndarray
    first: np.ndarray
    last: np.ndarray
    date: np.ndarray
    order: np.ndarray


def compare(who: People, left: np.ndarray, right: np.ndarray) -> Comparison:
    """Compare candidate pairs field by field."""
    date = _compare_dates(who, left, right)
    return Comparison(
        who=who,
        left=left,
        right=right,
        first=_compare_names(who.first, who.first_code, left, right),
        last=_compare_names(who.last, who.last_code, left, right),
        date=date,
        order=_compare_order(who, left, right, date),
    )


def _compare_names(texts: np.ndarray, codes: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    result = np.full(len(left), Name.DIFFERENT, np.int8)
    given = (codes[left] >= 0) & (codes[right] >= 0)
    equal = given & (codes[left] == codes[right])
    result[equal] = Name.EQUAL
    rest = np.flatnonzero(given & ~equal)
    one, other = left[rest], right[rest]
    distance = _distances(texts, one, other)
    lengths = text_lengths(texts)
    length = np.minimum(lengths[one], lengths[other])
    result[rest[(distance == 1) & (length >= 2)]] = Name.ONE_TYPO
    result[rest[(distance == 2) & (length >= 6)]] = Name.TWO_TYPOS
    composed = np.array([" " in text for text in texts], bool)
    maybe = np.flatnonzero((composed[one] | composed[other]) & (distance > 1))
    parts = [at for at in maybe if _is_part(texts[one[at]], texts[other[at]])]
    result[rest[parts]] = Name.PART
    return result


def _distances(texts: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Single letters to insert, drop, replace or swap; 3 stands for more than two.

    An umlaut is one letter to whom it slips, so ``Möller`` and ``Mfller`` are one apart, not two.
    """
    distance = cpdist(texts[one], texts[other], scorer=OSA.distance, score_cutoff=2, dtype=np.int32)
    short = np.array([_UMLAUT.sub(r"\1", text) for text in texts], object)
    shorter = short != texts
    far = np.flatnonzero((distance > 1) & (shorter[one] | shorter[other]))
    again = cpdist(short[one[far]], short[other[far]], scorer=OSA.distance, score_cutoff=2, dtype=np.int32)
    distance[far] = np.minimum(distance[far], np.maximum(again, 1))
    return distance


def text_lengths(texts: np.ndarray) -> np.ndarray:
    """The number of characters of each text."""
    return np.array([len(text) for text in texts], int)


def _is_part(one: str, other: str) -> bool:
    """Whether one name has all the words of the other: Anna and Anna Maria, Müller-Lang and Lang-Müller."""
    words, others = set(one.split()), set(other.split())
    return words <= others or others <= words


def _compare_dates(who: People, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    year = who.year[left] != who.year[right]
    month = who.month[left] != who.month[right]
    day = who.day[left] != who.day[right]
    parts = year.astype(int) + month + day
    swapped = ~year & month & (who.month[left] == who.day[right]) & (who.day[left] == who.month[right])
    digit = one_digit(who.year[left], who.year[right])
    month_step = np.abs(who.month[left] - who.month[right]) == 1
    day_step = np.abs(who.day[left] - who.day[right]) == 1
    return np.select(
        [
            (who.year[left] == 0) | (who.year[right] == 0),
            parts == 0,
            swapped,
            (parts == 1) & year & digit,
            (parts == 1) & year,
            (parts == 1) & month & month_step,
            (parts == 1) & month,
            (parts == 1) & day_step,
            (parts == 1) & one_digit(who.day[left], who.day[right]),
            parts == 1,
            parts == 2,
        ],
        [
            Date.MISSING,
            Date.EQUAL,
            Date.SWAPPED,
            Date.YEAR_DIGIT,
            Date.YEAR,
            Date.MONTH_STEP,
            Date.MONTH,
            Date.DAY_STEP,
            Date.DAY_DIGIT,
            Date.DAY,
            Date.TWO_PARTS,
        ],
        Date.DIFFERENT,
    )


def one_digit(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Whether two numbers, written with leading zeros, differ in a single digit."""
    differing = sum((one // power % 10 != other // power % 10).astype(int) for power in (1, 10, 100, 1000))
    return np.asarray(differing == 1)


def _compare_order(who: People, left: np.ndarray, right: np.ndarray, date: np.ndarray) -> np.ndarray:
    """Swapped names and names parted elsewhere; both only for equal dates of birth."""
    result = np.full(len(left), Order.PLAIN, np.int8)
    rows = np.flatnonzero(date == Date.EQUAL)
    one, other = left[rows], right[rows]
    differ = (who.first_code[one] != who.first_code[other]) & (who.last_code[one] != who.last_code[other])
    rows, one, other = rows[differ], one[differ], other[differ]
    crosswise = (who.first[one] == who.last[other]) & (who.last[one] == who.first[other])
    whole = who.first + " " + who.last if len(who) else who.first
    result[rows[whole[one] == whole[other]]] = Order.SPLIT
    result[rows[crosswise]] = Order.SWAPPED
    return result


def reasons(pairs: Comparison, which: np.ndarray) -> list[str]:
    """What differs in each of the chosen pairs, as comma-separated words."""
    who, left, right = pairs.who, pairs.left[which], pairs.right[which]
    differing = [(one[left] != one[right]).tolist() for one in (who.year, who.month, who.day)]
    facts = [side[which].tolist() for side in (pairs.first, pairs.last, pairs.date, pairs.order)]
    return [_reason(*fact) for fact in zip(*facts, *differing, strict=True)]


def _reason(first: int, last: int, date: int, order: int, *parts: bool) -> str:
    if order:
        return Reason.NAMES_SWAPPED if order == _SWAPPED else Reason.NAMES_SPLIT_DIFFERENTLY
    found = [words[level] for words, level in ((_FIRST_NAME, first), (_LAST_NAME, last)) if level]
    if date in _DATE:
        found.append(_DATE[date])
    elif date:
        found += [reason for reason, differs in zip(_DATE_PARTS, parts, strict=True) if differs]
    return ",".join(found) or Reason.NAME_SPELLING


_SWAPPED: Final = int(Order.SWAPPED)
_FIRST_NAME: Final = {
    int(Name.ONE_TYPO): Reason.FIRST_NAME_TYPO,
    int(Name.TWO_TYPOS): Reason.FIRST_NAME_TYPO,
    int(Name.PART): Reason.FIRST_NAME_PART,
}
_LAST_NAME: Final = {
    int(Name.ONE_TYPO): Reason.LAST_NAME_TYPO,
    int(Name.TWO_TYPOS): Reason.LAST_NAME_TYPO,
    int(Name.PART): Reason.LAST_NAME_PART,
}
_DATE: Final = {int(Date.MISSING): Reason.BIRTH_DATE_MISSING, int(Date.SWAPPED): Reason.DAY_MONTH_SWAPPED}
_DATE_PARTS: Final = (Reason.BIRTH_YEAR_TYPO, Reason.BIRTH_MONTH_TYPO, Reason.BIRTH_DAY_TYPO)
"""Year, month, day."""
