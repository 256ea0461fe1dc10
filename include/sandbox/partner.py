"""Base of the two partners: records that are read page by page while they change."""

import copy
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import AwareDatetime, Field

from include.sandbox.common import Options, now
from include.sandbox.core import System

Record = dict[str, Any]
When = str | datetime | None
"""Time of an action; ``None``: now."""


def iso(moment: datetime) -> str:
    """Return a time in the partners' form: UTC with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment_of(value: str | datetime) -> datetime:
    """Read a time; one without an offset counts as UTC."""
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def given(updated_at: When) -> Record:
    """The change of ``updatedAt``, if a time is given."""
    return {} if updated_at is None else {"updatedAt": updated_at}


class PartnerOptions(Options):
    """Options of a partner; with ``shift_*`` records change their position while they are read page by page."""

    shift_records: int = Field(
        default=0, ge=0, description="records that are updated between two pages of a reading"
    )
    shift_part: Literal["unread", "read", "both"] = "unread"
    shift_updated_at: AwareDatetime | None = Field(default=None, description="their new updatedAt; null: now")


class Records:
    """Records by id, each with its ``updatedAt`` as a time."""

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}
        self._updated: dict[str, datetime] = {}
        self._shifted: set[str] = set()
        self._sorted: dict[bool, list[tuple[Record, datetime]]] = {}

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records.values())

    def __contains__(self, record_id: object) -> bool:
        return record_id in self._records

    def __getitem__(self, record_id: str) -> Record:
        return self._records[record_id]

    def put(self, record: Record) -> Record:
        """Store a record (a new one behind all others) with its times in the partner's form."""
        for name in ("createdAt", "updatedAt"):
            record[name] = iso(moment_of(record[name]))
        self._sorted.clear()
        self._records[record["id"]] = record
        self._updated[record["id"]] = moment_of(record["updatedAt"])
        return record

    def change(self, record_id: str, changes: Record) -> Record:
        """Change fields; without an ``updatedAt`` among them it is now."""
        return self.put({**self._records[record_id], "updatedAt": now(), **changes})

    def delete(self, record_id: str) -> None:
        """Remove a record."""
        self._sorted.clear()
        self._shifted.discard(record_id)
        del self._records[record_id], self._updated[record_id]

    def select(
        self, fits: Callable[[Record, datetime], bool], by: str | None = None, descending: bool = False
    ) -> list[Record]:
        """Return the matching records, by a time field or in the order of their arrival; ties keep that order."""
        if by == "updatedAt":
            return [record for record, updated in self._in_time(descending) if fits(record, updated)]
        found = [record for record in self if fits(record, self._updated[record["id"]])]
        if by is not None:
            found.sort(key=lambda record: record[by] or "", reverse=descending)
        return found

    def _in_time(self, descending: bool) -> list[tuple[Record, datetime]]:
        """Return all records sorted by time; sorted again only after a change, since a reader requests many pages."""
        if descending not in self._sorted:
            pairs = [(record, self._updated[record["id"]]) for record in self]
            self._sorted[descending] = sorted(pairs, key=lambda pair: pair[1], reverse=descending)
        return self._sorted[descending]

    def shift(self, listing: list[Record], start: int, options: PartnerOptions) -> bool:
        """Update some records around position ``start``, each only once, so that reading them ends."""
        if not options.shift_records or not start:
            return False
        parts = {"unread": [listing[start:]], "read": [listing[:start]]}
        parts["both"] = parts["unread"] + parts["read"]
        moved = [
            record["id"]
            for part in parts[options.shift_part]
            for record in [one for one in part if one["id"] not in self._shifted][: options.shift_records]
        ]
        for record_id in moved:
            self._shifted.add(record_id)
            self.change(record_id, {"updatedAt": options.shift_updated_at or now()})
        return bool(moved)

    def copies(self) -> list[Record]:
        """Return all records."""
        return copy.deepcopy(list(self))


class Partner(System):
    """A letting platform."""

    options: PartnerOptions

    def page(
        self, records: Records, listing: Callable[[], list[Record]], start: int, size: int
    ) -> tuple[list[Record], int]:
        """Return a page of the current records, after the shifts of the options."""
        found = listing()
        if records.shift(found, start, self.options):
            found = listing()
        return found[start : start + size], len(found)
