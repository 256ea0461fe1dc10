"""Who is the same person: never the wrong one, and nobody lost."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from letting_sync.matching.cleaning import clean
from letting_sync.matching.dedup import match_partners, merge_same_person, undecided
from letting_sync.matching.keys import DEFAULT_KEY, person_key

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


def answer(prospects: pd.DataFrame, partners: pd.DataFrame, **options: Any) -> list[tuple[str | None, str]]:
    found = match_partners(prospects, partners, **options)
    assert list(found["record"]) == list(prospects["record"])
    numbers = found["business_partner_number"]
    return [(None if pd.isna(n) else n, reason) for n, reason in zip(numbers, found["reason"], strict=True)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Müller", "MUELLER"),
        ("Weiß", "Weiss"),
        ("Groß", "GROẞ"),
        ("Mu\u0308ller", "Müller"),
        ("von der Heyde", "Von  Der\u00a0Heyde"),
        ("vonderHeyde", "von der Heyde"),
        ("Ma\u200bier", "Maier"),
    ],
)
def test_spellings_that_are_one_name(one: str, other: str) -> None:
    keys = person_key(frame({"last_name": one}, {"last_name": other}))
    assert keys[0] == keys[1]


@pytest.mark.parametrize(
    ("one", "other"), [("Anna-Lena", "Anna Lena"), ("André", "Andre"), ("Mayer", "Maier"), ("Jo", "Joe")]
)
def test_spellings_that_are_two_names(one: str, other: str) -> None:
    keys = person_key(frame({"first_name": one}, {"first_name": other}))
    assert keys[0] != keys[1]


def test_a_key_has_no_value_where_a_part_is_missing_and_parts_do_not_flow_together() -> None:
    keys = person_key(frame({"birth_date": None}, {"first_name": "An", "last_name": "naOtt"}, {}))
    assert pd.isna(keys[0])
    assert keys[1] != keys[2]


@pytest.mark.parametrize("key", [(), ("income",), "email", ("last_name", "street")])
def test_an_impossible_key_is_refused(key: Any) -> None:
    with pytest.raises(ValueError, match="key"):
        merge_same_person(frame({}), key)


def test_one_person_on_one_listing_is_one_prospect_the_latest_record_wins() -> None:
    kept, duplicates = merge_same_person(
        frame({"email": "a@b.de", "phone": "030 1234567"}, {"first_name": "ANNA", "email": "c@d.de"})
    )
    assert kept["external_id"].tolist() == ["x1"]
    assert kept["email"].tolist() == ["c@d.de"]
    assert kept["phone"].tolist() == ["+49301234567"]
    assert duplicates.to_dict("records") == [{"record": 0, "duplicate_of": 1, "reason": "same_person"}]


def test_one_person_on_two_listings_is_one_person_with_two_prospects() -> None:
    kept, duplicates = merge_same_person(frame({}, {"unit": OTHER_UNIT, "last_name": "OTT "}))
    assert kept["person"].tolist() == [0, 0]
    assert duplicates.empty


@pytest.mark.parametrize(
    "other",
    [
        {"first_name": "Ida"},
        {"birth_date": date(1980, 6, 5)},
        {"last_name": "Ortt"},
        {"first_name": "Ott", "last_name": "Anna"},
    ],
)
def test_near_persons_stay_two(other: dict[str, Any]) -> None:
    kept, _ = merge_same_person(frame({"email": "a@b.de"}, {"email": "a@b.de"} | other))
    assert kept["person"].tolist() == [0, 1]


@pytest.mark.parametrize(
    "key", [DEFAULT_KEY, ("last_name", "birth_date"), ("email",), ("last_name", "email")]
)
def test_twins_and_couples_with_one_address_stay_two_whatever_the_key(key: tuple[str, ...]) -> None:
    kept, duplicates = merge_same_person(
        frame({"email": "ott@b.de"}, {"first_name": "Ida", "email": "ott@b.de"}), key
    )
    assert len(kept) == 2
    assert duplicates.empty


def test_a_key_of_the_customer_decides() -> None:
    two = frame({"email": "a@b.de"}, {"email": "A@B.de", "birth_date": date(1981, 5, 6)})
    assert len(merge_same_person(two)[0]) == 2
    assert len(merge_same_person(two, ("last_name", "email"))[0]) == 1


def test_without_date_of_birth_email_and_name_decide() -> None:
    none = {"birth_date": None}
    kept, duplicates = merge_same_person(
        frame(
            {"email": "a@b.de"},
            none | {"email": "A@B.DE"},
            none | {"email": "a@b.de", "first_name": "Ida"},
            none | {"email": None},
        )
    )
    assert kept["record"].tolist() == [1, 2, 3]
    assert duplicates["record"].tolist() == [0]
    assert kept["birth_date"].iloc[0] == pd.Timestamp(BORN)
    assert undecided(kept).tolist() == [False, False, True]


def test_father_and_son_with_one_address_are_not_joined_by_a_record_without_date() -> None:
    both = {"email": "ott@b.de"}
    kept, duplicates = merge_same_person(
        frame(both, both | {"birth_date": date(2005, 1, 2)}, both | {"birth_date": None})
    )
    assert kept["person"].tolist() == [0, 1, 2]
    assert duplicates.empty


def test_two_records_that_could_each_be_the_father_or_the_son_stay_two() -> None:
    both = {"email": "ott@b.de"}
    dateless = both | {"birth_date": None}
    kept, duplicates = merge_same_person(
        frame(both, both | {"birth_date": date(2005, 1, 2)}, dateless, dateless)
    )
    assert kept["person"].tolist() == [0, 1, 2, 3]
    assert duplicates.empty


def test_nobody_can_tell_who_has_neither_the_key_nor_an_email_address() -> None:
    people = frame(
        {"birth_date": None, "email": "a@b.de"},
        {},
        {"birth_date": None},
        {"last_name": None, "email": "a@b.de"},
    )
    people.index = pd.Index([7, 5, 3, 1])
    assert undecided(people).to_dict() == {7: False, 5: False, 3: True, 1: True}


def test_no_prospects_at_all() -> None:
    kept, duplicates = merge_same_person(frame({}).iloc[:0])
    assert kept.empty
    assert duplicates.empty


def test_a_choice_on_either_record_counts_but_not_that_of_a_withdrawn_one() -> None:
    kept, _ = merge_same_person(frame({"chosen": True}, {"chosen": False}))
    assert kept[["record", "chosen", "withdrawn"]].values.tolist() == [[1, True, False]]
    kept, _ = merge_same_person(frame({"chosen": False}, {"chosen": True, "withdrawn": True}))
    assert kept[["record", "chosen", "withdrawn"]].values.tolist() == [[0, False, False]]
    kept, _ = merge_same_person(frame({"withdrawn": True}, {"withdrawn": True}))
    assert kept[["record", "chosen", "withdrawn"]].values.tolist() == [[1, True, True]]


def test_who_has_withdrawn_everywhere_and_was_never_chosen_is_not_chosen() -> None:
    gone = {"chosen": False, "withdrawn": True}
    kept, _ = merge_same_person(frame(gone, gone))
    assert kept[["chosen", "withdrawn"]].values.tolist() == [[False, True]]


def test_the_larger_external_id_wins_a_tie() -> None:
    kept, _ = merge_same_person(
        frame({"updated_at": DAY, "external_id": "b"}, {"updated_at": DAY, "external_id": "a"})
    )
    assert kept["external_id"].tolist() == ["b"]


def test_an_address_is_filled_up_but_never_mixed() -> None:
    home = {"street": "Hauptstr.", "house_number": "1", "postal_code": "10115", "city": "Berlin"}
    kept, _ = merge_same_person(frame(home, {}))
    assert kept.iloc[0][list(home)].to_dict() == home
    kept, _ = merge_same_person(frame(home, {"city": "Bremen"}))
    assert pd.isna(kept.iloc[0]["street"])
    kept, _ = merge_same_person(frame(home, {"city": "Berlin", "street": "Hauptstr."}))
    assert kept.iloc[0]["house_number"] == "1"


def test_the_best_of_several_records_gives_the_address_and_each_person_is_looked_at_alone() -> None:
    bonn, kiel = {"street": "Weg", "city": "Bonn"}, {"street": "Ufer", "city": "Kiel"}
    ida = {"first_name": "Ida"}
    kept, _ = merge_same_person(frame(kiel, bonn, {}, ida | kiel, ida | {"city": "Bonn"}))
    assert kept["street"].fillna("").tolist() == ["Weg", ""]
    assert kept["city"].tolist() == ["Bonn", "Bonn"]


def test_a_salutation_that_is_not_given_is_filled() -> None:
    kept, _ = merge_same_person(frame({"salutation": "MRS"}, {}))
    assert kept["salutation"].tolist() == ["MRS"]


def test_a_record_read_twice_counts_once_in_its_newest_state() -> None:
    old = {"external_id": "x", "phone": "030 1234567", "birth_date": None}
    kept, duplicates = merge_same_person(
        frame(old, {"external_id": "x", "birth_date": None, "last_name": "Otto"})
    )
    assert kept["last_name"].tolist() == ["Otto"]
    assert pd.isna(kept["phone"].iloc[0])
    assert duplicates.to_dict("records") == [{"record": 0, "duplicate_of": 1, "reason": "same_record"}]


def test_what_a_lost_record_is_a_duplicate_of_is_kept() -> None:
    same = {"external_id": "x"}
    kept, duplicates = merge_same_person(frame(same, same, {"external_id": "y"}))
    assert kept["record"].tolist() == [2]
    assert duplicates.set_index("record")["duplicate_of"].to_dict() == {0: 2, 1: 2}


def test_records_must_be_told_apart() -> None:
    with pytest.raises(ValueError, match="unique"):
        merge_same_person(frame({}, {"record": 0}))


@pytest.mark.parametrize(
    ("partner", "expected"),
    [
        ({}, ("1", "exact")),
        ({"first_name": "Anna "}, ("1", "folded")),
        ({"last_name": "OTT"}, ("1", "folded")),
        ({"first_name": "Dr. Anna"}, ("1", "folded")),
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
        ("1", "folded"),
        ("1", "folded"),
        (None, "none"),
    ]
    assert answer(prospects.iloc[:2], stored({"email": "a@b.de"})) == [("1", "exact"), ("1", "folded")]


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
    assert answer(prospects, partners) == [("1", "exact"), ("3", "folded"), ("4", "folded")]
    assert answer(prospects.iloc[::-1], partners)[::-1] == [("1", "exact"), ("3", "folded"), ("4", "folded")]


def test_a_partner_with_another_date_is_another_person_even_with_the_same_email() -> None:
    prospects = frame({"email": "a@b.de"})
    assert answer(prospects, stored({"email": "a@b.de", "birth_date": date(1950, 1, 1)})) == [(None, "none")]


def test_all_prospects_of_a_person_get_one_answer() -> None:
    kept, _ = merge_same_person(
        frame({"email": "a@b.de"}, {"unit": OTHER_UNIT, "email": "a@b.de", "birth_date": None})
    )
    assert answer(kept, stored({"first_name": "ANNA"})) == [("1", "folded"), ("1", "folded")]


def test_nobody_is_found_where_there_is_nobody() -> None:
    assert answer(frame({}, {"last_name": None}), stored({}).iloc[:0]) == [(None, "none"), (None, "none")]


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


@given(
    people,
    st.randoms(use_true_random=False),
    st.sampled_from([DEFAULT_KEY, ("last_name", "email"), ("email",)]),
)
@settings(max_examples=40, deadline=None)
def test_the_order_of_rows_decides_nothing(
    rows: list[dict[str, Any]], random: Any, key: tuple[str, ...]
) -> None:
    given_order = frame(*rows)
    shuffled = given_order.sample(frac=1, random_state=random.randint(0, 2**31))
    kept, duplicates = merge_same_person(given_order, key)
    kept_again, duplicates_again = merge_same_person(shuffled, key)
    pd.testing.assert_frame_equal(
        kept.sort_values("record").reset_index(drop=True),
        kept_again.sort_values("record").reset_index(drop=True),
    )
    columns = ["record", "duplicate_of"]
    pd.testing.assert_frame_equal(
        duplicates.sort_values(columns).reset_index(drop=True),
        duplicates_again.sort_values(columns).reset_index(drop=True),
    )


@given(people)
@settings(max_examples=40, deadline=None)
def test_nobody_is_lost_and_only_equal_names_are_merged(rows: list[dict[str, Any]]) -> None:
    prospects = frame(*rows)
    kept, duplicates = merge_same_person(prospects)
    assert sorted([*kept["record"], *duplicates["record"]]) == list(range(len(rows)))
    assert set(duplicates["duplicate_of"]) <= set(kept["record"])
    assert kept.groupby(["person", "unit"]).size().max() == 1
    full, names = person_key(prospects), person_key(prospects, ("first_name", "last_name"))
    for lost, winner, reason in duplicates.itertuples(index=False):
        if reason == "same_person":
            assert names[lost] == names[winner]
            assert full[lost] == full[winner] or pd.isna(full[lost]) or pd.isna(full[winner])
    dated = kept.dropna(subset=["first_name", "birth_date"])
    dates = dated.groupby("person")["birth_date"].nunique()
    assert (dates <= 1).all()


@given(people)
@settings(max_examples=40, deadline=None)
def test_merging_the_merged_changes_nothing(rows: list[dict[str, Any]]) -> None:
    kept, _ = merge_same_person(frame(*rows))
    again, duplicates = merge_same_person(kept.drop(columns="person"))
    assert again["record"].tolist() == kept["record"].tolist()
    assert duplicates.empty


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
    for record, number, reason in found.itertuples(index=False):
        assert pd.isna(number) == (reason in ("none", "ambiguous_partner"))
        if not pd.isna(number):
            assert names[record] == stored_names[int(number)]
            born = partners[int(number)]["birth_date"]
            assert (
                born is None
                or pd.isna(prospects["birth_date"][record])
                or prospects["birth_date"][record].date() == born
            )
