"""A person who accepts every offer that waits for approval in a run, through Airflow's public API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

Call = Callable[[str, str, Any], Any]
"""Method, path below ``/api/v2`` and body to the JSON of the response; ``{}`` where there is none."""


def accept_what_waits(call: Call, dag_id: str, run_id: str) -> None:
    """Answer the run's open questions: accept all offers in them."""
    path = f"/dags/{dag_id}/dagRuns/{quote(run_id)}"
    found = call("GET", f"{path}/hitlDetails?response_received=false", None)
    for question in found.get("hitl_details", []):
        task, offers = question["task_instance"], question["params"]["offers"]["value"]
        body = {"chosen_options": [question["options"][0]], "params_input": {"offers": offers}}
        instance = f"{path}/taskInstances/{task['task_id']}/{task['map_index']}"
        call("PATCH", f"{instance}/hitlDetails", body)
