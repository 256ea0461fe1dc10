"""Cleaning: what the ERP's byte by byte check would stumble over goes, nothing else is lost."""

from __future__ import annotations

import unicodedata
from datetime import date
from random import Random

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from letting_sync.matching.cleaning import CLEANED, clean

TEXT_FIELDS = [field for field in CLEANED if field != "title"]
odd_letters = st.sampled_from(
    "aÄßẞİıŉǆﬁ\u0308\u00a0\u200b\u200d\u202e\u2028\ufeff\u00ad\x00\t-–'’. \u3164\u2800\u0345😀אم"
)
texts = st.one_of(
    st.none(),
    st.text(max_size=30),
    st.text(odd_letters, max_size=12),
    st.lists(
        st.sampled_from(["Dr.", "PROF", "von", "VON", "MCDONALD", "Anna", "H.-J.", "-", " ", "Dr"]),
        max_size=5,
    ).map(" ".join),
)


def one(**fields: object) -> pd.Series:
    return clean(pd.DataFrame([{"record": 0, **fields}], dtype=object)).iloc[0]


@pytest.mark.parametrize(
    "blank",
    [
        " ",
        "\u00a0",
        "\u2009",
        "\u200b",
        "\ufeff",
        "\u2060",
        "\t",
        "\n",
        "\u00ad",
        "\u202e",
        "\u3000",
        "\u2800",
    ],
)
def test_a_blank_of_any_kind_around_a_name_goes(blank: str) -> None:
    assert one(first_name=f"{blank}Anna{blank}", last_name="Ott")["first_name"] == "Anna"


@pytest.mark.parametrize("blank", ["  ", "\u00a0", " \u200b ", "\t", "\u2003\u2003"])
def test_blanks_between_two_names_become_one(blank: str) -> None:
    assert one(first_name=f"Anna{blank}Maria")["first_name"] == "Anna Maria"


def test_a_name_is_composed() -> None:
    assert one(last_name="Mu\u0308ller")["last_name"] == "M\u00fcller"


@pytest.mark.parametrize("nothing", ["", "   ", "\u00a0\u200b", None, "\x00"])
def test_a_name_of_blanks_only_is_missing(nothing: str | None) -> None:
    assert pd.isna(one(first_name=nothing, last_name=nothing)["last_name"])


@pytest.mark.parametrize(
    ("written", "title", "name"),
    [
        ("Dr. Anna", "Dr.", "Anna"),
        ("Dr Anna", "Dr.", "Anna"),
        ("DR. ANNA", "Dr.", "Anna"),
        ("Dr.Anna", "Dr.", "Anna"),
        ("Prof. Dr. med. Karl-Heinz", "Prof. Dr. med.", "Karl-Heinz"),
        ("Dr.-Ing. Max", "Dr.-Ing.", "Max"),
        ("Prof.\u00a0Dr. Eva", "Prof. Dr.", "Eva"),
        ("Professor Karl", "Prof.", "Karl"),
        ("Dr. Phil", "Dr.", "Phil"),
        ("Dipl.-Ing. Ute", "Dipl.-Ing.", "Ute"),
    ],
)
def test_titles_leave_the_first_name(written: str, title: str, name: str) -> None:
    row = one(first_name=written)
    assert (row["title"], row["first_name"]) == (title, name)


@pytest.mark.parametrize(
    "name", ["Drago", "Magda", "Ingo", "Profira", "Dragan Medo", "Ing", "Mag", "B. Anna", "Univera"]
)
def test_names_that_begin_like_a_title_stay(name: str) -> None:
    row = one(first_name=name)
    assert row["first_name"] == name
    assert pd.isna(row["title"])


def test_a_title_that_is_there_is_not_doubled() -> None:
    assert one(first_name="Dr. Anna", title="Dr.")["title"] == "Dr."
    assert one(first_name="Dr. Anna", title="Prof.")["title"] == "Prof. Dr."


def test_a_last_name_never_vanishes_into_a_title() -> None:
    assert one(first_name="Anna", last_name="Prof")["last_name"] == "Prof"


