"""Deletion of ledger rows, at the end of the retention period or at a person's request (GDPR, articles 15 and 17)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from letting_sync.ledger.database import now, read
from letting_sync.ledger.records import AcceptanceState, Entry, EntryState, Event
from letting_sync.ledger.schema import entries, events, retractions
from letting_sync.reasons import Reason

ERASED = "erased"
"""Value stored in place of an erased one."""
NOBODY_CAN_ACCEPT = (
    Reason.EXPIRED,
    Reason.OFFER_IGNORED,
    Reason.OFFER_MISSING,
    Reason.OFFER_REJECTED,
    Reason.REJECTED_BY_APPROVER,
    Reason.UNIT_LET,
    Reason.WITHDRAWN_AFTER_LOAD,
    Reason.GONE_AT_PARTNER,
    Reason.MOVED,
)
"""Reasons to hold an offer after which it cannot turn into a lease any more."""
_UNFINISHED_LEASES = (AcceptanceState.ACCEPTING, AcceptanceState.AWAITING)


def is_unfinished(entry: Entry) -> bool:
    """Return whether the row currently protects an offer or a lease from being made twice, or a prospect from being lost."""
    to_be_sent = entry.state == EntryState.CLAIMED and not (entry.withdrawn_at or entry.moved_at)
    return to_be_sent or entry.state == EntryState.SENT or entry.acceptance in _UNFINISHED_LEASES


class LedgerDeletion:
    """Delete rows with their history, except those that a run or a person still works on."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine

    # --- retention periods ------------------------------------------------------------------------------------

    def delete_expired(
        self, rejected: int, open_: int, leased: int, at: datetime, count_only: bool = False
    ) -> dict[str, int]:
        """Delete rows whose retention period since the last change is over.

        :param rejected: days for entries that cannot turn into a lease any more, 0: for ever; so are ``open_`` for
            those that still may, and ``leased`` for those that have.
        :return: numbers of rows deleted by kind, and of rows that stay as something goes on with them.
        """
        counts = {}
        with self.engine.begin() as connection:
            for kind, (days, condition) in _kinds(rejected, open_, leased).items():
                too_old = sa.and_(condition, entries.c.updated_at < at - timedelta(days=days))
                if not days:
                    counts[kind] = 0
                elif count_only:
                    counts[kind] = _count(connection, too_old)
                else:
                    counts[kind] = connection.execute(sa.delete(entries).where(too_old)).rowcount
            # A retraction is needed as long as an older window may be read again, which is shorter.
            old = retractions.c.noted_at < at - timedelta(days=rejected)
            if rejected and not count_only:
                connection.execute(sa.delete(retractions).where(old))
            counts["kept_as_unfinished"] = _count(
                connection,
                sa.and_(_unfinished(), entries.c.updated_at < at - timedelta(days=rejected)),
            )
        return counts

    def find_unfinished_runs(self, pair: str) -> set[str]:
        """Return the ids of a pair's runs with entries that something goes on with."""
        query = sa.select(entries.c.run_id, entries.c.acceptance_run).where(
            entries.c.pair == pair, _unfinished()
        )
        with self.engine.begin() as connection:
            return {run_id for row in connection.execute(query) for run_id in row if run_id}

    # --- one person ---------------------------------------------------------------------------------------

    def find_entries(self, external_ids: Collection[str], pair: str | None = None) -> list[Entry]:
        """Return the entries with one of these external ids, of one pair or of all."""
        of_pair = [entries.c.pair == pair] if pair else []
        query = sa.select(entries).where(entries.c.external_id.in_(external_ids), *of_pair)
        with self.engine.begin() as connection:
            return list(read(connection, query.order_by(entries.c.id)))

    def find_history(self, entry_id: int) -> list[dict[str, Any]]:
        """Return the lines of an entry's history, oldest first."""
        query = sa.select(events).where(events.c.entry_id == entry_id).order_by(events.c.id)
        with self.engine.begin() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def find_ids_of_persons(self, hashes: Collection[str]) -> set[tuple[str, str]]:
        """Return pair and external id of all entries with one of these person hashes."""
        query = sa.select(entries.c.pair, entries.c.external_id).where(entries.c.person_hash.in_(hashes))
        with self.engine.begin() as connection:
            return {(row.pair, row.external_id) for row in connection.execute(query)}

    def erase(self, leased: Sequence[Entry], gone: Sequence[Entry], pseudonym: str) -> int:
        """Reduce the rows of leases to their numbers and times, and delete other rows.

        :param leased: rows to reduce.
        :param gone: rows to delete.
        :param pseudonym: replaces the external id.
        :return: number of rows that were left, since they have changed after they were read.
        """
        reduced = {
            "external_id": pseudonym, "person_hash": None, "content_hash": ERASED, "source_id": None, "source_hash": None,
        }  # fmt: skip
        with self.engine.begin() as connection:
            moved = [entry for entry in [*leased, *gone] if not _unchanged(connection, entry)]
            for entry in (entry for entry in leased if entry not in moved):
                # The same lease was erased before and found in the ERP again since: one row is enough.
                before = sa.and_(entries.c.pair == entry.pair, entries.c.unit == entry.unit)
                connection.execute(sa.delete(entries).where(before, entries.c.external_id == pseudonym))
                connection.execute(sa.update(entries).where(entries.c.id == entry.id).values(**reduced))
                connection.execute(sa.insert(events).values(entry_id=entry.id, at=now(), what=Event.ERASED))
            for entry in (entry for entry in gone if entry not in moved):
                connection.execute(sa.delete(entries).where(entries.c.id == entry.id))
        return len(moved)

    def find_retractions(self, external_id: str, pair: str | None = None) -> list[dict[str, Any]]:
        """Return the retractions of an external id, which need no entry, of one pair or of all."""
        query = sa.select(retractions).where(*_retractions_of(external_id, pair))
        with self.engine.begin() as connection:
            return [
                dict(row) for row in connection.execute(query.order_by(*retractions.primary_key)).mappings()
            ]

    def erase_retractions(self, external_id: str, pair: str | None, kept_pairs: Collection[str]) -> None:
        """Delete the retractions of an external id.

        :param kept_pairs: pairs in which something goes on with the prospect.
        """
        of_person = _retractions_of(external_id, pair)
        others = retractions.c.pair.not_in(kept_pairs)
        with self.engine.begin() as connection:
            connection.execute(sa.delete(retractions).where(*of_person, others))


