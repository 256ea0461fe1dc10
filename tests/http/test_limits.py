"""What a connection's extra says about time and size is checked, and one address is one system."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letting_sync.errors import StopRun
from letting_sync.http.limits import MARGIN, limits_of, settle_seconds
from letting_sync.http.session import unified

WRONG = ["x", "", "nan", "inf", -1, 0, "0", True, [], {}, 1e300, "1e999"]


@pytest.mark.parametrize(
    "name", ["timeout", "connect_timeout", "total_timeout", "max_response_mb", "settle_seconds"]
)
@pytest.mark.parametrize("value", WRONG)
def test_a_number_that_is_none_is_refused_with_the_connections_name(name: str, value: Any) -> None:
    with pytest.raises(StopRun, match=f"{name}.*'yuneo'"):
        settle_seconds("yuneo", {name: value}, 3600)


@pytest.mark.parametrize(
    "extra",
    [
        {"verify": 1},
        {"verify": 0},
        {"verify": ["a"]},
        {"verify_ssl": 1},
        {"cert": 1},
        {"proxies": "http://p"},
    ],
)
def test_what_a_library_would_take_for_something_else_is_refused(extra: dict[str, Any]) -> None:
    with pytest.raises(StopRun, match="'sigma'"):
        limits_of("sigma", extra)


def test_without_extras_there_are_limits() -> None:
    limits = limits_of("sigma", {})
    assert (limits.connect, limits.read, limits.total, limits.largest) == (10, 60, 180, 50_000_000)


numbers = st.floats(0.1, 500)


@given(numbers, numbers, numbers)
def test_nothing_is_taken_for_lost_while_its_request_may_still_be_under_way(
    connect: float, read: float, settle: float
) -> None:
    extra = {"connect_timeout": connect, "timeout": str(read), "settle_seconds": settle}
    if settle >= connect + read + MARGIN:
        assert settle_seconds("yuneo", extra, 3600) == settle
    else:
        with pytest.raises(StopRun, match="settle_seconds"):
            settle_seconds("yuneo", extra, 3600)


def test_a_default_is_never_too_short() -> None:
    assert settle_seconds("sigma", {"timeout": 600}, 120) == 615


@pytest.mark.parametrize(
    "spelled",
    ["https://ERP.example", "https://erp.example/", "https://erp.example:443", "http://erp.example:80/",
     "https://erp.example.", "https://user@erp.example"],
)  # fmt: skip
def test_spellings_of_one_address_are_one_system(spelled: str) -> None:
    assert unified(spelled) == unified("https://erp.example") == "erp.example"


@pytest.mark.parametrize(
    "other", ["https://erp2.example", "https://erp.example:8443", "https://erp.example/b"]
)
def test_another_place_is_another_system(other: str) -> None:
    assert unified(other) != unified("https://erp.example")
