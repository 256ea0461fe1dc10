"""Export and erasure of all data about one external id (GDPR, articles 15 and 17).

``letting-sync person export EXTERNAL_ID``  prints the data as JSON
``letting-sync person erase EXTERNAL_ID``   deletes the data and prints what was deleted
``letting-sync person find < person.json``  prints the external ids of a person

``find`` reads ``{"email": ...}`` or ``{"first_name": ..., "last_name": ..., "birth_date": "YYYY-MM-DD"}`` from standard
input, so that the data is in no list of processes and no shell history. It searches the staged tables and stores nothing. Standard
output contains JSON only; log lines go to standard error. The exit code is 1 if nothing was found to export, or if
something had to be kept or a partner could not be asked.

The staged tables of all runs and the ledger, with its retractions, are searched. ``export`` also asks the partners of the pairs that know the id. A row that led to a lease keeps its numbers and times,
since the landlord must be able to show how the lease came about. Its external id is replaced by a
keyed hash, so that only somebody with both the id and the ledger's key finds the row, and the hash of the
person is deleted. All other rows are deleted. The output lists the places that neither command can reach.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any, TextIO

from letting_sync.errors import RefuseRecord, StopRun, WaitAndRepeat
from letting_sync.ledger.database import now
from letting_sync.ledger.deletion import ERASED, LedgerDeletion, is_unfinished
from letting_sync.ledger.ledger import Ledger
from letting_sync.ledger.records import Entry
from letting_sync.model import Prospect
from letting_sync.partner import Partner, Reference
from letting_sync.staging import folders

if TYPE_CHECKING:
    import pyarrow
    from airflow.sdk import ObjectStoragePath

AT_THE_PARTNER = "the partner's system: ask there as well; a record that it still hands over is read again"
ELSEWHERE = (
    "the ERP: ask there as well",
    "Airflow's database: ids given to a run as external_ids, and offer numbers in approvals (airflow db clean)",
    "the task logs and backups of the deployment, by their own retention periods",
)
OpenPartner = Callable[[str], Partner]
"""Opens the partner of a pair; may raise ``StopRun``."""


@dataclass(frozen=True)
class Find:
    """Rows of one staged table about the person.

    :param pair: the pair of the table; ``None`` if its folder does not contain the pair.
    :param run: the run's id, or the name of its folder if an earlier release has staged it.
    :param mask: for each row of the table, whether it is about the person.
    """

    pair: str | None
    run: str
    path: ObjectStoragePath
    table: pyarrow.Table
    mask: list[bool]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """These rows."""
        return [row for row, mine in zip(self.table.to_pylist(), self.mask, strict=True) if mine]

    @property
    def stays_as_a_number(self) -> bool:
        """Whether the rows must still be counted to prove the run's counts: then only their external id is deleted."""
        return self.path.name.startswith(("outcomes_", "acceptance"))


