"""The pair EverReal and Wodis Yuneo."""

import pendulum

from letting_sync.pipeline.dag import letting_dag
from letting_sync.pipeline.pair import Pair
from letting_sync.systems.everreal import EVERREAL
from letting_sync.systems.yuneo import YUNEO

# Airflow opens only files in which the words "dag" and "airflow" stand.
dag = letting_dag(
    Pair(
        dag_id="everreal_yuneo",
        partner=EVERREAL.at("everreal"),
        erp=YUNEO.at("yuneo", exchange="EverReal"),
        start_date=pendulum.datetime(2025, 1, 1, tz="Europe/Berlin"),
        tags=("everreal", "yuneo"),
    ),
)