@pytest.mark.parametrize(
    ("capitals", "ordinary"),
    [
        ("MÜLLER", "Müller"),
        ("MÜLLER-LÜDENSCHEIDT", "Müller-Lüdenscheidt"),
        ("VON DER HEYDE", "von der Heyde"),
        ("ZU GUTTENBERG", "zu Guttenberg"),
        ("DE VRIES", "de Vries"),
        ("MCDONALD", "McDonald"),
        ("MACDONALD", "MacDonald"),
        ("MACHADO", "Machado"),
        ("MACK", "Mack"),
        ("O'NEILL", "O'Neill"),
        ("MEIER-VON BERG", "Meier-von Berg"),
        ("ZU", "Zu"),
        ("NG", "NG"),
        ("GROẞ", "Groß"),
        ("YILMAZ", "Yilmaz"),
        ("STRAUß", "Strauß"),
        ("WEIß", "Weiß"),
        ("VON GROß", "von Groß"),
        ("GROß-GERAU", "Groß-Gerau"),
        ("van der BERG", "van der Berg"),
        ("MEYER zu ERPEN", "Meyer zu Erpen"),
        ("ŞAHİN", "Şahin"),
        ("ÇAĞRI", "Çağrı"),
        ("NGUYỄN", "Nguyễn"),
    ],
)
def test_capitals_only_names_are_written_as_people_write_them(capitals: str, ordinary: str) -> None:
    assert one(last_name=capitals)["last_name"] == ordinary


@pytest.mark.parametrize(
    "name",
    [
        "McDonald",
        "von der Heyde",
        "de Vries",
        "Anna",
        "MacDonald",
        "H.-J.",
        "DiCaprio",
        "ß",
        "Aß",
        "von",
        "IŞIL",  # Turkish or Romanian: Işil or Işıl?
        "MÜLLER-Lüdenscheidt",
        "MÜLLER geb. Schmidt",
    ],
)
def test_names_in_ordinary_writing_stay(name: str) -> None:
    row = one(last_name=name)
    assert row["last_name"] == name
    assert row["changed"] == ""


@pytest.mark.parametrize(
    ("written", "decoded"),
    [
        ("O&#x27;Reilly", "O'Reilly"),
        ("O&#39;Reilly", "O'Reilly"),
        ("M&uuml;ller", "Müller"),
        ("M&amp;uuml;ller", "Müller"),
        ("M&Uuml;LLER", "Müller"),
        ("&nbsp;Ott&#160;", "Ott"),
        ("Stra&szlig;e", "Straße"),
        ("R&B", "R&B"),
        ("Meier & Sohn;", "Meier & Sohn;"),
        ("A&unknown;B", "A&unknown;B"),
        ("Ott&#0;", "Ott&#0;"),
        ("Ott&#xFFFFFF;", "Ott&#xFFFFFF;"),
    ],
)
def test_html_entities_are_the_characters_that_they_stand_for(written: str, decoded: str) -> None:
    row = one(last_name=written, city=written)
    assert row["last_name"] == decoded
    assert row["city"] == ("MÜLLER" if written == "M&Uuml;LLER" else decoded)


def test_only_the_domain_of_an_email_address_is_made_small() -> None:
    assert one(email=" Anna.Ott@WEB.De\u200b")["email"] == "Anna.Ott@web.de"


def test_what_changed_is_named_but_never_the_value() -> None:
    row = one(first_name="DR. ANNA ", last_name="Ott", email="a@B.de", phone="030 1234567")
    assert row["changed"] == "title,first_name,email,phone"


def test_a_message_keeps_its_lines() -> None:
    assert one(message="\nGuten Tag\n\nAnna\n")["message"] == "Guten Tag\n\nAnna"


def test_a_missing_column_stays_missing_and_others_are_kept() -> None:
    cleaned = clean(
        pd.DataFrame({"record": [7, 3], "last_name": ["Ott", "Au "], "unit": ["1/2/3/4", "x"]}, index=[5, 2])
    )
    assert list(cleaned["record"]) == [7, 3]
    assert list(cleaned.index) == [5, 2]
    assert "email" not in cleaned
    assert list(cleaned["unit"]) == ["1/2/3/4", "x"]


def test_the_frame_given_is_not_altered() -> None:
    given = pd.DataFrame({"record": [0], "last_name": [" OTT "]})
    clean(given)
    assert given["last_name"][0] == " OTT "