@dataclass
class PersonData:
    """Data about one external id.

    :param pair: only this pair; each system numbers its records independently.
    """

    external_id: str
    pair: str | None = None
    ledger: Ledger = field(default_factory=Ledger)

    # --- finding ------------------------------------------------------------------------------------------

    @property
    def pseudonym(self) -> str:
        """The value in the ledger in place of an erased id."""
        return f"{ERASED}-{self.ledger.hash({'external_id': self.external_id})[:40]}"

    def entries(self) -> list[Entry]:
        """Return rows of the ledger, including those erased before."""
        return self._rows.find_entries((self.external_id, self.pseudonym), self.pair)

    @property
    def _rows(self) -> LedgerDeletion:
        return LedgerDeletion(self.ledger.engine)

    def finds(self) -> Iterator[Find]:
        """Yield rows of staged tables, table by table."""
        for folder in folders.run_folders(folders.base()):
            if self.pair and folder.dag_id not in (None, self.pair):
                continue
            tables = {path: _read(path) for path in folder.path.iterdir() if path.name.endswith(".parquet")}
            records = _records(tables, self.external_id)
            named = tables.get(folder.path / "run.parquet")
            run = str(named["run_id"][0]) if named else folder.path.name
            for path, table in sorted(tables.items(), key=lambda item: str(item[0])):
                mask = [_speaks_of(row, path.name, self.external_id, records) for row in table.to_pylist()]
                if any(mask):
                    yield Find(folder.dag_id, run, path, table, mask)

    # --- giving out ---------------------------------------------------------------------------------------

    def export(self, open_partner: OpenPartner | None = None) -> dict[str, Any]:
        """All of it, ready for JSON.

        :param open_partner: for what the partners have now; ``None``: they are not asked.
        """
        finds, found = list(self.finds()), self.entries()
        retractions = self._rows.find_retractions(self.external_id, self.pair)
        known = {*(e.pair for e in found), *(f.pair for f in finds), *(one["pair"] for one in retractions)}
        pairs = sorted(pair for pair in {self.pair, *known} if pair)
        asked = (
            {"partners": [self._at_partner(pair, found, open_partner) for pair in pairs]}
            if open_partner
            else {}
        )
        return {
            "external_id": self.external_id,
            "made_at": now(),
            "ledger": [entry._asdict() | {"history": self._rows.find_history(entry.id)} for entry in found],
            "retractions": retractions,
            "staged": [
                {
                    "pair": f.pair,
                    "run": f.run,
                    "table": f.path.stem,
                    "row": row,
                }
                for f in finds
                for row in f.rows
            ],
            **asked,
            "perhaps_the_same_person": self._others(found, finds),
            "not_searched": ELSEWHERE if asked else (AT_THE_PARTNER, *ELSEWHERE),
        }

    def _at_partner(self, pair: str, found: Sequence[Entry], open_partner: OpenPartner) -> dict[str, Any]:
        """Return what the partner of a pair has about the id now, or why it could not be asked."""
        source_ids = dict.fromkeys(entry.source_id for entry in found if entry.pair == pair)
        references = [Reference(self.external_id, source_id) for source_id in source_ids or (None,)]
        try:
            with closing(open_partner(pair)) as partner:
                current = list(chain.from_iterable(partner.current(references)))
        except (StopRun, WaitAndRepeat) as error:
            return {"pair": pair, "not_asked": str(error)}
        return {"pair": pair, "records": [_as_json(one) for one in current]}

    def _others(self, found: list[Entry], finds: list[Find]) -> list[dict[str, str]]:
        """Return other external ids that may belong to the person; each needs its own command."""
        hashes = {entry.person_hash for entry in found if entry.person_hash}
        others = self._rows.find_ids_of_persons(hashes)
        for find in finds:
            if find.path.name == "extracted.parquet":
                others |= {(find.pair or "", other) for other in _namesakes(find)}
        return [{"pair": pair, "external_id": i} for pair, i in sorted(others) if i != self.external_id]

    # --- erasing ------------------------------------------------------------------------------------------

    def erase(self, dry_run: bool = False) -> dict[str, Any]:
        """Erase all of it; returns what was erased, and what is left to be done by hand.

        :param dry_run: count only.
        """
        finds, found = list(self.finds()), self.entries()
        others = self._others(found, finds)
        tables: Counter[str] = Counter()
        for find in finds:
            tables[find.path.stem] += sum(find.mask)
            if not dry_run:
                _write(find.path, _without(find))
        found = [entry for entry in found if entry.external_id == self.external_id]
        going_on = [entry for entry in found if is_unfinished(entry)]
        leased = [entry for entry in found if entry.lease_number and entry not in going_on]
        gone = [entry for entry in found if entry not in going_on and entry not in leased]
        moved = 0 if dry_run else self._rows.erase(leased, gone, self.pseudonym)
        busy = {entry.pair for entry in going_on}
        retractions = [
            one for one in self._rows.find_retractions(self.external_id, self.pair) if one["pair"] not in busy
        ]
        if not dry_run:
            self._rows.erase_retractions(self.external_id, self.pair, busy)
        return {
            "external_id": self.external_id,
            "dry_run": dry_run,
            "staged_rows": dict(tables),
            "ledger_rows_deleted": len(gone),
            "ledger_rows_reduced": len(leased),
            "ledger_retractions_deleted": len(retractions),
            "ledger_rows_left_as_something_goes_on": len(going_on) + moved,
            "still_in_the_erp": {
                "offers": [entry.offer_number for entry in found if entry.offer_number],
                "leases": [entry.lease_number for entry in leased],
            },
            "perhaps_the_same_person": others,
            "not_searched": (AT_THE_PARTNER, *ELSEWHERE),
        }


def _as_json(one: Prospect | RefuseRecord) -> dict[str, Any]:
    """A prospect's fields, or why the partner's record cannot be read."""
    if isinstance(one, RefuseRecord):
        return {"unreadable": str(one.reason)}
    return one.model_dump(mode="json")


# --- staged tables ----------------------------------------------------------------------------------------


def _read(path: ObjectStoragePath) -> pyarrow.Table:
    import pyarrow.parquet

    with path.open("rb") as file:
        return pyarrow.parquet.read_table(file)


def _write(path: ObjectStoragePath, table: pyarrow.Table) -> None:
    import pyarrow.parquet

    buffer = io.BytesIO()
    pyarrow.parquet.write_table(table, buffer)
    with folders.open_private(path) as file:
        file.write(buffer.getvalue())


def _records(tables: dict[ObjectStoragePath, pyarrow.Table], external_id: str) -> set[int]:
    """Return the numbers of the person's records in a run."""
    with_both = [table for table in tables.values() if {"record", "external_id"} <= set(table.column_names)]
    rows = (row for table in with_both for row in table.select(["record", "external_id"]).to_pylist())
    return {row["record"] for row in rows if row["external_id"] == external_id}


