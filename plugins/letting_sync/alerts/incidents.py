"""Which incidents are open, so that each is reported once: a table beside the ledger.

One row per DAG and kind of incident. An *incident* has subjects: the runs that failed, the offers that wait. It
opens with the first and is reported then; it closes, and that is reported too, by the rules of the functions below.
The functions are pure; :class:`Incidents` keeps what they return. Rows are read and written under a lock, in
one short transaction each and never while a message is being sent.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from letting_sync.ledger.reports import LedgerReports
from letting_sync.ledger.schema import UtcDateTime, metadata
from letting_sync.reasons import Reason

NOTIFICATION_EXPIRES = timedelta(minutes=5)
"""A process that began a notification and did not note its end has died. Longer than all tries of a send."""
EACH = frozenset({"approval", "waiting"})
"""Kinds of which every subject is news; of the others an open incident covers those that follow."""

open_incidents = sa.Table(
    "prospect_alert",
    metadata,
    sa.Column("dag_id", sa.String(250), primary_key=True),
    sa.Column("kind", sa.String(20), primary_key=True),
    sa.Column(
        "subjects", sa.Text, nullable=False, comment="JSON: run or entry -> end of its window, or null"
    ),
    sa.Column("since", UtcDateTime),
    sa.Column("told_at", UtcDateTime),
)


@dataclass(frozen=True)
class Incident:
    """What one row says.

    :param subjects: run ids, or ids of ledger entries, each with the end of its window.
    :param since: when the latest notification began.
    :param notified_at: when its recipients had been notified (column ``told_at``); ``None``: not yet, or not at all.
    """

    subjects: Mapping[str, str | None] = field(default_factory=dict)
    since: datetime | None = None
    notified_at: datetime | None = None

    def not_notified(self, at: datetime) -> bool:
        """Whether it is open and the process that was to send its notification has died."""
        return bool(
            self.subjects
            and self.notified_at is None
            and (not self.since or self.since < at - NOTIFICATION_EXPIRES)
        )


@dataclass(frozen=True)
class Change:
    """How an incident changes.

    :param notify: which message is to be sent: ``opened``, ``closed`` or none.
    :param left: subjects that are still not well although the incident is over.
    :param new: how many subjects were not known before.
    """

    after: Incident
    notify: str | None = None
    left: tuple[str, ...] = ()
    new: int = 0


def opened(kind: str, before: Incident, subject: str, window_end: str | None, at: datetime) -> Change:
    """A run has a problem."""
    new = subject not in before.subjects
    news = not before.subjects or (kind in EACH and new) or before.not_notified(at)
    subjects = {**before.subjects, subject: window_end}
    if news:
        return Change(Incident(subjects, since=at), "opened", new=int(new))
    return Change(replace(before, subjects=subjects), new=int(new))


def went_well(before: Incident, run_id: str, window_end: str | None, scheduled: bool) -> Change:
    """A run succeeded.

    That ends the incident if no run is left in it, or if it was a scheduled run later than all of them: then the
    schedule is on time again, and the runs that are left are named. A backfill that succeeds says nothing about
    the schedule; so thirty backfilled days of which every second fails are one incident and not fifteen.
    """
    left = {run: end for run, end in before.subjects.items() if run != run_id}
    overtaken = (
        scheduled and window_end is not None and all(end and end < window_end for end in left.values())
    )
    if not before.subjects or (left and not overtaken):
        return Change(replace(before, subjects=left))
    return Change(Incident(), "closed" if before.notified_at else None, left=tuple(sorted(left)))


def ended(before: Incident, run_id: str) -> Change:
    """A run's own question is answered; those of other runs still stand."""
    left = {run: end for run, end in before.subjects.items() if run != run_id}
    notify = "closed" if run_id in before.subjects and before.notified_at else None
    return Change(replace(before, subjects=left) if left else Incident(), notify)


def over(before: Incident, run_id: str) -> Change:
    """A run's incident ended in another way: as a worse one, which is reported separately."""
    left = {run: end for run, end in before.subjects.items() if run != run_id}
    return Change(replace(before, subjects=left) if left else Incident())


def still_there(before: Incident, subjects: Collection[str], at: datetime) -> Change:
    """All that waits, counted anew: told if something is new, and when nothing is left."""
    new = len(set(subjects) - set(before.subjects))
    after = dict.fromkeys(sorted(subjects))
    if after and (new or before.not_notified(at)):
        return Change(Incident(after, since=at), "opened", new=new)
    if before.subjects and not after:
        return Change(Incident(), "closed" if before.notified_at else None)
    return Change(replace(before, subjects=after))


