"""Makes the pool of an ERP when its first run starts, see :mod:`include.prospects.pools`."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from include.prospects import pools


class ErpPoolsPlugin(AirflowPlugin):
    """Listens to runs that start."""

    name = "erp_pools"
    listeners = [pools]
