"""What the cluster has to prove: the four pairs run, a worker dies in the middle, and all comes out right."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import requests

from deploy.cluster_services import WORKERS, Cluster
from deploy.processes import Failed
from include.sandbox import SandboxClient

PAIRS = ("immomio_yuneo", "immomio_sigma", "everreal_yuneo", "everreal_sigma")
MAPPED = ("load_offers", "auto_accept")
"""Tasks that come in chunks; a small run has one."""
ERPS = ("yuneo", "sigma")
COLUMNS = (
    "extracted",
    "duplicates",
    "quarantined",
    "skipped",
    "already_there",
    "offers_created",
    "leases_created",
)
ENDED = ("success", "failed")
IMPORT_PATH = "/api/v1/prospect-imports"
HOLD_SECONDS, RUN_SECONDS = 120, 420
State = dict[str, dict[str, Any]]


def prove(cluster: Cluster, say: Callable[[str], None]) -> bool:
    """Run, kill, wait, look; prints the table and what is wrong."""
    airflow = Airflow(cluster)
    yuneo = SandboxClient(cluster.sandbox_urls["yuneo"])
    before = _states(cluster)
    yuneo.fault_once("timeout_after", path=IMPORT_PATH, method="POST", hold_seconds=HOLD_SECONDS)
    first, *others = PAIRS
    airflow.switch_on(first)
    say(f"{first} is on; waiting for Yuneo to take its offers and not to answer")
    airflow.until(lambda: bool(yuneo.fault_log()), "nothing was imported into Yuneo")
    for pair in others:
        airflow.switch_on(pair)
    say("the other pairs are on")
    killed = _kill_the_importing_worker(cluster, airflow, first, say)
    survivor = next(name for name in WORKERS if name != killed)
    say(f"waiting for the runs to end on {survivor}")
    runs = airflow.wait_for_runs()
    problems = list(_problems(airflow, runs, before, _states(cluster), first))
    _print_table(airflow, runs)
    for problem in problems:
        print(f"  WRONG: {problem}")
    if not problems:
        print("  right: no offer twice, no lease twice, nothing lost, all runs ended well\n")
    return not problems


def _kill_the_importing_worker(
    cluster: Cluster, airflow: Airflow, pair: str, say: Callable[[str], None]
) -> str:
    """Kill, without a word of warning, the worker whose import Yuneo has taken and holds the answer of."""
    task = airflow.tasks(pair)["load_offers"]
    worker = cluster.processes.name_of(task["pid"] or 0) if task["state"] == "running" else None
    if worker not in WORKERS:
        raise Failed(f"load_offers of {pair} is {task['state']} on no worker of ours")
    count = cluster.processes.kill(worker)
    say(f"killed {worker} in the middle of load_offers of {pair}: {count} processes")
    return worker


class Airflow:
    """Airflow through its public REST API."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.session = requests.Session()
        body = {"username": "admin", "password": (cluster.secrets / "admin_password").read_text()}
        answer = self.session.post(f"{cluster.api}/auth/token", json=body, timeout=30)
        if not answer.ok:
            raise Failed(f"log-in answers {answer.status_code}")
        self.session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def get(self, path: str) -> Any:
        """Read; what is not there yet is empty."""
        answer = self.session.get(f"{self.cluster.api}/api/v2{path}", timeout=30)
        return answer.json() if answer.ok else {}

    def switch_on(self, pair: str) -> None:
        """Unpause a pair, which makes Airflow run yesterday."""
        url = f"{self.cluster.api}/api/v2/dags/{pair}"
        self.until(
            lambda: self.session.patch(url, json={"is_paused": False}, timeout=30).ok,
            f"Airflow does not know {pair}",
        )

    def run(self, pair: str) -> dict[str, Any]:
        """The pair's run; empty if there is none yet."""
        runs = self.get(f"/dags/{pair}/dagRuns?limit=1").get("dag_runs", [])
        found: dict[str, Any] = runs[0] if runs else {}
        return found

    def tasks(self, pair: str) -> dict[str, dict[str, Any]]:
        """The run's tasks by name."""
        path = f"/dags/{pair}/dagRuns/{self.run(pair)['dag_run_id']}/taskInstances"
        return {task["task_id"]: task for task in self.get(path).get("task_instances", [])}

    def counts(self, pair: str, run: dict[str, Any]) -> dict[str, Any]:
        """What ``reconcile`` has counted; empty if it did not come to that."""
        path = f"/dags/{pair}/dagRuns/{run['dag_run_id']}/taskInstances/reconcile/xcomEntries/return_value"
        value: dict[str, Any] = self.get(f"{path}?deserialize=true").get("value") or {}
        return value

    def console(self, path: str) -> dict[str, Any]:
        """A page of our own plugin; empty if it is refused."""
        answer = self.session.get(f"{self.cluster.api}/prospects{path}", timeout=60)
        content: dict[str, Any] = answer.json() if answer.ok else {}
        return content

    def log(self, pair: str, run: dict[str, Any], task: str) -> str:
        """A task's log of its first try, of a worker that is dead by now as well."""
        path = f"/dags/{pair}/dagRuns/{run['dag_run_id']}/taskInstances/{task}/logs/1?full_content=true"
        path += f"&map_index={0 if task in MAPPED else -1}"
        return str(self.get(path).get("content", ""))

    def wait_for_runs(self) -> dict[str, dict[str, Any]]:
        """Wait until all four have ended."""
        runs: dict[str, dict[str, Any]] = {}

        def all_ended() -> bool:
            runs.update({pair: run for pair in PAIRS if (run := self.run(pair))})
            return len(runs) == len(PAIRS) and all(run["state"] in ENDED for run in runs.values())

        self.until(all_ended, "the runs did not end in time")
        return runs

    def until(self, condition: Callable[[], bool], complaint: str) -> None:
        """Look once a second."""
        deadline = time.monotonic() + RUN_SECONDS
        while not condition():
            self.cluster.processes.must_live()
            if time.monotonic() > deadline:
                raise Failed(complaint)
            time.sleep(1)


