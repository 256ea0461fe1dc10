"""Which stored business partner a prospect is, and what leaves a doubt."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from people_frames import OTHER_UNIT, frame, people, stored

from letting_sync.matching.cleaning import clean
from letting_sync.matching.dedup import merge_same_person
from letting_sync.matching.keys import person_key
from letting_sync.matching.partners import match_partners

NONE = {"birth_date": None}
PLACEHOLDER, FIRST_OF_JANUARY = {"birth_date": date(1900, 1, 1)}, {"birth_date": date(1970, 1, 1)}


def answer(prospects: pd.DataFrame, partners: pd.DataFrame, **options: Any) -> list[tuple[str | None, str]]:
    found = match_partners(prospects, partners, **options)
    assert list(found["record"]) == list(prospects["record"])
    numbers = found["business_partner_number"]
    return [(None if pd.isna(n) else n, reason) for n, reason in zip(numbers, found["reason"], strict=True)]


def test_a_key_has_no_value_where_a_part_is_missing_and_parts_do_not_flow_together() -> None:
    keys = person_key(frame({"birth_date": None}, {"first_name": "An", "last_name": "naOtt"}, {}))
    assert pd.isna(keys[0])
    assert keys[1] != keys[2]


@pytest.mark.parametrize(
    ("partner", "expected"),
    [
        ({}, ("1", "exact")),
        ({"first_name": "Anna "}, ("1", "normalised")),
        ({"last_name": "OTT"}, ("1", "normalised")),
        ({"first_name": "Dr. Anna"}, ("1", "normalised")),
        ({"birth_date": date(1980, 6, 5)}, (None, "none")),
        ({"first_name": "Ida"}, (None, "none")),
        ({"birth_date": None}, (None, "none")),
    ],
)
def test_a_stored_partner_is_found(partner: dict[str, Any], expected: tuple[str | None, str]) -> None:
    assert answer(frame({}), stored(partner)) == [expected]


def test_two_partners_that_fit_are_for_a_person_to_decide() -> None:
    assert answer(frame({}), stored({}, {})) == [(None, "ambiguous_partner")]
    assert answer(frame({}), stored({}, {"last_name": "OTT"})) == [(None, "ambiguous_partner")]


def test_one_partner_looked_up_twice_is_one() -> None:
    partners = stored({"email": "a@b.de"})
    assert answer(frame({}), pd.concat([partners, partners])) == [("1", "exact")]


def test_partners_without_date_are_found_by_email_and_name() -> None:
    prospects = frame(
        {"email": "A@b.de"}, {"email": "a@b.de", "birth_date": None}, {"email": "a@b.de", "first_name": "Ida"}
    )
    assert answer(prospects, stored({"email": "a@B.de", "birth_date": None})) == [
        ("1", "normalised"),
        ("1", "normalised"),
        (None, "none"),
    ]
    assert answer(prospects.iloc[:2], stored({"email": "a@b.de"})) == [("1", "exact"), ("1", "normalised")]


def test_who_is_found_by_the_key_is_not_looked_for_by_email_too() -> None:
    """Else a second partner of the same name, without a date, would make a sure answer unsure."""
    prospects = frame(
        {"email": "a@b.de"},
        {"first_name": "Ida", "email": "i@b.de"},
        {"first_name": "Eva", "email": "e@b.de"},
    )
    without = {"birth_date": None}
    partners = stored(
        {},
        without | {"email": "a@b.de"},
        without | {"first_name": "Ida", "email": "i@b.de"},
        without | {"first_name": "Eva", "email": "e@b.de"},
    )
    assert answer(prospects, partners) == [("1", "exact"), ("3", "normalised"), ("4", "normalised")]
    assert answer(prospects.iloc[::-1], partners)[::-1] == [
        ("1", "exact"),
        ("3", "normalised"),
        ("4", "normalised"),
    ]


def test_a_partner_with_another_date_is_another_person_even_with_the_same_email() -> None:
    prospects = frame({"email": "a@b.de"})
    assert answer(prospects, stored({"email": "a@b.de", "birth_date": date(1950, 1, 1)})) == [(None, "none")]


def test_all_prospects_of_a_person_get_one_answer() -> None:
    kept, _ = merge_same_person(
        frame({"email": "a@b.de"}, {"unit": OTHER_UNIT, "email": "c@d.de", "last_name": "OTT"})
    )
    assert answer(kept, stored({"first_name": "ANNA"})) == [("1", "normalised"), ("1", "normalised")]


def doubts(
    prospects: pd.DataFrame, partners: pd.DataFrame
) -> list[tuple[str | None, str | None, str | None]]:
    """Number, doubt, and the partner that it is not."""
    found = match_partners(prospects, partners)[["business_partner_number", "doubt", "not_this_partner"]]
    return [
        tuple(None if pd.isna(value) else value for value in row) for row in found.itertuples(index=False)
    ]


@pytest.mark.parametrize(
    ("prospect", "partner", "expected"),
    [
        ({"email": "a@b.de"}, {"email": "x@y.de"}, ("1", None, None)),
        # father and son: only name and contact agree
        (NONE | {"email": "a@b.de"}, {"email": "a@b.de"}, ("1", "names_and_contact_only", None)),
        ({"email": "a@b.de"}, NONE | {"email": "a@b.de"}, ("1", "names_and_contact_only", None)),
        (NONE | {"email": "a@b.de"}, NONE | {"email": "a@b.de"}, ("1", "names_and_contact_only", None)),
        (
            PLACEHOLDER | {"email": "a@b.de"},
            PLACEHOLDER | {"email": "a@b.de"},
            ("1", "names_and_contact_only", None),
        ),
        (
            {"email": "a@b.de"},
            {"birth_date": date(9999, 12, 31), "email": "a@b.de"},
            ("1", "names_and_contact_only", None),
        ),
        # a placeholder finds nobody
        (PLACEHOLDER | {"email": "a@b.de"}, PLACEHOLDER | {"email": "x@y.de"}, (None, None, None)),
        (PLACEHOLDER, PLACEHOLDER, (None, None, None)),
        # a day that many share
        (FIRST_OF_JANUARY | {"email": "a@b.de"}, FIRST_OF_JANUARY | {"email": "a@b.de"}, ("1", None, None)),
        (FIRST_OF_JANUARY | {"email": "a@b.de"}, FIRST_OF_JANUARY, ("1", "weak_birth_date", None)),
        (FIRST_OF_JANUARY | {"email": "a@b.de"}, FIRST_OF_JANUARY | {"email": "x@y.de"}, (None, None, "1")),
    ],
)
def test_what_a_match_with_a_stored_partner_rests_on(prospect: Any, partner: Any, expected: Any) -> None:
    assert doubts(frame(prospect), stored(partner)) == [expected]


def test_nobody_is_found_where_there_is_nobody() -> None:
    assert answer(frame({}, {"last_name": None}), stored({}).iloc[:0]) == [(None, "none"), (None, "none")]


@given(people, people)
@settings(max_examples=40, deadline=None)
def test_a_number_is_only_given_for_equal_names_and_never_against_the_date(
    rows: list[dict[str, Any]], partners: list[dict[str, Any]]
) -> None:
    fields = ["first_name", "last_name", "birth_date", "email"]
    erp = pd.DataFrame(partners)[fields].assign(number=[str(at) for at in range(len(partners))])
    prospects = frame(*rows)
    found = match_partners(prospects, erp)
    names = person_key(prospects, ("first_name", "last_name"))
    stored_names = person_key(clean(erp), ("first_name", "last_name"))
    for record, number, reason, *_ in found.itertuples(index=False):
        assert pd.isna(number) == (reason in ("none", "ambiguous_partner"))
        if not pd.isna(number):
            assert names[record] == stored_names[int(number)]
            born = partners[int(number)]["birth_date"]
            assert (
                born is None
                or pd.isna(prospects["birth_date"][record])
                or prospects["birth_date"][record].date() == born
            )
