"""Whole runs under the real scheduler, against empty DAGs with the same tasks.

The demo's Airflow (LocalExecutor, SQLite) gets a folder with one file: so many customers' pairs, and as many DAGs with
the same five tasks, two of them mapped, that do nothing. First one run of each kind at a time, then all customers' at once.

    python -m benchmarks.bench_scheduler --customers 40
"""

from __future__ import annotations

import argparse
import sqlite3
import textwrap
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from benchmarks.bench_run import ANCHOR, Place, Served, home, sandbox, table
from include import demo
from include.demo.processes import Processes

PROSPECTS = 20
RUNS = 3
EMPTY_TASKS = """\
    @task
    def extract():
        return "folder"

    @task
    def dedup(folder):
        return [{"folder": folder}]

    @task
    def load_offers(chunk):
        return chunk

    @task
    def auto_accept(chunk):
        return chunk

    @task
    def reconcile(chunks):
        return len(chunks)

    reconcile(auto_accept.expand(chunk=load_offers.expand(chunk=dedup(extract()))))
"""
"""The body of an empty DAG with the five tasks of a pair, two of them mapped."""
DAGS = '''
"""Airflow opens only files in which the words "dag" and "airflow" stand."""
import pendulum
from airflow.sdk import dag, task
from letting_sync.systems.everreal import EVERREAL
from letting_sync.pipeline.dag import letting_dag
from letting_sync.pipeline.pair import Pair
from letting_sync.systems.yuneo import YUNEO

# In the future: nothing runs by itself, only what is started by hand.
START = pendulum.datetime(2099, 1, 1, tz="Europe/Berlin")


def empty(number):
    @dag(dag_id=f"empty_{number}", schedule="@daily", start_date=START, catchup=False, max_active_runs=16)
    def shape():
{tasks}
    return shape()


for number in range({customers}):
    globals()[f"empty_{number}"] = empty(number)
    globals()[f"real_{number}"] = letting_dag(
        Pair(
            dag_id=f"real_{number}", partner=EVERREAL.at("everreal"), start_date=START,
            erp=YUNEO.at("yuneo", exchange="EverReal", pool="default_pool"),
        )
    )
'''


class Scheduler:
    """The demo's Airflow with a DAGs folder of its own.

    :param files: the DAG files, by name.
    :param dags: how many DAGs they make.
    """

    def __init__(self, folder: Path, port: int, served: Served, files: Mapping[str, str], dags: int) -> None:
        self.folder, self.dags = folder, dags
        (folder / "dags").mkdir()
        (folder / "logs").mkdir()
        for name, text in files.items():
            (folder / "dags" / name).write_text(text)
        ports = {name: int(url.rpartition(":")[2]) for name, url in served.urls.items()}
        self.environment = demo.environment_of(folder, port, ports) | {
            "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags"),
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "300",
        }
        self.processes = Processes(folder / "logs", self.environment)
        self.port = port

    def start(self) -> None:
        """Start all parts and wait until all DAGs are known and switched on."""
        self.airflow = demo.start_airflow(self.processes, self.port)
        self.processes.wait_until(
            lambda: self.airflow.get("/dags?limit=1").get("total_entries", 0) >= self.dags,
            600,
            "the DAGs did not show up",
        )
        path = f"{self.airflow.url}/api/v2/dags?dag_id_pattern=%"
        self.airflow.session.patch(path, json={"is_paused": False}, timeout=60).raise_for_status()

    def run(self, dags: Sequence[str], conf: Mapping[str, str]) -> list[tuple[float, float]]:
        """Let these DAGs run at once; returns begin and end of each run, in seconds of the clock.

        :raises RuntimeError: one of the runs has failed.
        """
        made = []
        for dag in dags:
            path = f"{self.airflow.url}/api/v2/dags/{dag}/dagRuns"
            body = {"logical_date": None, "conf": conf}
            response = self.airflow.session.post(path, json=body, timeout=60)
            response.raise_for_status()
            made.append((dag, response.json()["dag_run_id"], response.json()["queued_at"]))
        self._wait_for_runs()
        return [(_clock(queued), self._end(dag, run)) for dag, run, queued in made]

    def rows(self) -> dict[str, int]:
        """Rows of Airflow's and the ledger's larger tables."""
        found = {}
        for file, names in (
            ("airflow.db", ("dag_run", "task_instance", "xcom", "log", "task_instance_history")),
            ("prospect_ledger.db", ("prospect_ledger", "prospect_ledger_event")),
        ):
            with sqlite3.connect(f"file:{self.folder / file}?mode=ro", uri=True) as database:
                for name in names:
                    found[name] = database.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
        return found

    def _end(self, dag: str, run: str) -> float:
        told = self.airflow.get(f"/dags/{dag}/dagRuns/{quote(run, safe='')}")
        if told["state"] != "success":
            raise RuntimeError(f"{dag}: {told['state']}")
        return _clock(told["end_date"])

    def _wait_for_runs(self) -> None:
        """Ask the database, since each question to the api-server takes it some processor time."""
        path = f"file:{self.folder / 'airflow.db'}?mode=ro"

        def none_left() -> bool:
            with closing(sqlite3.connect(path, uri=True)) as database:
                query = "SELECT count(*) FROM dag_run WHERE state IN ('queued', 'running')"
                return database.execute(query).fetchone()[0] == 0

        self.processes.wait_until(none_left, float("inf"), "")


