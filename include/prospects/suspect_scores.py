"""How likely two near records are one person.

For a pair, *what* differs is its pattern (a typing error in the last name, another day of birth, ...). The odds
that it is one person are

    how often duplicates with this pattern occur  x  how often an error leads to just this value
    ---------------------------------------------------------------------------------------------
                  how many records agree with this one by mere chance

The first number is estimated from the frame (expectation maximisation with a weak prior, so that a frame of twenty
records works too), the third is counted in it. The second and the prior are assumptions, tuned on synthetic data.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
from rapidfuzz.distance import OSA
from rapidfuzz.process import cpdist

from include.prospects.suspect_pairs import People


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


_PATTERNS: Final = {
    # (first name, last name, date, order): expected share among duplicates
    "spelling": 0.02,
    "first": 0.25,
    "last": 0.25,
    "first_two": 0.02,
    "last_two": 0.02,
    "first_part": 0.03,
    "last_part": 0.02,
    "year_digit": 0.08,
    "year": 0.04,
    "month_step": 0.03,
    "month": 0.05,
    "day_step": 0.04,
    "day_digit": 0.08,
    "day": 0.04,
    "day_month": 0.01,
    "swapped": 0.01,
    "split": 0.01,
    "two_errors": 0.06,
    "missing": 0.02,
}
_NUMBER: Final = {name: number for number, name in enumerate(_PATTERNS)}
_NONE: Final = -1
_DUPLICATES: Final = 0.05
"""Share of records expected to have a near duplicate, before looking at the frame."""
_PRIOR_WEIGHT: Final = 4.0
"""How many observed duplicates that expectation is worth."""
_UNSEEN: Final = 2e-5
"""Share of a name that occurs once, in any population."""
_SELDOM_THRICE: Final = 30.0
"""Of so many persons who occur twice about one occurs a third time (assumed)."""
_ROUNDS: Final = 12
_UMLAUT: Final = re.compile("([aou])e")


@dataclass(frozen=True)
class Odds:
    """The compared pairs."""

    probability: np.ndarray
    first: np.ndarray
    last: np.ndarray
    date: np.ndarray
    order: np.ndarray
    pair: tuple[np.ndarray, np.ndarray]
    who: People


def probabilities(who: People, left: np.ndarray, right: np.ndarray) -> Odds:
    """Weigh candidate pairs; the probability is 0 where they differ in more than a near match may."""
    date = _compare_dates(who, left, right)
    first = _compare_names(who.first, who.first_code, left, right)
    last = _compare_names(who.last, who.last_code, left, right)
    order = _compare_order(who, left, right, date)
    pattern, value = _patterns(who, left, right, first, last, date, order)
    chance = _coincidences(who)
    without_date = _coincidences(who, dated=False)
    chance = np.where(
        (date == Date.MISSING)[:, None], _both(without_date, left, right), _both(chance, left, right)
    )
    weight = value * 0.5 * (1 / chance).sum(axis=1) * _contact_weight(who, left, right, date)
    probability = _estimate(pattern, weight, left, right, len(who))
    return Odds(probability, first, last, date, order, (left, right), who)


def _both(values: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return np.column_stack([values[left], values[right]])


def _compare_names(texts: np.ndarray, codes: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    result = np.full(len(left), Name.DIFFERENT, np.int8)
    given = (codes[left] >= 0) & (codes[right] >= 0)
    equal = given & (codes[left] == codes[right])
    result[equal] = Name.EQUAL
    rest = np.flatnonzero(given & ~equal)
    one, other = texts[left[rest]], texts[right[rest]]
    distance = _distances(one, other)
    length = np.minimum(_lengths(texts)[left[rest]], _lengths(texts)[right[rest]])
    result[rest[(distance == 1) & (length >= 2)]] = Name.ONE_TYPO
    result[rest[(distance == 2) & (length >= 6)]] = Name.TWO_TYPOS
    composed = np.array([" " in text for text in texts], bool)
    maybe = np.flatnonzero((composed[left[rest]] | composed[right[rest]]) & (distance > 1))
    parts = [at for at in maybe if _is_part(one[at], other[at])]
    result[rest[parts]] = Name.PART
    return result


def _distances(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Single letters to insert, drop, replace or swap; 3 stands for more than two.

    An umlaut is one letter to whom it slips, so ``Möller`` and ``Mfller`` are one apart, not two.
    """
    distance = cpdist(one, other, scorer=OSA.distance, score_cutoff=2, dtype=np.int32)
    far = np.flatnonzero(distance > 1)
    short_one, short_other = (
        np.array([_UMLAUT.sub(r"\1", text) for text in side[far]], object) for side in (one, other)
    )
    shorter = cpdist(short_one, short_other, scorer=OSA.distance, score_cutoff=2, dtype=np.int32)
    distance[far] = np.minimum(distance[far], np.maximum(shorter, 1))
    return distance


