"""An error that names one record is that record's, however its path is written."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letting_sync.systems.everreal.graphql_errors import (
    broken_fields,
    is_about_every_record,
    is_about_one_record,
)

BODY: dict[str, Any] = {"data": {"contracts": [{"id": "a"}, {"id": "b", "candidate": None}, {"id": "c"}]}}


@pytest.mark.parametrize(
    "path",
    [
        ["contracts", 1, "candidate"],
        ["contracts", 1.0, "candidate"],
        ["contracts", "1", "candidate"],
        ["contracts", 1, "candidate", "applications", 0, "email"],
        ["data", "contracts", 1, "candidate"],
        "contracts.1.candidate",
        "contracts[1].candidate",
        "/contracts/1/candidate",
        "$.data.contracts[1].candidate",
    ],
)
def test_a_path_into_a_record_names_it(path: Any) -> None:
    error = {"message": "no such person", "path": path}

    assert is_about_one_record(error, BODY)
    assert broken_fields(BODY | {"errors": [error]}, "contracts") == {1: ["candidate"]}


@pytest.mark.parametrize(
    "path",
    [None, [], ["contracts"], ["contracts", 3], ["contracts", -1], ["contracts", True], ["contracts", 0.5],
     ["candidates", 1], ["contracts", None], [["contracts", 1]], "contracts", "", 1, {"contracts": 1}],
)  # fmt: skip
def test_any_other_error_is_about_the_response(path: Any) -> None:
    assert not is_about_one_record({"message": "a fault", "path": path}, BODY)


@given(st.recursive(st.none() | st.integers() | st.floats() | st.text(), st.lists))
def test_whatever_a_path_is_it_is_judged(path: Any) -> None:
    is_about_one_record({"path": path}, BODY)


def test_an_error_on_each_record_is_hardly_the_records_fault() -> None:
    errors = [{"path": ["contracts", number]} for number in range(3)]

    assert is_about_every_record(BODY | {"errors": errors})
    assert not is_about_every_record(BODY | {"errors": errors[:2]})
    assert not is_about_every_record(BODY)
    assert not is_about_every_record([])
