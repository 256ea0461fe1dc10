"""Dates of birth that tell nobody apart."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from letting_sync.matching.birth_dates import placeholders, weak
from letting_sync.matching.cleaning import clean

TODAY = np.datetime64("2026-11-30")


def numbers(*dates: str) -> np.ndarray:
    return np.array(dates, "datetime64[D]").view("int64")


@pytest.mark.parametrize(
    "day",
    [
        "1900-01-01",
        "1901-01-01",
        "1899-12-30",
        "1753-01-01",
        "0001-01-01",
        "1904-01-01",
        "1901-12-13",
        "1911-11-11",
        "2099-12-31",
        "9999-12-31",
    ],
)
def test_a_placeholder_is_nobodys_birthday(day: str) -> None:
    assert placeholders(numbers(day), TODAY).all()


@pytest.mark.parametrize(
    "day",
    [
        "1970-01-01",
        "1985-01-01",
        "2000-01-01",
        "1977-07-07",
        "2001-01-01",
        "1999-12-31",
        "2026-11-30",
        "2015-03-04",
    ],
)
def test_a_weak_date_may_be_a_birthday(day: str) -> None:
    assert weak(numbers(day), TODAY).all()
    assert not placeholders(numbers(day), TODAY).any()


@pytest.mark.parametrize("day", ["1680-05-13", "2062-08-30", "9185-10-14", "2026-12-01"])
def test_an_impossible_date_is_a_slip_and_says_little(day: str) -> None:
    """What is right in it still helps to find the person's other record."""
    assert weak(numbers(day), TODAY).all()
    assert not placeholders(numbers(day), TODAY).any()


@pytest.mark.parametrize("day", ["1980-05-06", "1925-03-04", "1970-01-02", "1999-01-31", "2008-02-29"])
def test_an_ordinary_date(day: str) -> None:
    assert not weak(numbers(day), TODAY).any()
    assert not placeholders(numbers(day), TODAY).any()


def test_a_missing_date_is_neither() -> None:
    assert not placeholders(numbers("NaT"), TODAY).any()
    assert not weak(numbers("NaT"), TODAY).any()


def test_cleaning_takes_a_placeholder_for_unknown_and_says_so() -> None:
    dates = [date(1900, 1, 1), date(1970, 1, 1), None]
    cleaned = clean(pd.DataFrame({"record": [0, 1, 2], "birth_date": dates}))
    assert cleaned["birth_date"].isna().tolist() == [True, False, True]
    assert cleaned["changed"].tolist() == ["birth_date", "", ""]
    pd.testing.assert_frame_equal(clean(cleaned), cleaned)
