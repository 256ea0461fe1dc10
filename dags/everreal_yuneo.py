"""
### EverReal → Wodis Yuneo

Candidates chosen in EverReal become offers in Wodis Yuneo and, where the policy allows it, leases.

* **When it fails**: read the last line of the failed task's log, mend what it names, clear the task. Nothing
  is sent twice.
* **When days are missing**: start a backfill for them in Airflow, with dates that carry an offset
  (`2026-11-10T00:00:00+01:00`). Other days are not touched.
* **When records are in quarantine**: look at *Prospects*, mend the cause, press *replay* there.
"""

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
    doc_md=__doc__,
)
