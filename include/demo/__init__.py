"""The demo: the sandbox, Airflow on SQLite, and the four pairs run for yesterday (``make demo``).

Benchmarks that need all of Airflow start it from here too.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

import requests

from include.demo.processes import ROOT, Failed, Processes, is_free

HOME = ROOT / ".demo"
PAIRS = ("immomio_yuneo", "immomio_sigma", "everreal_yuneo", "everreal_sigma")
SYSTEMS = ("immomio", "everreal", "yuneo", "sigma")
COMPONENTS = ("api-server", "scheduler", "dag-processor", "triggerer")
COLUMNS = {
    "extracted": "extracted",
    "duplicates": "duplicates",
    "quarantined": "quarantined",
    "skipped": "skipped",
    "offers_created": "offers made",
    "already_there": "found",
    "leases_created": "leases made",
    "leases_for_other_runs": "of others",
    "leases_found": "found",
    "held": "held",
}
"""Counts in the table, and their headings."""
ENDED = ("success", "failed")
LEGEND = """\
  extracted    records that the partner had for yesterday     offers made  by this run; found: existed before
  duplicates   the same person twice on one unit              leases made  of this run's offers; of others: of other
  quarantined  not loaded, for a reason that a person fixes                runs' offers; found: existed before
  skipped      not handed over, e.g. not signed yet           held         offers that a person has to decide on
  state        reconciled: each record that was read is in exactly one of the five columns that follow
"""
LOOK_AT_NEXT = """
  What to look at next
  1. {airflow}/plugin/prospects/prospects/           the page Prospects: the outcome of each prospect
  2. {airflow}/plugin/prospects/prospects/?held=     held offers: two chosen prospects for one unit
  3. Quarantine, fix, replay: open immomio_yuneo on the page Prospects and copy the id under Quarantine. At the partner
     ({immomio}/) its unit number lacks a part. Correct it, then tick the id and press Replay:
       curl {immomio}/_sandbox/actions -H 'Content-Type: application/json' \\
         -d '{{"action": "change_unit", "application_id": "<id>", "unit": "<1.2.3.4, one of the others>"}}'
"""
START_UP_SECONDS, RUN_SECONDS = 240, 900


def main() -> int:
    """Run the demo; returns the exit code."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="end after the table")
    parser.add_argument("--airflow-port", type=int, default=8080)
    parser.add_argument("--sandbox-port", type=int, default=8091, help="first of four")
    parser.add_argument(
        "--mail-port", type=int, default=8096, help="of the mailbox's page; SMTP is the one after it"
    )
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument(
        "--language", choices=("en", "de"), default="en", help="of alerts, forms and descriptions"
    )
    parser.add_argument("--home", type=Path, default=HOME, help="emptied first; databases and logs")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return _demo(options)
    except Failed as failure:
        print(f"demo: {failure}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nstopped")
        return 0


def _demo(options: argparse.Namespace) -> int:
    sandbox_ports = {name: options.sandbox_port + i for i, name in enumerate(SYSTEMS)}
    smtp_port, mail_port = options.mail_port + 1, options.mail_port
    for port in (options.airflow_port, *sandbox_ports.values(), smtp_port, mail_port):
        must_be_free(port)
    home = options.home.resolve()
    shutil.rmtree(home, ignore_errors=True)
    (home / "logs").mkdir(parents=True)
    environment = environment_of(home, options.airflow_port, sandbox_ports)
    environment |= mail_settings(smtp_port) | {"AIRFLOW__PROSPECTS__LANGUAGE": options.language}
    with Processes(home / "logs", environment) as processes:
        ports = ("--smtp-port", str(smtp_port), "--page-port", str(mail_port))
        processes.start("mailbox", (sys.executable, "-m", "include.demo.mailbox", *ports))
        start_sandbox(processes, options.sandbox_port, options.seed)
        airflow = start_airflow(processes, options.airflow_port)
        say("running the four pairs for yesterday")
        states = airflow.run_pairs()
        all_well = _print_table(airflow, states)
        if not options.once:
            _print_addresses(airflow, sandbox_ports, mail_port)
            processes.wait_until(lambda: False, float("inf"), "")
    return 0 if all_well else 1


