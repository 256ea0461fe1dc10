"""Probabilities of scored pairs; unknown parameters are estimated from the frame itself.

Expectation maximisation estimates how many records have a duplicate, how often each level of names and date occurs among
duplicates, and how rarely a person occurs a third time. Each estimate starts from a prior that counts as some duplicates,
so that a frame of twenty records works too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from letting_sync.matching.suspects import weights
from letting_sync.matching.suspects.comparison import Comparison, Date, Name
from letting_sync.matching.suspects.scoring import Odds

_SHARES: Final = {
    "first": (weights.FIRST, (Name.MISSING,)),
    "last": (weights.LAST, (Name.MISSING,)),
    "order": (weights.ORDER, ()),
    "date": (weights.DATE, (Date.MISSING,)),
}
"""Field -> the shares of its levels, and the levels that are no evidence."""
_SHARES_WORTH: Final = 30.0
"""The counted shares of levels weigh as much as this number of observed duplicates."""
_DUPLICATES: Final = 0.05
"""Share of records expected to have a near duplicate (assumed)."""
_DUPLICATES_WORTH: Final = 4.0
"""That expectation weighs as much as this number of observed duplicates."""
_HOUSEHOLD: Final = 0.05
"""Number of other persons of a record's household in the population (assumed)."""
_SELDOM_THRICE: Final = 30.0
"""One in this number of persons who occur twice occurs a third time (assumed)."""
_SURE: Final = 0.95
_ROUNDS: Final = 12


@dataclass(frozen=True)
class Expected:
    """Sizes that limit how many duplicates there can be."""

    size: int
    """Number of persons that each record is compared with."""
    pairs_each: int
    """Number of records of a pair that belong to the frame: 2 if records are compared with each other, 1 with stored ones."""
    askers: int
    """Number of records whose duplicates are looked for."""


def probabilities(pairs: Comparison, odds: Odds, expected: Expected) -> np.ndarray:
    """Return for each pair the probability that both records are one person."""
    count, size, askers = max(len(pairs.who), 1), max(expected.size, 1), max(expected.askers, 1)
    levels = {name: getattr(pairs, name) for name in _SHARES}
    shares = {name: _usable(np.array(counted), silent) for name, (counted, silent) in _SHARES.items()}
    household = _HOUSEHOLD / size * odds.household
    duplicates = _DUPLICATES
    likely = np.zeros(len(pairs))
    for _ in range(_ROUNDS):
        person = expected.pairs_each * duplicates / size * odds.person
        for name, level in levels.items():
            person = person * shares[name][level]
        likely = _against_rivals(person / (1 + household), pairs.left, pairs.right, count)
        duplicates = (likely.sum() + _DUPLICATES_WORTH) / (askers + _DUPLICATES_WORTH / _DUPLICATES)
        for name, (counted, silent) in _SHARES.items():
            seen = np.bincount(levels[name], likely, len(counted))
            seen[list(silent)] = 0
            total = seen + _SHARES_WORTH * np.array(counted)
            shares[name] = _usable(total / total.sum(), silent)
    return likely


def _usable(shares: np.ndarray, silent: tuple[int, ...]) -> np.ndarray:
    result = shares.copy()
    result[list(silent)] = 1.0
    return result


def _against_rivals(odds: np.ndarray, left: np.ndarray, right: np.ndarray, count: int) -> np.ndarray:
    """Return the probabilities, given that a record with a duplicate rarely has a second one.

    How rarely is estimated from records with several certain near matches.
    """
    alone = odds / (1 + odds)
    sure = np.where(alone > _SURE, alone, 0)
    partners = np.bincount(left, sure, count) + np.bincount(right, sure, count)
    twice, more = np.minimum(partners, 1).sum(), np.maximum(partners - 1, 0).sum()
    thrice = np.clip((twice + _SELDOM_THRICE) / (more + 1), 1, _SELDOM_THRICE)
    capped = np.minimum(odds, 1e9)
    of_record = np.bincount(left, capped, count) + np.bincount(right, capped, count)
    rivals = of_record[left] + of_record[right] - 2 * capped
    fair = odds / (1 + np.clip(rivals, 0, thrice))
    return np.asarray(fair / (1 + fair))
