"""Comparison of the fields of two records: names and their order, date of birth, contact data, address."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
from rapidfuzz.distance import OSA
from rapidfuzz.process import cpdist

from letting_sync.matching.suspects.common_names import FIRST_NAMES, spelling
from letting_sync.matching.suspects.people import People, Text
from letting_sync.matching.suspects.short_forms import GROUPS_OF, one_name

_UMLAUT: Final = re.compile("([aou])e")


class Name(IntEnum):
    """Result of the comparison of two names."""

    EQUAL = 0
    ONE_TYPO = 1
    TWO_TYPOS = 2
    PART = 3
    INITIAL = 4
    SHORT_FORM = 5
    MISSING = 6
    DIFFERENT = 7


class Date(IntEnum):
    """Result of the comparison of two dates of birth."""

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
    """Differences of names other than typing errors."""

    PLAIN = 0
    SWAPPED = 1
    SPLIT = 2


class Value(IntEnum):
    """Result of the comparison of two e-mail addresses, telephone numbers or parts of an address."""

    EQUAL = 0
    ONE_TYPO = 1
    TWO_TYPOS = 2
    MISSING = 3
    DIFFERENT = 4


_GENERATION: Final = 15
"""Years between a parent and a child (assumed)."""


@dataclass(frozen=True)
class Comparison:
    """Pairs of records with the result for each field."""

    who: People
    left: np.ndarray
    right: np.ndarray
    first: np.ndarray
    last: np.ndarray
    order: np.ndarray
    date: np.ndarray
    email: np.ndarray
    phone: np.ndarray
    contact: np.ndarray
    street: np.ndarray
    house: np.ndarray
    postal: np.ndarray
    city: np.ndarray

    def __len__(self) -> int:
        return len(self.left)

    def address(self) -> tuple[np.ndarray, ...]:
        """Results for street, house number, postal code and city."""
        return self.street, self.house, self.postal, self.city


def compare(who: People, left: np.ndarray, right: np.ndarray) -> Comparison:
    """Compare candidate pairs field by field, without pairs that look like two persons of one family.

    A pair is a family, whatever else it has in common, if it has different first names with one last name (twins, siblings,
    parent and child) or with two dates of birth (couples), or dates of birth at least 15 years apart that also differ in month
    or day (father and son of one name).
    """
    first = _compare_names(who.first, left, right, given=True)
    last = _compare_names(who.last, left, right, given=False)
    order = _compare_order(who, left, right, first, last)
    date = _compare_dates(who, left, right)
    other_first = (order == Order.PLAIN) & (first == Name.DIFFERENT)
    two_persons = other_first & ((last != Name.DIFFERENT) | (date != Date.EQUAL))
    keep = ~(two_persons | _generations(who, left, right))
    left, right = left[keep], right[keep]
    first, last, order = first[keep], last[keep], order[keep]
    plain = order == Order.PLAIN
    return Comparison(
        who=who,
        left=left,
        right=right,
        first=np.where(plain, first, Name.MISSING),
        last=np.where(plain, last, Name.MISSING),
        order=order,
        date=date[keep],
        email=_compare_texts(who.email, left, right),
        phone=_compare_phones(who.phones, left, right),
        contact=_compare_codes(who.contact, left, right),
        street=_compare_texts(who.street, left, right),
        house=_compare_texts(who.house, left, right),
        postal=_compare_texts(who.postal, left, right),
        city=_compare_texts(who.city, left, right),
    )


def _generations(who: People, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    dated = (who.year[left] > 0) & (who.year[right] > 0)
    day = (who.month[left] != who.month[right]) | (who.day[left] != who.day[right])
    return dated & day & (np.abs(who.year[left] - who.year[right]) >= _GENERATION)


def _compare_names(names: Text, left: np.ndarray, right: np.ndarray, given: bool) -> np.ndarray:
    """Compare first names (``given``) or last names."""
    result = np.full(len(left), Name.DIFFERENT, np.int8)
    present = (names.codes[left] >= 0) & (names.codes[right] >= 0)
    result[~present] = Name.MISSING
    equal = present & (names.codes[left] == names.codes[right])
    result[equal] = Name.EQUAL
    rest = np.flatnonzero(present & ~equal)
    one, other = left[rest], right[rest]
    result[rest] = _typos(names.values, one, other)
    if given:
        known = np.array([text in FIRST_NAMES for text in names.values], bool)
        near = rest[known[one] & known[other] & (result[rest] != Name.DIFFERENT)]
        result[near] = _once_each(names, left[near], right[near], _two_known_names)
    far = rest[result[rest] == Name.TWO_TYPOS]
    result[far] = _once_each(names, left[far], right[far], lambda one, other: _spelled(one, other, given))
    composed = np.array([" " in text or len(text) == 1 for text in names.values], bool)
    formed = np.array([text in GROUPS_OF for text in names.values], bool)
    open_ = rest[result[rest] == Name.DIFFERENT]
    one, other = left[open_], right[open_]
    maybe = open_[composed[one] | composed[other] | (formed[one] & formed[other])]
    result[maybe] = _once_each(
        names, left[maybe], right[maybe], lambda one, other: _related(one, other, given)
    )
    return result


def _once_each(
    names: Text, left: np.ndarray, right: np.ndarray, work: Callable[[str, str], Name]
) -> np.ndarray:
    """Return the result for each pair of names, computed once per distinct pair."""
    pairs, where = np.unique(np.stack([names.codes[left], names.codes[right]]), axis=1, return_inverse=True)
    _, at = np.unique(names.codes, return_index=True)
    value = dict(zip(names.codes[at].tolist(), names.values[at].tolist(), strict=True))
    levels = [work(value[one], value[other]) for one, other in pairs.T.tolist()]
    return np.array(levels, np.int8)[where.reshape(-1)] if len(left) else np.empty(0, np.int8)


def _spelled(one: str, other: str, given: bool) -> Name:
    """Two typing errors, unless both are usual spellings of one name: ``Ivanova``/``Iwanowa``, ``Mohammed``/``Muhammad``."""
    if spelling(one) == spelling(other):
        return Name.ONE_TYPO
    return Name.SHORT_FORM if given and one_name(one, other) else Name.TWO_TYPOS


def _two_known_names(one: str, other: str) -> Name:
    """Anna and Hanna, Daniel and Daniela are similar but different names; Stefan and Stephan are one name."""
    if spelling(one) == spelling(other):
        return Name.ONE_TYPO
    return Name.SHORT_FORM if one_name(one, other) else Name.DIFFERENT


def _typos(texts: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    result = np.full(len(one), Name.DIFFERENT, np.int8)
    distance = _distances(texts, one, other)
    lengths = text_lengths(texts)
    length = np.minimum(lengths[one], lengths[other])
    result[(distance == 1) & (length >= 2)] = Name.ONE_TYPO
    result[(distance == 2) & (length >= 5)] = Name.TWO_TYPOS
    return result


def _distances(texts: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Number of letters to insert, delete, replace or swap; 3 means more than two.

    An umlaut counts as one letter: ``Möller`` and ``Mfller`` have distance one, not two.
    """
    distance = cpdist(texts[one], texts[other], scorer=OSA.distance, score_cutoff=2, dtype=np.int32)
    short = np.array([_UMLAUT.sub(r"\1", text) for text in texts], object)
    shorter = short != texts
    far = np.flatnonzero((distance > 1) & (shorter[one] | shorter[other]))
    again = cpdist(short[one[far]], short[other[far]], scorer=OSA.distance, score_cutoff=2, dtype=np.int32)
    distance[far] = np.minimum(distance[far], np.maximum(again, 1))
    return distance


