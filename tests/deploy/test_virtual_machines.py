"""deploy/vm: the units of systemd run what the containers run, with the same settings and the same secrets."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.harness import compose_file
from tests.harness.compose_file import ROOT, Service

FOLDER = ROOT / "deploy" / "vm"
UNITS = {
    path.stem.removeprefix("letting-sync-"): path for path in sorted((FOLDER / "systemd").glob("*.service"))
}
PLACES = {
    "/run/secrets": "%d",
    "/opt/airflow/logs": "/var/log/letting-sync",
    "/opt/airflow": "/var/lib/letting-sync",
    "/opt/prospects": "/opt/letting-sync/project",
    "http://api-server:8080": "http://127.0.0.1:8080",
}
"""A place in the containers -> the same place on a virtual machine."""
OF_CONTAINERS = {"CONNECTION_CHECK_MAX_COUNT", "DUMB_INIT_SETSID"}
OF_VIRTUAL_MACHINES = {
    "PATH",
    "SECRETS_FOLDER",
    "AIRFLOW__LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY",
    "AIRFLOW__FAB__ENABLE_PROXY_FIX",
    "AIRFLOW__FAB__COOKIE_SECURE",
    "AIRFLOW__PROSPECTS__LANGUAGE",
}
THEIR_OWN = {
    "AIRFLOW__API__BASE_URL",
    "AIRFLOW__PROSPECTS__STAGING",
    "AIRFLOW__CORE__PARALLELISM",
}
"""Settings with other values: the address, the staging folder, and one worker instead of two."""


def _service(name: str) -> Service:
    return compose_file.service(name, compose_file.load())


def _values(unit: Path, key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", unit.read_text(), flags=re.M)


def _environment(unit: Path) -> dict[str, str]:
    lines = (FOLDER / "airflow.env").read_text().splitlines()
    lines = [line for line in lines if line and not line.startswith("#")]
    lines += [text for value in _values(unit, "Environment") for text in shlex.split(value)]
    return dict(line.split("=", 1) for line in lines)


def _on_a_virtual_machine(text: str) -> str:
    for container, machine in PLACES.items():
        text = text.replace(container, machine)
    return text


def test_there_is_a_unit_for_each_service_of_airflow() -> None:
    services = compose_file.load()["services"]
    of_airflow = {
        name for name, service in services.items() if service["image"].startswith("prospects-airflow")
    }

    assert set(UNITS) == of_airflow


@pytest.mark.parametrize("name", UNITS)
def test_settings_are_those_of_the_container(name: str) -> None:
    container = {key: _on_a_virtual_machine(value) for key, value in _service(name).environment.items()}
    machine = _environment(UNITS[name])

    assert set(container) - set(machine) <= OF_CONTAINERS
    assert set(machine) - set(container) <= OF_VIRTUAL_MACHINES
    same = set(container) & set(machine) - THEIR_OWN
    assert {key: machine[key] for key in same} == {key: container[key] for key in same}


@pytest.mark.parametrize("name", UNITS)
def test_secrets_are_those_of_the_container(name: str) -> None:
    loaded = dict(value.split(":") for value in _values(UNITS[name], "LoadCredential"))

    assert {target: Path(file).name for target, file in loaded.items()} == _service(name).secrets


@pytest.mark.parametrize("name", UNITS)
def test_the_command_is_that_of_the_container(name: str) -> None:
    (command,) = _values(UNITS[name], "ExecStart")
    program, *arguments = command.split()
    words = arguments if Path(program).name == "airflow" else [Path(program).name, *arguments]

    assert [word for word in _service(name).command if word not in words] == []


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    """Their programs are not installed here, so that any program takes their place."""
    for unit in UNITS.values():
        text = re.sub(r"/opt/letting-sync/venv/bin/\w+", shutil.which("true") or "", unit.read_text())
        (tmp_path / unit.name).write_text(text)
    command = ["systemd-analyze", "verify", *(str(path) for path in sorted(tmp_path.iterdir()))]
    verified = subprocess.run(command, capture_output=True, text=True)

    assert (verified.returncode, verified.stderr) == (0, "")


def test_the_page_uses_each_file() -> None:
    page = (ROOT / "docs" / "virtual-machines.md").read_text()

    for path in FOLDER.iterdir():
        assert f"deploy/vm/{path.name}" in page, path.name
