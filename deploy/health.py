"""Health check of a service: ``python -m deploy.health SERVICE`` prints a sentence and exits with 0 or 1.

The api-server reports scheduler, dag-processor and triggerer by their heartbeats in the database. A worker is asked
through the broker. A check is cheap enough for every minute.
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


class Unhealthy(Exception):
    """A service does not work; the message says why."""


def main(given: list[str] | None = None) -> int:
    """Check the named service; return the exit code."""
    arguments = sys.argv[1:] if given is None else given
    if len(arguments) != 1 or arguments[0] not in CHECKS:
        print(f"usage: python -m deploy.health {'|'.join(CHECKS)}", file=sys.stderr)
        return 2
    try:
        CHECKS[arguments[0]]()
    except Unhealthy as reason:
        print(f"{arguments[0]}: {reason}")
        return 1
    print(f"{arguments[0]}: healthy")
    return 0


def api_server() -> None:
    """Check that the api-server responds and reaches its database."""
    _healthy("metadatabase")


def dag_processor() -> None:
    """Check that its heartbeat is recent."""
    _healthy("dag_processor")


def scheduler() -> None:
    """Check that its heartbeat is recent."""
    _healthy("scheduler")


def triggerer() -> None:
    """Check that its heartbeat is recent."""
    _healthy("triggerer")


def worker() -> None:
    """Check that this host's worker responds through the broker."""
    from celery import Celery
    from kombu.exceptions import OperationalError

    name = f"celery@{os.environ.get('WORKER_NAME') or socket.gethostname()}"
    app = Celery(broker=_output_of(os.environ["AIRFLOW__CELERY__BROKER_URL_CMD"]))
    try:
        responses = app.control.ping(destination=[name], timeout=SECONDS / 2)
    except (OSError, OperationalError) as error:
        raise Unhealthy(f"the broker does not respond: {type(error).__name__}") from error
    if not responses:
        raise Unhealthy(f"{name} does not respond")


def sandbox() -> None:
    """Check that the first of the four systems responds."""
    _read(f"http://127.0.0.1:{os.environ.get('SANDBOX_PORT', '8091')}/_sandbox/health")


def _healthy(part: str) -> None:
    server = os.environ["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"].removesuffix("/execution/")
    status = _read(f"{server}/api/v2/monitor/health").get(part, {}).get("status")
    if status != "healthy":
        raise Unhealthy(f"the api-server says: {status}")


def _read(url: str) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(url, timeout=SECONDS) as response:  # noqa: S310 - http, from our own settings
            content: dict[str, Any] = json.load(response)
            return content
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise Unhealthy(f"{url}: {error}") from error


def _output_of(command: str) -> str:
    """Return the output of a command, as Airflow does for a setting whose name ends in _CMD."""
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
