"""A real api-server with seeded databases."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
USERS = {"admin": "admin", "viewer": "viewer", "clerk": "user", "outsider": "user", "half": "viewer"}
"""User -> role; ``deny.py`` says what each may not."""
START_UP_SECONDS = 120


@dataclass
class Server:
    """The api-server and the log-ins of its users; the password is the user's name."""

    url: str
    home: Path

    def token(self, user: str) -> str:
        response = requests.post(
            f"{self.url}/auth/token", json={"username": user, "password": user}, timeout=30
        )
        response.raise_for_status()
        return response.json()["access_token"]

    def session(self, user: str | None) -> requests.Session:
        """A session as the browser has it: with the UI's cookie and no header."""
        session = requests.Session()
        if user:
            session.cookies.set("_token", self.token(user))
        return session


def environment(home: Path, port: int, language: str = "en", sub_path: str = "") -> dict[str, str]:
    """The configuration of the api-server and of the seeding."""
    settings = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(home / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__AUTH_MANAGER": "deny.DenyingAuthManager",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{u}:{role}" for u, role in USERS.items()),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}{sub_path}",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__SECRET_KEY": "not-a-secret-of-the-tests",
        "AIRFLOW__API_AUTH__JWT_SECRET": "another-text-of-the-tests-that-is-long-enough-for-the-signature-0123456789",
        "AIRFLOW__PROSPECTS__LANGUAGE": language,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYTHONPATH": f"{HERE}{os.pathsep}{ROOT}",  # deny.py, tests.harness
    }
    # Without bytecode each process would compile the 2,400 modules of Airflow anew.
    dropped = ("AIRFLOW", "PYTHONDONTWRITEBYTECODE")
    return {name: value for name, value in os.environ.items() if not name.startswith(dropped)} | settings


def prepare(home: Path, env: dict[str, str]) -> None:
    """Databases, ledger, staged tables and passwords."""
    (home / "passwords.json").write_text(json.dumps({user: user for user in USERS}))
    done = subprocess.run([sys.executable, str(HERE / "seed.py")], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]


@contextlib.contextmanager
def serving(env: dict[str, str], log: Path, python: str | Path = sys.executable) -> Iterator[str]:
    """Run the api-server until the block ends."""
    url = env["AIRFLOW__API__BASE_URL"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(python), "-m", "airflow", "api-server"],
            env=env,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _wait_until_up(url, process, log)
            yield url
        finally:
            # It holds nothing worth an orderly end, which would wait for the browser's open connections.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait_until_up(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_UP_SECONDS
    while time.monotonic() < until:
        assert process.poll() is None, log.read_text(errors="replace")[-4000:]
        with contextlib.suppress(requests.ConnectionError):
            if requests.get(f"{url}/api/v2/version", timeout=30).ok:
                return
        time.sleep(0.2)
    pytest.fail("the api-server did not start: " + log.read_text(errors="replace")[-4000:])


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
