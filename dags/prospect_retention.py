"""
### Personal data goes when its keeping time is over

Every night: staged tables of old runs, then rows of the ledger. The keeping times stand in `[prospects]` of the
Airflow configuration: `keep_staged_days` (30), `keep_quarantine_days` (180), `keep_rejected_days` (180),
`keep_open_days` (730), `keep_leased_days` (0: for ever). What was deleted is counted: see the XCom of both tasks.

* **When it fails**: mend what the last line of the log names, clear the task. It may run at any time, twice too.
* **To see what it would do**: trigger it with *Dry run*.
* **When runs go on**: their tables are left alone until they have ended.
* **One person's data at once**: `letting-sync person`, see `docs/operations.md`.
"""

from datetime import timedelta

import pendulum
from airflow.sdk import CronTriggerTimetable, Param, get_current_context, task

from letting_sync.alerts.callbacks import WatchedDAG, dag_callbacks, succeeded
from letting_sync.alerts.settings import recipients
from letting_sync.dry_run import PARAM
from letting_sync.privacy import retention
from letting_sync.window import TIMEZONE

with WatchedDAG(
    dag_id="prospect_retention",
    description="Deletes staged personal data and ledger rows whose keeping time is over",
    schedule=CronTriggerTimetable("23 3 * * *", timezone=TIMEZONE),
    start_date=pendulum.datetime(2025, 1, 1, tz=TIMEZONE),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,  # Data must not be kept for ever because nobody pressed a switch.
    default_args={
        "owner": "data-platform",
        "retries": 2,
        "retry_delay": timedelta(minutes=5),
        "execution_timeout": timedelta(hours=2),
    },
    params={PARAM: Param(False, type="boolean", title="Dry run", description="Count only; delete nothing.")},
    tags=["prospects", "gdpr"],
    doc_md=f"{__doc__}* **Who is told**: {recipients()}",
    **dag_callbacks(late_after=timedelta(hours=3)),
) as dag:

    @task
    def staged_tables() -> dict[str, int]:
        """Delete tables of runs that are older than their keeping time."""
        return retention.staged_tables(get_current_context())

    @task(on_success_callback=succeeded)
    def ledger_rows() -> dict[str, int]:
        """Delete rows of the ledger that have not changed for longer than their keeping time."""
        return retention.ledger_rows(get_current_context())

    staged_tables() >> ledger_rows()
