"""The shape of every pair's DAG: the story of a prospect in the order in which it happens."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import cache, partial
from typing import Any

from airflow.sdk import DAG
from airflow.sdk.configuration import conf
from airflow.sdk.definitions.param import ParamsDict

from letting_sync import assets
from letting_sync.alerts import callbacks
from letting_sync.deployment import check_deployment
from letting_sync.locales.texts import text
from letting_sync.pipeline.doc import doc_of_pair
from letting_sync.pipeline.pair import Pair
from letting_sync.pipeline.params import pair_params
from letting_sync.tasks.dedup.operator import DedupOperator
from letting_sync.tasks.reconcile.operator import ReconcileOperator
from letting_sync.window import timetable

TASK_DEADLINE = timedelta(hours=2)
"""After so long Airflow ends a try of a task and begins the next: a library or a resolver that hangs has no deadline of its own.

Only time on a worker counts, not that of a deferral: a long import or an open question does not. Assumed: the first
extraction of a whole stock, the longest work in one piece, takes minutes (docs/benchmarks.md).
"""
CHUNK_NAME = "{{ task.chunk['number'] }}/{{ task.chunk['of'] }}"
"""What a chunk is called in the UI: its number and how many there are."""


def letting_dag(pair: Pair) -> DAG:
    """Build the DAG of a pair: ``extract >> dedup >> load_offers >> auto_accept >> reconcile``.

    ``load_offers`` and ``auto_accept`` are mapped over the run's chunks; an ordinary run has one.

    :param pair: the validated settings.
    :raises InvalidSettings, StopRun: a setting of the deployment is wrong.
    """
    check_deployment()
    with _without_tasks(pair) as dag:
        # Not a default argument: Airflow would look up and tokenise its source code for each DAG it stores.
        watched: dict[str, Any] = {
            "on_failure_callback": callbacks.failed,
            "on_retry_callback": _retrying(pair.alerts.retrying_after),
        }
        at_the_erp = _at_the_erp(pair) | watched
        leases_by_day = assets.leases_by_day(pair.dag_id)
        extract = pair.partner.system.extract(
            task_id="extract",
            partner=pair.partner,
            clients=pair.clients,
            timing=pair.timing,
            limits=pair.alerts,
            outlets=leases_by_day,
            **watched,
        )
        dedup = DedupOperator(
            task_id="dedup",
            folder=extract.output,
            duplicates=pair.duplicates,
            **watched,
        )
        load_offers = pair.erp.system.load.partial(
            task_id="load_offers",
            key=pair.duplicates.matching_key,
            near_match=pair.duplicates.near_match,
            poll=pair.execution.poll,
            accept=pair.acceptance.accept,
            outlets=[assets.offers_loaded(pair.dag_id)],
            **at_the_erp,
        ).expand(chunk=dedup.output)
        auto_accept = pair.erp.system.accept.partial(
            task_id="auto_accept",
            partner=pair.partner,
            policy=pair.acceptance,
            outlets=[assets.leases_created(pair.dag_id)],
            **at_the_erp,
        ).expand(chunk=load_offers.output)
        ReconcileOperator(
            task_id="reconcile",
            chunks=auto_accept.output,
            limits=pair.alerts,
            outlets=leases_by_day,
            on_success_callback=callbacks.succeeded,
            **watched,
        )
    # Set here, not above: else each task gets, and Airflow stores, a copy of its own.
    dag.params = ParamsDict(pair_params())
    return dag


def _without_tasks(pair: Pair) -> DAG:
    """When the pair runs, how often a task is tried, and the recipients of alerts."""
    names = {"partner": pair.partner.system.title, "erp": pair.erp.system.title}
    return callbacks.WatchedDAG(
        dag_id=pair.dag_id,
        description=text("dags.pair.description", **names),
        schedule=timetable(pair.timing.schedule),
        start_date=pair.start_date,
        catchup=pair.timing.catchup,
        # Runs that wait for a person's approval must not keep the next ones from starting.
        max_active_runs=16,
        default_args={
            "owner": pair.owner,
            "retries": pair.execution.retries,
            "retry_delay": pair.execution.retry_delay,
            "retry_exponential_backoff": True,
            "max_retry_delay": timedelta(minutes=10),
            "execution_timeout": TASK_DEADLINE,
            # Of tasks that wait for a slot a later one comes first. Else, of many runs due at one minute, all would read
            # before the first one loads, and hours could pass between reading and accepting.
            "weight_rule": "upstream",
        },
        tags=["prospects", *pair.tags],
        doc_md=doc_of_pair(**names),
        **callbacks.dag_callbacks(pair.alerts.late_after, pair.timing.schedule, _reminder(pair)),
        **_limits(),
    )


@cache
def _limits() -> dict[str, Any]:
    """Return the deployment's limits of a DAG, which Airflow would otherwise look up in its configuration for each DAG."""
    return {
        "max_active_tasks": conf.getint("core", "max_active_tasks_per_dag"),
        "max_consecutive_failed_dag_runs": conf.getint("core", "max_consecutive_failed_dag_runs_per_dag"),
        "disable_bundle_versioning": conf.getboolean("dag_processor", "disable_bundle_versioning"),
    }


@cache  # of thousands of pairs most have the same
def _retrying(limit: timedelta) -> Callable[..., None]:
    return partial(callbacks.retrying, limit=limit)


def _reminder(pair: Pair) -> timedelta | None:
    """When approvers are reminded: after three quarters of their time."""
    return None if pair.acceptance.accept == "off" else pair.acceptance.approval_timeout * 3 / 4


def _at_the_erp(pair: Pair) -> dict[str, Any]:
    """What the two tasks that talk to the ERP have in common."""
    return {
        "erp": pair.erp,
        "pool": pair.erp.pool,
        "pool_slots": pair.erp.system.pool_slots,
        "map_index_template": CHUNK_NAME,
        "retrying_after": pair.alerts.retrying_after,
    }