def _retractions_of(external_id: str, pair: str | None) -> list[sa.ColumnElement[bool]]:
    of_pair = [retractions.c.pair == pair] if pair else []
    return [retractions.c.external_id == external_id, *of_pair]


def _kinds(rejected: int, open_: int, leased: int) -> dict[str, tuple[int, sa.ColumnElement[bool]]]:
    not_leased = sa.and_(entries.c.lease_number.is_(None), sa.not_(_unfinished()))
    lost = sa.or_(
        entries.c.state == EntryState.REFUSED,
        entries.c.withdrawn_at.is_not(None),
        entries.c.moved_at.is_not(None),
        entries.c.acceptance == AcceptanceState.CLOSED,
        sa.and_(
            entries.c.acceptance == AcceptanceState.HELD, entries.c.acceptance_reason.in_(NOBODY_CAN_ACCEPT)
        ),
    )
    return {
        "rejected": (rejected, sa.and_(not_leased, lost)),
        "open": (open_, sa.and_(not_leased, sa.not_(sa.func.coalesce(lost, sa.false())))),
        "leased": (leased, sa.and_(entries.c.lease_number.is_not(None), sa.not_(_unfinished()))),
    }


def _unfinished() -> sa.ColumnElement[bool]:
    """Return the condition for rows that a run or a person still works on, as :func:`is_unfinished`."""
    to_be_sent = sa.and_(
        entries.c.state == EntryState.CLAIMED, entries.c.withdrawn_at.is_(None), entries.c.moved_at.is_(None)
    )
    return sa.or_(
        to_be_sent,
        entries.c.state == EntryState.SENT,
        sa.func.coalesce(entries.c.acceptance, "").in_(_UNFINISHED_LEASES),
    )


def _count(connection: sa.Connection, condition: sa.ColumnElement[bool]) -> int:
    return int(
        connection.execute(sa.select(sa.func.count()).select_from(entries).where(condition)).scalar_one()
    )


def _unchanged(connection: sa.Connection, entry: Entry) -> bool:
    query = sa.select(entries.c.updated_at).where(entries.c.id == entry.id).with_for_update()
    return connection.execute(query).scalar_one_or_none() == entry.updated_at
