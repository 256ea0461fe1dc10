"""Two persons of one family are no suspects, whatever else they share; one person with another name is."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import pytest

from letting_sync.matching.cleaning import clean
from letting_sync.matching.suspects.suspects import near_partners, suspects
from tests.harness.prospects_like import AT_HOME, GERLINDE, among_others, prospects_like
from tests.harness.synthetic_people import KINDS, people

ADDRESS = ("street", "house_number", "postal_code", "city")

FAMILIES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "twins": ({}, {"first_name": "Ida"}),
    "twins with near names": ({"first_name": "Lena"}, {"first_name": "Lea"}),
    "twins, brother and sister": ({"first_name": "Daniel"}, {"first_name": "Daniela"}),
    "twins, a slip in the last name": ({}, {"first_name": "Ida", "last_name": "Körtgi"}),
    "twins, one day of birth wrong": ({}, {"first_name": "Ida", "birth_date": date(1980, 5, 18)}),
    "couple": ({}, {"first_name": "Jürgen", "birth_date": date(1977, 11, 2)}),
    "couple with two last names": (
        {},
        {"first_name": "Jürgen", "last_name": "Ott", "birth_date": date(1977, 11, 2)},
    ),
    "couple with a double name": (
        {"last_name": "Körtig-Ott"},
        {"first_name": "Jürgen", "last_name": "Ott", "birth_date": date(1977, 11, 2)},
    ),
    "sisters with near names": (
        {"first_name": "Anna"},
        {"first_name": "Hanna", "birth_date": date(1983, 8, 9)},
    ),
    "sisters": ({}, {"first_name": "Sofie", "birth_date": date(1983, 8, 9)}),
    "mother and daughter": ({}, {"first_name": "Linda", "birth_date": date(2003, 1, 30)}),
    "father and son of one name": (
        {"first_name": "Hans"},
        {"first_name": "Hans", "birth_date": date(2003, 1, 30)},
    ),
    "father and son, one a short form": (
        {"first_name": "Johannes"},
        {"first_name": "Hans", "birth_date": date(2003, 1, 30)},
    ),
    "father and son, a slip in the last name": (
        {"first_name": "Hans"},
        {"first_name": "Hans", "last_name": "Körtgi", "birth_date": date(2003, 1, 30)},
    ),
    "grandfather and grandson of one name": (
        {"first_name": "Hans"},
        {"first_name": "Hans", "birth_date": date(1921, 5, 17)},
    ),
    "one first name is not given": ({}, {"first_name": None, "birth_date": date(1977, 11, 2)}),
    "flatmates": ({}, {"first_name": "Jürgen", "last_name": "Pohl", "birth_date": date(1977, 11, 2)}),
}
ONE_PERSON: dict[str, dict[str, Any]] = {
    "last_name_differs": {"last_name": "Ott"},
    "last_name_part": {"last_name": "Körtig-Ott"},
    "first_name_missing": {"first_name": None},
    "first_name_part": {"first_name": "G."},
    "first_name_typo,last_name_typo": {"first_name": "Gerlnde", "last_name": "Körtgi"},
    "names_swapped": {"first_name": "Körtig", "last_name": "Gerlinde"},
    "birth_date_missing": {"birth_date": None, "email": None},
    "last_name_typo,birth_date_missing": {"last_name": "Körtgi", "birth_date": None},
    "birth_year_typo,birth_day_typo": {"birth_date": date(1981, 5, 18)},
    "first_name_typo,birth_month_typo": {"first_name": "Gerlnde", "birth_date": date(1980, 6, 16)},
}


def household(*differences: dict[str, Any]) -> pd.DataFrame:
    return prospects_like(GERLINDE | AT_HOME, *differences)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_is_not_listed(family: str) -> None:
    two = household(*FAMILIES[family])
    assert suspects(two).empty
    assert suspects(among_others(two)).query("record < 100").empty


@pytest.mark.parametrize("family", FAMILIES)
def test_a_stored_member_of_the_family_is_no_near_match(family: str) -> None:
    two = household(*FAMILIES[family])
    assert near_partners(two[:1], two[1:]).empty


@pytest.mark.parametrize("reason", ONE_PERSON)
def test_one_person_of_a_household_is_listed(reason: str) -> None:
    two = household({}, ONE_PERSON[reason])
    assert suspects(two)["reason"].tolist() == [reason]
    assert suspects(among_others(two)).query("record < 100")["reason"].tolist() == [reason]
    assert near_partners(two[:1], two[1:])["reason"].tolist() == [reason]


def test_another_last_name_alone_is_another_person() -> None:
    """Without contact data that speak for a marriage two persons share a common first name and a birthday."""
    two = prospects_like(GERLINDE | {"first_name": "Sabine"}, {}, {"last_name": "Ott"})
    assert suspects(among_others(two)).query("record < 100").empty
    assert near_partners(two[:1], two[1:]).empty


def test_short_forms_are_one_name() -> None:
    two = household({"first_name": "Johannes"}, {"first_name": "Hans"})
    assert suspects(two)["reason"].tolist() == ["first_name_short_form"]


def test_neighbours_in_a_large_house_are_no_suspects() -> None:
    """Of two hundred tenants at one address nobody is a suspect because of the address."""
    house = people(200, 0, KINDS["crowded"], seed=2).assign(**{name: AT_HOME[name] for name in ADDRESS})
    assert suspects(clean(house.drop(columns="entity"))).empty