def _lengths(texts: np.ndarray) -> np.ndarray:
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
    digit = _one_digit(who.year[left], who.year[right])
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
            (parts == 1) & _one_digit(who.day[left], who.day[right]),
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


def _one_digit(one: np.ndarray, other: np.ndarray) -> np.ndarray:
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


def _patterns(
    who: People,
    left: np.ndarray,
    right: np.ndarray,
    first: np.ndarray,
    last: np.ndarray,
    date: np.ndarray,
    order: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """The pattern of each pair and how likely an error of that kind leads to just this value."""
    names = np.array([1.0, 1.0, 1 / 2500, 1 / 60, 0.0])
    dates = np.array([1.0, 1 / 18, 1 / 70, 1 / 2, 1 / 9, 1 / 2, 1 / 10, 1 / 18, 1.0, 0.0, 1.0, 0.0])
    value = dates[date].copy()
    for level, texts in ((first, who.first), (last, who.last)):
        lengths = _lengths(texts)
        alternatives = 26.0 * (np.maximum(lengths[left], lengths[right]) + 1)
        value *= names[level] / np.where(level == Name.ONE_TYPO, alternatives, 1)
    errors = (first != Name.EQUAL).astype(int) + (last != Name.EQUAL) + (date != Date.EQUAL)
    equal_names = (first == Name.EQUAL) & (last == Name.EQUAL)
    only_first = (errors == 1) & (first != Name.EQUAL)
    only_last = (errors == 1) & (last != Name.EQUAL)
    only_date = (errors == 1) & equal_names
    two_parts = only_date & (date == Date.TWO_PARTS)
    value[two_parts] = _two_wrong_parts(who, left[two_parts], right[two_parts])
    two = (errors == 2) & (date != Date.MISSING) & (first <= Name.ONE_TYPO) & (last <= Name.ONE_TYPO)
    two &= (date != Date.TWO_PARTS) & (date != Date.DIFFERENT) & (date != Date.SWAPPED)
    conditions = {
        "spelling": errors == 0,
        "first": only_first & (first == Name.ONE_TYPO),
        "last": only_last & (last == Name.ONE_TYPO),
        "first_two": only_first & (first == Name.TWO_TYPOS),
        "last_two": only_last & (last == Name.TWO_TYPOS),
        "first_part": only_first & (first == Name.PART),
        "last_part": only_last & (last == Name.PART),
        "year_digit": only_date & (date == Date.YEAR_DIGIT),
        "year": only_date & (date == Date.YEAR),
        "month_step": only_date & (date == Date.MONTH_STEP),
        "month": only_date & (date == Date.MONTH),
        "day_step": only_date & (date == Date.DAY_STEP),
        "day_digit": only_date & (date == Date.DAY_DIGIT),
        "day": only_date & (date == Date.DAY),
        "day_month": only_date & (date == Date.SWAPPED),
        "swapped": order == Order.SWAPPED,
        "split": order == Order.SPLIT,
        "two_errors": two | two_parts,
        "missing": (date == Date.MISSING)
        & (first <= Name.ONE_TYPO)
        & (last <= Name.ONE_TYPO)
        & (errors <= 2),
    }
    value[order != Order.PLAIN] = 1.0
    value[two | two_parts] /= 10
    pattern = np.select(list(conditions.values()), list(_NUMBER.values()), _NONE)
    return pattern, value


def _two_wrong_parts(who: People, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    value = np.ones(len(left))
    for part, near, far in (
        (who.year, 0.75 / 18, 0.25 / 70),
        (who.month, 1 / 11, 1 / 11),
        (who.day, 0.6 / 8, 0.4 / 30),
    ):
        one, other = part[left], part[right]
        value *= np.where(one == other, 1.0, np.where(_one_digit(one, other), near, far))
    return value


def _coincidences(who: People, dated: bool = True) -> np.ndarray:
    """For each record the number of other records that agree with it in names and date by mere chance."""
    count = len(who)
    expected = count * _share(who.first_code, count) * _share(who.last_code, count)
    if not dated:
        return expected
    same_date = (
        count * _share_of_part(who.year, 75) * _share_of_part(who.month, 12) * _share_of_part(who.day, 30)
    )
    date = who.year * 400 + who.month * 32 + who.day
    _, inverse, counts = np.unique(date, return_inverse=True, return_counts=True)
    # A day that many more have than ordinary ones do is a placeholder and says little.
    same_date = np.maximum(same_date, counts[inverse] - 4.0)
    return expected / max(count, 1) * same_date


def _share(codes: np.ndarray, count: int) -> np.ndarray:
    """Share of each record's name among the others."""
    sizes = np.bincount(codes + 1, minlength=1)
    return np.maximum((sizes[codes + 1] - 1) / max(count, 1), _UNSEEN)


def _share_of_part(values: np.ndarray, usual: int) -> np.ndarray:
    """Share of a year, month or day; a small frame is filled up with evenly spread ones."""
    sizes = np.bincount(values)
    return (sizes[values] - 1 + 200 / usual) / (len(values) + 200)


def _contact_weight(who: People, left: np.ndarray, right: np.ndarray, date: np.ndarray) -> np.ndarray:
    """How much a common e-mail address or telephone number says: households share them, strangers do not."""
    same = (who.email[left] == who.email[right]) & (who.email[left] >= 0)
    for one in who.phones:
        for other in who.phones:
            same |= (one[left] == other[right]) & (one[left] >= 0)
    weight = np.where(date == Date.MISSING, max(20.0, len(who) / 3), 20.0)
    return np.where(same, weight, 1.0)


def _estimate(
    pattern: np.ndarray, weight: np.ndarray, left: np.ndarray, right: np.ndarray, count: int
) -> np.ndarray:
    """Probabilities by expectation maximisation over the frequency of each pattern."""
    shares = np.array(list(_PATTERNS.values()))
    frequency = shares * _DUPLICATES * max(count, 1)
    believed = _PRIOR_WEIGHT / (_DUPLICATES * max(count, 1))
    used = pattern >= 0
    kind, weight, left, right = pattern[used], weight[used], left[used], right[used]
    probability = np.zeros(len(pattern))
    for _ in range(_ROUNDS):
        odds = 2 * frequency[kind] / max(count, 1) * weight
        likely = _against_rivals(odds, left, right, count)
        seen = np.bincount(kind, likely, len(shares))
        frequency = (seen + _PRIOR_WEIGHT * shares) / (1 + believed)
    probability[used] = likely
    return probability


def _against_rivals(odds: np.ndarray, left: np.ndarray, right: np.ndarray, count: int) -> np.ndarray:
    """Probabilities, given that who has found a duplicate seldom has a second one."""
    capped = np.minimum(odds, 1e9)
    of_record = np.bincount(left, capped, count) + np.bincount(right, capped, count)
    rivals = of_record[left] + of_record[right] - 2 * capped
    fair = odds / (1 + np.clip(rivals, 0, _SELDOM_THRICE))
    return fair / (1 + fair)


def reasons(odds: Odds, which: np.ndarray) -> list[str]:
    """What differs in each of the chosen pairs, as comma-separated words."""
    left, right = (side[which] for side in odds.pair)
    who = odds.who
    facts = zip(odds.first[which], odds.last[which], odds.date[which], odds.order[which], strict=True)
    parts = np.column_stack(
        [one[left] != one[right] for one in (who.year, who.month, who.day)] if len(left) else [[], [], []]
    )
    return [_reason(*fact, parts[at]) for at, fact in enumerate(facts)]


def _reason(first: int, last: int, date: int, order: int, parts: np.ndarray) -> str:
    if order == Order.SWAPPED:
        return "names_swapped"
    if order == Order.SPLIT:
        return "names_split_differently"
    words = [
        f"{name}_{_NAME_WORDS[Name(level)]}"
        for name, level in (("first_name", first), ("last_name", last))
        if level
    ]
    if date == Date.MISSING:
        words.append("birth_date_missing")
    elif date == Date.SWAPPED:
        words.append("day_month_swapped")
    elif date:
        words += [
            f"birth_{part}_typo"
            for part, differs in zip(("year", "month", "day"), parts, strict=True)
            if differs
        ]
    return ",".join(words) or "name_spelling"


_NAME_WORDS: Final = {
    Name.ONE_TYPO: "typo",
    Name.TWO_TYPOS: "typo",
    Name.PART: "part",
    Name.DIFFERENT: "other",
}
