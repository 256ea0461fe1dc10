"""Who is the same person: never the wrong one, and nobody lost."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from people_frames import DAY, OTHER_UNIT, frame, people

from letting_sync.matching.dedup import identity, merge_same_person, undecided
from letting_sync.matching.keys import DEFAULT_KEY, person_key


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


NONE = {"birth_date": None}


def test_without_a_date_of_birth_nobody_is_surely_the_same_person() -> None:
    """A father and his son share name, e-mail address and landline; a gap is not filled from the other's record."""
    landline = {"email": "ott@b.de", "phone": "030 1234567"}
    kept, duplicates = merge_same_person(
        frame(landline | {"street": "Weg"}, NONE | landline, NONE | landline | {"first_name": "Ida"}, NONE)
    )
    assert kept["person"].tolist() == [0, 1, 2, 3]
    assert duplicates.empty
    assert kept["birth_date"].isna().tolist() == [False, True, True, True]
    assert kept["street"].isna().tolist() == [False, True, True, True]
    assert undecided(kept).tolist() == [False, False, False, True]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"phone": "030 1234567"}, {"phone": "030/1234567"}, True),
        ({"phone": "0171 1234567"}, {"mobile": "0171 1234567"}, True),
        ({"phone": "030 1234567"}, {"phone": "030 7654321"}, False),
        ({}, {}, False),
    ],
)
def test_two_records_without_a_date_need_a_telephone_number_in_common(
    one: Any, other: Any, same: bool
) -> None:
    both = NONE | {"email": "ott@b.de"}
    kept, _ = merge_same_person(frame(both | one, both | other))
    assert len(kept) == (1 if same else 2)


PLACEHOLDER, FIRST_OF_JANUARY = {"birth_date": date(1900, 1, 1)}, {"birth_date": date(1970, 1, 1)}


@pytest.mark.parametrize("born", [PLACEHOLDER, FIRST_OF_JANUARY, {"birth_date": date(1977, 7, 7)}])
def test_two_strangers_with_one_name_and_a_placeholder_stay_two_and_fill_no_gaps(
    born: dict[str, Any],
) -> None:
    kept, duplicates = merge_same_person(
        frame(born | {"email": "a@b.de", "phone": "030 1234567"}, born | {"email": "c@d.de", "street": "Weg"})
    )
    assert kept["person"].tolist() == [0, 1]
    assert duplicates.empty
    assert kept["phone"].isna().tolist() == [False, True]
    assert kept["street"].isna().tolist() == [True, False]


@pytest.mark.parametrize("same", [{"email": "a@b.de"}, {"phone": "030 1234567"}, {"mobile": "0171 1234567"}])
def test_a_weak_date_tells_a_person_together_with_contact_data(same: dict[str, str]) -> None:
    kept, _ = merge_same_person(frame(FIRST_OF_JANUARY | same, FIRST_OF_JANUARY | same))
    assert len(kept) == 1
    kept, _ = merge_same_person(frame(PLACEHOLDER | same, PLACEHOLDER | same))
    assert len(kept) == 2  # as without any date


def test_who_is_told_by_a_weak_date_is_one_person_on_each_unit_of_a_record() -> None:
    kept, _ = merge_same_person(
        frame(
            FIRST_OF_JANUARY | {"external_id": "x"},
            FIRST_OF_JANUARY | {"external_id": "x", "unit": OTHER_UNIT},
        )
    )
    assert kept["person"].tolist() == [0, 0]


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


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({}, {"last_name": "OTT", "email": "c@d.de"}, True),
        ({}, {"birth_date": date(1981, 5, 6)}, False),
        (FIRST_OF_JANUARY | {"email": "a@b.de"}, FIRST_OF_JANUARY | {"email": "a@b.de"}, True),
        (FIRST_OF_JANUARY | {"email": "a@b.de"}, FIRST_OF_JANUARY | {"email": "c@d.de"}, False),
        (FIRST_OF_JANUARY, FIRST_OF_JANUARY, False),
        (
            NONE | {"email": "a@b.de", "phone": "030 1234567"},
            NONE | {"email": "a@b.de", "mobile": "030/1234567"},
            True,
        ),
        (NONE | {"email": "a@b.de"}, NONE | {"email": "a@b.de"}, False),
        (PLACEHOLDER, PLACEHOLDER, False),
    ],
)
def test_an_identity_is_equal_only_for_one_person(one: Any, other: Any, same: bool) -> None:
    found = identity(frame(one, other))
    assert (found[0] == found[1] and pd.notna(found[0])) == same
