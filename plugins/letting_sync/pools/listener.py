"""The pool of an ERP, which limits how many tasks of all pairs use the ERP at the same time.

Airflow never starts a task whose pool does not exist. A new pair needs no manual step, since the first run that uses a
missing pool creates it: by a listener in the scheduler, within the transaction that starts
the run. An existing pool is never changed: the platform team sets its slots in the UI.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.listeners import hookimpl

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun
    from sqlalchemy.orm import Session

SLOTS = 4
"""Slots of a new pool. A task takes two or all four of them, depending on its ERP
(:attr:`~letting_sync.erp.ErpSystem.pool_slots`); a deferred task takes none."""


@hookimpl
def on_dag_run_running(dag_run: DagRun, msg: str) -> None:
    """Airflow calls this listener when a run starts."""
    del msg
    from sqlalchemy.orm import object_session

    session, dag = object_session(dag_run), dag_run.dag
    if session is not None and dag is not None and "prospects" in dag.tags:
        make_missing(session, {task.pool for task in dag.tasks})


def make_missing(session: Session, names: set[str]) -> None:
    """Create the missing pools within the caller's transaction."""
    from airflow.models.pool import Pool
    from sqlalchemy import select

    if not names:
        return
    known = set(session.scalars(select(Pool.pool).where(Pool.pool.in_(names))))
    for name in sorted(names - known):
        make(session, name)


def make(session: Session, name: str) -> None:
    """Create a pool, unless another scheduler has done it.

    A single statement, since listeners of the scheduler must not commit, and a nested transaction counts as a commit.
    """
    from airflow.models.pool import Pool
    from sqlalchemy.dialects import postgresql, sqlite

    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    pool = {"pool": name, "slots": SLOTS, "include_deferred": False}
    statement = dialect.insert(Pool).values(**pool, description="Guards an ERP; made by its first run")
    session.execute(statement.on_conflict_do_nothing(index_elements=["pool"]))
