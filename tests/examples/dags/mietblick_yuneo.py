"""The pair Mietblick and Wodis Yuneo."""

import pendulum
from mietblick import MIETBLICK

from letting_sync.pipeline.dag import letting_dag
from letting_sync.pipeline.pair import Pair
from letting_sync.systems.yuneo import YUNEO

# Airflow opens only files in which the words "dag" and "airflow" stand.
# guide: dag
dag = letting_dag(
    Pair(
        dag_id="mietblick_yuneo",
        partner=MIETBLICK.at("mietblick", separator="|"),
        erp=YUNEO.at("yuneo", exchange="Mietblick"),
        start_date=pendulum.datetime(2025, 1, 1, tz="Europe/Berlin"),
        tags=("mietblick", "yuneo"),
    ),
)
# guide: end
