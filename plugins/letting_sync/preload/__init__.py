"""Loads what tasks need once in the process that they are forked from, instead of in each of them.

``listener.py`` does it for Airflow's LocalExecutor; a Celery worker imports ``tasks.py`` by its setting ``imports``.
"""
