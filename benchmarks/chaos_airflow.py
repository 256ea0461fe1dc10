"""``make chaos-airflow``: the real scheduler's task processes are killed, and the ERPs are counted.

The demo's Airflow runs the four pairs for yesterday while task processes of its scheduler die by SIGKILL at random
moments; Airflow retries them. Then the same window is run five times more: cleared, by a backfill, and by hand, the
latter under fire too. In the end the ERPs' own records are held against those of an undisturbed run over the same world.

Airflow's database is PostgreSQL where one is installed: on SQLite it refuses a backfill now and then.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from benchmarks.chaos import LEAST_SETTLE, SHORT_TIMEOUTS, prepare
from include import demo
from include.demo.processes import Failed, Processes

ERPS = ("yuneo", "sigma")
WAYS = ("by hand", "cleared", "backfill", "by hand", "backfill")
WAIT_SECONDS = 1800
TRIES_LEFT = 4
"""With fewer left a task is let live, after about two deaths: Airflow waits ever longer before the next try."""


class Killer(threading.Thread):
    """Kills processes that the scheduler has started for a task, each at a random moment of its life.

    :param scheduler: process id of the scheduler.
    :param most: how many it kills in one round.
    """

    def __init__(self, airflow: Any, scheduler: int, rng: random.Random, most: int) -> None:
        super().__init__(daemon=True)
        self.airflow, self.scheduler = airflow, psutil.Process(scheduler)
        self.rng, self.left = rng, most
        self.killed = 0
        self._doomed: dict[int, float] = {}
        self._ages: dict[int, float] = {}
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(0.05):
            for process in self._tasks():
                moment = self._doomed.setdefault(process.pid, self._moment())
                age = self._ages[process.pid] = time.time() - process.create_time()
                if self.left and age > moment:
                    self._kill(process)

    def end(self) -> int:
        """Stop; returns how many were killed."""
        self._over.set()
        self.join()
        return self.killed

    def _moment(self) -> float:
        """Seconds that a task's process is let live: any part of a usual life, and half of them all of it.

        How long a life is, start included, depends on the machine: the longest seen so far is the measure.
        """
        usual = max(self._ages.values(), default=5.0)
        return self.rng.uniform(0, usual) if self.rng.random() < 0.5 else float("inf")

    def _tries_left(self, command: list[str]) -> int:
        """How many tries Airflow has for a process's task after this one; 0 if it does not say."""
        running = self.airflow.get("/dags/~/dagRuns/~/taskInstances?state=running&limit=100")
        left = {
            task["id"]: task["max_tries"] - task["try_number"] for task in running.get("task_instances", [])
        }
        return left.get(" ".join(command).split()[-1], 0)

    def _tasks(self) -> list[psutil.Process]:
        found = []
        for process in self.scheduler.children(recursive=True):
            with suppress(psutil.Error):
                # The executor's own workers have "LocalExecutor" in their name, a task its instance's id.
                title = " ".join(process.cmdline())
                if title.startswith("airflow worker -- ") and "LocalExecutor" not in title:
                    found.append(process)
        return found

    def _kill(self, process: psutil.Process) -> None:
        self._doomed[process.pid] = float("inf")
        with suppress(psutil.Error):
            if self._tries_left(process.cmdline()) < TRIES_LEFT:
                return
            process.send_signal(signal.SIGKILL)
            self.killed += 1
            self.left -= 1


