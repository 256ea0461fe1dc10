"""Client of Airflow's public REST API that tolerates a server that is restarted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import requests

from include.demo.processes import Failed
from tests.harness.approval import accept_what_waits
from tests.harness.cluster_services import Cluster

ENDED = ("success", "failed")
RUN_SECONDS = 600
Run = dict[str, Any]
Window = tuple[datetime, datetime]


class Airflow:
    """
    The cluster's Airflow, with the first user logged in.

    :param cluster: all its services are healthy.
    """

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.session = requests.Session()
        self._on: set[str] = set()
        body = {"username": "admin", "password": (cluster.secrets / "admin_password").read_text()}
        response = self.session.post(f"{cluster.api}/auth/token", json=body, timeout=30)
        if not response.ok:
            raise Failed(f"log-in answers {response.status_code}")
        self.session.headers["Authorization"] = f"Bearer {response.json()['access_token']}"

    def get(self, path: str) -> Any:
        """Read a path below ``/api/v2``; empty if it does not exist yet or cannot be read now."""
        return self._call_public("GET", path)

    def start(self, pair: str, window: Window) -> str:
        """Start a run; the first time by unpausing the pair, which makes Airflow run yesterday's window.

        :return: the run's id.
        """
        if pair in self._on:
            return self._trigger(pair, window)
        self._on.add(pair)
        body = {"is_paused": False}
        self.until(lambda: self._call("PATCH", f"/api/v2/dags/{pair}", body), f"Airflow does not know {pair}")
        runs: list[Run] = []

        def has_run() -> bool:
            runs[:] = self.get(f"/dags/{pair}/dagRuns?limit=1").get("dag_runs", [])
            return bool(runs)

        self.until(has_run, f"{pair} is on and does not run")
        return str(runs[0]["dag_run_id"])

    def _trigger(self, pair: str, window: Window) -> str:
        start, end = (moment.isoformat() for moment in window)
        conf = {"window_start": start, "window_end": end}
        body = {"logical_date": datetime.now(UTC).isoformat(), "conf": conf}
        run = self._call("POST", f"/api/v2/dags/{pair}/dagRuns", body)
        if not run:
            raise Failed(f"{pair} cannot be started")
        return str(run["dag_run_id"])

    def run(self, pair: str, run_id: str) -> Run:
        """Return the run; empty if it cannot be read now."""
        run: Run = self.get(f"/dags/{pair}/dagRuns/{quote(run_id)}")
        return run

    def tasks(self, pair: str, run_id: str, task_id: str | None = None) -> list[dict[str, Any]]:
        """Return the run's task instances, or those of one task; a mapped task has one for each chunk."""
        path = f"/dags/{pair}/dagRuns/{quote(run_id)}/taskInstances"
        tasks = self.get(path).get("task_instances", [])
        return [task for task in tasks if task_id in (None, task["task_id"])]

    def counts(self, pair: str, run_id: str) -> dict[str, Any]:
        """Return the counts of ``reconcile``; empty if it has not succeeded."""
        path = f"/dags/{pair}/dagRuns/{quote(run_id)}/taskInstances/reconcile/xcomEntries/return_value"
        value: dict[str, Any] = self.get(f"{path}?deserialize=true").get("value") or {}
        return value

    def console(self, path: str) -> dict[str, Any]:
        """Return a response of our plugin; empty if it is an error."""
        content: dict[str, Any] = self._call("GET", f"/prospects{path}")
        return content

    def log(self, pair: str, run_id: str, task: str) -> str:
        """Return the logs of all tries of a task (of its first chunk), also of a worker that has died.

        Airflow forgets the first try of a task that was lost when it was resumed, and has no log of it.
        """
        first = min(self.tasks(pair, run_id, task), key=lambda one: one["map_index"], default=None)
        if first is None:
            return ""
        path = f"/dags/{pair}/dagRuns/{quote(run_id)}/taskInstances/{task}/logs"
        query = f"full_content=true&map_index={first['map_index']}"
        logs = (self.get(f"{path}/{number}?{query}") for number in range(1, first["try_number"] + 1))
        return "\n".join(str(log.get("content", "")) for log in logs)

    def wait_for(self, run_ids: Mapping[str, str]) -> dict[str, Run]:
        """Wait until these runs, by pair, have ended; offers for which a person is asked are accepted meanwhile."""
        runs: dict[str, Run] = {}

        def all_ended() -> bool:
            for pair, run_id in run_ids.items():
                accept_what_waits(self._call_public, pair, run_id)
            runs.update({pair: self.run(pair, run_id) for pair, run_id in run_ids.items()})
            return all(run.get("state") in ENDED for run in runs.values())

        self.until(all_ended, "the runs did not end in time")
        return runs

    def until(self, condition: Callable[[], Any], complaint: str) -> None:
        """Poll once a second, and restart processes that have ended."""
        self.cluster.processes.wait_until(condition, RUN_SECONDS, complaint, restart=True)

    def _call_public(self, method: str, path: str, body: Any = None) -> Any:
        return self._call(method, f"/api/v2{path}", body)

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        try:
            response = self.session.request(method, f"{self.cluster.api}{path}", json=body, timeout=60)
            return response.json() if response.ok else {}
        except requests.RequestException:
            return {}
