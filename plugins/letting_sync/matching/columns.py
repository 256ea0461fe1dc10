"""Columns of pandas frames as pyarrow arrays and numpy codes: the tools of cleaning, matching and suspects.

Text is ``large_string``, a date is ``datetime64[s]`` or its number of days since 1970, a code is an ``int64`` that is
equal where the values are, and -1 where there is none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

NO_DAY: Final = np.iinfo(np.int64).min
"""Stands for a missing date among day numbers; what numpy makes of NaT."""


def column(frame: pd.DataFrame, name: str) -> pa.Array:
    """A text column as one pyarrow array; a column that is not there is one of missing values."""
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
    """A text without lone surrogates, which pyarrow cannot hold."""
    if value is None or value is pd.NA or value != value:
        return None
    return str(value).encode("utf-8", "replace").decode("utf-8")


def days(frame: pd.DataFrame, name: str) -> np.ndarray:
    """A date column as numbers of days since 1970, :data:`NO_DAY` where none is given.

    Takes ``datetime64``, pyarrow dates and Python dates.

    :raises TypeError: if something there is no date; the value is not named, since it is personal.
    """
    return as_dates(frame, name).to_numpy("datetime64[D]").view("int64")


def as_dates(frame: pd.DataFrame, name: str) -> pd.Series:
    """A date column as ``datetime64[s]``, the dtype of dates in our frames (any year from 1 on)."""
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
    """The array as pandas text (``str``, backed by pyarrow), without copying it."""
    return pd.Series(array.to_pandas(), index=None, dtype="str").set_axis(index)


def rows_where(frame: pd.DataFrame, keep: np.ndarray) -> pd.DataFrame:
    """``frame[keep]``, several times as fast where the columns are text."""
    index, mask = frame.index[keep], pa.array(keep)
    kept = {
        name: text_series(pc.filter(column(frame, str(name)), mask), index)
        if values.dtype == "str"
        else values[keep]
        for name, values in frame.items()
    }
    return pd.DataFrame(kept, index=index, columns=frame.columns, copy=False)


def on_distinct(values: pa.Array, mask: pa.Array, repair: Callable[[str], str | None]) -> pa.Array:
    """Apply ``repair`` to the values under the mask, once for each distinct one."""
    if not pc.any(mask).as_py():
        return values
    coded = values.filter(mask).dictionary_encode()
    repaired = pa.array([repair(value) for value in coded.dictionary.to_pylist()], pa.large_string())
    return pc.replace_with_mask(values, mask, repaired.take(coded.indices))


def unlike(values: pa.Array, tidy: str) -> pa.Array:
    """Where a text does not look like the regular expression; a missing one is not unlike."""
    return pc.invert(pc.fill_null(pc.match_substring_regex(values, tidy), True))


def distinct_values(values: pa.Array) -> tuple[pa.Array, Callable[[pa.Array], pa.Array]]:
    """The values to work on, each once where they repeat, and how to spread the result over all rows again."""
    sample = values.slice(0, 10_000)
    if 2 * len(sample.dictionary_encode().dictionary) > len(sample):
        return values, lambda done: done
    coded = values.dictionary_encode()
    return coded.dictionary, lambda done: done.take(coded.indices)


def once_each(values: pa.Array, work: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """Do a column's work on its distinct values; ``values`` itself if that changes nothing."""
    distinct, spread = distinct_values(values)
    done = work(distinct)
    return values if done is distinct else spread(done)


def text_codes(values: pa.Array) -> np.ndarray:
    """A number for each text, equal where the texts are, -1 where none is given."""
    return (
        pc.fill_null(values.dictionary_encode().indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    )


def combined(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Number the pairs of two codes; -1 where either is."""
    missing = (left < 0) | (right < 0)
    # Both are numbered densely, so the product stays far below the largest 64 bit number.
    pairs = left * (right.max(initial=0) + 1) + right
    return np.where(missing, -1, pd.factorize(pairs)[0])