class Window:
    """Yesterday's window of the four pairs in the demo's Airflow, run again and again."""

    def __init__(self, airflow: Any, runs: Mapping[str, Mapping[str, Any]]) -> None:
        self.airflow, self.runs = airflow, runs
        self.ways: Mapping[str, Callable[[str], None]] = {
            "cleared": self.clear,
            "backfill": self.backfill,
            "by hand": self.by_hand,
        }

    def clear(self, pair: str) -> None:
        body = {
            "dry_run": False,
            "only_failed": False,
            "reset_dag_runs": True,
            "dag_run_id": self.runs[pair]["dag_run_id"],
        }
        self._post(f"/dags/{pair}/clearTaskInstances", body)

    def backfill(self, pair: str) -> None:
        day = self.runs[pair]["logical_date"]
        body = {"dag_id": pair, "from_date": day, "to_date": day, "reprocess_behavior": "completed"}
        self._post("/backfills", body)

    def by_hand(self, pair: str) -> None:
        run = self.runs[pair]
        window = {"window_start": run["data_interval_start"], "window_end": run["data_interval_end"]}
        self._post(f"/dags/{pair}/dagRuns", {"logical_date": None, "conf": window})

    def again(self, way: str) -> None:
        """All four pairs once more; returns when all have ended."""
        for pair in demo.PAIRS:
            self.ways[way](pair)
        complaint = "the runs did not end in time; see the Airflow UI"
        self.airflow.processes.wait_until(lambda: not self._under_way(), WAIT_SECONDS, complaint)

    def _under_way(self) -> bool:
        return any(run["state"] not in demo.ENDED for pair in demo.PAIRS for run in self.all(pair))

    def all(self, pair: str) -> list[dict[str, Any]]:
        """All runs of a pair."""
        return self.airflow.get(f"/dags/{pair}/dagRuns?limit=100").get("dag_runs", [{"state": "unknown"}])

    def tries(self, pair: str) -> int:
        """Tries of all its tasks in all its runs."""
        return sum(
            task["try_number"]
            for run in self.all(pair)
            for task in self.airflow.get(
                f"/dags/{pair}/dagRuns/{run['dag_run_id']}/taskInstances?limit=100"
            ).get("task_instances", [])
        )

    def _post(self, path: str, body: Mapping[str, Any]) -> None:
        response = self.airflow.session.post(f"{self.airflow.url}/api/v2{path}", json=body, timeout=60)
        if not response.ok:
            raise Failed(f"{path}: {response.status_code} {response.text[:300]}")


def undisturbed(seed: int) -> dict[str, dict[str, Any]]:
    """What the two ERPs hold after one calm run of the four pairs over the same world, without Airflow."""
    from datetime import timedelta

    from include.sandbox import Sandbox, world
    from tests.harness.task_process import TASKS, Run, Try, operator_settings

    with tempfile.TemporaryDirectory() as folder, Sandbox(seed=seed) as box:
        home = Path(folder)
        environment = {
            f"AIRFLOW_CONN_{system.name.upper()}": json.dumps(system.connection()) for system in box.systems
        } | {
            "AIRFLOW__PROSPECTS__LEDGER": str(home / "ledger.db"),
            "AIRFLOW__PROSPECTS__STAGING": f"file://{home}/staging",
        }
        end = world.midnight(box.world.anchor)
        for pair in demo.PAIRS:
            run = Run(
                pair=pair,
                run_id="calm",
                start=world.midnight(box.world.anchor - timedelta(days=1)),
                end=end,
                environment=environment,
                log=home / "log",
                operator=operator_settings(),
            )
            ended = Try(run, TASKS).end()
            if ended.how != "done":
                raise Failed(f"the undisturbed run of {pair} {ended.how}: {ended.error}")
        return {name: getattr(box, name).counts() for name in ERPS}


def compare(calm: Mapping[str, Any], stormy: Mapping[str, Any]) -> dict[str, int]:
    """One ERP after the storm against the same one after a calm run."""
    wanted, there = Counter(calm["offers_per_external_id"]), Counter(stormy["offers_per_external_id"])
    leases = stormy["leases_per_unit"]
    return {
        "prospects": len(wanted),
        "offers": sum(there.values()),
        "leases": stormy["leases"],
        "leases calm": calm["leases"],
        "offers lost": sum((wanted - there).values()),
        "offers doubled": sum((there - wanted).values()),
        "leases doubled": sum(count - 1 for count in leases.values()),
        "units without": len(set(calm["leases_per_unit"]) - set(leases)),
        "persons doubled": stormy["business_partners"] - calm["business_partners"],
    }


def _short_waits(options: argparse.Namespace, ports: Mapping[str, int]) -> dict[str, str]:
    """The two ERPs' connections with a ``settle_seconds`` that fits the length of their imports."""
    from include.sandbox import Sandbox

    box = Sandbox(populate=False)
    settle = max(4 * options.import_seconds, LEAST_SETTLE)
    extra = {"extra": SHORT_TIMEOUTS | {"settle_seconds": settle}}
    return {
        f"AIRFLOW_CONN_{name.upper()}": json.dumps(
            getattr(box, name).connection() | {"host": f"http://127.0.0.1:{ports[name]}"} | extra
        )
        for name in ERPS
    }


