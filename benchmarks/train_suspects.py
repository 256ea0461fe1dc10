"""Counts how the fields of two records of one person differ: writes ``letting_sync/matching/suspects/weights.py`` anew.

    .venv-dedup-peers/bin/python -m benchmarks.train_suspects > plugins/letting_sync/matching/suspects/weights.py

Counted are the pairs of RLdata500, of Febrl 1 and of our own generator (2,000 duplicates of each kind), each of the three
with the same weight for names and date; the address in Febrl 1 alone, since no other set has one. RLdata10000 and Febrl 2
to 4 are not looked at: they are for reporting. No set has contact data: what is said of them is assumed.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

import numpy as np
import pandas as pd

from letting_sync.matching.cleaning import clean
from letting_sync.matching.suspects.comparison import Comparison, Date, Name, Order, Value, compare
from letting_sync.matching.suspects.people import people
from tests.harness.dedup_sets import febrl, rldata, true_pairs
from tests.harness.synthetic_people import KINDS
from tests.harness.synthetic_people import people as synthetic

LEVELS: Mapping[str, type[IntEnum]] = {
    "first": Name,
    "last": Name,
    "order": Order,
    "date": Date,
    "street": Value,
    "house": Value,
    "postal": Value,
    "city": Value,
}
LEAST = 0.002
"""Share of a level that was hardly seen or not at all, but can be."""
UNMADE: Mapping[str, Mapping[int, float]] = {
    "first": {Name.PART: 0.03, Name.INITIAL: 0.01, Name.SHORT_FORM: 0.01},
    "last": {Name.PART: 0.03, Name.INITIAL: 0.0, Name.SHORT_FORM: 0.0},
    "order": {Order.SPLIT: 0.005},
    "date": {Date.SWAPPED: 0.01},
}
"""Levels that people cause and the makers of these sets do not -> their share (assumed)."""
ASSUMED = {
    "email": ((0.7, 0.05, 0.02, 0.0, 0.23), (0.2, 0.0, 0.0, 0.0, 0.8)),
    "phone": ((0.7, 0.0, 0.0, 0.0, 0.3), (0.3, 0.0, 0.0, 0.0, 0.7)),
    "contact": ((0.7, 0.0, 0.0, 0.0, 0.3), (0.1, 0.0, 0.0, 0.0, 0.9)),
}


def compared(frame: pd.DataFrame) -> Comparison:
    """The true pairs of a frame, compared."""
    pairs = np.array(sorted(true_pairs(frame)))
    prospects = clean(frame.drop(columns="entity"))
    return compare(people(prospects), pairs[:, 0], pairs[:, 1])


def shares(frames: list[pd.DataFrame], field: str) -> np.ndarray:
    """The shares of a field's levels in the true pairs of the frames, what is missing left out."""
    kind = LEVELS[field]
    counts = sum(np.bincount(getattr(compared(frame), field), minlength=len(kind)) for frame in frames)
    found = np.array(counts, float)
    if hasattr(kind, "MISSING"):
        found[kind.MISSING] = 0
    return found / found.sum()


def counted() -> dict[str, np.ndarray]:
    """The shares of the levels of each field."""
    generated = [synthetic(20_000, 2000, kind, seed=1000 + at) for at, kind in enumerate(KINDS.values())]
    sets = [[rldata(500)], [febrl(1)], generated]
    result = {}
    for field, kind in LEVELS.items():
        some = [[febrl(1)]] if kind is Value else sets
        mean = np.mean([shares(frames, field) for frames in some], axis=0)
        mean = np.maximum(mean, LEAST)
        for level, share in UNMADE.get(field, {}).items():
            mean[level] = share
        if hasattr(kind, "MISSING"):
            mean[kind.MISSING] = 0
        result[field] = mean / mean.sum()
    return result


def main() -> None:
    """Print the module."""
    print(
        '"""How often a field differs between two records of one person, and how.\n\n'
        "Made by ``benchmarks/train_suspects.py``, which says from which pairs; not edited by hand. Each share belongs to the level in\n"
        'its place in :mod:`letting_sync.matching.suspects.comparison`.\n"""\n\n'
        "from __future__ import annotations\n\nfrom typing import Final\n"
    )
    for field, values in counted().items():
        print(f"{field.upper()}: Final = ({', '.join(f'{value:.4f}' for value in values)})")
    print("\n# From here on assumed: no public set has contact data.")
    for field, (person, household) in ASSUMED.items():
        print(f"{field.upper()}: Final = {person}\nHOUSEHOLD_{field.upper()}: Final = {household}")


if __name__ == "__main__":
    main()
