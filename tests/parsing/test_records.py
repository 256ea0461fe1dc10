"""A partner's loose JSON becomes typed fields: a clean value, nothing, or a refusal with its reason."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from letting_sync.errors import RefuseRecord
from letting_sync.model import UnitNumber
from letting_sync.parsing import records as fields
from letting_sync.reasons import Field

TODAY = date(2024, 11, 11)

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=()), max_size=12)
    | st.dates().map(str)
    | st.datetimes(timezones=st.none() | st.just(UTC)).map(datetime.isoformat)
    | st.sampled_from(["31.12.1990", "1.2.3.4", "x" * 2001, "0001-01-01T00:00:00+14:00", "\ud800", "DEU"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)

READERS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], bool]]] = {
    "text": (
        lambda value: fields.text(value, Field.FIRST_NAME),
        lambda text: (
            text is None
            or (isinstance(text, str) and not any(unicodedata.category(char) == "Cc" for char in text))
        ),
    ),
    "limited_text": (
        lambda value: fields.limited_text(value, Field.FIRST_NAME, 60),
        lambda text: text is None or len(text.strip()) <= 60,
    ),
    "required_text": (
        lambda value: fields.required_text(value, Field.FIRST_NAME, 60),
        lambda text: bool(text.strip()),
    ),
    "message": (fields.message, lambda text: text is None or 0 < len(text) <= 2000),
    "email": (fields.email, lambda text: text is None or "@" in text),
    "unit": (
        lambda value: fields.unit(value, "."),
        lambda unit: isinstance(unit, UnitNumber) and len(unit) == 4,
    ),
    "identifier": (fields.identifier, lambda text: 1 <= len(text) <= 64 and not any(map(str.isspace, text))),
    "day": (lambda value: fields.day(value, Field.LEASE_START), lambda day: day is None or type(day) is date),
    "wished_day": (
        lambda value: fields.wished_day(value, Field.LEASE_START, TODAY),
        lambda day: day is None or 1900 <= day.year <= 2034,
    ),
    "birth_date": (
        lambda value: fields.birth_date(value, TODAY),
        lambda day: day is None or date(1900, 1, 1) <= day <= TODAY,
    ),
    "moment": (
        lambda value: fields.moment(value, Field.UPDATED_AT),
        lambda moment: isinstance(moment, datetime) and moment.tzinfo is UTC,
    ),
    "mapping": (
        lambda value: fields.mapping(value, Field.MAIN_TENANT),
        lambda value: isinstance(value, Mapping),
    ),
    "country": (fields.country, lambda code: code is None or (len(code) == 2 and code.isupper())),
}


def refused(read: Callable[[Any], Any], value: Any) -> Any:
    """The value read, or the refusal."""
    try:
        return read(value)
    except RefuseRecord as refusal:
        return refusal


@pytest.mark.parametrize("name", READERS)
@given(value=json_values)
@settings(max_examples=60, deadline=None)
@example(value=float("nan"))
@example(value="\ud800")
@example(value="0001-01-01T00:00:00+14:00")
@example(value="9999-12-31T23:59:59-12:00")
@example(value="\x00\u200b")
@example(value="²².¹.1990")
def test_any_value_is_a_clean_value_or_a_refusal(name: str, value: Any) -> None:
    """And nothing else: another exception would end the run, and its text might show the value."""
    read, clean = READERS[name]
    result = refused(read, value)
    if isinstance(result, RefuseRecord):
        assert result.reason.replace("_", "").isalnum()
    else:
        assert clean(result)


@given(secret=st.text("äöüxyz", min_size=20, max_size=40))
@settings(max_examples=30)
@pytest.mark.parametrize("name", [name for name in READERS if name not in ("text", "message")])
def test_a_refusal_never_repeats_the_value(name: str, secret: str) -> None:
    result = refused(READERS[name][0], {"day": [secret]} if name == "country" else secret * 4)

    assert not isinstance(result, RefuseRecord) or secret not in str(result)


@pytest.mark.parametrize(
    ("value", "result"),
    [
        (None, None),
        ("", None),
        (" \u200b\u00a0\t", None),
        ("Anna", "Anna"),
        (" Anna\u00a0", " Anna\u00a0"),
        ("An\nna\x00", "An na "),
        (12, "12"),
        (0, "0"),
        (1.5, "1.5"),
    ],
)
def test_texts(value: Any, result: str | None) -> None:
    """Blanks stay, since cleaning is the dedup task's; control characters go, numbers count."""
    assert fields.text(value, Field.FIRST_NAME) == result


