"""Dates of birth that are weak evidence: placeholders for "unknown", and days that many people have in common.

No public data set contains placeholders, so the lists are assumed: defaults of databases and spreadsheets, and values that
clerks type into a required field. 1 January is the registered birthday of many refugees; it is weak evidence,
not "unknown". In a frame of a few records, statistics cannot detect such days, so there is a list.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from letting_sync.matching.columns import NO_DAY

EARLIEST: Final = np.datetime64("1900-01-02").astype("datetime64[D]").view("int64")
"""Nobody who rents a flat was born before this year."""
_LAST_DEFAULT_YEAR: Final = 1910
_FILLERS: Final = np.array(
    ["1899-12-30", "1899-12-31", "1901-12-13", "1910-10-10", "1911-11-11"], "datetime64[D]"
).view("int64")
"""Day 0 of spreadsheets, the smallest 32-bit date, and dates that are quick to type. In addition: 1 January up to 1910 (SQL,
macOS) and 31 December of future years ("for ever")."""
_YOUNGEST_TENANT: Final = 15
"""Years. A child signs no lease, so such a date of birth is a typing error or a placeholder."""


def placeholders(days: np.ndarray, today: np.datetime64 | None = None) -> np.ndarray:
    """Return a mask of the dates that mean "unknown".

    Other impossible birthdays (2062-08-30, 1680-05-13) are typing errors: their day and month are still evidence.

    :param days: days since 1970 as :func:`~letting_sync.matching.columns.days` returns them.
    :param today: the latest possible birthday; by default today, by this machine's clock.
    """
    given = days != NO_DAY
    year, month, day = _parts(days)
    default = (month == 1) & (day == 1) & (year <= _LAST_DEFAULT_YEAR)
    for_ever = (month == 12) & (day == 31) & (days > _day_number(today))
    return np.asarray(given & (default | for_ever | np.isin(days, _FILLERS)))


def weak(days: np.ndarray, today: np.datetime64 | None = None) -> np.ndarray:
    """Return a mask of the dates that many people share by registration or habit, and of certain typing errors.

    These are 1 January of any year, repeated numbers (``11.11.2011``, ``07.07.1977``), dates of children, future dates and
    dates before 1900. Such a date identifies a person only together with equal contact data.
    """
    given = days != NO_DAY
    year, month, day = _parts(days)
    repeated = (day == month) & ((year % 100 == day) | (year % 100 == 11 * day))
    last_of_century = (year == 1999) & (month == 12) & (day == 31)
    child = days > _day_number(today) - round(_YOUNGEST_TENANT * 365.25)
    first = (month == 1) & (day == 1)
    return np.asarray(given & (first | repeated | last_of_century | child | (days < EARLIEST)))


def _parts(days: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    date = np.where(days == NO_DAY, 0, days).astype("datetime64[D]")
    months = date.astype("datetime64[M]")
    year = date.astype("datetime64[Y]").astype(np.int64) + 1970
    return year, months.astype(np.int64) % 12 + 1, (date - months).astype(np.int64) + 1


def _day_number(today: np.datetime64 | None) -> int:
    return int(
        (np.datetime64("today", "D") if today is None else today).astype("datetime64[D]").astype(np.int64)
    )
