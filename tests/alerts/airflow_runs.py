"""Runs in Airflow's own database, made as its scheduler makes them."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta

import pendulum
from airflow.sdk import DAG, BaseOperator

from letting_sync.alerts import callbacks as alerts


@contextmanager
def a_run(dag_id: str, state: str = "running", run_type: str = "scheduled", late_after=timedelta(seconds=1)):
    """A session, and a run of a DAG with one task and a deadline."""
    from airflow.utils.session import create_session
    from airflow.utils.state import DagRunState
    from airflow.utils.types import DagRunTriggeredByType, DagRunType

    with DAG(dag_id, start_date=pendulum.datetime(2026, 1, 1), **alerts.dag_callbacks(late_after)) as dag:
        BaseOperator(task_id="extract")
    with create_session() as session:
        run = _in_database(dag, session).create_dagrun(
            run_id=f"{run_type}__1",
            logical_date=pendulum.datetime(2026, 11, 9),
            data_interval=(pendulum.datetime(2026, 11, 9), pendulum.datetime(2026, 11, 10)),
            run_after=pendulum.datetime(2026, 11, 10),
            run_type=DagRunType(run_type),
            triggered_by=DagRunTriggeredByType.TEST,
            state=DagRunState.QUEUED,
            session=session,
        )
        run.state = DagRunState(state)
        session.flush()
        yield session, run


def deadlines_of(run, session) -> list:
    from airflow.models.deadline import Deadline
    from sqlalchemy import select

    of_the_run = select(Deadline).where(Deadline.dagrun_id == run.id)
    return list(session.scalars(of_the_run.order_by(Deadline.deadline_time)))


def _in_database(dag: DAG, session):
    from airflow.dag_processing.collection import update_dag_parsing_results_in_db
    from airflow.models.dagbundle import DagBundleModel
    from airflow.serialization.serialized_objects import LazyDeserializedDAG

    if not session.get(DagBundleModel, "tests"):
        session.add(DagBundleModel(name="tests"))
        session.flush()
    update_dag_parsing_results_in_db(
        "tests", None, [LazyDeserializedDAG.from_dag(dag)], {}, None, set(), session
    )
    from airflow.models.serialized_dag import SerializedDagModel

    return SerializedDagModel.get_dag(dag.dag_id, session=session)
