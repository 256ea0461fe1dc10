"""Versions of the partner's records: a newer version overrules an older one, in whatever order they are read.

Runs may be cleared and repeated in any order, so the order of writes is irrelevant. The partner's own time of each
version of a record (``updatedAt``) decides.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from letting_sync.ledger.bulk import among
from letting_sync.ledger.database import (
    AT_WRITING,
    LedgerDatabase,
    Writing,
    change,
    read,
    statements,
)
from letting_sync.ledger.records import AcceptanceState, Entry, EntryState, Event, Intent, Retraction, Run
from letting_sync.ledger.schema import entries, retractions
from letting_sync.reasons import Reason

_KEY = ("pair", "external_id", "source_id")
_OF_A_VERSION = ("chosen", "bundle", "bundle_size", "source_id", "partner_updated_at")
"""Columns that follow the newest version of the record."""
_DECIDED_ANEW = MappingProxyType[str, Any](
    {
        "acceptance": None, "acceptance_reason": None, "decided_by": None, "decided_at": None,
        "ask_reason": Reason.CHOSEN_AGAIN,
    }
)  # fmt: skip
"""Columns of an entry on which a person has to decide once more; an approval from before does not count."""
_WITH_OFFER = (EntryState.SENT, EntryState.LOADED, EntryState.AMBIGUOUS)
_ALL_RECORDS = ""
"""Stored for a retraction of all records of an external id."""


class PartnerVersions(LedgerDatabase):
    """The part of :class:`~letting_sync.ledger.ledger.Ledger` that stores the partner's versions."""

    def find_retractions(self, pair: str, external_ids: Collection[str]) -> list[Retraction]:
        """Return the retractions of these prospects, by the newest version that any run has read."""
        columns = (
            retractions.c.external_id,
            retractions.c.source_id,
            retractions.c.reason,
            retractions.c.partner_updated_at,
        )
        found = list[Retraction]()
        with self._reading() as connection:
            for ids in statements(sorted(set(external_ids))):
                with_ids = among(connection.dialect.name, retractions.c.external_id, ids)
                query = sa.select(*columns).where(retractions.c.pair == pair, with_ids)
                for external_id, source_id, reason, updated_at in connection.execute(query).all():
                    found.append(Retraction(external_id, source_id or None, reason, updated_at))
        return found

    def mark_retracted(self, run: Run, said: Iterable[Retraction]) -> None:
        """Store retractions, and mark the entries that are not newer.

        An existing lease stays; its history records the withdrawal.
        """
        newest = _newest(said)
        if not newest:
            return
        by_id = defaultdict[str, list[Retraction]](list)
        for one in newest.values():
            by_id[one.external_id].append(one)
        not_chosen, withdrawn = list[int](), defaultdict[tuple[Reason, bool], list[int]](list)
        with self._writing() as writing:
            _keep(writing, run, newest)
            # Read in the same transaction: otherwise another run could note a newer version in between.
            for entry in _of_ids(writing.connection, run.pair, by_id):
                for one in (one for one in by_id[entry.external_id] if one.overrules(entry)):
                    if one.reason is Reason.NOT_CHOSEN:
                        not_chosen += [entry.id] if entry.chosen else []
                    elif entry.withdrawn_at is None:
                        withdrawn[one.reason, entry.state in _WITH_OFFER].append(entry.id)
            without_lease = entries.c.lease_number.is_(None)
            change(
                writing, not_chosen, Event.NOT_CHOSEN, by_run=run.run_id, only_if=without_lease, chosen=False
            )
            for (reason, has_offer), ids in withdrawn.items():
                said_so = Reason.WITHDRAWN_AFTER_LOAD if reason is Reason.WITHDRAWN else reason
                change(
                    writing,
                    ids,
                    Event.WITHDRAWN,
                    by_run=run.run_id,
                    reason=said_so if has_offer else None,
                    withdrawn_at=AT_WRITING,
                )

    def find_same_applications(self, pair: str, external_ids: Collection[str]) -> dict[str, list[Entry]]:
        """Return all entries of a pair with these external ids, by external id."""
        found = defaultdict[str, list[Entry]](list)
        for entry in self._find_by_ids(pair, external_ids):
            found[entry.external_id].append(entry)
        return found

    def _find_by_ids(self, pair: str, external_ids: Collection[str]) -> list[Entry]:
        with self._reading() as connection:
            return _of_ids(connection, pair, set(external_ids))

    def mark_moved(self, moved: Collection[Entry], run_id: str) -> None:
        """Mark entries whose application is now for another unit; an entry with a lease stays unchanged."""
        if not moved:
            return
        not_yet = sa.and_(entries.c.moved_at.is_(None), entries.c.lease_number.is_(None))
        with self._writing() as writing:
            ids = _of_same_version(writing, moved)
            change(writing, ids, Event.MOVED, by_run=run_id, only_if=not_yet, moved_at=AT_WRITING)

    def mark_seen(self, seen: Sequence[tuple[Entry, Intent]], run_id: str) -> None:
        """Store the newest version of the records of some entries: chosen or not, record id and bundle.

        A prospect who is chosen again after a withdrawal requires a person's decision.
        """
        if not seen:
            return
        quiet = list[dict[str, Any]]()
        with self._writing() as writing:
            current = _of_same_version(writing, [entry for entry, _ in seen])
            for known, intent in seen:
                if (entry := current.get(known.id)) is None:
                    continue
                values = {name: getattr(intent, name) for name in _OF_A_VERSION}
                if entry.content_hash == intent.content_hash:
                    values["source_hash"] = intent.source_hash
                what, more = _what_changed(entry, intent)
                if what is None:
                    quiet.append({"entry": entry.id} | values)
                elif not ("acceptance" in more and entry.lease_number):
                    change(writing, [entry.id], what, by_run=run_id, **values | more)
            _note_quietly(writing, quiet)

    def mark_reviewed(self, ids: Collection[int]) -> None:
        """Record that entries were compared with partner and ERP, outside their window."""
        with self._writing() as (connection, at):
            for some in statements(sorted(set(ids))):
                these = among(connection.dialect.name, entries.c.id, some)
                connection.execute(sa.update(entries).where(these).values(reviewed_at=at))

    def mark_closed(self, ids: Collection[int], reason: Reason, run_id: str) -> None:
        """Mark entries as closed: nothing is left to decide on them."""
        open_ = sa.and_(
            entries.c.lease_number.is_(None),
            sa.func.coalesce(entries.c.acceptance, "") != AcceptanceState.ACCEPTING,
        )
        self._change(
            ids,
            Event.CLOSED,
            by_run=run_id,
            only_if=open_,
            reason=reason,
            acceptance=AcceptanceState.CLOSED,
            acceptance_reason=reason,
        )


