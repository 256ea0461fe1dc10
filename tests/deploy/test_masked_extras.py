"""Secrets in the extras of connections are not shown to who may read connections in Airflow's UI or REST API."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.harness import compose_file
from tests.harness.compose_file import ROOT

NAME = "AIRFLOW__CORE__SENSITIVE_VAR_CONN_NAMES"
SECRETS = {
    "hash_key": "hunter2-of-the-ledger",
    "scope": "hunter2-api-key",
    "client_secret": "hunter2-client",
    "config": {"path": "mmosts://host/hunter2-token"},
}
SHOWN = "import json, sys; from airflow._shared.secrets_masker import redact; print(json.dumps(redact(json.loads(sys.argv[1]))))"


def _of_the_containers() -> str:
    return str(compose_file.load()["services"]["api-server"]["environment"][NAME])


def _of_virtual_machines() -> str:
    lines = (ROOT / "deploy" / "vm" / "airflow.env").read_text().splitlines()
    return next(line.partition("=")[2] for line in lines if line.startswith(f"{NAME}="))


@pytest.mark.parametrize("names", [_of_the_containers, _of_virtual_machines])
def test_airflow_masks_each_secret_extra(names: object) -> None:
    """Airflow shows extras as this function returns them; it knows secrets by their names."""
    assert callable(names)
    environment = os.environ | {NAME: names()}
    extra = SECRETS | {"verify": "/ca.pem"}

    done = subprocess.run(
        [sys.executable, "-c", SHOWN, json.dumps(extra)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )

    assert "hunter2" not in done.stdout
    assert json.loads(done.stdout.splitlines()[-1])["verify"] == "/ca.pem"
