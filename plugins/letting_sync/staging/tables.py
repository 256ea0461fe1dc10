"""A run's tables between its tasks: parquet files in one folder per pair and run (:mod:`letting_sync.staging.folders`).

Tasks hand on the folder's address; what is in the tables stays out of XCom.

Tables of a run. ``record`` is the running number of an extracted record, from 0:

=============  =========================================================================================================
run            id of the run, which its folder's name does not tell
extracted      by ``record``: prospects as mapped, texts as the partner wrote them
withdrawn      ids and times of the records that were withdrawn or rejected at the partner
not_chosen     the same of those that choose nobody (any more)
extent         how many records were extracted, and the run's window; written last, so its time is that of the reading
prospects      by ``record``: prospects that go to the ERP, cleaned, each person once per unit, with ``person`` and ``chunk``
suspects       by ``record`` and ``other_record``: prospects that may be one person, for a person to look at
near_partners  by ``record``: prospects that may be a stored business partner, which is named by its number
outcomes_*     by ``record``: kind and reason of each that ended in that task
quarantine_*   by ``record``: reason, detail, the ERP's own words and the raw record of each that needs a person
refusal_texts  by ``record``: the ERP's own words on those it has refused, while the load goes on
acceptance     by external id and unit: each offer decided on, leased or held, and why; which run made or found the offer
dry_run*       of a dry run: what would be loaded, field by field, and accepted (:mod:`letting_sync.staging.dry_run`)
reviewed       outcomes of held offers that were compared with partner and ERP, and how many
=============  =========================================================================================================

In a large run the tables of ``load_offers`` and ``auto_accept`` come in one file per chunk (``*.chunk-2-of-12``);
reading a table reads all of its files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC
from operator import attrgetter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow.sdk import ObjectStoragePath

from letting_sync.errors import StopRun
from letting_sync.model import Outcome, OutcomeKind, Prospect
from letting_sync.staging import folders
from letting_sync.staging.chunks import Chunk
from letting_sync.window import Window

if TYPE_CHECKING:
    import pandas as pd
    from airflow.sdk import Context

ENDING_TASKS = ("extract", "dedup", "load_offers")
"""The tasks in which a record can end; each of them writes outcomes and quarantine."""
OF_EVERY_RUN = ("extracted", "withdrawn", "not_chosen", "findings", "outcomes_extract")
"""Tables that the task ``extract`` writes, be they empty."""
ACCEPTANCE_COLUMNS = (
    "external_id", "unit", "offer_number", "acceptance", "reason", "lease_number", "offer_run",
)  # fmt: skip
OUTCOME_COLUMNS = ("record", "external_id", "kind", "reason", "detail")


def folder_of(context: Context) -> str:
    """Address of this run's folder; made if it is not there.

    :raises StopRun: the DAG's id cannot be the name of a folder.
    """
    import pandas as pd

    run_id = context["dag_run"].run_id
    path = folders.path_of(context["dag_run"].dag_id, run_id)
    folders.make_private(path)
    write(str(path), "run", pd.DataFrame({"run_id": [run_id]}, dtype="string[pyarrow]"))
    return str(path)


def write(folder: str, table: str, frame: pd.DataFrame, chunk: Chunk | None = None) -> None:
    """Write a table, or a chunk's share of it, replacing what an earlier try left."""
    suffix = chunk.suffix if chunk else ""
    with folders.open_private(ObjectStoragePath(folder) / f"{table}{suffix}.parquet") as file:
        frame.to_parquet(file, index=False)


def forget(folder: str, *tables: str) -> None:
    """Delete tables with all their chunks: a run that is done anew may have other chunks."""
    for table in tables:
        for path in files_of(ObjectStoragePath(folder), table):
            path.unlink(missing_ok=True)


def forget_others(folder: str, *kept: str) -> None:
    """Delete all tables but these, in one look at the folder: what an earlier try of the run left."""
    for path in ObjectStoragePath(folder).iterdir():
        if path.name.endswith(".parquet") and path.name.removesuffix(".parquet") not in kept:
            path.unlink(missing_ok=True)


def files_of(folder: ObjectStoragePath, table: str) -> list[ObjectStoragePath]:
    """The files that make up a table: one, one per chunk, or none if it was not written."""
    whole = folder / f"{table}.parquet"
    if whole.exists():
        return [whole]
    return sorted(folder.glob(f"{table}.chunk-*.parquet"), key=str) if folder.exists() else []


def read(folder: str, table: str, chunk: Chunk | None = None) -> pd.DataFrame:
    """Read a table as a frame, with pyarrow's types; one that was not written is empty.

    :param chunk: only the rows of this chunk, of a table with the column ``chunk``.
    """
    import pandas as pd

    frames = []
    for path in files_of(ObjectStoragePath(folder), table):
        with path.open("rb") as file:
            frames.append(pd.read_parquet(file, dtype_backend="pyarrow", filters=_only(chunk)))
    if not frames:
        return pd.DataFrame()
    return frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)


def _only(chunk: Chunk | None) -> list[tuple[str, str, int]] | None:
    return [("chunk", "=", chunk.number)] if chunk else None


class Extent(NamedTuple):
    """What a run has read.

    :param extracted: how many records.
    :param window: of which stretch of time; ``None`` if an earlier version of this project has read it.
    """

    extracted: int
    window: Window | None