def _keep(writing: Writing, run: Run, said: dict[tuple[str, str], Retraction]) -> None:
    """Store retractions, each unless a newer one of its record is stored."""
    rows = [
        {
            "pair": run.pair,
            "external_id": external_id,
            "source_id": source_id,
            "reason": one.reason,
            "partner_updated_at": one.partner_updated_at,
            "run_id": run.run_id,
            "noted_at": writing.at,
        }
        for (external_id, source_id), one in said.items()
    ]
    connection = writing.connection
    insert = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(retractions)
    keep_the_newest = insert.on_conflict_do_update(
        index_elements=_KEY,
        set_={name: getattr(insert.excluded, name) for name in rows[0] if name not in _KEY},
        where=insert.excluded.partner_updated_at >= retractions.c.partner_updated_at,
    )
    for some in statements(rows):
        connection.execute(keep_the_newest, some)


def _note_quietly(writing: Writing, rows: Sequence[dict[str, Any]]) -> None:
    """Store new versions without a line of history, since they change nothing of interest to a person."""
    same_columns = defaultdict[tuple[str, ...], list[dict[str, Any]]](list)
    for row in rows:
        same_columns[tuple(name for name in row if name != "entry")].append(row)
    for names, some in same_columns.items():
        statement = sa.update(entries).where(entries.c.id == sa.bindparam("entry"))
        new: dict[str, Any] = {name: sa.bindparam(name) for name in names}
        writing.connection.execute(statement.values(updated_at=writing.at, **new), some)


def _of_ids(connection: sa.Connection, pair: str, external_ids: Collection[str]) -> list[Entry]:
    return _having(connection, entries.c.external_id, external_ids, entries.c.pair == pair)


def _of_same_version(writing: Writing, known: Iterable[Entry]) -> dict[int, Entry]:
    """Return entries as they are now, by id, without those of which another run has noted another version since they were read."""
    versions = {entry.id: entry.partner_updated_at for entry in known}
    found = _having(writing.connection, entries.c.id, versions)
    return {entry.id: entry for entry in found if entry.partner_updated_at == versions[entry.id]}


def _having(
    connection: sa.Connection,
    column: sa.ColumnElement[Any],
    values: Collection[Any],
    *conditions: sa.ColumnElement[bool],
) -> list[Entry]:
    """Return the entries that have one of these values in a column."""
    found = list[Entry]()
    for some in statements(sorted(values)):
        these = among(connection.dialect.name, column, some)
        found += read(connection, sa.select(entries).where(*conditions, these))
    return found


def _newest(said: Iterable[Retraction]) -> dict[tuple[str, str], Retraction]:
    """Return the newest version of each record, by external id and record id."""
    newest = dict[tuple[str, str], Retraction]()
    for one in said:
        key = (one.external_id, one.source_id or _ALL_RECORDS)
        if key not in newest or newest[key].partner_updated_at <= one.partner_updated_at:
            newest[key] = one
    return newest


def _what_changed(entry: Entry, intent: Intent) -> tuple[Event | None, dict[str, Any]]:
    """Return the event that a newer version means for an entry, and the columns to change."""
    if entry.withdrawn_at:
        return Event.CHOSEN_AGAIN, {**_DECIDED_ANEW, "withdrawn_at": None, "moved_at": None}
    # What was closed is over in the ERP too: only a person can make a new offer.
    is_reopened = entry.acceptance == AcceptanceState.CLOSED and intent.chosen
    decided_anew = dict(_DECIDED_ANEW) if is_reopened else {}
    if entry.moved_at:
        return Event.MOVED_BACK, decided_anew | {"moved_at": None}
    if entry.chosen != intent.chosen:
        return (Event.CHOSEN if intent.chosen else Event.NOT_CHOSEN), decided_anew
    return None, {}
