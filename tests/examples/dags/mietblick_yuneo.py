"""
### Mietblick → Wodis Yuneo

Applicants who were promised a flat in Mietblick become offers in Wodis Yuneo and, where the policy allows it, leases.

* **When it fails**: read the last line of the failed task's log, mend what it names, clear the task. Nothing
  is sent twice.
"""

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
    doc_md=__doc__,
)
# guide: end
