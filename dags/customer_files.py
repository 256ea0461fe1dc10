"""Reports customer files that have errors; its page in the UI is in the locales."""

from datetime import timedelta

import pendulum
from airflow.sdk import CronTriggerTimetable, task

from letting_sync.alerts.callbacks import WatchedDAG, dag_callbacks, succeeded
from letting_sync.customers import loader
from letting_sync.locales.texts import text
from letting_sync.pipeline.doc import doc_of
from letting_sync.window import TIMEZONE

with WatchedDAG(
    dag_id="customer_files",
    description=text("dags.files.description"),
    schedule=CronTriggerTimetable("7 * * * *", timezone=TIMEZONE),
    start_date=pendulum.datetime(2025, 1, 1, tz=TIMEZONE),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    default_args={"owner": "data-platform", "retries": 2, "retry_delay": timedelta(minutes=1)},
    tags=["prospects", "customers"],
    doc_md=doc_of("files"),
    **dag_callbacks(late_after=timedelta(hours=3)),
) as dag:

    @task(on_success_callback=succeeded)
    def report_wrong_files() -> int:
        """Check all files; return how many have errors."""
        return loader.report_wrong_files(__file__)

    report_wrong_files()
