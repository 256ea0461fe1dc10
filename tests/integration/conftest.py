"""Whole DAGs against the sandbox, over real HTTP."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from fastapi.testclient import TestClient

from include.sandbox import Sandbox

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def box(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A populated world whose imports take no time; Airflow's connections point to it."""
    with Sandbox(seed=7) as box:
        connect(box, monkeypatch)
        yield box


def connect(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    box.yuneo.options.work_order_seconds = 0
    box.sigma.options.run_seconds = 0
    for name, connection in box.connections().items():
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", connection)


class Runner:
    """Runs a pair's DAG whole, as ``airflow dags test`` does."""

    def __init__(self) -> None:
        self.bag = DagBag(ROOT / "dags")
        self.log = ""

    def __call__(self, pair: str, **conf: Any) -> dict[str, Any]:
        """Run for yesterday (or as the params say); returns the counts that ``reconcile`` published."""
        run = self.bag.dags[pair].test(run_conf=conf or None)
        assert run.state == "success", f"{pair} ended {run.state}"
        return self.xcoms(run)["reconcile"]

    @staticmethod
    def xcoms(run: Any, key: str = "return_value") -> dict[str, Any]:
        """What the tasks published under a key, by task."""
        from airflow.models.xcom import XComModel
        from airflow.utils.session import create_session

        with create_session() as session:
            of_run = session.query(XComModel).filter_by(dag_id=run.dag_id, run_id=run.run_id, key=key)
            return {row.task_id: XComModel.deserialize_value(row) for row in of_run.all()}


@pytest.fixture(scope="module")
def airflow(airflow_db: None) -> Iterator[TestClient]:
    """Airflow's API as a logged-in administrator calls it; one app, since Airflow keeps parts of it per process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS", "True")
        patch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", "a secret of this test, long enough for its algorithm")
        from airflow.api_fastapi.app import create_app

        with TestClient(create_app()) as client:
            token = client.get("/auth/token").json()["access_token"]
            client.headers["Authorization"] = f"Bearer {token}"
            yield client


@pytest.fixture
def run_pair(airflow_db: None, own_ledger: Path) -> Callable[..., dict[str, Any]]:
    return Runner()


@pytest.fixture
def all_logs(tmp_path: Path) -> Iterator[Callable[[], str]]:
    """Everything that any logger says at INFO and above, ours at DEBUG."""
    path = tmp_path / "everything.log"
    handler = logging.FileHandler(path)
    logging.getLogger().addHandler(handler)
    logging.getLogger("letting_sync").setLevel(logging.DEBUG)
    yield path.read_text
    logging.getLogger().removeHandler(handler)