def text_lengths(texts: np.ndarray) -> np.ndarray:
    """Return the number of characters of each text."""
    return np.array([len(text) for text in texts], int)


def _related(one: str, other: str, given: bool) -> Name:
    """Compare names that differ by more than typing errors: a part, an initial, a short form, or another name."""
    if spelling(one.replace(" ", "")) == spelling(other.replace(" ", "")):
        return Name.ONE_TYPO
    words, others = sorted((one.split(), other.split()), key=len)
    if set(words) <= set(others):
        return Name.PART
    if given and all(_abbreviates(word, other) for word, other in zip(words, others, strict=False)):
        return Name.INITIAL
    return Name.SHORT_FORM if given and one_name(words[0], others[0]) else Name.DIFFERENT


def _abbreviates(one: str, other: str) -> bool:
    return one == other or (1 in (len(one), len(other)) and one[0] == other[0])


def _compare_order(
    who: People, left: np.ndarray, right: np.ndarray, first: np.ndarray, last: np.ndarray
) -> np.ndarray:
    """Find swapped names, each with at most one typing error, and names that are split at another place."""
    result = np.full(len(left), Order.PLAIN, np.int8)
    rows = np.flatnonzero((first >= Name.TWO_TYPOS) & (last >= Name.TWO_TYPOS))
    rows = rows[(first[rows] != Name.MISSING) & (last[rows] != Name.MISSING)]
    one, other = left[rows], right[rows]
    firsts, lasts = who.first.values, who.last.values
    scores = [
        cpdist(side[0], side[1], scorer=OSA.distance, score_cutoff=2, dtype=np.int32)
        for side in ((firsts[one], lasts[other]), (lasts[one], firsts[other]))
    ]
    crosswise = (scores[0] + scores[1] <= 2) & (np.minimum(scores[0], scores[1]) <= 1)
    whole = firsts + " " + lasts if len(who) else firsts
    result[rows[whole[one] == whole[other]]] = Order.SPLIT
    result[rows[crosswise]] = Order.SWAPPED
    return result


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
    """Return whether two numbers, with leading zeros, differ in a single digit."""
    differing = sum((one // power % 10 != other // power % 10).astype(int) for power in (1, 10, 100, 1000))
    return np.asarray(differing == 1)


def _compare_codes(codes: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    given = (codes[left] >= 0) & (codes[right] >= 0)
    return np.where(
        given, np.where(codes[left] == codes[right], Value.EQUAL, Value.DIFFERENT), Value.MISSING
    ).astype(np.int8)


def _compare_texts(text: Text, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    result = _compare_codes(text.codes, left, right)
    rest = np.flatnonzero(result == Value.DIFFERENT)
    one, other = text.values[left[rest]], text.values[right[rest]]
    distance = cpdist(one, other, scorer=OSA.distance, score_cutoff=2, dtype=np.int32)
    lengths = text_lengths(text.values)
    length = np.minimum(lengths[left[rest]], lengths[right[rest]])
    result[rest[(distance == 1) & (length >= 2)]] = Value.ONE_TYPO
    result[rest[(distance == 2) & (length >= 5)]] = Value.TWO_TYPOS
    return result


def _compare_phones(phones: tuple[np.ndarray, np.ndarray], left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return whether the records have a telephone number in common; similar numbers are different numbers."""
    levels = [_compare_codes_across(one[left], other[right]) for one in phones for other in phones]
    equal = np.any([level == Value.EQUAL for level in levels], axis=0)
    missing = np.all([level == Value.MISSING for level in levels], axis=0)
    return np.select([equal, missing], [Value.EQUAL, Value.MISSING], Value.DIFFERENT).astype(np.int8)


def _compare_codes_across(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    given = (one >= 0) & (other >= 0)
    return np.where(given, np.where(one == other, Value.EQUAL, Value.DIFFERENT), Value.MISSING)
