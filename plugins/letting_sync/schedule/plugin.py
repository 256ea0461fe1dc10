"""Registers the pairs' timetable, so that every component of Airflow can read a stored DAG."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from letting_sync import refuse_two_copies
from letting_sync.schedule.timetable import ContiguousCronDataIntervalTimetable

refuse_two_copies(__file__)


class SchedulePlugin(AirflowPlugin):
    """Makes the timetable known to Airflow."""

    name = "letting_schedule"
    timetables = [ContiguousCronDataIntervalTimetable]
