"""A run's tables between its tasks: parquet files in one folder per pair and run (:mod:`letting_sync.staging.folders`).

Tasks hand on the folder's address; what is in the tables stays out of XCom.

Tables of a run. ``record`` is the running number of an extracted record, from 0:

=============  =========================================================================================================
run            id of the run, which its folder's name does not tell
extracted      by ``record``: prospects as mapped, texts as the partner wrote them
withdrawn      ids and times of the records that were withdrawn or rejected at the partner
not_chosen     the same of those that choose nobody (any more)
extent         how many records were extracted, and the run's window; written last, so its time is that of the reading
prospects      by ``record``: prospects that go to the ERP, cleaned, each person once per unit, with ``person``, ``chunk`` and
               ``identity``: what another record must agree in to be certainly the same person
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

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from airflow.sdk import ObjectStoragePath

from letting_sync.errors import StopRun
from letting_sync.model import Outcome, OutcomeKind, Prospect
from letting_sync.staging import folders, parquet
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
_OUTCOMES: parquet.Kinds = {
    "record": "whole",
    "external_id": "text",
    "kind": "text",
    "reason": "text",
    "detail": "text",
}
_QUARANTINE: parquet.Kinds = {**_OUTCOMES, "raw": "text", "erp_text": "text"}
PROSPECT: parquet.Kinds = {
    "record": "whole",
    **dict.fromkeys(Prospect.model_fields, "text"),
    "chosen": "flag",
    "withdrawn": "flag",
    "updated_at": "time",
    "birth_date": "day",
    "lease_start": "day",
    "bundle_size": "whole",
}
"""Columns of the table ``extracted``."""


def folder_of(context: Context) -> str:
    """Address of this run's folder; made if it is not there.

    :raises StopRun: the DAG's id cannot be the name of a folder.
    """
    run_id = context["dag_run"].run_id
    path = folders.path_of(context["dag_run"].dag_id, run_id)
    folders.make_private(path)
    write_rows(str(path), "run", [{"run_id": run_id}], {"run_id": "text"})
    return str(path)


def write(folder: str, table: str, frame: pd.DataFrame) -> None:
    """Write a frame as a table, replacing what an earlier try left."""
    with folders.open_private(_file(folder, table)) as file:
        frame.to_parquet(file, index=False)


def write_rows(
    folder: str,
    table: str,
    rows: Sequence[Mapping[str, Any]],
    kinds: parquet.Kinds,
    chunk: Chunk | None = None,
) -> None:
    """Write rows as a table, or a chunk's share of it, replacing what an earlier try left.

    :param kinds: what the columns hold.
    """
    with folders.open_private(_file(folder, table, chunk)) as file:
        parquet.write(file, rows, kinds)


def _file(folder: str, table: str, chunk: Chunk | None = None) -> ObjectStoragePath:
    return ObjectStoragePath(folder) / f"{table}{chunk.suffix if chunk else ''}.parquet"


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


def read(folder: str, table: str) -> pd.DataFrame:
    """Read a table as a frame, with pyarrow's types."""
    import pandas as pd

    with _file(folder, table).open("rb") as file:
        return pd.read_parquet(file, dtype_backend="pyarrow")


class Extent(NamedTuple):
    """What a run has read.

    :param extracted: how many records.
    :param window: of which stretch of time; ``None`` if an earlier version of this project has read it.
    """

    extracted: int
    window: Window | None


def write_extent(folder: str, extent: Extent) -> None:
    """Publish what the run has read, for the tasks behind ``extract``; call it last."""
    start, end = extent.window or (None, None)
    row = {"extracted": extent.extracted, "window_start": start, "window_end": end}
    write_rows(folder, "extent", [row], {"extracted": "whole", "window_start": "time", "window_end": "time"})


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
    outcomes: Collection[Outcome],
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
    quarantined = [
        {**dict(one), "raw": raw.get(one.record), "erp_text": erp_texts.get(one.record)}
        for one in outcomes
        if one.kind is OutcomeKind.QUARANTINED
    ]
    with folders.open_private(_file(folder, f"outcomes_{task}", chunk)) as file:
        parquet.write_json(file, (one.model_dump_json() for one in outcomes), _OUTCOMES)
    write_rows(folder, f"quarantine_{task}", quarantined, _QUARANTINE, chunk)
    return {str(kind): count for kind, count in Counter(one.kind for one in outcomes).most_common()}


def write_counts(folder: str, table: str, counts: Mapping[str, int]) -> None:
    """Write a table of counts: what was counted, and how many."""
    rows = [{"what": what, "count": count} for what, count in counts.items()]
    write_rows(folder, table, rows, {"what": "text", "count": "whole"})


def counted(counts: Mapping[Any, int]) -> str:
    """Counts as a log line has them: ``3 created, 1 quarantined``; what was not seen is left out."""
    return (
        ", ".join(f"{count} {str(name).replace('_', ' ')}" for name, count in counts.items() if count)
        or "none"
    )


def outcomes(folder: str) -> list[dict[str, Any]]:
    """The outcomes of all records of a run, as rows with the columns of an :class:`Outcome`."""
    return [row for task in ENDING_TASKS for row in rows(folder, f"outcomes_{task}")]


def write_prospects(folder: str, prospects: Mapping[int, str]) -> None:
    """Write the table ``extracted``: prospects as JSON by running number."""
    rows = (f'{{"record":{record},{prospect[1:]}' for record, prospect in prospects.items())
    with folders.open_private(_file(folder, "extracted")) as file:
        parquet.write_json(file, rows, PROSPECT)


def written_rows(folder: str, table: str) -> list[dict[str, Any]]:
    """As :func:`rows`, of a table that every run has, be it empty.

    :raises StopRun: it is not there: the run would be green although something is missing.
    """
    if not files_of(ObjectStoragePath(folder), table):
        raise StopRun(
            f"The table {table!r} is missing in the run's staging folder {folder}. Its retention period is over, somebody "
            "deleted it, or [prospects] staging is another address than when the run began. Clear the run from the task "
            "extract on; what the ERP has already is not sent twice."
        )
    return rows(folder, table)


def rows(
    folder: str, table: str, chunk: Chunk | None = None, columns: Sequence[str] | None = None
) -> list[dict[str, Any]]:
    """A table as plain rows with ``None`` for nothing; one that was not written has none.

    :param chunk: only the rows of this chunk, of a table with the column ``chunk``; with all columns.
    :param columns: only these.
    """
    found: list[dict[str, Any]] = []
    for path in files_of(ObjectStoragePath(folder), table):
        with path.open("rb") as file:
            found += _rows_of(file, chunk) if chunk and chunk.of > 1 else parquet.read(file, columns)
    return found


def _rows_of(file: IO[Any], chunk: Chunk) -> list[dict[str, Any]]:
    """The rows of one chunk of a large run, which alone are read; this imports pandas."""
    import pyarrow.parquet

    return parquet.plain(pyarrow.parquet.read_table(file, filters=[("chunk", "=", chunk.number)]))


def length(folder: str, table: str) -> int:
    """How many rows a table has; one that was not written has none."""
    import pyarrow.parquet

    found = 0
    for path in files_of(ObjectStoragePath(folder), table):
        with path.open("rb") as file:
            found += pyarrow.parquet.ParquetFile(file).metadata.num_rows
    return found
