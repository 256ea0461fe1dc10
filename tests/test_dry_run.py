"""When a run writes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from letting_sync.dry_run import is_dry_run


@pytest.mark.parametrize(
    "asked", [{"dry_run": True}, {"rehearse": True}, {"rehearse": True, "dry_run": False}]
)
def test_the_former_name_counts_for_one_more_version(asked: dict[str, Any]) -> None:
    assert is_dry_run(asked)


@pytest.mark.parametrize("value", ["yes", "false", 1, 0, "", []])
def test_a_value_that_is_neither_true_nor_false_never_makes_a_real_run(value: object) -> None:
    assert is_dry_run({"dry_run": value})


@pytest.mark.parametrize(
    "asked", [{}, None, "text", {"dry_run": None}, {"dry_run": False, "external_ids": ["1"]}]
)
def test_a_run_that_asks_for_nothing_is_a_real_one(asked: Any) -> None:
    assert not is_dry_run(asked)
