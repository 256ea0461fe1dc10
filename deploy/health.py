"""Is a service well? ``python -m deploy.health SERVICE``: exit code 0 or 1, and a sentence; light enough for every minute.

The api-server tells what it knows of scheduler, dag-processor and triggerer by their heartbeats in the database;
the scheduler has an answer of its own; a worker is asked through the broker, as the scheduler would.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

SECONDS = 10


class Unwell(Exception):
    """Says why."""


def main(given: list[str] | None = None) -> int:
    """Check the service named."""
    arguments = sys.argv[1:] if given is None else given
    if len(arguments) != 1 or arguments[0] not in CHECKS:
        print(f"usage: python -m deploy.health {'|'.join(CHECKS)}", file=sys.stderr)
        return 2
    try:
        CHECKS[arguments[0]]()
    except Unwell as reason:
        print(f"{arguments[0]}: {reason}")
        return 1
    print(f"{arguments[0]}: well")
    return 0


def api_server() -> None:
    """It answers, and reaches its database."""
    _healthy("metadatabase")


def dag_processor() -> None:
    """Its heartbeat is young."""
    _healthy("dag_processor")


def scheduler() -> None:
    """Its heartbeat is young."""
    _healthy("scheduler")


def triggerer() -> None:
    """Its heartbeat is young."""
    _healthy("triggerer")


def worker() -> None:
    """This host's worker answers through the broker."""
    from celery import Celery
    from kombu.exceptions import OperationalError

    name = f"celery@{os.environ.get('WORKER_NAME') or socket.gethostname()}"
    app = Celery(broker=_output_of(os.environ["AIRFLOW__CELERY__BROKER_URL_CMD"]))
    try:
        responses = app.control.ping(destination=[name], timeout=SECONDS / 2)
    except (OSError, OperationalError) as error:
        raise Unwell(f"the broker does not answer: {type(error).__name__}") from error
    if not responses:
        raise Unwell(f"{name} does not answer")


def sandbox() -> None:
    """The first of the four systems answers."""
    _read(f"http://127.0.0.1:{os.environ.get('SANDBOX_PORT', '8091')}/_sandbox/health")


def _healthy(part: str) -> None:
    server = os.environ["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"].removesuffix("/execution/")
    status = _read(f"{server}/api/v2/monitor/health").get(part, {}).get("status")
    if status != "healthy":
        raise Unwell(f"the api-server says: {status}")


def _read(url: str) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(url, timeout=SECONDS) as response:  # noqa: S310 - http, from our own settings
            content: dict[str, Any] = json.load(response)
            return content
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise Unwell(f"{url}: {error}") from error


def _output_of(command: str) -> str:
    """As Airflow reads a setting whose name ends in _CMD."""
    return subprocess.run(command.split(), capture_output=True, text=True, check=True).stdout.strip()


CHECKS: dict[str, Callable[[], None]] = {
    "api-server": api_server,
    "scheduler": scheduler,
    "dag-processor": dag_processor,
    "triggerer": triggerer,
    "worker": worker,
    "sandbox": sandbox,
}

if __name__ == "__main__":
    raise SystemExit(main())
