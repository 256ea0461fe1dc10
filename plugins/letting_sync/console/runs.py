"""Pairs and their runs, read from Airflow's own database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from airflow.models.dag import DagModel, DagTag
from airflow.models.dagrun import DagRun
from airflow.models.xcom import XComModel
from sqlalchemy.orm import Session, aliased

from letting_sync.console import days
from letting_sync.counts import OF_AN_EMPTY_WINDOW
from letting_sync.dry_run import is_dry_run
from letting_sync.ledger.retention_runs import LONGEST_PAUSE
from letting_sync.window import Window, last_whole_interval, window_from_outside

TAG = "prospects"
"""Every DAG of ``letting_dag`` has this tag …"""
_TIMETABLE = "%CronDataIntervalTimetable"
"""… and this timetable, which tells pairs from other DAGs of the project (the retention)."""
RETENTION = "prospect_retention"
HISTORY = 30
"""Runs in a chart."""
_COUNTS = (("reconcile", "return_value"), ("extract", OF_AN_EMPTY_WINDOW))
"""Task and XCom key under which a run's counts are."""


@dataclass(frozen=True)
class Pair:
    """A pair's DAG.

    :param last_state: state of the run that was made last.
    """

    dag_id: str
    cron: str
    description: str | None
    paused: bool
    last_state: str | None


@dataclass(frozen=True)
class RunRow:
    """One run with what it counted.

    :param window: the stretch of time it covers, see :func:`covered`.
    :param asked: what a person asked for: ``ids`` (how many), ``id`` (the first), ``accept``, ``window``.
    :param kind: ``scheduled``, ``backfill``, ``manual``, ``replay`` or ``dry_run``.
    """

    id: int
    dag_id: str
    run_id: str
    state: str
    kind: str
    asked: dict[str, Any]
    window: Window | None
    started: datetime | None
    ended: datetime | None
    counts: dict[str, Any] | None


def pair_ids(session: Session) -> set[str]:
    """All pairs there ever were, those whose file is gone included: their prospects stay in the ledger."""
    query = sa.select(DagModel.dag_id).join(DagTag, DagTag.dag_id == DagModel.dag_id)
    return set(session.scalars(query.where(DagTag.name == TAG, DagModel.timetable_type.like(_TIMETABLE))))


def pairs(session: Session, only: Collection[str] | None = None) -> list[Pair]:
    """The pairs by name, each with the state of its last run, in one query."""
    last = aliased(DagRun)
    newest = (
        sa.select(sa.func.max(DagRun.id)).where(DagRun.dag_id == DagModel.dag_id).correlate(DagModel)
    ).scalar_subquery()
    query = (
        sa.select(
            DagModel.dag_id,
            DagModel.timetable_summary,
            DagModel.description,
            DagModel.is_paused,
            last._state,
        )
        .join(DagTag, DagTag.dag_id == DagModel.dag_id)
        .outerjoin(last, last.id == newest)
        .where(DagTag.name == TAG, DagModel.timetable_type.like(_TIMETABLE), ~DagModel.is_stale)
        .order_by(DagModel.dag_id)
    )
    if only is not None:
        query = query.where(DagModel.dag_id.in_(only))
    return [
        Pair(dag_id, cron or "", description, paused, state)
        for dag_id, cron, description, paused, state in session.execute(query)
    ]


def newest_runs(session: Session, some: Iterable[Pair], count: int = HISTORY) -> dict[str, list[RunRow]]:
    """The last runs of some pairs, newest first, in one query for all (and one for what they counted)."""
    crons = {pair.dag_id: pair.cron for pair in some}
    place = sa.func.row_number().over(partition_by=DagRun.dag_id, order_by=DagRun.id.desc())
    numbered = (
        sa.select(DagRun.id, place.label("place")).where(DagRun.dag_id.in_(crons)).subquery()
    )  # ids and DAGs only, so that the index answers it
    chosen = sa.select(numbered.c.id).where(numbered.c.place <= count)
    found: dict[str, list[RunRow]] = defaultdict(list)
    for row in _rows(session, crons, DagRun.id.in_(chosen)):
        found[row.dag_id].append(row)
    return found


def page_of_runs(session: Session, pair: Pair, offset: int, count: int) -> list[RunRow]:
    """Some runs of one pair, newest first."""
    ids = session.scalars(
        sa.select(DagRun.id)
        .where(DagRun.dag_id == pair.dag_id)
        .order_by(DagRun.id.desc())
        .offset(offset)
        .limit(count)
    ).all()
    return _rows(session, {pair.dag_id: pair.cron}, DagRun.id.in_(ids))


def one_run(session: Session, pair: Pair, run_id: str) -> RunRow | None:
    """A run by its id."""
    rows = _rows(
        session, {pair.dag_id: pair.cron}, sa.and_(DagRun.dag_id == pair.dag_id, DagRun.run_id == run_id)
    )
    return rows[0] if rows else None


def runs_since(session: Session, pair: Pair, since: datetime) -> list[days.Run]:
    """All runs that may cover a time after ``since``, in the order in which they were made."""
    query = (
        sa.select(
            DagRun.run_id,
            DagRun._state,
            DagRun.conf,
            DagRun.data_interval_start,
            DagRun.data_interval_end,
            DagRun.run_after,
        )
        .where(
            DagRun.dag_id == pair.dag_id,
            sa.or_(DagRun.data_interval_end > since, DagRun.run_after > since),
        )
        .order_by(DagRun.id)
    )
    found = []
    for run_id, state, conf, start, end, run_after in session.execute(query):
        window = covered(conf, (start, end), run_after, pair.cron)
        found.append(days.Run(run_id, state, *(window or (None, None))))
    return found


