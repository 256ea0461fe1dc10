"""
Raises if a customer file has errors; Airflow shows them under "Dag Import Errors" until they are corrected.

There is no DAG in this file. Airflow hides all DAGs of a file that raises, so `customer_pairs.py` must not raise for one
customer; this one does.
"""

from letting_sync.customers.loader import refuse_wrong

refuse_wrong(__file__)
