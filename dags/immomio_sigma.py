"""The pair Immomio and Wodis Sigma."""

import pendulum

from letting_sync.pipeline.dag import letting_dag
from letting_sync.pipeline.pair import Pair
from letting_sync.systems.immomio import IMMOMIO
from letting_sync.systems.sigma import SIGMA

# Airflow opens only files in which the words "dag" and "airflow" stand.
dag = letting_dag(
    Pair(
        dag_id="immomio_sigma",
        partner=IMMOMIO.at("immomio"),
        erp=SIGMA.at("sigma", exchange="Immomio", separator="."),
        start_date=pendulum.datetime(2025, 1, 1, tz="Europe/Berlin"),
        tags=("immomio", "sigma"),
    ),
)