def covered(
    conf: Any, data_interval: tuple[datetime | None, datetime | None], run_after: datetime, cron: str
) -> Window | None:
    """The stretch of time that a run makes up for; none for one without a window, and for a dry run."""
    if is_dry_run(conf):
        return None
    return window_from_outside(conf, data_interval, run_after, cron)


def live_since(session: Session, pair: Pair) -> datetime | None:
    """Where the first window starts that a run was ever made for."""
    first, run_after = session.execute(
        sa.select(sa.func.min(DagRun.data_interval_start), sa.func.min(DagRun.run_after)).where(
            DagRun.dag_id == pair.dag_id
        )
    ).one()
    manual = last_whole_interval(pair.cron, run_after).start if run_after else None
    return min((moment for moment in (first, manual) if moment), default=None)


def last_scheduled(session: Session, dag_ids: Sequence[str]) -> dict[str, tuple[datetime, datetime]]:
    """Window of the last scheduled run of each DAG that succeeded."""
    newest = (
        sa.select(DagRun.id)
        .where(
            DagRun.dag_id == DagModel.dag_id,
            DagRun._state == "success",
            DagRun.run_type == "scheduled",
            DagRun.data_interval_end.is_not(None),
        )
        .order_by(DagRun.id.desc())
        .limit(1)
        .correlate(DagModel)
    ).scalar_subquery()
    query = (
        sa.select(DagModel.dag_id, DagRun.data_interval_start, DagRun.data_interval_end)
        .join(DagRun, DagRun.id == newest)
        .where(DagModel.dag_id.in_(dag_ids))
    )
    return {dag_id: (start, end) for dag_id, start, end in session.execute(query) if start and end}


def retention_problem(session: Session, now: datetime) -> str | None:
    """Why personal data is not deleted any more: ``missing``, ``paused`` or ``overdue``, by Airflow's own database."""
    dag = session.get(DagModel, RETENTION)
    if dag is None or dag.is_stale:
        return "missing"
    if dag.is_paused:
        return "paused"
    ended = sa.select(sa.func.max(DagRun.end_date)).where(
        DagRun.dag_id == RETENTION, DagRun._state == "success"
    )
    first = sa.select(sa.func.min(DagRun.run_after)).where(DagRun.dag_id == RETENTION)
    since = session.scalar(ended) or session.scalar(first)
    return "overdue" if since and now - since > LONGEST_PAUSE else None


def _rows(session: Session, crons: dict[str, str], which: sa.ColumnElement[bool]) -> list[RunRow]:
    query = (
        sa.select(
            DagRun.id, DagRun.dag_id, DagRun.run_id, DagRun._state, DagRun.run_type, DagRun.conf,
            DagRun.data_interval_start, DagRun.data_interval_end, DagRun.run_after,
            DagRun.start_date, DagRun.end_date,
        )
        .where(which)
        .order_by(DagRun.id.desc())
    )  # fmt: skip
    rows = session.execute(query).all()
    counts = _counts(session, [row.id for row in rows])
    return [
        RunRow(
            id=row.id,
            dag_id=row.dag_id,
            run_id=row.run_id,
            state=row[3],
            kind=_kind(row.run_type, row.conf),
            asked=_asked(row.conf),
            window=covered(
                row.conf,
                (row.data_interval_start, row.data_interval_end),
                row.run_after,
                crons[row.dag_id],
            ),
            started=row.start_date,
            ended=row.end_date,
            counts=counts.get(row.id),
        )
        for row in rows
    ]


def _kind(run_type: str, conf: Any) -> str:
    asked = conf if isinstance(conf, dict) else {}
    if is_dry_run(asked):
        return "dry_run"
    return "replay" if asked.get("external_ids") else str(run_type)


def _asked(conf: Any) -> dict[str, Any]:
    asked = conf if isinstance(conf, dict) else {}
    ids = asked.get("external_ids")
    ids = [str(one) for one in ids] if isinstance(ids, list) else []
    return {
        "ids": len(ids),
        "id": ids[0] if ids else None,
        "accept": str(asked["accept"]) if asked.get("accept") else None,
        "window": bool(asked.get("window_start")),
        "dry_run": is_dry_run(conf),
    }


def _counts(session: Session, run_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """What ``reconcile`` returned, or ``extract`` published of an empty window, by run; the later of both."""
    published = sa.tuple_(XComModel.task_id, XComModel.key)
    query = (
        sa.select(XComModel.dag_run_id, XComModel.value)
        .where(XComModel.dag_run_id.in_(run_ids), XComModel.map_index == -1, published.in_(_COUNTS))
        # A cleared run may have been empty at one time and not at the other.
        .order_by(XComModel.timestamp)
    )
    found = {}
    for run_id, value in session.execute(query):
        counts = XComModel.deserialize_value(_Value(value))
        if isinstance(counts, dict):
            found[run_id] = counts
    return found


@dataclass(frozen=True)
class _Value:
    value: Any
