"""Near matches between prospects and stored business partners: frames may be tiny, and stored persons were fetched."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from letting_sync.matching.suspects.suspects import THRESHOLD, near_partners
from tests.harness.prospects_like import GERLINDE, prospects_like
from tests.harness.synthetic_people import KINDS, people

COMMON = GERLINDE | {"first_name": "Sabine", "last_name": "Müller"}


def found(prospects: pd.DataFrame, partners: pd.DataFrame) -> list[tuple[int, int, str]]:
    table = near_partners(prospects, partners)
    assert table["score"].between(THRESHOLD, 1).all()
    return list(zip(table["prospect"], table["partner"], table["reason"], strict=True))


@pytest.mark.parametrize(
    ("stored", "reason"),
    [
        ({"last_name": "Körtgi"}, "last_name_typo"),
        ({"first_name": "Gerlnde"}, "first_name_typo"),
        ({"first_name": "Gerlinde Maria"}, "first_name_part"),
        ({"first_name": "Körtig", "last_name": "Gerlinde"}, "names_swapped"),
        ({"first_name": None}, "first_name_missing"),
    ],
)
def test_one_prospect_against_three_partners(stored: dict[str, Any], reason: str) -> None:
    partners = prospects_like(
        GERLINDE, {"first_name": "Ida", "last_name": "Pohl"}, stored, {"last_name": "Ott"}
    )
    assert found(prospects_like(GERLINDE, {}), partners) == [(0, 1, reason)]


def test_partners_fetched_by_a_birthday_are_not_near_because_they_share_it() -> None:
    """Of many who were born on one day, only those with the names are near."""
    others = people(300, 0, KINDS["crowded"], seed=4).assign(birth_date=pd.Timestamp(1980, 5, 16))
    partners = pd.concat([prospects_like(GERLINDE, {"last_name": "Körtgi"}), others], ignore_index=True)
    assert found(prospects_like(GERLINDE, {}), partners) == [(0, 0, "last_name_typo")]


@pytest.mark.parametrize(
    ("stored", "reason"),
    [
        ({"birth_date": date(1980, 5, 18)}, "birth_day_typo"),
        ({"birth_date": None}, "birth_date_missing"),
        ({"last_name": "Ott"}, "last_name_differs"),
    ],
)
def test_found_by_a_common_e_mail_address_or_telephone_number(stored: dict[str, Any], reason: str) -> None:
    for contact in ({"email": "sm@example.org"}, {"phone": "+49301234567"}):
        prospects, partners = prospects_like(COMMON | contact, {}), prospects_like(COMMON | contact, stored)
        assert found(prospects, partners) == [(0, 0, reason)]


def test_a_common_name_without_a_date_or_contact_is_no_near_match() -> None:
    assert found(prospects_like(COMMON, {}), prospects_like(COMMON, {"birth_date": None})) == []


def test_equal_names_and_date_are_left_to_the_exact_matching() -> None:
    assert found(prospects_like(GERLINDE, {}), prospects_like(GERLINDE, {"last_name": "KOERTIG"})) == []


def test_prospects_are_not_compared_with_each_other_nor_partners() -> None:
    near = [{}, {"last_name": "Körtgi"}]
    assert found(prospects_like(GERLINDE, *near), prospects_like(GERLINDE, {"first_name": "Ida"})) == []
    assert found(prospects_like(GERLINDE, {"first_name": "Ida"}), prospects_like(GERLINDE, *near)) == []


def test_nobody_is_near_nobody() -> None:
    nobody = prospects_like(GERLINDE, {})[:0]
    assert found(nobody, nobody) == found(prospects_like(GERLINDE, {}), nobody) == []
    assert list(near_partners(nobody, nobody)) == ["prospect", "partner", "score", "reason"]


def test_a_day_s_prospects_against_what_was_fetched_for_them() -> None:
    """20 prospects of whom 10 are stored with a slip in a name, among 60 strangers born on the same days."""
    data = people(4000, 400, KINDS["sloppy"], seed=8)
    pairs = [
        pair for _, pair in data.groupby("entity") if len(pair) == 2 and pair["birth_date"].nunique() == 1
    ]
    prospects, stored = (pd.concat([pair[at : at + 1] for pair in pairs[:10]]) for at in (0, 1))
    strangers = people(60, 0, KINDS["crowded"], seed=9)
    strangers["birth_date"] = np.resize(prospects["birth_date"].to_numpy(), 60)
    new = people(10, 0, KINDS["crowded"], seed=10)
    table = near_partners(pd.concat([prospects, new]), pd.concat([stored, strangers]))
    assert (table["prospect"] == table["partner"]).all(), "a stranger"
    assert len(table) == 10
