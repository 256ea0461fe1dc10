"""Plain rows into Parquet files and back, without pandas.

Where pyarrow converts Python values (``pyarrow.array``, ``Table.from_pylist``, a filter with a value) or times, or makes an empty
table, it imports pandas, which takes longer than all else that a small task does. So rows go in through pyarrow's reader
of JSON, and times come out as numbers.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import IO, TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pyarrow

Kind = Literal["text", "whole", "number", "flag", "day", "time"]
"""``time``: with its zone, kept in UTC to the microsecond."""
Kinds = Mapping[str, Kind]
_ROWS_AT_A_TIME = 10_000
"""pyarrow reads a block of at most 2 GiB; a prospect is about 600 bytes."""
_AS_JSON: Mapping[Kind, Callable[[Any], Any]] = {
    "text": str,
    "whole": int,
    "number": float,
    "flag": bool,
    "day": date.isoformat,
    "time": lambda time: time.astimezone(UTC).isoformat(),
}


def write(file: IO[bytes], rows: Sequence[Mapping[str, Any]], kinds: Kinds) -> None:
    """Write rows as one table.

    :param rows: a missing value is ``None`` or left out.
    :param kinds: what the columns hold; others are not written.
    """
    as_json = [(name, _AS_JSON[kind]) for name, kind in kinds.items()]
    values = (
        {name: None if (value := row.get(name)) is None else convert(value) for name, convert in as_json}
        for row in rows
    )
    write_json(file, (json.dumps(row, ensure_ascii=False) for row in values), kinds)


def write_json(file: IO[bytes], rows: Iterable[str], kinds: Kinds) -> None:
    """Write rows that are JSON objects already as one table; days and times are in ISO 8601, times with their zone."""
    import pyarrow.parquet

    rows = iter(rows)
    with pyarrow.parquet.ParquetWriter(file, _schema(kinds)) as writer:
        while block := list(islice(rows, _ROWS_AT_A_TIME)):
            writer.write_table(_table(block, kinds))


def read(file: IO[bytes], columns: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Read a table as rows, with ``None`` for nothing.

    :param columns: only these.
    """
    import pyarrow.parquet

    return plain(pyarrow.parquet.ParquetFile(file).read(columns=list(columns) if columns else None))


def plain(table: pyarrow.Table) -> list[dict[str, Any]]:
    """The rows of a table."""
    values = [_plain_column(column) for column in table.columns]
    return [dict(zip(table.column_names, row, strict=True)) for row in zip(*values, strict=True)]


def _table(rows: Iterable[str], kinds: Kinds) -> pyarrow.Table:
    import pyarrow
    import pyarrow.json

    content = "\n".join(rows).encode()
    # Its reader knows no days: they go in as texts.
    days_as_text: Kinds = {name: "text" if kind == "day" else kind for name, kind in kinds.items()}
    table = pyarrow.json.read_json(
        io.BytesIO(content),
        read_options=pyarrow.json.ReadOptions(use_threads=False, block_size=len(content) + 1),
        parse_options=pyarrow.json.ParseOptions(explicit_schema=_schema(days_as_text)),
    )
    return table.cast(_schema(kinds))


def _schema(kinds: Kinds) -> pyarrow.Schema:
    import pyarrow

    types = {
        "text": pyarrow.string(),
        "whole": pyarrow.int64(),
        "number": pyarrow.float64(),
        "flag": pyarrow.bool_(),
        "day": pyarrow.date32(),
        "time": pyarrow.timestamp("us", tz="UTC"),
    }
    return pyarrow.schema([(name, types[kind]) for name, kind in kinds.items()])


def _plain_column(column: pyarrow.ChunkedArray) -> list[Any]:
    import pyarrow

    if not pyarrow.types.is_timestamp(column.type):
        values: list[Any] = column.to_pylist()
        return values
    zone = UTC if column.type.tz else None
    epoch = datetime(1970, 1, 1, tzinfo=zone)
    numbers = column.cast(pyarrow.timestamp("us", tz=column.type.tz)).cast(pyarrow.int64()).to_pylist()
    return [None if number is None else epoch + timedelta(microseconds=number) for number in numbers]
