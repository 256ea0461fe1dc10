"""One DAG for each valid customer file in the pairs folder (`include/pairs`)."""

from letting_sync.customers.loader import customer_dags

# Airflow opens only files in which the words "dag" and "airflow" stand.
customer_dags(__file__)
