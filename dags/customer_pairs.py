"""
### One customer

Prospects chosen in the letting platform become offers in the ERP and, where the policy allows it, leases. The settings
stand in the customer's file, which has the name of this DAG and lies in the pairs folder (`include/pairs`).

* **When it fails**: read the last line of the failed task's log, mend what it names, clear the task. Nothing
  is sent twice.
* **When days are missing**: start a backfill for them in Airflow, with dates that carry an offset
  (`2026-11-10T00:00:00+01:00`). Other days are not touched.
* **When records are in quarantine**: look at *Prospects*, mend the cause, press *replay* there.
* **When this DAG is gone**: its file is wrong; the line is under *Dag Import Errors*.
"""

from letting_sync.customers.loader import customer_dags

# Airflow opens only files in which the words "dag" and "airflow" stand.
customer_dags(doc_md=__doc__)
