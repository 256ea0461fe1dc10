"""Suspected duplicates: found in data with known truth, explained, and never too many."""

from __future__ import annotations

from datetime import date
from random import Random
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from letting_sync.matching.cleaning import clean
from letting_sync.matching.dedup import merge_same_person
from letting_sync.matching.suspects.suspects import COMPARED, THRESHOLD, suspects
from tests.harness.prospects_like import GERLINDE, among_others, prospects_like
from tests.harness.synthetic_people import KINDS, people, true_pairs

BORN = GERLINDE["birth_date"]


def frame(*rows: dict[str, Any]) -> pd.DataFrame:
    return prospects_like(GERLINDE, *rows)


def found(prospects: pd.DataFrame) -> dict[tuple[int, int], str]:
    table = suspects(prospects)
    assert table["score"].between(THRESHOLD, 1).all()
    return dict(zip(zip(table["record"], table["other_record"], strict=True), table["reason"], strict=True))


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"first_name": "Gerlnde"}, "first_name_typo"),
        ({"first_name": "Gerilnde"}, "first_name_typo"),
        ({"last_name": "Kortig"}, "last_name_typo"),
        ({"last_name": "Körtigs"}, "last_name_typo"),
        ({"birth_date": date(1980, 5, 17)}, "birth_day_typo"),
        ({"birth_date": date(1980, 6, 16)}, "birth_month_typo"),
        ({"birth_date": date(1989, 5, 16)}, "birth_year_typo"),
        ({"first_name": "Körtig", "last_name": "Gerlinde"}, "names_swapped"),
        ({"first_name": "Gerlinde Maria"}, "first_name_part"),
        ({"last_name": "Körtig-Ott"}, "last_name_part"),
        ({"first_name": "Gerlnde", "last_name": "Kärtig"}, "first_name_typo,last_name_typo"),
        ({"last_name": "Körtigs", "birth_date": date(1980, 5, 17)}, "last_name_typo,birth_day_typo"),
    ],
)
def test_a_near_match_is_found_and_explained(other: dict[str, Any], reason: str) -> None:
    assert found(frame({}, other)) == {(0, 1): reason}
    assert found(among_others(frame({}, other))).get((0, 1)) == reason


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("Aleksandr", "Ivanov"), ("Alexander", "Iwanow")),
        (("Mohammed", "Al-Hassan"), ("Muhammad", "Alhasan")),
        (("Yusuf", "Öztürk"), ("Yousef", "Oztuerk")),
        (("Michał", "Wiśniewski"), ("Michael", "Wisniewski")),
        (("Thi Hoa", "Nguyen"), ("Nguyen", "Thi Hoa")),
        (("Ekaterina", "Petrova"), ("Jekaterina", "Petrowa")),
    ],
)
def test_names_of_many_languages_in_their_usual_spellings(
    one: tuple[str, str], other: tuple[str, str]
) -> None:
    first, second = ({"first_name": name[0], "last_name": name[1]} for name in (one, other))
    assert list(found(among_others(frame(first, second)))) == [(0, 1)]


def test_swapped_day_and_month() -> None:
    one, other = {"birth_date": date(1980, 5, 6)}, {"birth_date": date(1980, 6, 5)}
    assert found(among_others(frame(one, other))) == {(0, 1): "day_month_swapped"}


def test_a_hyphen_or_an_accent_makes_a_suspect() -> None:
    pairs = among_others(frame({"first_name": "Anna-Lena"}, {"first_name": "Anna Lena"}))
    assert found(pairs) == {(0, 1): "name_spelling"}


@pytest.mark.parametrize(
    "other", [{"first_name": "Ida"}, {"last_name": "Ott"}, {"birth_date": date(1951, 11, 2)}]
)
def test_namesakes_are_no_suspects(other: dict[str, Any]) -> None:
    common = {"first_name": "Sabine"}
    assert found(among_others(frame(common, common | other))) == {}


def test_merged_records_are_no_suspects() -> None:
    assert found(frame({"last_name": "KÖRTIG"}, {"last_name": "Koertig"})) == {}


def test_a_person_on_several_units_speaks_once() -> None:
    rows = among_others(frame({}, {}, {"last_name": "Körtigs"})).assign(
        external_id=lambda x: x["record"].astype("str"),
        unit=lambda x: x["record"].astype("str"),
        updated_at=pd.Timestamp("2026-01-01", tz="UTC"),
        chosen=True,
        withdrawn=False,
    )
    kept, _ = merge_same_person(rows)
    assert found(kept) == {(0, 2): "last_name_typo"}


