"""Two records with one contact of the partner's are one person, unless something tells them apart."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from letting_sync.matching.cleaning import clean
from letting_sync.matching.dedup import merge_same_person

BORN = date(1990, 5, 1)
UNIT, OTHER_UNIT = "1/2/3/4", "1/2/3/5"


def frame(*rows: dict[str, Any]) -> pd.DataFrame:
    usual = {
        "unit": UNIT,
        "chosen": True,
        "withdrawn": False,
        "salutation": "NONE",
        "first_name": "Gerlinde",
        "last_name": "Körtig",
        "birth_date": BORN,
        "email": None,
        "contact_id": "contact-1",
    }
    table = pd.DataFrame(
        [
            {"record": at, "external_id": f"x{at}", "updated_at": pd.Timestamp(2024, 1, 1 + at, tz="UTC")}
            | usual
            | row
            for at, row in enumerate(rows)
        ]
    )
    texts = ["unit", "first_name", "last_name", "email", "contact_id", "salutation", "external_id"]
    table[texts] = table[texts].astype("str").where(table[texts].notna(), None)
    table["birth_date"] = pd.to_datetime(table["birth_date"]).astype("datetime64[s]")
    return clean(table)


def persons(*rows: dict[str, Any]) -> list[int]:
    """The person of each row, each on a unit of its own so that none is merged away."""
    apart = [row | {"unit": f"1/2/3/{at}"} for at, row in enumerate(rows)]
    kept, _ = merge_same_person(frame(*apart))
    return [int(person) for person in kept["person"]]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {"last_name": "Körtgi"}),
        ({}, {"last_name": "Neumann"}),
        ({}, {"first_name": None}),
        ({"first_name": "Anna"}, {"first_name": "Anna-Lena"}),
        ({}, {"first_name": "Körtig", "last_name": "Gerlinde"}),
        ({"first_name": "Anna Lena"}, {"first_name": "Lena"}),
        ({"email": "a@example.org"}, {"email": "b@example.org", "last_name": "Neumann"}),
    ],
)
def test_one_contact_is_stronger_than_the_spelling_of_a_name(one, other):
    assert persons(one, other) == [0, 0]
    assert persons(one, other | {"contact_id": "contact-2"}) == [0, 1]
    assert persons(one | {"contact_id": None}, other | {"contact_id": None}) == [0, 1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"first_name": "Anna"}, {"first_name": "Peter"}),
        ({"first_name": "Anna", "birth_date": None}, {"first_name": "Peter", "birth_date": None}),
        ({}, {"birth_date": date(1990, 1, 5)}),
        ({"first_name": "Jan"}, {"first_name": "Jana"}),  # twins
        ({"first_name": "Mia"}, {"first_name": "Mira"}),
        ({"first_name": "Christian"}, {"first_name": "Christiane"}),
        ({}, {"birth_date": None}),  # a father and his son of the same name
        ({"birth_date": None}, {"birth_date": None, "last_name": "Koertik"}),
        ({"first_name": None}, {"first_name": None, "last_name": "Neumann"}),
    ],
)
def test_a_family_with_one_contact_stays_several_persons(one, other):
    """Contacts are unique by e-mail address, and families share one: nobody may be lost in another one's name."""
    assert persons(one, other) == [0, 1]


def test_two_records_of_a_contact_without_any_date_are_one_person_if_their_names_are_equal():
    without = {"birth_date": None}
    assert persons(without, without | {"last_name": "KOERTIG"}) == [0, 0]
    assert persons(without, without, {}) == [0, 1, 2]


def test_who_could_be_either_of_two_is_neither():
    father, son = {"birth_date": date(1955, 1, 1)}, {"birth_date": date(1985, 2, 2)}

    assert persons(father, son, {"birth_date": None, "last_name": "Koertik"}) == [0, 1, 2]


def test_one_person_with_two_candidates_gets_one_offer_for_a_unit():
    kept, duplicates = merge_same_person(frame({}, {"last_name": "Körtgi", "email": "b@example.org"}))

    assert kept["external_id"].tolist() == ["x1"]
    assert duplicates["reason"].tolist() == ["same_person"]


NAMES = st.sampled_from(["Anna", "Ana", "Peter", "Petra", "Anna-Lena", None])
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "first_name": NAMES,
            "birth_date": st.sampled_from([BORN, date(1955, 1, 1), None]),
            "contact_id": st.sampled_from(["c1", "c2", None]),
        }
    ),
    min_size=1,
    max_size=6,
)


@given(ROWS)
def test_whoever_is_joined_shares_a_contact_or_the_matching_key_and_no_dates_contradict(rows):
    found = persons(*rows)
    for person in set(found):
        together = [row for row, of in zip(rows, found, strict=True) if of == person]
        assert len({row["birth_date"] for row in together} - {None}) <= 1
        if len(together) > 1:
            contacts = {row["contact_id"] for row in together}
            keys = {(row["first_name"], row["birth_date"]) for row in together}
            assert len(contacts - {None}) >= 1 or len(keys) == 1
