"""The page under FAB, the auth manager of our compose file: who sees it, whose pairs, who may start them.

Runs with the environment of the cluster (`make .venv-cluster/.ready`), the only one that has FAB.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.console.api_server import ROOT, environment, free_port, serving

PYTHON = ROOT / ".venv-cluster" / "bin" / "python"
pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="make .venv-cluster/.ready")
ROLES = {
    "viewer": ["Viewer"],
    "user": ["User"],
    "op": ["Op"],
    "admin": ["Admin"],
    "one_dag": ["One DAG", "Prospects"],
    "one_dag_without": ["One DAG"],
}
ALL = {"everreal_sigma", "everreal_yuneo", "immomio_sigma", "immomio_yuneo"}
SET_UP = """
import airflow
from deploy.init import make_roles
make_roles()
from airflow.providers.fab.www.app import create_app
app = create_app(enable_plugins=False)
with app.app_context():
    sm = app.appbuilder.sm
    own = sm.add_role("One DAG")
    dag = sm.create_permission("can_read", "DAG:immomio_yuneo")
    sm.add_permission_to_role(own, dag)
    for name, roles in %r.items():
        sm.add_user(name, name, name, name + "@example.org", [sm.find_role(r) for r in roles], name)
"""


@pytest.fixture(scope="module")
def fab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home: Path = tmp_path_factory.mktemp("fab")
    env = environment(home, free_port()) | {
        "AIRFLOW__CORE__AUTH_MANAGER": "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "PATH": f"{PYTHON.parent}{os.pathsep}{os.environ['PATH']}",
    }
    for command in (["-m", "airflow", "db", "migrate"], ["tests/console/seed.py"], ["-c", SET_UP % ROLES]):
        done = subprocess.run([PYTHON, *command], env=env, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    with serving(env, home / "api-server.log", PYTHON) as url:
        yield url


def session(url: str, user: str) -> requests.Session:
    answer = requests.post(f"{url}/auth/token", json={"username": user, "password": user}, timeout=60)
    answer.raise_for_status()
    session = requests.Session()
    session.cookies.set("_token", answer.json()["access_token"])
    return session


@pytest.mark.parametrize(
    ("user", "pairs"),
    [("viewer", ALL), ("user", ALL), ("op", ALL), ("admin", ALL), ("one_dag", {"immomio_yuneo"})],
)
def test_each_role_has_the_page_with_the_pairs_that_it_may_read(fab: str, user: str, pairs: set[str]):
    own = session(fab, user)

    plugins = own.get(f"{fab}/api/v2/plugins", timeout=60)
    views = [view["url_route"] for plugin in plugins.json()["plugins"] for view in plugin["external_views"]]
    shown = own.get(f"{fab}/prospects/api/pairs", timeout=60).json()

    assert "prospects" in views, "the entry in the navigation"
    assert {item["pair"]["dag_id"] for item in shown["pairs"]} == pairs


@pytest.mark.parametrize(
    ("user", "may"), [("viewer", False), ("user", True), ("op", True), ("admin", True), ("one_dag", False)]
)
def test_who_may_start_runs(fab: str, user: str, may: bool):
    own = session(fab, user)

    said = own.get(f"{fab}/prospects/api/pairs/immomio_yuneo", timeout=60).json()["may_start"]
    body: dict[str, Any] = {"logical_date": None, "conf": {"external_ids": ["A-90"]}}
    done = own.post(f"{fab}/api/v2/dags/immomio_yuneo/dagRuns", json=body, timeout=60)

    assert (said, done.ok) == (may, may), done.text


def test_a_role_for_one_dag_finds_nothing_of_the_others(fab: str):
    own = session(fab, "one_dag")

    assert own.get(f"{fab}/prospects/api/pairs/immomio_sigma", timeout=60).status_code == 404
    assert own.get(f"{fab}/prospects/api/prospects", params={"q": "S-1"}, timeout=60).json()["entries"] == []
    assert own.get(f"{fab}/prospects/api/prospects", params={"q": "A-77"}, timeout=60).json()["entries"] != []


def test_without_the_role_prospects_one_dag_has_no_page(fab: str):
    """What was wrong: such a role must be given ``Prospects`` too."""
    assert session(fab, "one_dag_without").get(f"{fab}/api/v2/plugins", timeout=60).status_code == 403