def _states(cluster: Cluster) -> State:
    return {erp: SandboxClient(cluster.sandbox_urls[erp]).state() for erp in ERPS}


def _problems(
    airflow: Airflow, runs: dict[str, dict[str, Any]], before: State, after: State, interrupted: str
) -> Iterator[str]:
    """What is not as it must be, one sentence each."""
    for erp in ERPS:
        for what in ("offers_per_external_id", "leases_per_unit"):
            yield from _doubles(erp, what, before[erp][what], after[erp][what])
    counts = {pair: airflow.counts(pair, run) for pair, run in runs.items()}
    for pair, run in runs.items():
        if run["state"] != "success":
            yield f"{pair} ended as {run['state']}"
        ended = sum(counts[pair].get(name, 0) for name in COLUMNS[1:6])
        if not counts[pair] or counts[pair]["extracted"] != ended:
            yield f"{pair}: of {counts[pair].get('extracted')} extracted records {ended} are accounted for"
    for erp in ERPS:
        for column, what in (("offers_created", "offers"), ("leases_created", "leases")):
            said = sum(count.get(column, 0) for pair, count in counts.items() if pair.endswith(erp))
            made = after[erp][what] - before[erp][what]
            if said != made or not made:
                yield f"{erp} has {made} new {what}, the runs say {said}"
    if airflow.tasks(interrupted)["load_offers"]["try_number"] < 2:
        yield f"load_offers of {interrupted} was not interrupted"
    yield from _unreadable(airflow, interrupted, runs[interrupted], counts[interrupted])


def _unreadable(airflow: Airflow, pair: str, run: dict[str, Any], counts: dict[str, Any]) -> Iterator[str]:
    """What the api-server must be able to show with the few rights it has: tables of a run, logs of the workers."""
    shown = airflow.console(f"/api/pairs/{pair}/run?run_id={quote(run['dag_run_id'])}")
    if shown.get("quarantine_total") != counts.get("quarantined"):
        yield f"the console shows {shown.get('quarantine_total')} quarantined records of {pair}"
    for task, words in (("load_offers", "talking to"), ("reconcile", "reconciled")):
        if words not in airflow.log(pair, run, task):
            yield f"the log of {task} of {pair} cannot be read"


def _doubles(erp: str, what: str, before: dict[str, int], after: dict[str, int]) -> Iterator[str]:
    for key, number in after.items():
        if number > max(1, before.get(key, 0)):
            yield f"{erp}, {what}: {number} for {key}, {before.get(key, 0)} before"


def _print_table(airflow: Airflow, runs: dict[str, dict[str, Any]]) -> None:
    print(
        f"\n  {'pair':<16}"
        + "".join(f"{name.removesuffix('_created'):>14}" for name in COLUMNS)
        + "  load tries  state"
    )
    for pair, run in runs.items():
        counts = airflow.counts(pair, run)
        cells = "".join(f"{counts.get(name, '-'):>14}" for name in COLUMNS)
        print(f"  {pair:<16}{cells}{airflow.tasks(pair)['load_offers']['try_number']:>12}  {run['state']}")
    print()