def storm(options: argparse.Namespace, home: Path) -> dict[str, Any]:
    """The demo's Airflow under fire; returns what the ERPs hold afterwards."""
    from include.sandbox import SandboxClient
    from tests.harness.postgres_server import airflow_on_postgres

    ports = {name: options.sandbox_port + at for at, name in enumerate(demo.SYSTEMS)}
    for port in (options.airflow_port, *ports.values()):
        demo.must_be_free(port)
    (home / "logs").mkdir(parents=True)
    rng = random.Random(options.seed)
    environment = demo.environment_of(home, options.airflow_port, ports) | _short_waits(options, ports)
    with (
        airflow_on_postgres() as database,
        Processes(home / "logs", environment | database) as processes,
    ):
        demo.start_sandbox(processes, options.sandbox_port, options.seed)
        airflow = demo.start_airflow(processes, options.airflow_port)
        clients = {name: SandboxClient(f"http://127.0.0.1:{ports[name]}") for name in ERPS}
        clients["yuneo"].options(work_order_seconds=options.import_seconds)
        clients["sigma"].options(run_seconds=options.import_seconds)
        scheduler = processes.running["scheduler"].pid
        killer = Killer(airflow, scheduler, rng, options.kills)
        killer.start()
        window = Window(airflow, airflow.run_pairs())
        killed = killer.end()
        demo.say(f"first run: {killed} task processes killed")
        for way in WAYS:
            # A task that was cleared keeps counting its tries, and Airflow waits twice as long after each: no kills there.
            killer = Killer(airflow, scheduler, rng, options.kills // 2 if way == "by hand" else 0)
            killer.start()
            window.again(way)
            killed += killer.end()
            demo.say(f"the same window again, {way}: {killed} killed so far")
        states = Counter(run["state"] for pair in demo.PAIRS for run in window.all(pair))
        tries = sum(window.tries(pair) for pair in demo.PAIRS)
        return {
            "killed": killed,
            "tries": tries,
            "runs": dict(states),
            "erps": {name: clients[name].state() for name in ERPS},
        }


def main() -> int:
    """0 if nothing was lost or doubled and every run succeeded."""
    parser = argparse.ArgumentParser(prog="make chaos-airflow", description=__doc__)
    parser.add_argument(
        "--seed", type=int, default=7, help="one whose prospects raise no question: nobody answers here"
    )
    parser.add_argument(
        "--kills", type=int, default=12, help="in the first run; half as many in those by hand"
    )
    parser.add_argument("--import-seconds", type=float, default=3, help="length of an import in the ERPs")
    parser.add_argument("--airflow-port", type=int, default=8080)
    parser.add_argument("--sandbox-port", type=int, default=8091, help="first of four")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    home = Path(tempfile.mkdtemp(prefix="chaos-airflow-"))
    inherited = dict(os.environ)
    try:
        prepare(home)
        calm = undisturbed(options.seed)
        os.environ.clear()
        os.environ.update(inherited)
        demo.RUN_SECONDS = WAIT_SECONDS  # each kill costs a retry, after half a minute at least
        found = storm(options, home / "demo")
    except Failed as failure:
        print(f"chaos-airflow: {failure}", file=sys.stderr)
        return 2
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return _report(calm, found)


def _report(calm: Mapping[str, Any], found: Mapping[str, Any]) -> int:
    rows = {name: compare(calm[name], found["erps"][name]) for name in ERPS}
    columns = list(rows["yuneo"])
    print("\n" + f"{'':8}" + "".join(f"{column:>17}" for column in columns))
    for name, row in rows.items():
        print(f"{name:8}" + "".join(f"{row[column]:>17}" for column in columns))
    print(
        f"{found['killed']} task processes killed, {found['tries']} tries of tasks, runs: {found['runs']}\n"
    )
    wrong = ("offers lost", "offers doubled", "leases doubled", "persons doubled")
    well = not any(row[column] for row in rows.values() for column in wrong)
    return 0 if well and set(found["runs"]) == {"success"} else 1


if __name__ == "__main__":
    sys.exit(main())
