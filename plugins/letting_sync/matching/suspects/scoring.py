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

from typing import Final

import numpy as np

from letting_sync.matching.suspects.blocking import People
from letting_sync.matching.suspects.comparison import Comparison, Date, Name, Order, one_digit, text_lengths

_PATTERNS: Final = {
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
"""What differs in a pair -> its expected share among duplicates, before looking at the frame (assumed)."""
_NUMBER: Final = {name: number for number, name in enumerate(_PATTERNS)}
_NONE: Final = -1
_DATE_PATTERNS: Final = {
    "year_digit": Date.YEAR_DIGIT,
    "year": Date.YEAR,
    "month_step": Date.MONTH_STEP,
    "month": Date.MONTH,
    "day_step": Date.DAY_STEP,
    "day_digit": Date.DAY_DIGIT,
    "day": Date.DAY,
    "day_month": Date.SWAPPED,
}
_NAME_VALUES: Final = np.array([1.0, 1.0, 1 / 2500, 1 / 60, 0.0])
"""By :class:`Name`: one by the number of values that an error of this kind can lead to (a typing error: by length)."""
_DATE_VALUES: Final = np.array([1.0, 1 / 18, 1 / 70, 1 / 2, 1 / 9, 1 / 2, 1 / 10, 1 / 18, 1.0, 0.0, 1.0, 0.0])
"""The same by :class:`Date`."""
_DUPLICATES: Final = 0.05
"""Share of records expected to have a near duplicate, before looking at the frame."""
_PRIOR_WEIGHT: Final = 4.0
"""How many observed duplicates that expectation is worth."""
_UNSEEN: Final = 2e-5
"""Share of a name that occurs once, in any population."""
_SELDOM_THRICE: Final = 30.0
"""Of so many persons who occur twice about one occurs a third time (assumed)."""
_ROUNDS: Final = 12


def probabilities(pairs: Comparison) -> np.ndarray:
    """Weigh compared pairs; 0 where they differ in more than a near match may."""
    who, left, right = pairs.who, pairs.left, pairs.right
    pattern = _patterns(pairs)
    dateless = (pairs.date == Date.MISSING)[:, None]
    with_date, without_date = _coincidences(who), _coincidences(who, dated=False)
    chance = np.where(dateless, _both(without_date, left, right), _both(with_date, left, right))
    weight = _just_this_value(pairs, pattern) * 0.5 * (1 / chance).sum(axis=1) * _contact_weight(pairs)
    return _estimate(pattern, weight, left, right, len(who))


def _both(values: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return np.column_stack([values[left], values[right]])


def _patterns(pairs: Comparison) -> np.ndarray:
    """What kind of duplicate each pair would be, -1 for none."""
    first, last, date = pairs.first, pairs.last, pairs.date
    errors = (first != Name.EQUAL).astype(int) + (last != Name.EQUAL) + (date != Date.EQUAL)
    one = errors == 1
    names_equal = (first == Name.EQUAL) & (last == Name.EQUAL)
    names_near = (first <= Name.ONE_TYPO) & (last <= Name.ONE_TYPO)
    one_part = (date <= Date.DAY) | (names_equal & (date == Date.TWO_PARTS))
    conditions = {"swapped": pairs.order == Order.SWAPPED, "split": pairs.order == Order.SPLIT}
    for word, level in (("", Name.ONE_TYPO), ("_two", Name.TWO_TYPOS), ("_part", Name.PART)):
        conditions[f"first{word}"] = one & (first == level)
        conditions[f"last{word}"] = one & (last == level)
    for word, kind in _DATE_PATTERNS.items():
        conditions[word] = names_equal & (date == kind)
    conditions["spelling"] = errors == 0
    conditions["missing"] = names_near & (errors <= 2) & (date == Date.MISSING)
    conditions["two_errors"] = names_near & one_part & ((errors == 2) | (date == Date.TWO_PARTS))
    numbers = [_NUMBER[name] for name in conditions]
    return np.select(list(conditions.values()), numbers, _NONE)


def _just_this_value(pairs: Comparison, pattern: np.ndarray) -> np.ndarray:
    """How likely an error of the pattern leads to just the value that is found."""
    value = _DATE_VALUES[pairs.date].copy()
    for level, texts in ((pairs.first, pairs.who.first), (pairs.last, pairs.who.last)):
        lengths = text_lengths(texts)
        letters = 26.0 * (np.maximum(lengths[pairs.left], lengths[pairs.right]) + 1)
        value *= _NAME_VALUES[level] / np.where(level == Name.ONE_TYPO, letters, 1)
    two_parts = pairs.date == Date.TWO_PARTS
    value[two_parts] = _two_wrong_parts(pairs.who, pairs.left[two_parts], pairs.right[two_parts])
    # Ten ways to choose two of five fields.
    value[pattern == _NUMBER["two_errors"]] /= 10
    value[pairs.order != Order.PLAIN] = 1.0
    return value


def _two_wrong_parts(who: People, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    value = np.ones(len(left))
    for part, near, far in (
        (who.year, 0.75 / 18, 0.25 / 70),
        (who.month, 1 / 11, 1 / 11),
        (who.day, 0.6 / 8, 0.4 / 30),
    ):
        one, other = part[left], part[right]
        value *= np.where(one == other, 1.0, np.where(one_digit(one, other), near, far))
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


def _contact_weight(pairs: Comparison) -> np.ndarray:
    """How much a common e-mail address or telephone number says: households share them, strangers do not."""
    who, left, right = pairs.who, pairs.left, pairs.right
    same = (who.email[left] == who.email[right]) & (who.email[left] >= 0)
    for one in who.phones:
        for other in who.phones:
            same |= (one[left] == other[right]) & (one[left] >= 0)
    weight = np.where(pairs.date == Date.MISSING, max(20.0, len(who) / 3), 20.0)
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