def _speaks_of(row: dict[str, Any], table: str, external_id: str, records: set[int]) -> bool:
    if row.get("external_id") == external_id:
        return True
    if table.startswith("suspects"):
        return bool({row.get("record"), row.get("other_record")} & records)
    return table.startswith("quarantine_") and _holds(row.get("raw"), external_id)


def _holds(raw: str | None, external_id: str) -> bool:
    """Return whether an unreadable record contains the id as one of its values, at any depth."""
    try:
        return _is_within(json.loads(raw or "null"), external_id)
    except ValueError:
        return external_id in (raw or "")


def _is_within(value: Any, wanted: str) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return any(_is_within(inner, wanted) for inner in value)
    return value is not None and str(value) == wanted


def _without(find: Find) -> pyarrow.Table:
    import pyarrow

    table = find.table
    if not find.stays_as_a_number:
        return table.filter(pyarrow.array([not mine for mine in find.mask]))
    at = table.column_names.index("external_id")
    kept = [None if mine else i for mine, i in zip(find.mask, table["external_id"].to_pylist(), strict=True)]
    field_ = table.schema.field(at)
    return table.set_column(at, field_, pyarrow.array(kept, type=field_.type))


def _namesakes(find: Find) -> set[str]:
    """Return external ids of a run with the same name and date of birth, or the same e-mail address."""
    mine = set().union(*(_marks(row) for row in find.rows))
    return {row["external_id"] for row in find.table.to_pylist() if _marks(row) & mine}


def _marks(row: Mapping[str, Any]) -> set[tuple[str, ...]]:
    """Return what identifies a person: name and date of birth, and e-mail address; each only if complete."""
    name = [str(row.get(part) or "").strip().casefold() for part in ("first_name", "last_name", "birth_date")]
    email = str(row.get("email") or "").strip().casefold()
    return {tuple(part) for part in (name, [email]) if all(part)}


def find_person(wanted: Mapping[str, Any], pair: str | None = None) -> dict[str, Any]:
    """Return external ids under which a person is staged, by e-mail address or by name and date of birth.

    :param wanted: fields of a prospect.
    :raises ValueError: neither of the two is complete.
    """
    marks = _marks(wanted)
    if not marks:
        raise ValueError(
            "standard input must be a JSON object with email, or with first_name, last_name and birth_date (YYYY-MM-DD)"
        )
    found = set[tuple[str, str]]()
    for folder in folders.run_folders(folders.base()):
        if pair and folder.dag_id not in (None, pair):
            continue
        for path in folder.path.iterdir():
            if path.name.startswith(("extracted.", "prospects.")):
                rows = _read(path).to_pylist()
                found |= {(folder.dag_id or "", row["external_id"]) for row in rows if _marks(row) & marks}
    return {
        "found": [{"pair": pair, "external_id": external_id} for pair, external_id in sorted(found)],
        "not_searched": (AT_THE_PARTNER, *ELSEWHERE),
    }


def main(
    arguments: Sequence[str] | None = None,
    out: TextIO | None = None,
    prog: str | None = None,
    open_partner: OpenPartner | None = None,
) -> int:
    """Run a command; returns the exit code: 1 if nothing was found to give out, or something had to be left.

    :param out: where the JSON goes; by default standard output.
    :param open_partner: for what the partners have now; ``None``: they are not asked.
    """
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog, description=__doc__, formatter_class=raw)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    texts = {
        "export": "print all that is held about one external id",
        "find": "print the external ids of a person, who is read as JSON from standard input",
        "erase": "erase what is held about one external id, and print what was erased",
    }
    for name, text in texts.items():
        command = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        command.add_argument("--pair", help="only of this pair's DAG")
        if name != "find":
            command.add_argument("external_id", help="the id of the person's record at the partner")
        if name == "erase":
            command.add_argument("--dry-run", "--rehearse", action="store_true", help="count only")
    options = parser.parse_args(arguments)
    try:
        response = _response(options, open_partner)
    except ValueError as wrong:
        parser.error(str(wrong))
    print(json.dumps(response, indent=2, ensure_ascii=False, default=str), file=out)
    return 0 if _is_complete(options.command, response) else 1


def _is_complete(command: str, response: Mapping[str, Any]) -> bool:
    """Return whether something was found to give out, all partners could be asked, and nothing had to be left."""
    partners = response.get("partners", ())
    found = [
        *(response.get(part) for part in ("ledger", "retractions", "staged", "found")),
        *(one.get("records") for one in partners),
    ]
    left = response.get("ledger_rows_left_as_something_goes_on") or any(
        "not_asked" in one for one in partners
    )
    return not left and (command == "erase" or any(found))


def _response(options: argparse.Namespace, open_partner: OpenPartner | None) -> dict[str, Any]:
    if options.command == "find":
        try:
            wanted = json.load(sys.stdin)
        except ValueError:
            wanted = None
        return find_person(wanted if isinstance(wanted, dict) else {}, options.pair)
    person = PersonData(options.external_id, options.pair)
    return person.export(open_partner) if options.command == "export" else person.erase(options.dry_run)
