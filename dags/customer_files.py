"""
### Customers' files that are wrong are reported

A wrong file takes its customer's DAG away, and with it the DAG's own alerts. This DAG looks at all of them once an hour and sends an
alert with file, line and reason: when a file has become wrong, and when all are right again. At once they stand
under *Dag Import Errors*.

* **To check by hand**: `python -m letting_sync.customers.loader`.
"""

from datetime import timedelta

import pendulum
from airflow.sdk import CronTriggerTimetable, task

from letting_sync.alerts.callbacks import WatchedDAG, dag_callbacks, succeeded
from letting_sync.alerts.settings import recipients
from letting_sync.customers import loader
from letting_sync.window import TIMEZONE

with WatchedDAG(
    dag_id="customer_files",
    description="Reports customers' files that are wrong",
    schedule=CronTriggerTimetable("7 * * * *", timezone=TIMEZONE),
    start_date=pendulum.datetime(2025, 1, 1, tz=TIMEZONE),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    default_args={"owner": "data-platform", "retries": 2, "retry_delay": timedelta(minutes=1)},
    tags=["prospects", "customers"],
    doc_md=f"{__doc__}* **Who is told**: {recipients()}",
    **dag_callbacks(late_after=timedelta(hours=3)),
) as dag:

    @task(on_success_callback=succeeded)
    def report_wrong_files() -> int:
        """Look at all files; returns how many are wrong."""
        return loader.report_wrong_files()

    report_wrong_files()
