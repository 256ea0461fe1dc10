"""Creates the pool of an ERP when its first run starts, see :mod:`letting_sync.pools.listener`."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from letting_sync import refuse_two_copies
from letting_sync.pools import listener

refuse_two_copies(__file__)


class ErpPoolsPlugin(AirflowPlugin):
    """Listens to runs that start."""

    name = "erp_pools"
    listeners = [listener]
