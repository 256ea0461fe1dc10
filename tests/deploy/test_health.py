"""The health checks: what they ask, and what they print if a service is not healthy."""

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from deploy import health
from tests.harness.compose_file import ROOT

ANSWERS: dict[str, dict] = {}


class Server(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        content = ANSWERS.get(self.path)
        self.send_response(200 if content is not None else 404)
        self.end_headers()
        self.wfile.write(json.dumps(content or {}).encode())

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture(autouse=True)
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A server on a free port in the place of the api-server and of the sandbox."""
    server = HTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv(
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL", f"http://127.0.0.1:{server.server_port}/execution/"
    )
    monkeypatch.setenv("SANDBOX_PORT", str(server.server_port))
    ANSWERS.clear()
    yield server.server_port
    server.shutdown()
    server.server_close()


PARTS = {
    "api-server": "metadatabase",
    "scheduler": "scheduler",
    "dag-processor": "dag_processor",
    "triggerer": "triggerer",
}


@pytest.mark.parametrize("service", PARTS)
def test_one_that_is_ok(service: str, capsys: pytest.CaptureFixture[str]) -> None:
    ANSWERS["/api/v2/monitor/health"] = {PARTS[service]: {"status": "healthy"}}
    assert health.main([service]) == 0
    assert capsys.readouterr().out == f"{service}: healthy\n"


@pytest.mark.parametrize("service", PARTS)
@pytest.mark.parametrize("status", ["unhealthy", None])
def test_one_that_is_not(service: str, status: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    ANSWERS["/api/v2/monitor/health"] = {name: {"status": "healthy"} for name in PARTS.values()} | {
        PARTS[service]: {"status": status}
    }
    assert health.main([service]) == 1
    assert f"{service}: the api-server says: {status}" in capsys.readouterr().out


def test_nobody_responds(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTION_API_SERVER_URL", "http://127.0.0.1:1/execution/")
    assert health.main(["scheduler"]) == 1
    assert "refused" in capsys.readouterr().out


def test_sandbox() -> None:
    assert health.main(["sandbox"]) == 1
    ANSWERS["/_sandbox/health"] = {"system": "immomio", "status": "ok"}
    assert health.main(["sandbox"]) == 0


@pytest.mark.parametrize("arguments", [[], ["nobody"], ["worker", "scheduler"]])
def test_called_wrongly(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert health.main(arguments) == 2
    assert "usage:" in capsys.readouterr().err


def test_broker_is_gone(cluster_python: str) -> None:
    if subprocess.run([cluster_python, "-c", "import celery"], capture_output=True).returncode:
        pytest.skip("Celery is in the image and in .venv-cluster, which `make cluster` makes")
    environment = os.environ | {"AIRFLOW__CELERY__BROKER_URL_CMD": "echo redis://:secret@127.0.0.1:1/0"}
    command = [cluster_python, "-m", "deploy.health", "worker"]
    response = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert response.returncode == 1, response.stderr
    assert "the broker does not respond" in response.stdout
    assert "secret" not in response.stdout + response.stderr
