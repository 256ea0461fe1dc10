"""The acts of the cluster: a service is killed during runs, and the results of all runs are checked."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from include.demo.processes import Failed
from include.sandbox import SandboxClient
from tests.harness.cluster_airflow import Airflow, Run, Window
from tests.harness.cluster_services import AIRFLOW_SERVICES, WORKERS, Cluster

BERLIN = ZoneInfo("Europe/Berlin")
PAIRS = ("immomio_yuneo", "immomio_sigma", "everreal_yuneo", "everreal_sigma")
ERPS = ("yuneo", "sigma")
COLUMNS = (
    "extracted",
    "duplicates",
    "quarantined",
    "skipped",
    "already_there",
    "offers_created",
    "leases_created",
    "leases_for_other_runs",
    "leases_found",
)
MADE = {"offers": ("offers_created",), "leases": ("leases_created", "leases_for_other_runs")}
"""What a run made in the ERP, and the counts that say so."""
ACTS = {
    "worker": "a worker is killed while the ERP has its offers and has not answered",
    "redis": "the broker is killed while offers are under way and tasks wait in it",
    "postgres": "the database of Airflow and of the ledger stops at once while offers are under way",
}
IMPORT_PATH = "/api/v1/prospect-imports"
OUTAGE_SECONDS = 15
HOLD_SECONDS = {"worker": 120, "redis": 8, "postgres": 8}
"""How long Yuneo does not respond: until the worker is dead, or for less than the outage, so that it responds during it."""
DAYS_AGO = ((1, 0), (2, 1), (5, 2))
"""The windows of the acts, as days before today's midnight; the sandbox has new records on each of these days."""
State = dict[str, dict[str, Any]]
Say = Callable[[str], None]


def prove(cluster: Cluster, acts: Sequence[str], say: Say) -> bool:
    """Run the acts one after the other; print a table for each, and the errors found."""
    airflow, midnight = Airflow(cluster), _midnight()
    windows = [
        (midnight - timedelta(days=since), midnight - timedelta(days=until)) for since, until in DAYS_AGO
    ]
    return all([_play(airflow, act, window, say) for act, window in zip(acts, windows, strict=False)])


def seconds_to_midnight() -> float:
    """Return the seconds until a new day begins for the pairs and for the sandbox."""
    return (_midnight() + timedelta(days=1) - datetime.now(BERLIN)).total_seconds()


def _midnight() -> datetime:
    return datetime.now(BERLIN).replace(hour=0, minute=0, second=0, microsecond=0)


def _play(airflow: Airflow, act: str, window: Window, say: Say) -> bool:
    """Start runs, kill a service, wait for the end, check the results."""
    say(f"act {act}: {ACTS[act]}")
    cluster = airflow.cluster
    yuneo = SandboxClient(cluster.sandbox_urls["yuneo"])
    before, struck = _states(cluster), len(yuneo.fault_log())
    yuneo.fault_once("timeout_after", path=IMPORT_PATH, method="POST", hold_seconds=HOLD_SECONDS[act])
    first, *others = PAIRS
    # The worker to kill is known only if a single pair imports; in the other acts all pairs run.
    run_ids = {pair: airflow.start(pair, window) for pair in (PAIRS[:1] if act == "worker" else PAIRS)}
    say(f"{', '.join(run_ids)} on; waiting for Yuneo to take offers and not to answer")
    airflow.until(lambda: len(yuneo.fault_log()) > struck, "nothing was imported into Yuneo")
    if act == "worker":
        run_ids |= {pair: airflow.start(pair, window) for pair in others}
        _kill_the_importing_worker(airflow, first, run_ids[first], say)
    else:
        _outage(cluster, act, say)
    say("waiting for the runs to end")
    runs = airflow.wait_for(run_ids)
    _all_well_again(cluster, say)
    problems = list(_problems(airflow, runs, before, _states(cluster)))
    if act == "worker":
        problems += _not_interrupted(airflow, first, run_ids[first])
    _print_table(airflow, runs)
    for problem in problems:
        print(f"  WRONG: {problem}")
    if not problems:
        print(f"  {act}: right, no offer twice, no lease twice, nothing lost, all runs succeeded\n")
    return not problems


def _kill_the_importing_worker(airflow: Airflow, pair: str, run_id: str, say: Say) -> None:
    """Kill the worker whose import Yuneo has received and not yet answered, without warning."""
    processes = airflow.cluster.processes
    tasks = [task for task in airflow.tasks(pair, run_id, "load_offers") if task["state"] == "running"]
    worker = next((name for task in tasks if (name := processes.name_of(task["pid"] or 0))), None)
    if worker not in WORKERS:
        raise Failed(f"load_offers of {pair} runs on no worker of ours")
    count = processes.kill(worker)
    say(f"killed {worker} in the middle of load_offers of {pair}: {count} processes")
    survivor = next(name for name in WORKERS if name != worker)
    say(f"{survivor} has to do it alone")


