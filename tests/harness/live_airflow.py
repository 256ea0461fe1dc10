"""A complete Airflow as started by the demo, the sandbox, and a receiver of alerts, for tests of a live scheduler."""

from __future__ import annotations

import contextlib
import json
import random
import subprocess
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from include.demo import SYSTEMS, environment_of, start_airflow, start_sandbox
from include.demo.processes import ROOT, Processes, free_ports
from include.sandbox.client import SandboxClient
from tests.harness import approval
from tests.harness.postgres_server import airflow_on_postgres

SECONDS = 300
"""For one run, on a busy machine."""
ENDED = ("success", "failed")


class LiveAirflow:
    """
    Airflow, sandbox and receiver; Airflow's database is PostgreSQL where one is installed.

    :param home: an empty folder for databases and logs.
    :param dags: the folder of the DAG files; ``prospect_retention.py`` is one of them.
    :param settings: more settings of all processes, as environment variables.
    :ivar alerts: the texts of all alerts received.
    :ivar environment: of all processes.
    """

    def __init__(
        self, home: Path, dags: Path = ROOT / "dags", settings: Mapping[str, str] | None = None
    ) -> None:
        self.home = home
        self.alerts: list[str] = []
        self._web = ThreadingHTTPServer(("127.0.0.1", 0), self._receiver())
        threading.Thread(target=self._web.serve_forever, daemon=True).start()
        # Below those that Linux gives to outgoing connections: one of them could take a port before Airflow does.
        first = free_ports(5, random.sample(range(20000, 32000), 200))
        self.port, self._sandbox_port = first, first + 1
        ports = {name: self._sandbox_port + number for number, name in enumerate(SYSTEMS)}
        self.systems = {name: SandboxClient(f"http://127.0.0.1:{port}") for name, port in ports.items()}
        self.environment = environment_of(home, first, ports) | {
            "AIRFLOW_CONN_PROSPECT_ALERTS": json.dumps(
                {
                    "conn_type": "apprise",
                    "extra": {"config": {"path": f"json://127.0.0.1:{self._web.server_port}"}},
                }
            ),
            "AIRFLOW__PROSPECTS__ALERT_APPRISE_CONN_ID": "prospect_alerts",
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            # A new one is looked at soon, and the DAGs are not read again and again.
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "600",
        }
        self._database = contextlib.ExitStack()
        self.environment |= self._database.enter_context(airflow_on_postgres()) | dict(settings or {})
        (home / "logs").mkdir()
        self.processes = Processes(home / "logs", self.environment)

    def __enter__(self) -> Self:
        try:
            start_sandbox(self.processes, self._sandbox_port, seed=7)
            self.airflow = start_airflow(self.processes, self.port)
            self.until(
                lambda: self.rest("GET", "/dags/prospect_retention")[0] == 200, "the DAGs are not known"
            )
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.processes.stop()
        self._database.close()
        self._web.shutdown()
        self._web.server_close()

    def _receiver(self) -> type[BaseHTTPRequestHandler]:
        alerts = self.alerts

        class Receiver(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                alerts.append(f"{body['title']}\n{body['message']}")
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        return Receiver

    def rest(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and body of a call of Airflow's public API."""
        response = self.airflow.session.request(
            method, f"{self.airflow.url}/api/v2{path}", json=body, timeout=60
        )
        with contextlib.suppress(ValueError):
            return response.status_code, response.json()
        return response.status_code, response.text

    def cli(self, *arguments: str) -> str:
        """Output of an ``airflow`` command, as typed in one of its containers.

        :raises AssertionError: it fails.
        """
        program = str(Path(self.environment["PATH"].split(":")[0]) / "airflow")
        ended = subprocess.run(
            [program, *arguments], env=self.environment, cwd=ROOT, capture_output=True, text=True
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout + ended.stderr

    def until(self, condition: Any, complaint: str, seconds: float = SECONDS) -> None:
        self.processes.wait_until(condition, seconds, complaint, pause=0.5)

    # --- runs ---------------------------------------------------------------------------------------------

    def unpause(self, dag_id: str) -> None:
        assert self.rest("PATCH", f"/dags/{dag_id}", {"is_paused": False})[0] == 200

    def goes_live(self, pair: str) -> None:
        """Switch a pair on, and wait for the run that this makes."""
        self.unpause(pair)
        runs = f"/dags/{pair}/dagRuns?run_type=scheduled&state=success"
        self.until(lambda: self.rest("GET", runs)[1].get("dag_runs"), f"{pair}: no run has succeeded")

    def trigger(self, dag_id: str, **conf: Any) -> str:
        """Start a run by hand; returns its id."""
        status, run = self.rest("POST", f"/dags/{dag_id}/dagRuns", {"logical_date": None, "conf": conf})
        assert status == 200, run
        return str(run["dag_run_id"])

    def backfill(self, dag_id: str, day: str, *options: str) -> str:
        """Create a backfill of one day by the command; returns the id of the run that it made."""
        self.cli("backfill", "create", "--dag-id", dag_id, "--from-date", day, "--to-date", day, *options)
        runs = self.rest("GET", f"/dags/{dag_id}/dagRuns?run_type=backfill&order_by=-id")[1]["dag_runs"]
        return str(runs[0]["dag_run_id"])

    def state(self, dag_id: str, run_id: str) -> str:
        return str(self.rest("GET", f"/dags/{dag_id}/dagRuns/{run_id}")[1].get("state"))

    def ends(self, dag_id: str, run_id: str) -> str:
        """Wait for the end of a run, accepting the offers that wait for approval in it; returns its state."""

        def has_ended() -> bool:
            approval.accept_what_waits(self._call, dag_id, run_id)
            return self.state(dag_id, run_id) in ENDED

        self.until(has_ended, lambda: f"{dag_id} {run_id} does not end: {self._unfinished(dag_id, run_id)}")
        return self.state(dag_id, run_id)

    def _call(self, method: str, path: str, body: Any) -> Any:
        return self.rest(method, path, body)[1]

    def questions(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """The open questions of a run."""
        return approval.open_questions(self._call, dag_id, run_id)

    def answer(self, question: dict[str, Any], option: str, offers: list[str]) -> None:
        """Answer a question: these offers are selected."""
        status, response = approval.answer(self.rest, question, option, offers)
        assert status == 200, response

    def _unfinished(self, dag_id: str, run_id: str) -> str:
        """State of the tasks that have not succeeded, and the last line of the log of their newest try."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances"
        found = []
        for task in self.rest("GET", path)[1]["task_instances"]:
            if task["state"] == "success":
                continue
            log = f"{path}/{task['task_id']}/logs/{task['try_number']}?map_index={task['map_index']}"
            lines = self.rest("GET", log)[1].get("content", []) if task["try_number"] else []
            found.append(f"{task['task_id']} {task['state']}, try {task['try_number']}: {lines[-3:]}")
        return "\n".join(found)

    def tasks(self, dag_id: str, run_id: str) -> dict[str, str]:
        """State of each task of a run."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances"
        return {task["task_id"]: task["state"] for task in self.rest("GET", path)[1]["task_instances"]}

    def comes_to(self, dag_id: str, run_id: str, task: str, state: str) -> None:
        """Wait until a task has a state."""
        self.until(
            lambda: self.tasks(dag_id, run_id).get(task) == state,
            f"{task} of {dag_id} does not become {state}: {self.tasks(dag_id, run_id)}",
        )

    def clear(self, dag_id: str, run_id: str) -> tuple[int, Any]:
        """Clear all tasks of a run, as the button in the UI does."""
        return self.rest("POST", f"/dags/{dag_id}/dagRuns/{run_id}/clear", {"dry_run": False})

    def alerts_of(self, dag_id: str) -> list[str]:
        """First lines of the alerts about a DAG, in the order in which they came."""
        start = f"{dag_id}: "
        return [text.splitlines()[0] for text in self.alerts if text.startswith(start)]

    def is_told(self, dag_id: str, headline: str) -> None:
        """Wait for an alert."""
        self.until(lambda: f"{dag_id}: {headline}" in self.alerts_of(dag_id), f"no alert {headline!r}", 60)

    def deadlines(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """The deadlines that Airflow keeps for a run, as its UI shows them."""
        path = f"{self.airflow.url}/ui/dags/{dag_id}/dagRuns/{run_id}/deadlines"
        return list(self.airflow.session.get(path, timeout=60).json()["deadlines"])

    def log_of(self, dag_id: str, run_id: str, task: str, chunk: int = -1) -> list[str]:
        """Messages in the log of a task's first try, in order."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task}/logs/1?map_index={chunk}"
        content = self.rest("GET", path)[1]["content"]
        return [line["event"] if isinstance(line, dict) else line for line in content]


@contextlib.contextmanager
def option(system: SandboxClient, **changes: Any) -> Iterator[None]:
    """Options of a sandbox system, for a while."""
    before = {name: system.options()[name] for name in changes}
    system.options(**changes)
    try:
        yield
    finally:
        system.options(**before)
