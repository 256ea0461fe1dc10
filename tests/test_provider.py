"""The connection types of the systems: Airflow lists them with their forms, and tests them by a log-in."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from airflow.sdk._shared.secrets_masker import should_hide_value_for_key

from include.sandbox import Sandbox
from letting_sync.provider import get_provider_info

TYPES = {
    "immomio": "immomio",
    "everreal": "everreal",
    "yuneo": "wodisyuneo",
    "sigma": "wodissigma",
}
LIST = """
import json
from airflow.providers_manager import ProvidersManager
manager = ProvidersManager()
print(json.dumps({
    name: {
        "hook": hook.hook_class_name if hook else None,
        "name": hook.hook_name if hook else None,
        "behaviour": manager.field_behaviours.get(name),
        "fields": [key for key in manager.connection_form_widgets if key.startswith(f"extra__{name}__")],
    }
    for name, hook in ((name, manager.hooks[name]) for name in %r)
}))
"""
TEST = """
import json, os, sys
os.environ["_AIRFLOW_PROCESS_CONTEXT"] = "server"
from airflow.models import Connection
told = {}
for name, said in json.load(sys.stdin).items():
    connection = Connection.from_json(json.dumps(said), conn_id=name)
    os.environ[f"AIRFLOW_CONN_{name.upper()}"] = connection.get_uri()
    told[name] = connection.test_connection()
print(json.dumps(told))
"""
"""What the API server does behind the button *Test*."""


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(populate=False) as box:
        yield box


def in_airflow(code: str, said: str = "") -> str:
    """What a process of Airflow prints last."""
    done = subprocess.run([sys.executable, "-c", code], input=said, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def listed() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(in_airflow(LIST % [*TYPES.values(), "http"]))
    return found


@pytest.mark.parametrize(
    "declared", get_provider_info()["connection-types"], ids=lambda one: one["hook-name"]
)
def test_airflow_lists_each_type_with_its_form(declared: dict[str, Any], listed: dict[str, Any]) -> None:
    name = declared["connection-type"]

    assert listed[name]["hook"] == declared["hook-class-name"]
    assert listed[name]["name"] == declared["hook-name"]
    assert listed[name]["behaviour"]["relabeling"] == declared["ui-field-behaviour"]["relabeling"]
    assert {key.removeprefix(f"extra__{name}__") for key in listed[name]["fields"]} == set(
        declared["conn-fields"]
    )


def test_the_type_http_stays_airflows_own(listed: dict[str, Any]) -> None:
    assert listed["http"]["hook"] == "airflow.providers.http.hooks.http.HttpHook"


def test_secrets_in_a_form_are_those_that_airflow_masks_by_their_names() -> None:
    for declared in get_provider_info()["connection-types"]:
        for name, field in declared["conn-fields"].items():
            if field["schema"].get("format") == "password":
                assert should_hide_value_for_key(name)


@pytest.mark.parametrize("conn_type", ["own", "http"])
@pytest.mark.parametrize("name", TYPES)
def test_a_hook_takes_connections_of_its_own_type_and_of_http(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch, name: str, conn_type: str
) -> None:
    from airflow.sdk.module_loading import import_string

    connection = getattr(box, name).connection()
    connection["conn_type"] = TYPES[name] if conn_type == "own" else "http"
    monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(connection))
    (declared,) = (
        one for one in get_provider_info()["connection-types"] if one["connection-type"] == TYPES[name]
    )

    assert import_string(declared["hook-class-name"])(name).test_connection()[0]


def test_the_test_button_logs_in_or_says_what_is_wrong(box: Sandbox) -> None:
    connections = {name: getattr(box, name).connection() | {"conn_type": TYPES[name]} for name in TYPES}
    wrong = {f"{name}_wrong": said | {"password": "hunter2"} for name, said in connections.items()}

    told = json.loads(in_airflow(TEST, json.dumps(connections | wrong)))

    assert [name for name in connections if not told[name][0]] == []
    assert [name for name in wrong if told[name][0]] == []
    assert [name for name in wrong if "login and password" not in told[name][1]] == []
    assert "hunter2" not in str(told)