def start_sandbox(processes: Processes, first_port: int, seed: int) -> None:
    """Start the four systems on four ports in a row."""
    say("starting the sandbox")
    command = (sys.executable, "-m", "include.sandbox", "--port", str(first_port), "--seed", str(seed))
    processes.start("sandbox", command)


def start_airflow(processes: Processes, port: int) -> Airflow:
    """Make Airflow's database and the ledger, start all of Airflow's parts, and wait until they are well.

    :raises Failed: one of them ends, or they are not well in time.
    """
    say("preparing Airflow's database and the ledger")
    processes.run("db", (_airflow(), "db", "migrate"))
    processes.run("ledger", (sys.executable, "-m", "letting_sync.cli", "migrate"))
    say("starting Airflow (half a minute)")
    for component in COMPONENTS:
        arguments = ("--port", str(port)) if component == "api-server" else ()
        processes.start(component, (_airflow(), component, *arguments))
    airflow = Airflow(f"http://127.0.0.1:{port}", processes)
    airflow.wait_until_up()
    return airflow


def environment_of(home: Path, airflow_port: int, sandbox_ports: dict[str, int]) -> dict[str, str]:
    """The whole configuration of the demo; nothing of it is in the repository's own files.

    :param sandbox_ports: by the system's name.
    """
    from include.sandbox import Sandbox

    settings = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(
            home / "plugins"
        ),  # empty: the plugins are those of the installed package
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{airflow_port}/execution/",
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{airflow_port}",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",  # a busy laptop; by default tasks fail after 5 s
        "AIRFLOW__API__SECRET_KEY": secrets.token_hex(16),
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs" / "tasks"),
        # The bare name `airflow` must be found: some parts of Airflow start others by it.
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
    }
    for system in Sandbox(populate=False).systems:
        connection = system.connection() | {"host": f"http://127.0.0.1:{sandbox_ports[system.name]}"}
        settings[f"AIRFLOW_CONN_{system.name.upper()}"] = json.dumps(connection)
    return {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")} | settings


def mail_settings(smtp_port: int) -> dict[str, str]:
    """Settings that send every alert to the demo's mailbox."""
    extra = {"from_email": "airflow@example.org", "disable_ssl": True, "disable_tls": True}
    smtp = {"conn_type": "smtp", "host": "127.0.0.1", "port": smtp_port, "extra": extra}
    return {
        "AIRFLOW__PROSPECTS__ALERT_EMAIL_TO": "oncall@example.org",
        "AIRFLOW_CONN_SMTP_DEFAULT": json.dumps(smtp),
    }


def _airflow() -> str:
    return str(Path(sys.executable).with_name("airflow"))


def must_be_free(port: int) -> None:
    """Raise :class:`Failed` if something listens on the port."""
    if not is_free(port):
        raise Failed(
            f"port {port} is taken; stop what uses it, or give --airflow-port, --sandbox-port or --mail-port"
        )


def say(text: str) -> None:
    """Print a line of progress, with the time."""
    print(f"  {time.strftime('%H:%M:%S')}  {text}", flush=True)


class Airflow:
    """The demo's Airflow, through its public REST API."""

    def __init__(self, url: str, processes: Processes) -> None:
        self.url = url
        self.processes = processes
        self.session = requests.Session()
        self.password = ""

    def wait_until_up(self) -> None:
        """Wait until all parts are well, and log in.

        :raises Failed: they are not well in time.
        """
        complaint = f"Airflow did not come up; see {self.processes.logs}"
        self.processes.wait_until(self._is_up, START_UP_SECONDS, complaint)
        self._log_in()

    def _is_up(self) -> bool:
        try:
            health = self.session.get(f"{self.url}/api/v2/monitor/health", timeout=5).json()
            parts = ("metadatabase", "scheduler", "dag_processor", "triggerer")
            return all(health[part]["status"] == "healthy" for part in parts)
        except (requests.RequestException, KeyError, ValueError):
            return False

    def _log_in(self) -> None:
        home = Path(self.processes.environment["AIRFLOW_HOME"])
        passwords = json.loads((home / "simple_auth_manager_passwords.json.generated").read_text())
        self.password = passwords["admin"]
        body = {"username": "admin", "password": self.password}
        token = self.session.post(f"{self.url}/auth/token", json=body, timeout=30).json()["access_token"]
        self.session.headers["Authorization"] = f"Bearer {token}"

    def get(self, path: str) -> Any:
        """Read below ``/api/v2``; an empty dictionary from an Airflow that is too busy to answer."""
        return self._call("GET", path)

    def _call(self, method: str, path: str, **request: Any) -> Any:
        """Ask once. An Airflow that is too busy gives an empty answer, and the caller asks again."""
        try:
            response = self.session.request(method, f"{self.url}/api/v2{path}", timeout=60, **request)
        except requests.RequestException:
            return {}
        return response.json() if response.ok else {}

    def run_pairs(self) -> dict[str, dict[str, Any]]:
        """Switch the pairs on, which makes Airflow run yesterday, and wait until they have ended."""
        waiting = set(PAIRS)

        def all_on() -> bool:
            body = {"is_paused": False}
            waiting.difference_update(
                [pair for pair in sorted(waiting) if self._call("PATCH", f"/dags/{pair}", json=body)]
            )
            return not waiting

        runs: dict[str, dict[str, Any]] = {}
        shown: dict[str, str] = {}

        def all_ended() -> bool:
            for pair in PAIRS:
                for run in self.get(f"/dags/{pair}/dagRuns?limit=1&order_by=run_after").get("dag_runs", []):
                    runs[pair] = run
                    self._show_progress(pair, run, shown)
            return len(runs) == len(PAIRS) and all(run["state"] in ENDED for run in runs.values())

        self.processes.wait_until(all_on, RUN_SECONDS, "Airflow does not know the four DAGs yet")
        self.processes.wait_until(all_ended, RUN_SECONDS, "the runs did not end in time; see the Airflow UI")
        return runs

    def _show_progress(self, pair: str, run: dict[str, Any], shown: dict[str, str]) -> None:
        tasks = self.get(f"/dags/{pair}/dagRuns/{run['dag_run_id']}/taskInstances").get("task_instances", [])
        under_way = [
            f"{task['task_id']} {task['state']}" for task in tasks if task["state"] not in (None, "success")
        ]
        state = ", ".join(under_way) or run["state"]
        if shown.get(pair) != state:
            shown[pair] = state
            say(f"{pair:<15} {state}")

    def counts(self, pair: str, run: dict[str, Any]) -> dict[str, Any]:
        """What ``reconcile`` has counted, or ``extract`` of an empty window; empty if the run did not come to that."""
        tasks = f"/dags/{pair}/dagRuns/{run['dag_run_id']}/taskInstances"
        value = self.get(f"{tasks}/reconcile/xcomEntries/return_value").get("value")
        value = value or self.get(f"{tasks}/extract/xcomEntries/counts").get("value") or {}
        return json.loads(value) if isinstance(value, str) else value


def _print_table(airflow: Airflow, runs: dict[str, dict[str, Any]]) -> bool:
    print()
    print(f"  {'pair':<16}" + "".join(f"{heading:>13}" for heading in COLUMNS.values()) + "  state")
    all_well = True
    for pair, run in runs.items():
        counts = airflow.counts(pair, run)
        reconciled = run["state"] == "success" and "extracted" in counts
        all_well = all_well and reconciled
        cells = "".join(f"{counts.get(column, '-'):>13}" for column in COLUMNS)
        print(f"  {pair:<16}{cells}  {'reconciled' if reconciled else run['state']}")
    print()
    print(LEGEND)
    return all_well


def _print_addresses(airflow: Airflow, sandbox_ports: dict[str, int], mail_port: int) -> None:
    print(f"  Airflow UI    {airflow.url}   user admin, password {airflow.password}")
    for name, port in sandbox_ports.items():
        print(f"  {name:<12}  http://127.0.0.1:{port}/")
    print(f"  mailbox       http://127.0.0.1:{mail_port}/   every alert as a mail")
    print(LOOK_AT_NEXT.format(airflow=airflow.url, immomio=f"http://127.0.0.1:{sandbox_ports['immomio']}"))
    print("  Ctrl-C stops everything.\n", flush=True)