def _outage(cluster: Cluster, service: str, say: Say) -> None:
    """Kill a service and restart it after the outage; the other services continue."""
    how = signal.SIGQUIT if service == "postgres" else signal.SIGKILL
    cluster.processes.end(service, how)
    say(f"{service} got {how.name} and is down for {OUTAGE_SECONDS} s")
    deadline = time.monotonic() + OUTAGE_SECONDS
    while time.monotonic() < deadline:
        cluster.processes.restart_ended()
        time.sleep(0.5)
    cluster.processes.start_again(service)
    say(f"{service} is started again")


def _all_well_again(cluster: Cluster, say: Say) -> None:
    """Wait until each service is healthy; restart a killed worker, as Docker would restart its container."""
    for name in WORKERS:
        if name not in cluster.processes.running:
            cluster.processes.start_again(name)
    for name in (*AIRFLOW_SERVICES, *WORKERS):
        cluster.wait_until_well(name)
    restarts = ", ".join(f"{name} {times}" for name, times in cluster.processes.restarts.items())
    say(f"all services are well; started again by the restart policy: {restarts or 'none'}")
    cluster.processes.restarts.clear()


def _states(cluster: Cluster) -> State:
    return {erp: SandboxClient(cluster.sandbox_urls[erp]).state() for erp in ERPS}


def _problems(airflow: Airflow, runs: dict[str, Run], before: State, after: State) -> Iterator[str]:
    """Yield a sentence for each error."""
    for erp in ERPS:
        for what in ("offers_per_external_id", "leases_per_unit"):
            yield from _doubles(erp, what, before[erp][what], after[erp][what])
    counts = {pair: airflow.counts(pair, run["dag_run_id"]) for pair, run in runs.items()}
    for pair, run in runs.items():
        if run["state"] != "success":
            yield f"{pair} ended as {run['state']}"
        ended = sum(counts[pair].get(name, 0) for name in COLUMNS[1:6])
        if not counts[pair] or counts[pair]["extracted"] != ended:
            yield f"{pair}: of {counts[pair].get('extracted')} extracted records {ended} are accounted for"
    for erp in ERPS:
        for what, columns in MADE.items():
            of_erp = [count for pair, count in counts.items() if pair.endswith(erp)]
            said = sum(count.get(column, 0) for count in of_erp for column in columns)
            made = after[erp][what] - before[erp][what]
            if said != made or not made:
                yield f"{erp} has {made} new {what}, the runs say {said}"
    first = PAIRS[0]
    yield from _unreadable(airflow, first, runs[first]["dag_run_id"], counts[first])
    yield from _kept_on_a_disk(airflow.cluster)
    pools = {pool["name"] for pool in airflow.get("/pools").get("pools", [])}
    yield from (f"there is no pool for {erp}" for erp in ERPS if f"erp_{erp}" not in pools)


def _not_interrupted(airflow: Airflow, pair: str, run_id: str) -> Iterator[str]:
    if all(task["try_number"] < 2 for task in airflow.tasks(pair, run_id, "load_offers")):
        yield f"load_offers of {pair} was not interrupted"


def _unreadable(airflow: Airflow, pair: str, run_id: str, counts: dict[str, Any]) -> Iterator[str]:
    """Check that the api-server, with its limited rights, can show a run's tables and the workers' logs."""
    shown = airflow.console(f"/api/pairs/{pair}/run?run_id={quote(run_id)}")
    if shown.get("quarantine_total") != counts.get("quarantined"):
        yield f"the console shows {shown.get('quarantine_total')} quarantined records of {pair}"
    for task, words in (("load_offers", "Connecting to"), ("reconcile", "exactly one outcome")):
        if words not in airflow.log(pair, run_id, task):
            yield f"the log of {task} of {pair} cannot be read"


def _kept_on_a_disk(cluster: Cluster) -> Iterator[str]:
    """Check that no ledger and no table is in a service's own folder: workers share PostgreSQL and the object store only."""
    for pattern in ("prospect_*", "*.parquet"):
        for path in (cluster.folder / "home").rglob(pattern):
            yield f"{path.relative_to(cluster.folder)} is on a disk that only one service has"
    for name in WORKERS:
        if "Executing workload in Celery" not in (cluster.folder / "logs" / f"{name}.log").read_text():
            yield f"{name} has had no task"


def _doubles(erp: str, what: str, before: dict[str, int], after: dict[str, int]) -> Iterator[str]:
    for key, number in after.items():
        if number > max(1, before.get(key, 0)):
            yield f"{erp}, {what}: {number} for {key}, {before.get(key, 0)} before"


def _print_table(airflow: Airflow, runs: dict[str, Run]) -> None:
    print(f"\n  {'pair':<16}" + "".join(f"{name:>23}" for name in COLUMNS) + "  tries  state")
    for pair, run in runs.items():
        counts = airflow.counts(pair, run["dag_run_id"])
        cells = "".join(f"{counts.get(name, '-'):>23}" for name in COLUMNS)
        tries = sum(task["try_number"] for task in airflow.tasks(pair, run["dag_run_id"]))
        print(f"  {pair:<16}{cells}{tries:>7}  {run['state']}")
    print()
