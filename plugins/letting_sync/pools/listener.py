"""The pool that guards an ERP: how many tasks of all pairs are at work there at the same time.

Airflow never starts a task whose pool does not exist. So that a new pair needs no step by hand, the first run that
names such a pool makes it: a listener in the scheduler (``plugins/letting_sync/pools``), within the transaction that starts
the run. A pool that exists is left as it is: its slots belong to the platform team, who set them in the UI.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.listeners import hookimpl

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun
    from sqlalchemy.orm import Session

SLOTS = 4
"""Slots of a new pool. A task takes two or all four of them, as its ERP can bear
(:attr:`~letting_sync.erp.ErpSystem.pool_slots`); a deferred task takes none."""


@hookimpl
def on_dag_run_running(dag_run: DagRun, msg: str) -> None:
    """Airflow's listener: a run starts."""
    del msg
    from sqlalchemy.orm import object_session

    session, dag = object_session(dag_run), dag_run.dag
    if session is not None and dag is not None and "prospects" in dag.tags:
        make_missing(session, {task.pool for task in dag.tasks})


def make_missing(session: Session, names: set[str]) -> None:
    """Make those of these pools that do not exist; the caller's transaction keeps them."""
    from airflow.models.pool import Pool
    from sqlalchemy import select

    if not names:
        return
    known = set(session.scalars(select(Pool.pool).where(Pool.pool.in_(names))))
    for name in sorted(names - known):
        make(session, name)


def make(session: Session, name: str) -> None:
    """Make one pool, unless another scheduler was quicker.

    One statement, since the scheduler forbids its listeners to commit, and a nested transaction counts as one.
    """
    from airflow.models.pool import Pool
    from sqlalchemy.dialects import postgresql, sqlite

    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    pool = {"pool": name, "slots": SLOTS, "include_deferred": False}
    statement = dialect.insert(Pool).values(**pool, description="Guards an ERP; made by its first run")
    session.execute(statement.on_conflict_do_nothing(index_elements=["pool"]))