@pytest.mark.parametrize("dates", [[date(1980, 5, 6), None], pd.to_datetime(["1980-05-06", None])])
def test_dates_of_any_kind_become_one_dtype(dates: object) -> None:
    cleaned = clean(pd.DataFrame({"record": [0, 1], "birth_date": dates}))["birth_date"]
    assert cleaned.dtype == "datetime64[s]"
    assert cleaned[0] == pd.Timestamp("1980-05-06")
    assert pd.isna(cleaned[1])


def test_pyarrow_dates_are_read() -> None:
    dates = pd.Series(pd.array([date(1931, 5, 6), None], dtype=pd.ArrowDtype(pa.date32())))
    assert clean(pd.DataFrame({"record": [0, 1], "birth_date": dates}))["birth_date"][0] == pd.Timestamp(
        "1931-05-06"
    )


def test_what_is_no_date_is_refused_without_naming_it() -> None:
    with pytest.raises(TypeError) as refusal:
        clean(pd.DataFrame({"record": [0], "birth_date": ["secret"]}))
    assert "secret" not in str(refusal.value)


def test_an_empty_frame() -> None:
    assert clean(
        pd.DataFrame({"record": pd.Series(dtype="int64"), "last_name": pd.Series(dtype="str")})
    ).empty


@given(
    st.lists(
        st.fixed_dictionaries({field: texts for field in [*TEXT_FIELDS, "title"]}), min_size=1, max_size=4
    )
)
@settings(max_examples=60, deadline=None)
def test_cleaning_never_fails_and_twice_is_once(rows: list[dict[str, str | None]]) -> None:
    once = clean(pd.DataFrame(rows).assign(record=range(len(rows))))
    pd.testing.assert_frame_equal(clean(once), once)


def test_twice_is_once_for_a_heap_of_odd_names() -> None:
    random = Random(4)
    pieces = [
        "Dr.",
        "PROF",
        "von",
        "VON",
        "MCDONALD",
        "Anna",
        "H.-J.",
        "-",
        "'",
        "–",
        "Dr",
        "Prof.",
        "dipl.-ing.",
        "MED.",
        "h.c.",
        "PD",
        "Mag.",
        "univ.-prof",
        "ING.",
        "O'",
        "MAC",
        "zu",
        "ZU",
        "II",
    ]
    pieces += ["\u2011", ",", ".", "\u00a0", "\u200b", "\u0308", "ẞ", "İ", "ŉ", "ǆ", "\u0345", "ᾳ", "א"]

    def name() -> str:
        return random.choice(["", "", " "]).join(random.choices(pieces, k=random.randint(0, 6)))

    rows = [{field: name() for field in ("title", "first_name", "last_name")} for _ in range(8000)]
    once = clean(pd.DataFrame(rows).assign(record=range(len(rows))))
    pd.testing.assert_frame_equal(clean(once), once)


@given(st.lists(texts, min_size=1, max_size=5))
@settings(max_examples=60, deadline=None)
def test_no_stray_blank_survives_in_a_name(names: list[str | None]) -> None:
    cleaned = clean(pd.DataFrame({"record": range(len(names)), "last_name": names}))["last_name"].dropna()
    for name in cleaned:
        assert name == " ".join(name.split()) != ""
        assert unicodedata.is_normalized("NFC", name)
        assert not any(
            unicodedata.category(char) in ("Zs", "Zl", "Zp", "Cc", "Cf") for char in name.replace(" ", "")
        )


@given(st.lists(texts, min_size=1, max_size=40))
@settings(max_examples=40, deadline=None)
def test_a_value_is_cleaned_alike_alone_and_among_many(names: list[str | None]) -> None:
    together = clean(pd.DataFrame({"record": range(len(names) * 3), "first_name": names * 3}))
    for at, name in enumerate(names):
        alone = one(first_name=name)
        for field in ("first_name", "title", "changed"):
            same = alone[field] == together[field][at] or (
                pd.isna(alone[field]) and pd.isna(together[field][at])
            )
            assert same


def test_huge_texts_and_lone_surrogates_do_no_harm() -> None:
    row = one(first_name="A" * 200_000, last_name="\ud800Ott", phone="0" * 100_000, email="@" * 5000)
    assert row["first_name"] == "A" + "a" * 199_999
    assert row["last_name"].endswith("Ott")
