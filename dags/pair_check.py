"""Compares the two systems of a pair with their contracts; its page in the UI is in the locales."""

from datetime import timedelta

from airflow.sdk import DAG, Param, get_current_context, task

from letting_sync.cli.check_run import PARAM, check_pair
from letting_sync.locales.texts import text
from letting_sync.pipeline.doc import doc_of

with DAG(
    dag_id="pair_check",
    description=text("dags.check.description"),
    schedule=None,
    is_paused_upon_creation=False,
    default_args={"owner": "data-platform", "retries": 0, "execution_timeout": timedelta(minutes=30)},
    params={
        PARAM: Param(
            type="string",
            minLength=1,
            title=text("params.pair.title"),
            description=text("params.pair.description"),
        )
    },
    tags=["prospects"],
    doc_md=doc_of("check"),
) as dag:

    @task
    def check() -> None:
        """Log in to both systems, read, and compare; writes nothing."""
        check_pair(get_current_context(), __file__)

    check()
