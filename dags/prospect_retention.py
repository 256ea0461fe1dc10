"""Deletes personal data after its retention period; its page in the UI is in the locales."""

from datetime import timedelta

import pendulum
from airflow.sdk import CronTriggerTimetable, Param, get_current_context, task

from letting_sync.alerts.callbacks import WatchedDAG, dag_callbacks, succeeded
from letting_sync.deployment import check_deployment
from letting_sync.dry_run import PARAM
from letting_sync.locales.texts import text
from letting_sync.pipeline.doc import doc_of
from letting_sync.privacy import retention
from letting_sync.window import TIMEZONE

check_deployment()
with WatchedDAG(
    dag_id="prospect_retention",
    description=text("dags.retention.description"),
    schedule=CronTriggerTimetable("23 3 * * *", timezone=TIMEZONE),
    start_date=pendulum.datetime(2025, 1, 1, tz=TIMEZONE),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,  # Data must not be kept because nobody unpaused the DAG.
    default_args={
        "owner": "data-platform",
        "retries": 2,
        "retry_delay": timedelta(minutes=5),
        "execution_timeout": timedelta(hours=2),
    },
    params={
        PARAM: Param(
            False,
            type="boolean",
            title=text("params.count_only.title"),
            description=text("params.count_only.description"),
        )
    },
    tags=["prospects", "gdpr"],
    doc_md=doc_of("retention"),
    **dag_callbacks(late_after=timedelta(hours=3)),
) as dag:

    @task
    def staged_tables() -> dict[str, int]:
        """Delete tables of runs after their retention period."""
        return retention.staged_tables(get_current_context())

    @task(on_success_callback=succeeded)
    def ledger_rows() -> dict[str, int]:
        """Delete entries of the ledger that have not changed for their retention period."""
        return retention.ledger_rows(get_current_context())

    staged_tables() >> ledger_rows()
