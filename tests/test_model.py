"""The model; above all the unit's number, on which offers and leases hang."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from letting_sync.errors import RefuseRecord
from letting_sync.model import (
    PARTNER_SEPARATORS,
    BusinessPartner,
    ImportResult,
    Lease,
    Offer,
    Outcome,
    Prospect,
    UnitNumber,
)

separators = st.sampled_from([*PARTNER_SEPARATORS, "#", ",", " "])
numbers = st.text(alphabet="019aä-_./|# ,\u00a0\u200b", max_size=24)


@pytest.mark.parametrize(
    ("text", "separator", "parts"),
    [
        ("1/2/3/4", "/", ("1", "2", "3", "4")),
        ("01.0002.3.004", ".", ("01", "0002", "3", "004")),
        (" 1 - 2-3- 4 ", "-", ("1", "2", "3", "4")),
        ("1.5-2-3-4", "-", ("1.5", "2", "3", "4")),
        # without a separator given, the number itself tells
        ("1|2|3|4", None, ("1", "2", "3", "4")),
        ("A_2_3_4", None, ("A", "2", "3", "4")),
    ],
)
def test_a_units_number_is_read(text: str, separator: str | None, parts: tuple[str, ...]) -> None:
    assert UnitNumber.parse(text, separator) == parts


@pytest.mark.parametrize(
    ("text", "separator", "reason"),
    [
        (None, "/", "unit_missing"),
        ("", "/", "unit_missing"),
        (" \u00a0", None, "unit_missing"),
        ("1/2/3", "/", "unit_not_four_parts"),
        ("1/2/3/4/5", "/", "unit_not_four_parts"),
        ("1.2.3.4", "/", "unit_not_four_parts"),
        ("1234", None, "unit_not_four_parts"),
        ("1//3/4", "/", "unit_part_empty"),
        ("1/ /3/4", "/", "unit_part_empty"),
        ("/2/3/4", "/", "unit_part_empty"),
        ("1.2.3/a.4", ".", "unit_part_with_separator"),
        ("1-2.3-4", None, "unit_separator_unclear"),
        ("1.2.3.4-5", None, "unit_separator_unclear"),
    ],
)
def test_nothing_is_guessed_about_a_units_number(text: Any, separator: str | None, reason: str) -> None:
    with pytest.raises(RefuseRecord) as refusal:
        UnitNumber.parse(text, separator)

    assert refusal.value.reason == reason


@given(text=numbers, source=separators | st.none(), target=separators)
@example(text="1.2.3/4.5", source=".", target="/")
@example(text="1-2-3.4-5", source="-", target=".")
@example(text="01-02-03-04", source="-", target=".")
def test_written_in_any_system_it_is_read_as_the_same_unit(
    text: str, source: str | None, target: str
) -> None:
    """Or refused on one of the two sides: never is it another unit's number, and never has it five parts."""
    try:
        unit = UnitNumber.parse(text, source)
        written = unit.written(target)
    except RefuseRecord:
        return

    assert written.count(target) == 3
    assert UnitNumber.parse(written, target) == unit
    assert UnitNumber.parse(str(unit)) == unit


@given(text=numbers, separator=separators)
def test_a_part_is_never_empty_and_no_zero_is_lost(text: str, separator: str) -> None:
    try:
        unit = UnitNumber.parse(text, separator)
    except RefuseRecord:
        return

    assert all(unit)
    assert [part.strip() for part in text.split(separator)] == list(unit)


@given(parts=st.lists(st.text("0123456789ab", min_size=1, max_size=5), min_size=4, max_size=4))
def test_every_ordinary_number_is_read_in_every_spelling(parts: list[str]) -> None:
    for separator in PARTNER_SEPARATORS:
        assert UnitNumber.parse(separator.join(parts), separator) == tuple(parts)
        assert UnitNumber.parse(separator.join(parts), None) == tuple(parts)


def test_the_first_part_is_the_client() -> None:
    assert UnitNumber.parse("07/2/3/4").client == "07"


# --- a prospect through staging ----------------------------------------------------------------------------

MINIMUM = {
    "external_id": "x",
    "unit": "01/2/3/4",
    "chosen": True,
    "updated_at": datetime(2024, 1, 1, tzinfo=UTC),
    "last_name": "G",
}


def test_a_prospect_survives_being_written_down() -> None:
    prospect = Prospect(**MINIMUM)

    assert isinstance(prospect.unit, UnitNumber)
    assert Prospect.model_validate_json(prospect.model_dump_json()) == prospect


def test_a_prospect_with_a_unit_of_five_parts_is_refused_with_its_reason() -> None:
    with pytest.raises(RefuseRecord) as refusal:
        Prospect(**MINIMUM | {"unit": "1/2/3/4/5"})

    assert refusal.value.reason == "unit_not_four_parts"


def test_a_prospect_holds_no_field_that_the_erp_cannot_take() -> None:
    with pytest.raises(ValidationError):
        Prospect(**MINIMUM, income=3000)


@pytest.mark.parametrize("external_id", ["", "x" * 65])
def test_an_external_id_has_1_to_64_characters(external_id: str) -> None:
    with pytest.raises(ValidationError):
        Prospect(**MINIMUM | {"external_id": external_id})


def test_a_prospect_does_not_change_under_way() -> None:
    with pytest.raises(ValidationError):
        Prospect(**MINIMUM).last_name = "H"  # type: ignore[misc]


@pytest.mark.parametrize("model", [Prospect, Offer, Lease, BusinessPartner, ImportResult, Outcome])
def test_what_is_wrong_with_a_record_is_said_without_its_values(model: type[BaseModel]) -> None:
    with pytest.raises(ValidationError) as error:
        model(**{name: {"Geheimrat": "annegret@geheim.example"} for name in model.model_fields})

    assert next(iter(model.model_fields)) in str(error.value)
    assert "eheim" not in str(error.value) + repr(error.value)
