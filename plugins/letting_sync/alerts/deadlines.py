"""When a run is late: the deadline that Airflow keeps for it, and its restart each time that the run starts.

Airflow's own reference ``DAGRUN_QUEUED_AT`` must not be used: as long as such a deadline is open, Airflow 3.3 cannot
clear the run, neither in the UI nor by REST, CLI or backfill (apache/airflow#70368). The decision is written down in
``docs/decisions/0017-late-runs.md``.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.listeners import hookimpl
from airflow.sdk.definitions.deadline import BaseDeadlineReference

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun
    from airflow.serialization.definitions.dag import SerializedDAG
    from sqlalchemy.orm import Session


class RunStart(BaseDeadlineReference):
    """Deadline reference: the moment at which a run is created, and anew each time that it starts.

    Airflow evaluates it where a run is created; :func:`on_dag_run_running` has it evaluated at each start.
    """

    def _evaluate_with(self, *, session: Session, **_: Any) -> datetime:
        """The present moment."""
        del session
        return datetime.now(UTC)


@hookimpl
def on_dag_run_running(dag_run: DagRun, msg: str) -> None:
    """Airflow's listener in the scheduler: a run starts, for the first time or after it was cleared."""
    del msg
    from sqlalchemy.orm import object_session

    session, dag = object_session(dag_run), dag_run.dag
    if session is not None and dag is not None:
        restart_deadline(session, dag_run, dag)


def restart_deadline(session: Session, dag_run: DagRun, dag: SerializedDAG) -> None:
    """Give a run that starts its whole time; the caller's transaction keeps it.

    A deadline that was missed, or that Airflow has removed as the run succeeded, does not come back by itself: without
    this a run that is cleared a day later could hang unnoticed.
    """
    from airflow.models.deadline import Deadline
    from airflow.models.deadline_alert import DeadlineAlert
    from sqlalchemy import select

    ids: list[Any] = list(dag.deadline or ())
    alerts = [DeadlineAlert.get_by_id(alert, session=session) for alert in ids]
    if not alerts or any(alert.reference.get("__class_path") != _CLASS_PATH for alert in alerts):
        return  # Another team's DAG, or a run that was created before this reference was introduced.
    still_open = select(Deadline).where(Deadline.dagrun_id == dag_run.id, ~Deadline.missed)
    for deadline in session.scalars(still_open).all():
        session.delete(deadline)
    dag._process_dagrun_deadline_alerts(dag_run, session)


_CLASS_PATH = f"{RunStart.__module__}.{RunStart.__qualname__}"
