"""Who may see and start what: Airflow's own permissions, asked of its auth manager.

Reading a pair here means reading its DAG, its runs *and* its XComs: the counts are an XCom, and the staged
tables are what the XComs point to. Whoever lacks one of the three gets the same response as for a DAG that does not exist.
"""

from __future__ import annotations

from collections.abc import Collection

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.batch_apis import IsAuthorizedDagRequest
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.configuration import conf
from airflow.models.dag import DagModel

_ENTITIES = (None, DagAccessEntity.RUN, DagAccessEntity.XCOM)
_DAGS_PER_QUERY = 500


def readable(user: BaseUser, dag_ids: Collection[str]) -> set[str]:
    """Those of the pairs that the user may read."""
    teams = _teams(dag_ids)
    requests = {dag_id: _reading(dag_id, teams.get(dag_id)) for dag_id in dag_ids}
    manager = get_auth_manager()
    # One question for all first: some auth managers ask a server for each, and mostly all is allowed.
    if manager.batch_is_authorized_dag([one for some in requests.values() for one in some], user=user):
        return set(dag_ids)
    return {dag_id for dag_id, some in requests.items() if manager.batch_is_authorized_dag(some, user=user)}


def may_start(user: BaseUser, dag_id: str) -> bool:
    """Whether the user may start a run; Airflow's REST API asks the same once more."""
    return get_auth_manager().is_authorized_dag(
        method="POST",
        access_entity=DagAccessEntity.RUN,
        details=DagDetails(id=dag_id, team_name=_teams([dag_id]).get(dag_id)),
        user=user,
    )


def startable(user: BaseUser, dag_ids: Collection[str]) -> set[str]:
    """Those of the pairs of which the user may start runs."""
    return {dag_id for dag_id in dag_ids if may_start(user, dag_id)}


def _reading(dag_id: str, team: str | None) -> list[IsAuthorizedDagRequest]:
    details = DagDetails(id=dag_id, team_name=team)
    return [{"method": "GET", "access_entity": entity, "details": details} for entity in _ENTITIES]


def _teams(dag_ids: Collection[str]) -> dict[str, str | None]:
    if not conf.getboolean("core", "multi_team", fallback=False):
        return {}
    ids, teams = sorted(dag_ids), dict[str, str | None]()
    for start in range(0, len(ids), _DAGS_PER_QUERY):
        teams |= DagModel.get_dag_id_to_team_name_mapping(ids[start : start + _DAGS_PER_QUERY])
    return teams