@given(written=st.text(st.characters(exclude_categories=("Cs",)), max_size=12))
@example(written=" ")
@example(written="A\u00adnna")
@example(written="\u2003Anna")
def test_a_text_is_kept_if_something_is_visible_in_it(written: str) -> None:
    """By Unicode's categories, character by character; the short way for ordinary texts must say the same."""
    kept = "".join(" " if unicodedata.category(char) == "Cc" else char for char in written)
    visible = any(unicodedata.category(char)[0] not in "ZC" for char in written)

    assert fields.text(written, Field.FIRST_NAME) == (kept if visible else None)


@pytest.mark.parametrize("value", [True, [], {}, float("nan"), float("inf"), "\udfff"])
def test_what_is_no_text(value: Any) -> None:
    with pytest.raises(RefuseRecord) as refusal:
        fields.text(value, Field.FIRST_NAME)

    assert refusal.value.reason == "unreadable_text"


def test_a_required_text_distinguishes_missing_from_too_long() -> None:
    for value, reason in (
        (None, "last_name_missing"),
        ("  ", "last_name_missing"),
        ("x" * 61, "last_name_too_long"),
    ):
        with pytest.raises(RefuseRecord) as refusal:
            fields.required_text(value, Field.LAST_NAME, 60)
        assert refusal.value.reason == reason


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ("1990-05-01", date(1990, 5, 1)),
        ("01.05.1990", date(1990, 5, 1)),
        ("1.5.1990", date(1990, 5, 1)),
        (" 1990-05-01 ", date(1990, 5, 1)),
        ("1990-05-01T00:00:00", date(1990, 5, 1)),
        ("1990-05-01T00:00:00Z", date(1990, 5, 1)),
        # midnight in Berlin, as a browser there writes it: in summer, in winter, before summer time was known
        ("1990-04-30T22:00:00.000Z", date(1990, 5, 1)),
        ("1990-01-31T23:00:00.000Z", date(1990, 2, 1)),
        ("1970-05-31T23:00:00Z", date(1970, 6, 1)),
        ("2024-02-29", date(2024, 2, 29)),
        (None, None),
        ("", None),
    ],
)
def test_days(value: Any, result: date | None) -> None:
    assert fields.day(value, Field.LEASE_START) == result


@pytest.mark.parametrize(
    "value", ["1.5.90", "31.02.1990", "1990-5-1", "1990-02-29", "1990-04-30T13:00:00Z", "soon", 5]
)
def test_what_is_no_day_is_refused_and_not_dropped(value: Any) -> None:
    """The ERP's duplicate check hangs on the date of birth."""
    with pytest.raises(RefuseRecord) as refusal:
        fields.day(value, Field.BIRTH_DATE)

    assert refusal.value.reason == "unreadable_birth_date"


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ("2024-11-10T10:00:00Z", datetime(2024, 11, 10, 10, tzinfo=UTC)),
        ("2024-11-10T10:00:00+02:00", datetime(2024, 11, 10, 8, tzinfo=UTC)),
        ("2024-11-10T10:00:00", datetime(2024, 11, 10, 10, tzinfo=UTC)),
    ],
)
def test_moments(value: str, result: datetime) -> None:
    assert fields.moment(value, Field.UPDATED_AT) == result


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("Deutschland", "DE"),
        ("germany", "DE"),
        ("DEU", "DE"),
        ("de", "DE"),
        ("Österreich", "AT"),
        ("Türkei ", "TR"),
        ("Atlantis", None),
        ("EU", None),
        ("", None),
    ],
)
def test_countries(value: str, code: str | None) -> None:
    assert fields.country(value) == code


