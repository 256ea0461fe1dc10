"""A person who answers the questions of ``auto_accept``, through Airflow's public API."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

Call = Callable[[str, str, Any], Any]
"""Method, path below ``/api/v2`` and body to the JSON of the response; nothing where there is none."""
YES, NO = "Accept the selected offers", "Accept none"


def open_questions(call: Call, dag_id: str = "~", run_id: str = "~") -> list[dict[str, Any]]:
    """The questions that nobody has answered yet, of one run or of all."""
    path = f"/dags/{dag_id}/dagRuns/{quote(run_id, safe='~')}/hitlDetails?response_received=false"
    return list((call("GET", path, None) or {}).get("hitl_details", []))


def is_parked(question: dict[str, Any]) -> bool:
    """Whether the question's task waits already; ``dag.test()`` loses an answer that comes before."""
    return bool(question["task_instance"]["state"] == "awaiting_input")


def offers_in(question: dict[str, Any]) -> list[str]:
    """Numbers of the offers that the question is about."""
    return list(question["params"]["offers"]["value"])


def path_of(question: dict[str, Any]) -> str:
    """Path of the task that asks."""
    task = question["task_instance"]
    run = f"/dags/{task['dag_id']}/dagRuns/{quote(task['dag_run_id'])}"
    return f"{run}/taskInstances/{task['task_id']}/{task['map_index']}"


def answer(call: Call, question: dict[str, Any], option: str, offers: Sequence[str]) -> Any:
    """Answer a question: these offers are selected."""
    body = {"chosen_options": [option], "params_input": {"offers": list(offers)}}
    return call("PATCH", f"{path_of(question)}/hitlDetails", body)


def accept_what_waits(call: Call, dag_id: str, run_id: str) -> None:
    """Answer the run's open questions: accept all offers in them."""
    for question in open_questions(call, dag_id, run_id):
        answer(call, question, question["options"][0], offers_in(question))
