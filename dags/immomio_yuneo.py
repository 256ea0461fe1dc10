"""The pair Immomio and Wodis Yuneo."""

import pendulum

from letting_sync.pipeline.dag import letting_dag
from letting_sync.pipeline.pair import Pair
from letting_sync.systems.immomio import IMMOMIO
from letting_sync.systems.yuneo import YUNEO

# Airflow opens only files in which the words "dag" and "airflow" stand.
dag = letting_dag(
    Pair(
        dag_id="immomio_yuneo",
        partner=IMMOMIO.at("immomio"),
        erp=YUNEO.at("yuneo", exchange="Immomio"),
        start_date=pendulum.datetime(2025, 1, 1, tz="Europe/Berlin"),
        tags=("immomio", "yuneo"),
    ),
)