def window_of(day: date) -> dict[str, str]:
    """Params of a run by hand that reads one day."""
    days = {"start": day, "end": day + timedelta(days=1)}
    return {f"window_{name}": f"{one:%Y-%m-%d}T00:00:00+01:00" for name, one in days.items()}


def _clock(written: str) -> float:
    return datetime.fromisoformat(written).timestamp()


def rows(scheduler: Scheduler, customers: int) -> list[list[Any]]:
    """One at a time, then all at once; each kind of DAG."""
    found: dict[str, list[Any]] = {}
    for kind in ("empty", "real"):
        conf = window_of(ANCHOR - timedelta(days=1)) if kind == "real" else {}
        runs = [scheduler.run([f"{kind}_{number % customers}"], conf)[0] for number in range(RUNS)]
        seconds = sorted(end - begin for begin, end in runs)[RUNS // 2]
        before = scheduler.rows()
        all_at_once = scheduler.run([f"{kind}_{number}" for number in range(customers)], conf)
        after = scheduler.rows()
        took = max(end for _, end in all_at_once) - min(begin for begin, _ in all_at_once)
        tasks = after["task_instance"] - before["task_instance"]
        found[kind] = [seconds, customers, took, tasks, tasks / took * 60]
        grown = {name: (after[name] - before[name]) / customers for name in after}
        print(f"  {kind}: rows a run: {grown}", flush=True)
    return [
        [kind, *row, row[0] / found["empty"][0], row[2] / found["empty"][2]] for kind, row in found.items()
    ]


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench_scheduler", description=__doc__)
    parser.add_argument("--customers", type=int, default=40)
    parser.add_argument("--airflow-port", type=int, default=18080)
    arguments = parser.parse_args(given)
    with home() as folder, sandbox(Place({"everreal": PROSPECTS})) as served:
        dags = DAGS.replace("{customers}", str(arguments.customers))
        files = {"customer_pairs.py": dags.replace("{tasks}", textwrap.indent(EMPTY_TASKS, 4 * " "))}
        scheduler = Scheduler(folder, arguments.airflow_port, served, files, 2 * arguments.customers)
        with scheduler.processes:
            scheduler.start()
            found = rows(scheduler, arguments.customers)
    heads = (
        "DAG",
        "one run, median s",
        "runs at once",
        "all ended after s",
        "task starts",
        "a minute",
        "one run / empty",
        "all / empty",
    )
    print("\n" + table(heads, found))


if __name__ == "__main__":
    main()
