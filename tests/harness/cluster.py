"""Runs the set-up of docker-compose.yaml without Docker, with failures of its services (``make cluster``).

Starts PostgreSQL, a Redis-protocol broker, an S3-protocol server, the sandbox, and the Airflow services with the
commands, environments, secrets and health checks of docker-compose.yaml, including two Celery workers, each
with its own folder. Runs the four pairs several times. In each act a service is killed while the ERP has received offers
and has not responded yet: the worker that waits for the response, the broker, the database. Afterwards the results are
checked.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from include.demo.processes import Failed, Processes, free_ports, listens
from tests.harness import cluster_run, cluster_services
from tests.harness.cluster_services import Cluster, Ports

MODULES = {
    "letting_sync": "this package: make .venv-cluster/.package",
    "celery": "Celery's executor",
    "s3fs": "the object store's client",
    "moto": "an S3-protocol server",
}
MIDNIGHT_SECONDS = 300
"""Longer than the time from the sandbox's start, which generates data for yesterday, to the first runs."""


def main(given: list[str] | None = None) -> int:
    """Run all acts; return 0 if all checks passed, 3 if a program is missing."""
    parser = argparse.ArgumentParser(prog="python -m tests.harness.cluster", description=__doc__)
    parser.add_argument(
        "--port", type=int, help="the first of twenty ports (default: free ones from 19000 on)"
    )
    parser.add_argument("--keep", action="store_true", help="keep folder and logs even if all is right")
    parser.add_argument(
        "--acts",
        type=_acts,
        default=list(cluster_run.ACTS),
        help=f"what dies, one after the other (default {','.join(cluster_run.ACTS)})",
    )
    parser.add_argument("--check", choices=("programs", "all"), help="only say what is missing")
    options = parser.parse_args(given)
    missing = missing_programs() if options.check == "programs" else missing_programs() or missing_packages()
    if missing:
        print(f"cluster: {missing}", file=sys.stderr)
        return 3
    if options.check:
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    return _in_a_folder(options)


def _acts(text: str) -> list[str]:
    acts = text.split(",")
    if len(set(acts)) < len(acts) or not set(acts) <= set(cluster_run.ACTS):
        raise argparse.ArgumentTypeError(f"{text!r}: some of {','.join(cluster_run.ACTS)}, each once")
    return acts


def missing_programs() -> str:
    """Return the missing programs and how to install them, in one line; empty if none is missing."""
    if not Path("/proc/self").exists():
        return "needs Linux, where /proc tells which processes belong together"
    missing = [name for name in ("initdb", "postgres", "redis-server") if not cluster_services.program(name)]
    if missing:
        return f"{', '.join(missing)} not found: apt-get install postgresql redis-server (or valkey)"
    return ""


def missing_packages() -> str:
    """Return the same for packages of this interpreter."""
    packages = [name for name in MODULES if not cluster_services.has_module(name)]
    if packages:
        return f"Python packages {', '.join(packages)} not found: uv pip sync deploy/requirements-cluster.txt"
    return ""


def _in_a_folder(options: argparse.Namespace) -> int:
    folder = Path(tempfile.mkdtemp(prefix="prospects-cluster-"))
    # If we are root, PostgreSQL runs as another user and must be able to enter this folder.
    folder.chmod(0o711)
    right = False
    try:
        right = _prove(folder, Ports(options.port or free_ports(20, range(19000, 20000, 20))), options.acts)
    except Failed as failure:
        print(f"cluster: {failure}", file=sys.stderr)
    except KeyboardInterrupt:
        print("\nstopped")
    finally:
        if right and not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            print(f"logs: {folder / 'logs'}")
    return 0 if right else 1


def _prove(folder: Path, ports: Ports, acts: Sequence[str]) -> bool:
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"  {time.monotonic() - began:5.0f} s  {text}", flush=True)

    (folder / "logs").mkdir()
    with Processes(folder / "logs") as processes:
        cluster = Cluster(folder, ports, processes)
        _start(cluster, say)
        right = cluster_run.prove(cluster, acts, say)
        say("stopping")
    return right


def _start(cluster: Cluster, say: Callable[[str], None]) -> None:
    if (seconds := cluster_run.seconds_to_midnight()) < MIDNIGHT_SECONDS:
        say(f"in {seconds:.0f} s a new day begins in Berlin, and with it another yesterday: waiting for it")
        time.sleep(seconds + 1)
    say("PostgreSQL, broker, object store, sandbox")
    cluster.start_postgres()
    cluster.start_redis()
    cluster.start_object_store()
    cluster.start_sandbox()
    for port in (
        cluster.ports.postgres,
        cluster.ports.redis,
        cluster.ports.object_store,
        cluster.ports.sandbox,
    ):
        cluster.processes.wait_until(partial(listens, port), 60, f"nobody listens on port {port}", pause=0.1)
    say("init: databases, bucket, Airflow's tables, ledger, first user")
    cluster.run_init()
    say("api-server, scheduler, dag-processor, triggerer, two workers")
    for name in cluster_services.AIRFLOW_SERVICES:
        cluster.start_airflow(name)
    for name in cluster_services.WORKERS:
        cluster.start_worker(name)
    for name in (*cluster_services.AIRFLOW_SERVICES, *cluster_services.WORKERS):
        cluster.wait_until_well(name)
        say(f"{name} is well")


if __name__ == "__main__":
    os.umask(0o022)
    # Whoever reads it through a pipe sees each line at once.
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    raise SystemExit(main())
