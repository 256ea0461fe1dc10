"""Loads the tasks' modules before tasks are forked, see :mod:`letting_sync.preload.listener`."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from letting_sync import refuse_two_copies
from letting_sync.preload import listener

refuse_two_copies(__file__)


class PreloadPlugin(AirflowPlugin):
    """Listens to the scheduler's start."""

    name = "prospect_preload"
    listeners = [listener]