def persists(
    before: Incident, subject: str, window_end: str | None, at: datetime, limit: timedelta, pause: timedelta
) -> Change:
    """A run's retryable error: reported when it lasts, and then once.

    ``since`` is here when the error began.

    :param pause: until somebody looks again; what would be due meanwhile is reported now.
    """
    since = before.since if before.subjects and before.since else at
    subjects = {**before.subjects, subject: window_end}
    if before.notified_at or at + pause - since < limit:
        return Change(replace(before, subjects=subjects, since=since))
    # Marked before it is sent: the run's other tasks meet the same error at the same moment.
    return Change(Incident(subjects, since=since, notified_at=at), "opened", new=1)


class Incidents:
    """The table, and what the ledger says about waiting offers."""

    def __init__(self, engine: sa.Engine | None = None) -> None:
        # Not above: every DAG file imports this module, and the ledger brings Alembic along.
        from letting_sync.ledger.ledger import Ledger

        self.engine = engine if engine is not None else Ledger().engine

    def close(self) -> None:
        """Give the database's connections back."""
        self.engine.dispose()

    def apply(self, dag_id: str, kind: str, change: Callable[[Incident], Change]) -> tuple[Incident, Change]:
        """Change one incident; returns it as it was, and its change."""
        from letting_sync.ledger import migrate

        with self.engine.connect().execution_options(**migrate.READS_ONLY) as connection:
            before = _read(connection, dag_id, kind)
        changed = change(before)
        # On most days nothing happens: no run waits for the lock then, and nothing is flushed to the disk.
        if changed == Change(before):
            return before, changed
        with self.engine.begin() as connection:
            before = _locked(connection, dag_id, kind)
            changed = change(before)
            _write(connection, dag_id, kind, changed.after)
        return before, changed

    def mark_notified(self, dag_id: str, kind: str, since: datetime | None) -> None:
        """Note that the recipients were notified, unless another notification has begun meanwhile."""
        with self.engine.begin() as connection:
            current = _locked(connection, dag_id, kind)
            if current.since == since:
                _write(connection, dag_id, kind, replace(current, notified_at=datetime.now(UTC)))

    def mark_not_notified(self, dag_id: str, kind: str, before: Incident, change: Change) -> None:
        """No recipient could be notified: restore the incident as it was, so that the next run tries again."""
        with self.engine.begin() as connection:
            if _locked(connection, dag_id, kind) == change.after:
                _write(connection, dag_id, kind, before)

    def waiting(self, pair: str) -> dict[str, Reason]:
        """Offers of a pair that wait for a person: ids of their entries, each with the reason."""
        return LedgerReports(self.engine).find_waiting(pair)

    def awaiting_approval(self, pair: str, run_id: str) -> int:
        """How many offers of a run a person has been asked about and has not answered."""
        return LedgerReports(self.engine).find_number_awaiting(pair, run_id)


def _read(connection: sa.Connection, dag_id: str, kind: str) -> Incident:
    row = connection.execute(sa.select(open_incidents).where(_is(dag_id, kind))).one_or_none()
    return _incident(row) if row else Incident()


def _locked(connection: sa.Connection, dag_id: str, kind: str) -> Incident:
    """Read a row and keep others from it until the transaction ends; on SQLite its beginning has done so."""
    insert = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(open_incidents)
    connection.execute(insert.values(dag_id=dag_id, kind=kind, subjects="{}").on_conflict_do_nothing())
    return _incident(
        connection.execute(sa.select(open_incidents).where(_is(dag_id, kind)).with_for_update()).one()
    )


def _incident(row: sa.Row[Any]) -> Incident:
    return Incident(json.loads(row.subjects), row.since, row.told_at)


def _write(connection: sa.Connection, dag_id: str, kind: str, incident: Incident) -> None:
    connection.execute(
        sa.update(open_incidents)
        .where(_is(dag_id, kind))
        .values(subjects=json.dumps(incident.subjects), since=incident.since, told_at=incident.notified_at)
    )


def _is(dag_id: str, kind: str) -> sa.ColumnElement[bool]:
    return sa.and_(open_incidents.c.dag_id == dag_id, open_incidents.c.kind == kind)
