"""Prospects with small differences, for the tests of suspects."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd

from letting_sync.matching.cleaning import clean
from tests.harness.synthetic_people import KINDS, people

GERLINDE = {
    "first_name": "Gerlinde",
    "last_name": "Körtig",
    "birth_date": date(1980, 5, 16),
    "email": None,
    "phone": None,
    "mobile": None,
}
AT_HOME = {
    "email": "koertig@example.org",
    "phone": "+49301234567",
    "street": "Lindenstraße",
    "house_number": "7",
    "postal_code": "10969",
    "city": "Berlin",
}
"""What a household shares."""


def prospects_like(usual: dict[str, Any], *differences: dict[str, Any]) -> pd.DataFrame:
    """Clean prospects, each the usual one with its own differences, numbered from 0."""
    return clean(pd.DataFrame([{"record": at} | usual | one for at, one in enumerate(differences)]))


def among_others(prospects: pd.DataFrame) -> pd.DataFrame:
    """The prospects among two thousand other people, as in a large run; the others are numbered from 100."""
    others = people(2000, 0, KINDS["ordinary"], seed=5).drop(columns="entity")
    own = prospects.drop(columns=["changed", "title"])
    return clean(pd.concat([own, others.assign(record=others["record"] + 100)], ignore_index=True))
