"""Columns of pandas frames as pyarrow arrays and numpy codes, for cleaning, matching and suspects.

A text is ``large_string``. A date is ``datetime64[s]`` or a number of days since 1970. A code is an ``int64``: equal values
have equal codes, a missing value has -1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

NO_DAY: Final = np.iinfo(np.int64).min
"""Number of days that means "missing": numpy's value of NaT."""


def column(frame: pd.DataFrame, name: str) -> pa.Array:
    """Return a text column as one pyarrow array; a missing column is an array of missing values."""
    if name not in frame.columns:
        return pa.nulls(len(frame), pa.large_string())
    values = frame[name]
    try:
        array = pa.array(values, from_pandas=True)
    except (pa.ArrowException, UnicodeError, TypeError):
        array = pa.array([_storable(value) for value in values], pa.large_string())
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks() if array.num_chunks != 1 else array.chunk(0)
    return array if array.type == pa.large_string() else array.cast(pa.large_string())


def _storable(value: object) -> str | None:
    """Return the text without lone surrogates, which pyarrow cannot store."""
    if value is None or value is pd.NA or value != value:
        return None
    return str(value).encode("utf-8", "replace").decode("utf-8")


def days(frame: pd.DataFrame, name: str) -> np.ndarray:
    """Return a date column as numbers of days since 1970, with :data:`NO_DAY` for missing dates.

    Accepts ``datetime64``, pyarrow dates and Python dates.

    :raises TypeError: a value is not a date. The message does not contain the value, since it is personal.
    """
    return as_dates(frame, name).to_numpy("datetime64[D]").view("int64")


def as_dates(frame: pd.DataFrame, name: str) -> pd.Series:
    """Return a date column as ``datetime64[s]``, the dtype of dates in our frames (any year from 1 on)."""
    if name not in frame.columns:
        return pd.Series(np.full(len(frame), NO_DAY).view("datetime64[s]"), index=frame.index)
    values = frame[name]
    if not pd.api.types.is_datetime64_dtype(values.dtype):
        given = values.notna()
        values = pd.to_datetime(values.astype(object).where(given, None), errors="coerce", utc=False)
        if (values.notna() != given).any():
            raise TypeError(f"{name} holds something that is no date.")
    return values.astype("datetime64[s]")


def text_series(array: pa.Array, index: pd.Index) -> pd.Series:
    """Return the array as pandas text (``str``, backed by pyarrow) without copying it."""
    return pd.Series(array.to_pandas(), index=None, dtype="str").set_axis(index)


def rows_where(frame: pd.DataFrame, keep: np.ndarray) -> pd.DataFrame:
    """Return ``frame[keep]``; several times as fast as pandas for text columns."""
    index, mask = frame.index[keep], pa.array(keep)
    kept = {
        name: text_series(pc.filter(column(frame, str(name)), mask), index)
        if values.dtype == "str"
        else values[keep]
        for name, values in frame.items()
    }
    return pd.DataFrame(kept, index=index, columns=frame.columns, copy=False)


def on_distinct(values: pa.Array, mask: pa.Array, repair: Callable[[str], str | None]) -> pa.Array:
    """Apply ``repair`` to the masked values, once per distinct value."""
    if not pc.any(mask).as_py():
        return values
    coded = values.filter(mask).dictionary_encode()
    repaired = pa.array([repair(value) for value in coded.dictionary.to_pylist()], pa.large_string())
    return pc.replace_with_mask(values, mask, repaired.take(coded.indices))


def unlike(values: pa.Array, tidy: str) -> pa.Array:
    """Return a mask of the texts that do not match the regular expression; False for missing texts."""
    return pc.invert(pc.fill_null(pc.match_substring_regex(values, tidy), True))


def distinct_values(values: pa.Array) -> tuple[pa.Array, Callable[[pa.Array], pa.Array]]:
    """Return the distinct values if there are repetitions, and a function that expands a result to all rows."""
    sample = values.slice(0, 10_000)
    if 2 * len(sample.dictionary_encode().dictionary) > len(sample):
        return values, lambda done: done
    coded = values.dictionary_encode()
    return coded.dictionary, lambda done: done.take(coded.indices)


def once_each(values: pa.Array, work: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """Apply a function to the distinct values of a column; return ``values`` itself if nothing changes."""
    distinct, spread = distinct_values(values)
    done = work(distinct)
    return values if done is distinct else spread(done)


def text_codes(values: pa.Array) -> np.ndarray:
    """Return a code for each text; -1 for missing texts."""
    return (
        pc.fill_null(values.dictionary_encode().indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    )


def combined(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return a code for each pair of codes; -1 if either is -1."""
    missing = (left < 0) | (right < 0)
    # Both codes are dense, so their product stays far below the largest 64-bit number.
    pairs = left * (right.max(initial=0) + 1) + right
    return np.where(missing, -1, pd.factorize(pairs)[0])
