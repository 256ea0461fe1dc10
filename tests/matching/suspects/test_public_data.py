"""Duplicates on data that nobody here made; the whole of it is in ``make bench ROWS=suspects``.

Skipped where the benchmark's environment is missing: ``make .venv-dedup-peers/.ready`` makes it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pandas as pd
import pytest

from tests.harness.dedup_sets import (
    ALL_COLUMNS,
    NAMES_AND_DATE,
    closed,
    family_like,
    febrl,
    measured,
    rldata,
    true_pairs,
)
from tests.harness.own_duplicates import Ours


@pytest.mark.parametrize(
    ("read", "columns", "least"),
    [
        (partial(rldata, 500), NAMES_AND_DATE, 0.985),
        (partial(febrl, 1), NAMES_AND_DATE, 0.965),
        (partial(febrl, 1), ALL_COLUMNS, 0.99),
    ],
    ids=["RLdata500", "Febrl 1, names and date", "Febrl 1, all columns"],
)
def test_public_duplicates(read: Callable[[], pd.DataFrame], columns: tuple[str, ...], least: float) -> None:
    """Bars about a point below what is reached; nobody is merged wrongly, no family is listed."""
    try:
        frame = read()
    except ModuleNotFoundError as missing:
        pytest.skip(str(missing))
    truth, ours = true_pairs(frame), Ours()
    listed = set(ours.pairs(frame, columns))
    family = family_like(frame, truth)
    assert measured(closed(listed), truth, family).f1 >= least
    assert ours.merged <= truth
    assert family_like(frame, listed) == set()
