"""Share of strangers with the same value by chance: counted in the frame, a small frame supplemented with usual values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from letting_sync.matching.suspects.common_names import first_name_share, last_name_share
from letting_sync.matching.suspects.people import People, Text

BACKGROUND: Final = 200
"""Number of records with usual values that supplement a frame."""
_UNSEEN: Final = 2e-5
"""Share of a value that occurs once, in any population (assumed)."""
_UNUSED: Final = 0.02
"""Number of strangers who by chance have the e-mail address, telephone number or contact of two records (assumed)."""
_PARTS: Final = (("year", 75), ("month", 12), ("day", 30))
"""Parts of a date of birth and their usual number of values."""
_CHANCE_ON_A_DAY: Final = 4.0
"""A date with more further records than this is a placeholder."""


def first_names(who: People) -> np.ndarray:
    """Return the share of each record's first name among the other records."""
    return shares(who.first, _usual(who.first, first_name_share))


def last_names(who: People) -> np.ndarray:
    """Return the share of each record's last name among the other records."""
    return shares(who.last, _usual(who.last, last_name_share))


def shares(text: Text, usual: np.ndarray | float = 0.0) -> np.ndarray:
    """Return the share of each record's value among the other records.

    :param usual: the share of each value in the population, if known.
    """
    sizes = np.bincount(text.codes + 1, minlength=1)
    others = sizes[text.codes + 1] - 1 + BACKGROUND * usual
    return np.asarray(np.maximum(others / (len(text.codes) + BACKGROUND), _UNSEEN))


def _usual(names: Text, share: Callable[[str], float]) -> np.ndarray:
    values = names.values.tolist()
    known = {name: share(name) for name in set(values)}
    return np.array([known[name] for name in values], float)


def dates(who: People) -> np.ndarray:
    """Return the share of each record's date of birth, from the shares of its year, month and day."""
    result = np.ones(len(who))
    for name, usual in _PARTS:
        values = getattr(who, name)
        sizes = np.bincount(values, minlength=1)
        result *= (sizes[values] - 1 + BACKGROUND / usual) / (len(who) + BACKGROUND)
    _, inverse, counts = np.unique(who.date, return_inverse=True, return_counts=True)
    # A day that many more records have than an ordinary one is a placeholder and weak evidence.
    return np.maximum(result, (counts[inverse] - _CHANCE_ON_A_DAY) / max(len(who), 1))


def dates_of_stored(who: People, stored: np.ndarray, population: int) -> np.ndarray:
    """Return the share of each record's date of birth in the population from which stored records were fetched by date.

    The fetched records show how many of the population were born on a day, but not how common the day is in the frame.
    """
    usual = np.prod([1 / values for _, values in _PARTS])
    _, inverse = np.unique(who.date, return_inverse=True)
    counts = np.bincount(inverse, stored)[inverse]
    return np.asarray(np.maximum(usual, (counts - 1) / population))


def holders(codes: tuple[np.ndarray, ...], left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return for each pair the frequency of the more common of its two values; ``codes`` of one kind, -1 if missing."""
    sizes = np.bincount(np.concatenate(codes) + 1, minlength=1)
    sizes[0] = 0
    return np.asarray(np.max([sizes[side[rows] + 1] for side in codes for rows in (left, right)], axis=0))


def contacts(
    codes: tuple[np.ndarray, ...], left: np.ndarray, right: np.ndarray, population: int
) -> np.ndarray:
    """Return for each pair the share of strangers who have its contact data by chance."""
    return (np.maximum(holders(codes, left, right) - 2, 0) + _UNUSED) / (population + BACKGROUND)


def either(share: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return the evidence of a pair's value: the mean of the evidence of its two values."""
    return np.asarray(0.5 * (1 / share[left] + 1 / share[right]))