def write_extent(folder: str, extent: Extent) -> None:
    """Publish what the run has read, for the tasks behind ``extract``; call it last."""
    import pandas as pd

    start, end = extent.window or (None, None)
    frame = pd.DataFrame({"extracted": [extent.extracted], "window_start": [start], "window_end": [end]})
    moment = "timestamp[us, tz=UTC][pyarrow]"
    write(folder, "extent", frame.astype({"window_start": moment, "window_end": moment}))


def extent(folder: str) -> Extent:
    """What the run has read, as ``extract`` published it.

    :raises StopRun: the table is not there (any more).
    """
    (row,) = written_rows(folder, "extent")
    start, end = row.get("window_start"), row.get("window_end")
    window = Window(start.astimezone(UTC), end.astimezone(UTC)) if start and end else None
    return Extent(int(row["extracted"]), window)


def write_outcomes(
    folder: str,
    task: str,
    outcomes: Iterable[Outcome],
    raw: Mapping[int, str],
    chunk: Chunk | None = None,
    erp_texts: Mapping[int, str] = MappingProxyType({}),
) -> dict[str, int]:
    """Write the outcomes of the records that ended in a task, and the quarantine table with their raw records.

    :param raw: JSON of the quarantined records by running number.
    :param erp_texts: the ERP's own words on those it refused. Only the quarantine table has them: they may quote the person,
        and rows of outcomes outlive an erasure.
    :return: how many ended how.
    """
    import pandas as pd

    rows = [outcome.model_dump() for outcome in outcomes]
    frame = pd.DataFrame(rows, columns=list(OUTCOME_COLUMNS)).astype(
        {"record": "int64"} | dict.fromkeys(OUTCOME_COLUMNS[1:], "string[pyarrow]")
    )
    write(folder, f"outcomes_{task}", frame, chunk)
    quarantined = frame[frame["kind"] == str(OutcomeKind.QUARANTINED)]
    write(
        folder,
        f"quarantine_{task}",
        quarantined.assign(
            raw=quarantined["record"].map(dict(raw)).astype("string[pyarrow]"),
            erp_text=quarantined["record"].map(dict(erp_texts)).astype("string[pyarrow]"),
        ),
        chunk,
    )
    return {str(kind): int(count) for kind, count in frame["kind"].value_counts().items()}


def write_counts(folder: str, table: str, counts: Mapping[str, int]) -> None:
    """Write a table of counts: what was counted, and how many."""
    import pandas as pd

    frame = pd.DataFrame({"what": list(counts), "count": list(counts.values())})
    write(folder, table, frame.astype({"what": "string[pyarrow]", "count": "int64[pyarrow]"}))


def counted(counts: Mapping[Any, int]) -> str:
    """Counts as a log line has them: ``3 created, 1 quarantined``; what was not seen is left out."""
    return (
        ", ".join(f"{count} {str(name).replace('_', ' ')}" for name, count in counts.items() if count)
        or "none"
    )


def outcomes(folder: str) -> list[dict[str, Any]]:
    """The outcomes of all records of a run, as rows with :data:`OUTCOME_COLUMNS`."""
    return [row for task in ENDING_TASKS for row in rows(folder, f"outcomes_{task}")]


def prospects_frame(prospects: Mapping[int, Prospect]) -> pd.DataFrame:
    """A frame of prospects, by running number, with the column types that dedup expects."""
    import pandas as pd

    # Column by column: a dict for each row takes three times as long.
    columns: dict[str, list[Any]] = {"record": list(prospects)}
    columns |= {name: list(map(attrgetter(name), prospects.values())) for name in Prospect.model_fields}
    columns["unit"] = list(map(str, columns["unit"]))
    frame = pd.DataFrame(columns, dtype=object)
    dates = ("birth_date", "lease_start")
    types = dict.fromkeys(columns, "string[pyarrow]") | dict.fromkeys(dates, "date32[day][pyarrow]")
    types |= {
        "record": "int64[pyarrow]",
        "bundle_size": "int64[pyarrow]",
        "chosen": "bool[pyarrow]",
        "withdrawn": "bool[pyarrow]",
        "updated_at": "timestamp[us, tz=UTC][pyarrow]",
    }
    return frame.astype(types)


def written_rows(folder: str, table: str) -> list[dict[str, Any]]:
    """As :func:`rows`, of a table that every run has, be it empty.

    :raises StopRun: it is not there: the run would be green although something is missing.
    """
    if not files_of(ObjectStoragePath(folder), table):
        raise StopRun(
            f"The table {table!r} is missing in the run's staging folder {folder}. Its keeping time is over, somebody "
            "deleted it, or [prospects] staging is another address than when the run began. Clear the run from the task "
            "extract on; what the ERP has already is not sent twice."
        )
    return rows(folder, table)


def rows(
    folder: str, table: str, chunk: Chunk | None = None, columns: Sequence[str] | None = None
) -> list[dict[str, Any]]:
    """A table as plain rows with ``None`` for nothing; one that was not written has none.

    :param chunk: only the rows of this chunk, of a table with the column ``chunk``.
    :param columns: only these.
    """
    import pyarrow.parquet

    found: list[dict[str, Any]] = []
    for path in files_of(ObjectStoragePath(folder), table):
        with path.open("rb") as file:
            content = pyarrow.parquet.read_table(
                file, columns=list(columns) if columns else None, filters=_only(chunk)
            )
        found += content.to_pylist()
    return found


def length(folder: str, table: str) -> int:
    """How many rows a table has; one that was not written has none."""
    import pyarrow.parquet

    found = 0
    for path in files_of(ObjectStoragePath(folder), table):
        with path.open("rb") as file:
            found += pyarrow.parquet.ParquetFile(file).metadata.num_rows
    return found
