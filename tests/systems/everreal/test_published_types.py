"""A customer's EverReal schema that differs from the published one is named, as far as our queries use it."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import build_schema, introspection_from_schema

from letting_sync.systems.everreal.published_types import PUBLISHED, differences

TYPES = PUBLISHED.read_text(encoding="utf-8")


def described(types: str) -> Any:
    """What a server with these types responds to the introspection."""
    return introspection_from_schema(build_schema(types))


def test_the_published_types_do_not_differ_from_themselves() -> None:
    assert differences(described(TYPES)) == []


def test_more_fields_than_published_are_no_difference() -> None:
    assert (
        differences(described(TYPES.replace("type Candidate {", "type Candidate {\n  shoeSize: Int"))) == []
    )


def test_a_field_that_is_never_null_is_no_difference() -> None:
    types = TYPES.replace("  units: [Unit]", "  units: [Unit!]!").replace("  id: String", "  id: String!")

    assert differences(described(types)) == []


@pytest.mark.parametrize(
    ("published", "theirs", "said"),
    [
        ("  isDisabled: Boolean", "  disabled: Boolean", "isDisabled"),
        ("  fieldName: String", "  field: String", "fieldName"),
        ("  isDisabled: Boolean", "  isDisabled: Int", "Candidate.isDisabled is Int instead of Boolean"),
        ("  units: [Unit]", "  units: Unit", "Contract.units is Unit instead of [Unit]"),
        ("input CandidatesFilterListPaging", "input CandidatesPaging", "CandidatesFilterListPaging"),
    ],
)
def test_a_difference_is_a_sentence(published: str, theirs: str, said: str) -> None:
    assert published in TYPES
    types = TYPES.replace(published, theirs)
    if published.startswith("input"):
        types = types.replace(
            "candidates(input: CandidatesFilterListPaging)", "candidates(input: CandidatesPaging)"
        )

    found = differences(described(types))

    assert found
    assert any(said in sentence for sentence in found)


@pytest.mark.parametrize("told", [{}, {"__schema": None}, {"__schema": {"types": "none"}}, []])
def test_what_is_no_description_is_said(told: Any) -> None:
    assert differences(told) == ["the description of the schema cannot be read"]
