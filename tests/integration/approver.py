"""Somebody who answers the question of ``auto_accept``, through Airflow's own REST API."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import time_machine
from fastapi.testclient import TestClient

from tests.harness import approval
from tests.harness.approval import NO

ASK_SECONDS = 240


def call_of(airflow: TestClient) -> approval.Call:
    """Airflow's public API; ``None`` for what it refuses, as SQLite may be locked by a run for a moment."""

    def call(method: str, path: str, body: Any) -> Any:
        response = airflow.request(method, f"/api/v2{path}", json=body)
        if not response.is_success:
            return None
        return response.json() if response.content else {}

    return call


class Person(threading.Thread):
    """Somebody who waits for the question, looks at the world at that moment, and answers."""

    def __init__(
        self, airflow: TestClient, look: Callable[[], Any], option: str, number: int | None = None
    ) -> None:
        super().__init__(daemon=True)
        self.call, self.look, self.option, self.number = call_of(airflow), look, option, number
        self.question: dict[str, Any] = {}
        self.seen: Any = None
        self.selected: list[str] = []

    def run(self) -> None:
        end = time.monotonic() + ASK_SECONDS
        while time.monotonic() < end:
            parked = [one for one in approval.open_questions(self.call) if approval.is_parked(one)]
            if parked and self._answer(parked[0]):
                return
            time.sleep(0.2)

    def _answer(self, question: dict[str, Any]) -> bool:
        """Whether the answer was taken; else it is given once more, as a person would press the button again."""
        self.question, self.seen = question, self.look()
        self.selected = approval.offers_in(question)[: self.number]
        return approval.answer(self.call, question, self.option, self.selected) is not None


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
        task = self.call("GET", approval.path_of(question), None)
        return task is not None and task["state"] != "awaiting_input"
