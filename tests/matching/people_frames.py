"""Frames of invented people, as cleaning returns them."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
from hypothesis import strategies as st

from letting_sync.matching.cleaning import clean

UNIT, OTHER_UNIT = "1/2/3/4", "1/2/3/5"
BORN = date(1980, 5, 6)
DAY = pd.Timestamp("2026-03-01", tz="UTC")
COLUMNS = [
    "salutation",
    "title",
    "first_name",
    "last_name",
    "birth_date",
    "email",
    "phone",
    "mobile",
    "street",
    "house_number",
    "postal_code",
    "city",
    "country",
    "lease_start",
    "message",
]


def frame(*rows: dict[str, Any]) -> pd.DataFrame:
    """Cleaned prospects; what a row does not say is that of Anna Ott, chosen on the first unit."""
    full = []
    for at, row in enumerate(rows):
        usual = dict.fromkeys(COLUMNS) | {
            "record": at,
            "external_id": f"x{at}",
            "unit": UNIT,
            "chosen": True,
            "withdrawn": False,
            "updated_at": DAY + pd.Timedelta(days=at),
            "salutation": "NONE",
            "first_name": "Anna",
            "last_name": "Ott",
            "birth_date": BORN,
        }
        full.append(usual | row)
    return clean(pd.DataFrame(full))


def stored(*rows: dict[str, Any]) -> pd.DataFrame:
    usual = {"first_name": "Anna", "last_name": "Ott", "birth_date": BORN, "email": None}
    return pd.DataFrame([{"number": str(at + 1)} | usual | row for at, row in enumerate(rows)])


people = st.lists(
    st.fixed_dictionaries(
        {
            "first_name": st.sampled_from(["Anna", "ANNA ", "Ida", "Änne", "Aenne", None]),
            "last_name": st.sampled_from(["Ott", "o tt", "Weiß", "WEISS", "Dr. Ott"]),
            "birth_date": st.sampled_from([BORN, date(1981, 5, 6), None]),
            "email": st.sampled_from(["a@b.de", "A@B.de ", "c@d.de", None]),
            "phone": st.sampled_from(["030 1234567", None]),
            "street": st.sampled_from(["Weg", None]),
            "city": st.sampled_from(["Bonn", "Kiel", None]),
            "unit": st.sampled_from([UNIT, OTHER_UNIT]),
            "external_id": st.sampled_from(list("abcdefgh")),
            "updated_at": st.sampled_from([DAY, DAY + pd.Timedelta(days=1)]),
            "chosen": st.booleans(),
            "withdrawn": st.booleans(),
        }
    ),
    min_size=1,
    max_size=12,
)
