"""The console: a page in the Airflow UI that answers "what happened to this prospect?"."""