def test_a_long_message_is_cut_and_marked() -> None:
    assert fields.message("x" * 2000) == "x" * 2000
    cut = fields.message("x" * 2001)
    assert len(cut or "") == 2000
    assert (cut or "").endswith("[…]")


@given(record=json_values)
@settings(max_examples=60, deadline=None)
def test_what_is_kept_of_a_record_is_json_of_known_fields_only(record: Any) -> None:
    """Income, profession and the like get into no table, not even into quarantine."""
    known = {"id": {}, "tenant": {"name": {}}}
    whole = {"id": record, "income": "geheim", "tenant": {"name": "Anna", "profession": "geheim"}}
    kept = fields.as_raw(whole, known)

    assert "geheim" not in kept
    assert "Anna" in kept
    json.loads(kept)


def test_a_huge_record_is_cut() -> None:
    assert len(fields.as_raw({"id": "x" * 300_000}, {"id": {}})) == 100_000


@pytest.mark.parametrize(
    ("record", "missing"),
    [
        ({"id": 1, "tenant": {"name": None}}, []),
        ({"id": None, "tenant": None}, []),
        ({"id": 1, "tenant": "Groß"}, []),
        ({"tenant": {}}, ["id", "tenant.name"]),
        ({"id": 1}, ["tenant"]),
        ("no object", []),
    ],
)
def test_a_field_that_is_gone_is_distinguished_from_an_empty_one(record: Any, missing: list[str]) -> None:
    assert fields.lacking(record, ("id", "tenant", "tenant.name")) == missing


@pytest.mark.parametrize(
    ("written", "read"),
    [(4711.0, "4711"), (12.0, "12"), (491701234567.0, "491701234567"), (-0.0, "0"), (12.5, "12.5")],
)
def test_a_whole_number_has_no_point(written: float, read: str) -> None:
    """JSON knows one kind of number; some writers put ``.0`` behind each."""
    assert fields.text(written, Field.HOUSE_NUMBER) == read


@pytest.mark.parametrize("rounded", [12345678901234567890.0, 1e17, -1e300])
def test_a_number_that_a_float_cannot_hold_is_no_id(rounded: float) -> None:
    """It may be another record's id by now."""
    assert fields.readable_identifier({"id": rounded}, "id") is None


LOST = "M\N{REPLACEMENT CHARACTER}ller"


@pytest.mark.parametrize("field", [Field.LAST_NAME, Field.FIRST_NAME, Field.STREET, Field.CITY, Field.PHONE])
def test_a_character_that_was_lost_on_the_way_is_not_passed_on(field: Field) -> None:
    """Whoever knows the name has to say what it was."""
    refusal = refused(lambda value: fields.limited_text(value, field), LOST)

    assert refusal.reason == f"unreadable_{field}"


def test_a_lost_character_costs_nobody_the_offer_where_it_does_no_harm() -> None:
    """No ERP needs an address to write to, a country or a message; the person is the same."""
    assert fields.message(LOST) == LOST
    assert fields.email(f"{LOST}@example.org") is None
    assert fields.email(f"{'e' * 3000}@example.org") is None
    assert fields.email("\ud800@example.org") is None
    assert fields.country("\N{REPLACEMENT CHARACTER}sterreich") is None


@pytest.mark.parametrize("record", [{}, {"id": ""}, {"id": "two words"}, {"id": []}, [], None, "text"])
def test_no_id_can_be_read(record: Any) -> None:
    assert fields.readable_identifier(record, "id") is None


def test_what_makes_no_prospect_is_refused_without_its_values() -> None:
    with pytest.raises(RefuseRecord) as refused:
        fields.prospect(
            external_id="p", unit="1/2/3/4", chosen="Geheimrat", updated_at=None, last_name="Groß"
        )

    assert refused.value.reason == "unreadable_record"
    assert "Geheimrat" not in str(refused.value)
    assert refused.value.__suppress_context__
