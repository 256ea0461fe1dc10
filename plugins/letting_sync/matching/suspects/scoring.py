"""Scores how likely two similar records are one person.

A Fellegi-Sunter model with three classes: one person, two persons of one household, two strangers. For one person each
field has levels (equal, typing error, another value, ...) whose shares were counted in labelled pairs
(:mod:`letting_sync.matching.suspects.weights`). For strangers the frequency of the *value itself* counts:
there are many people called Sabine Müller and hardly anybody called Gerlinde Körtig. A missing value is no evidence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from letting_sync.matching.suspects import chances, weights
from letting_sync.matching.suspects.comparison import (
    Comparison,
    Date,
    Name,
    Order,
    Value,
    one_digit,
    text_lengths,
)
from letting_sync.matching.suspects.people import People, Text

_DATE_VALUES: Final = np.array([1.0, 1 / 18, 1 / 70, 1 / 2, 1 / 9, 1 / 2, 1 / 10, 1 / 18, 1.0, 0.0, 1.0, 0.0])
"""By :class:`Date`: 1 divided by the number of values that an error of this kind can produce."""
_INITIAL: Final = 0.08
"""Share of first names that begin with a given letter (assumed)."""
_MOVED: Final = 0.1
"""Share of duplicates of which one record has an older address, and of households with two (assumed)."""
_SAME_LAST_NAME: Final = 0.7
"""Share of households with one last name (assumed)."""
_SAME_FIRST_NAME: Final = 0.01
"""Share of pairs within households with one first name: father and son (assumed)."""
_TWINS: Final = 0.005
"""Share of pairs within households born on one day (assumed)."""


@dataclass(frozen=True)
class Population:
    """The records that the frame is compared with."""

    size: int
    """Number of persons."""
    date_chance: np.ndarray
    """For each record the share of these persons that was born on its day."""


@dataclass(frozen=True)
class Odds:
    """Evidence of each pair relative to two strangers: for one person, and for two persons of one household.

    Without the shares of the levels of names and date, which are estimated later.
    """

    person: np.ndarray
    household: np.ndarray


def odds(pairs: Comparison, population: Population) -> Odds:
    """Score each field of the compared pairs."""
    who, left, right = pairs.who, pairs.left, pairs.right
    first, last = chances.first_names(who), chances.last_names(who)
    first_name = _of_name(pairs, who.first, pairs.first, first)
    last_name = _of_name(pairs, who.last, pairs.last, last)
    commoner = np.maximum(first[left] * last[left], first[right] * last[right])
    names = first_name * last_name * np.where(pairs.order == Order.PLAIN, 1.0, 1 / commoner)
    date = _of_date(pairs, population.date_chance)
    address = (1 - _MOVED) * _of_address(pairs) + _MOVED
    person = names * date * address
    household = address.copy()
    household *= np.select(
        [pairs.last == Name.DIFFERENT, pairs.last == Name.MISSING],
        [1 - _SAME_LAST_NAME, 1.0],
        _SAME_LAST_NAME * last_name,
    )
    household *= np.where(pairs.first == Name.EQUAL, 1 + _SAME_FIRST_NAME * first_name, 1.0)
    household *= np.where(pairs.date == Date.EQUAL, 1 + _TWINS * date, 1.0)
    for codes, level, of_person, of_household in (
        ((who.email.codes,), pairs.email, weights.EMAIL, weights.HOUSEHOLD_EMAIL),
        (who.phones, pairs.phone, weights.PHONE, weights.HOUSEHOLD_PHONE),
        ((who.contact,), pairs.contact, weights.CONTACT, weights.HOUSEHOLD_CONTACT),
    ):
        chance = chances.contacts(codes, left, right, population.size)
        person *= _of_contact(level, of_person, chance)
        household *= _of_contact(level, of_household, chance)
    return Odds(person, household)


def _of_name(pairs: Comparison, names: Text, level: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Return how much likelier this name is after an error of its level than by chance."""
    either = chances.either(share, pairs.left, pairs.right)
    lengths = text_lengths(names.values)
    letters = 26.0 * (np.maximum(lengths[pairs.left], lengths[pairs.right]) + 1)
    of_level = {
        Name.EQUAL: either,
        Name.ONE_TYPO: either / letters,
        Name.TWO_TYPOS: either / 2500,
        Name.PART: 0.5 / np.maximum(share[pairs.left], share[pairs.right]),
        Name.INITIAL: np.full(len(pairs), 1 / _INITIAL),
        Name.SHORT_FORM: either * 0.3,
        Name.MISSING: np.ones(len(pairs)),
        Name.DIFFERENT: np.ones(len(pairs)),
    }
    return np.choose(level, [of_level[one] for one in Name])


def _of_date(pairs: Comparison, chance: np.ndarray) -> np.ndarray:
    value = _DATE_VALUES[pairs.date].copy()
    two = pairs.date == Date.TWO_PARTS
    value[two] = _two_wrong_parts(pairs.who, pairs.left[two], pairs.right[two])
    value *= chances.either(chance, pairs.left, pairs.right)
    value[(pairs.date == Date.MISSING) | (pairs.date == Date.DIFFERENT)] = 1.0
    return value


def _two_wrong_parts(who: People, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    # A third: otherwise sets with few common names lose two points of F1.
    value = np.full(len(left), 1 / 3)
    for part, near, far in (
        (who.year, 0.75 / 18, 0.25 / 70),
        (who.month, 1 / 11, 1 / 11),
        (who.day, 0.6 / 8, 0.4 / 30),
    ):
        one, other = part[left], part[right]
        value *= np.where(one == other, 1.0, np.where(one_digit(one, other), near, far))
    return value


def _of_address(pairs: Comparison) -> np.ndarray:
    who = pairs.who
    result = np.ones(len(pairs))
    for text, level, shares, typo, typos in (
        (who.street, pairs.street, weights.STREET, 1 / 300, 1 / 2500),
        (who.house, pairs.house, weights.HOUSE, 1 / 20, 1 / 500),
        (who.postal, pairs.postal, weights.POSTAL, 1 / 40, 1 / 500),
        (who.city, pairs.city, weights.CITY, 1 / 300, 1 / 2500),
    ):
        either = chances.either(chances.shares(text), pairs.left, pairs.right)
        of_level = {
            Value.EQUAL: shares[Value.EQUAL] * either,
            Value.ONE_TYPO: shares[Value.ONE_TYPO] * typo * either,
            Value.TWO_TYPOS: shares[Value.TWO_TYPOS] * typos * either,
            Value.MISSING: np.ones(len(pairs)),
            Value.DIFFERENT: np.full(len(pairs), shares[Value.DIFFERENT]),
        }
        found = np.choose(level, [of_level[one] for one in Value])
        # An equal city is no evidence if the postal codes are equal too.
        result *= np.where(pairs.postal <= Value.TWO_TYPOS, 1.0, found) if text is who.city else found
    return result


def _of_contact(level: np.ndarray, shares: tuple[float, ...], chance: np.ndarray) -> np.ndarray:
    of_level = {
        Value.EQUAL: shares[Value.EQUAL] / chance,
        Value.ONE_TYPO: shares[Value.ONE_TYPO] / 30 / chance,
        Value.TWO_TYPOS: shares[Value.TWO_TYPOS] / 300 / chance,
        Value.MISSING: np.ones(len(level)),
        Value.DIFFERENT: np.full(len(level), shares[Value.DIFFERENT]),
    }
    return np.choose(level, [of_level[one] for one in Value])