def test_a_common_name_needs_more_than_a_rare_one() -> None:
    """In a crowd of Müllers the same name with another year of birth is another person."""
    random = Random(3)
    crowd = [
        {
            "first_name": "Sabine",
            "last_name": "Müller",
            "birth_date": date(random.randint(1940, 1999), random.randint(1, 12), random.randint(1, 28)),
        }
        for _ in range(300)
    ]
    rare = [{}, {"birth_date": date(1986, 5, 16)}]
    assert (
        found(among_others(frame(*rare, *crowd)).drop_duplicates("record")).get((0, 1)) == "birth_year_typo"
    )
    pairs = found(frame(*rare, *crowd))
    assert set(pairs) == {(0, 1)}


def test_without_a_date_of_birth_a_shared_telephone_tells() -> None:
    rows = among_others(frame({"birth_date": None, "phone": "+49301234567"}, {"mobile": "+49301234567"}))
    assert found(rows) == {(0, 1): "birth_date_missing"}


@pytest.mark.parametrize(
    ("kind", "f1", "precision"),
    [("crowded", 0.975, 0.97), ("ordinary", 0.985, 0.98), ("sloppy", 0.97, 0.965), ("rare", 0.99, 0.99)],
)
def test_known_truth(kind: str, f1: float, precision: float) -> None:
    """10,000 persons, 1,000 of them twice with errors; bars about half a point below what is reached."""
    data = people(10_000, 1000, KINDS[kind], seed=11)
    truth = true_pairs(data)
    prospects = clean(data)
    prospects = prospects.assign(
        external_id=prospects["record"].astype("str"),
        unit="1/2/3/4",
        updated_at=pd.Timestamp("2026-01-01", tz="UTC"),
        chosen=True,
        withdrawn=False,
    )
    kept, duplicates = merge_same_person(prospects)
    merged = {
        tuple(sorted(pair))
        for pair in duplicates[["record", "duplicate_of"]].itertuples(index=False, name=None)
    }
    table = suspects(kept)
    pairs = set(zip(table["record"], table["other_record"], strict=True)) | merged
    right = len(pairs & truth)
    assert merged <= truth
    assert right / len(pairs) >= precision
    assert 2 * right / (len(pairs) + len(truth)) >= f1


def test_a_placeholder_date_does_not_make_everybody_a_suspect() -> None:
    data = people(3000, 0, KINDS["ordinary"], seed=3).assign(birth_date=pd.Timestamp("1970-01-01"))
    assert len(suspects(clean(data))) < 60


names = st.one_of(
    st.none(),
    st.text(max_size=8),
    st.sampled_from(["Anna", "Ana", "Anna Maria", "Ott", "O-tt", "\u200b", "ÄÖ"]),
)


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "first_name": names,
                "last_name": names,
                "birth_date": st.sampled_from(
                    [BORN, date(1980, 5, 17), date(1, 1, 1), date(9999, 12, 31), None]
                ),
                "email": st.sampled_from(["a@b.de", None]),
                "phone": st.sampled_from(["+49301234567", None]),
                "contact_id": st.sampled_from(["c1", None]),
                "street": st.sampled_from(["Lindenstraße", "Lindenstr.", "", None]),
                "house_number": st.sampled_from(["7", "7 a", None]),
                "postal_code": st.sampled_from(["10969", "10996", None]),
                "city": st.sampled_from(["Berlin", None]),
            }
        ),
        max_size=12,
    ),
    st.randoms(use_true_random=False),
)
@settings(max_examples=30, deadline=None)
def test_any_text_is_taken_and_the_order_of_rows_decides_nothing(
    rows: list[dict[str, Any]], random: Any
) -> None:
    columns = ["record", *(name for name in COMPARED if name != "mobile")]
    prospects = clean(pd.DataFrame([{"record": at} | row for at, row in enumerate(rows)], columns=columns))
    table = suspects(prospects)
    assert (table["record"] < table["other_record"]).all()
    again = suspects(prospects.sample(frac=1, random_state=random.randint(0, 2**31)))
    pd.testing.assert_frame_equal(table, again)
