"""Auth managers of the tests: real log-ins, and a user who may read all DAGs but one."""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager


class DenyingAuthManager(SimpleAuthManager):
    """``clerk`` is denied the DAG ``immomio_sigma``, ``outsider`` all DAGs, ``half`` all XComs."""

    def is_authorized_dag(self, **asked: Any) -> bool:
        user, details, entity = asked["user"], asked.get("details"), asked.get("access_entity")
        if user.username == "outsider":
            return False
        if user.username == "clerk" and (details is None or details.id == "immomio_sigma"):
            return False
        if user.username == "half" and entity is DagAccessEntity.XCOM:
            return False
        return super().is_authorized_dag(**asked)
