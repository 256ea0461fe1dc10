"""Somebody who answers the question of ``auto_accept``, through Airflow's own REST API."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import time_machine
from fastapi.testclient import TestClient

ASK_SECONDS = 240
YES, NO = "Accept the selected offers", "Accept none"


class Person(threading.Thread):
    """Somebody who waits for the question, looks at the world at that moment, and answers."""

    def __init__(
        self, airflow: TestClient, look: Callable[[], Any], option: str, number: int | None = None
    ) -> None:
        super().__init__(daemon=True)
        self.airflow, self.look, self.option, self.number = airflow, look, option, number
        self.question: dict[str, Any] = {}
        self.seen: Any = None
        self.selected: list[str] = []

    def run(self) -> None:
        end = time.monotonic() + ASK_SECONDS
        while time.monotonic() < end:
            answer = self.airflow.get("/api/v2/dags/~/dagRuns/~/hitlDetails?response_received=false").json()
            # An answer before the task is parked is lost in `dag.test()`, which writes the parked state after it.
            parked = [
                q for q in answer.get("hitl_details", []) if q["task_instance"]["state"] == "awaiting_input"
            ]
            if parked and self._answer(parked[0]):
                return
            time.sleep(0.2)

    def _answer(self, question: dict[str, Any]) -> bool:
        self.question, self.seen = question, self.look()
        self.selected = question["params"]["offers"]["value"][: self.number]
        task = question["task_instance"]
        path = f"/api/v2/dags/{task['dag_id']}/dagRuns/{task['dag_run_id']}/taskInstances/auto_accept/0/hitlDetails"
        body = {"chosen_options": [self.option], "params_input": {"offers": self.selected}}
        # SQLite may be locked by the run for a moment; a person would press the button again.
        return self.airflow.patch(path, json=body).is_success


class Nobody(Person):
    """Nobody answers; after a while Airflow's scheduler looks for questions whose time is over."""

    def __init__(self, airflow: TestClient, after: timedelta) -> None:
        super().__init__(airflow, lambda: None, NO)
        self.after = after

    def _answer(self, question: dict[str, Any]) -> bool:
        from airflow.jobs.job import Job
        from airflow.jobs.scheduler_job_runner import SchedulerJobRunner

        with time_machine.travel(datetime.now(UTC) + self.after):
            SchedulerJobRunner(Job()).check_awaiting_input_timeouts()
        task = question["task_instance"]
        path = f"/api/v2/dags/{task['dag_id']}/dagRuns/{task['dag_run_id']}/taskInstances/auto_accept/0"
        return bool(self.airflow.get(path).json()["state"] != "awaiting_input")
