"""Tells Airflow when a run is late, see :mod:`letting_sync.alerts.deadlines`."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from letting_sync import refuse_two_copies
from letting_sync.alerts import deadlines

refuse_two_copies(__file__)


class ProspectAlertsPlugin(AirflowPlugin):
    """Registers the deadline reference, and listens to runs that start."""

    name = "prospect_alerts"
    deadline_references = [deadlines.RunStart]
    listeners = [deadlines]
