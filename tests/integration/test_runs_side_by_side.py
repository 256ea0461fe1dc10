"""Two runs of a pair with different windows beside each other, in one Airflow: the first one in a process of its own.

It waits for a person. The second one must leave its offers alone as long as Airflow says that it is under way, and no longer.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from approver import Person, call_of
from fastapi.testclient import TestClient

from include.sandbox import Sandbox, world
from tests.harness import approval
from tests.harness.approval import YES

WAIT_SECONDS = 240
ALL_PARAMS = {
    "window_start": None,
    "window_end": None,
    "external_ids": None,
    "rehearse": False,
    "dry_run": False,
}
"""``dag.test`` hands the params of one run on to the next one of the process."""


def window(day: date) -> dict[str, str]:
    return {
        "window_start": world.midnight(day).isoformat(),
        "window_end": world.midnight(day + timedelta(days=1)).isoformat(),
    }


class Waiting:
    """A run in a process of its own that has loaded its offers and waits for the answer to its question."""

    def __init__(self, airflow: TestClient, pair: str, day: date, log: Path) -> None:
        self.call = call_of(airflow)
        conf = json.dumps(window(day) | {"accept": "approval"})
        command = [sys.executable, "-m", "airflow", "dags", "test", pair, "--conf", conf]
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                command, env=dict(os.environ), stdout=output, stderr=subprocess.STDOUT
            )
        self.question = self._wait_for_question()

    def _wait_for_question(self) -> dict[str, Any]:
        end = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            for question in approval.open_questions(self.call):
                if approval.is_parked(question):
                    return question
            time.sleep(0.3)
        raise AssertionError("nobody was asked")

    @property
    def path(self) -> str:
        task = self.question["task_instance"]
        return f"/dags/{task['dag_id']}/dagRuns/{task['dag_run_id']}"

    @property
    def offers(self) -> set[str]:
        """Numbers of the offers that the question is about."""
        return set(approval.offers_in(self.question))

    def answer_yes(self) -> None:
        """A person accepts all of them; the run goes on to its end."""
        approval.answer(self._until_done, self.question, YES, sorted(self.offers))
        assert self.process.wait(WAIT_SECONDS) == 0

    def dies(self) -> None:
        self.process.kill()
        self.process.wait()

    def is_deleted(self) -> None:
        """Somebody deletes the run; Airflow deletes none that is running, so it is marked as failed first."""
        self._until_done("PATCH", self.path, {"state": "failed"})
        self._until_done("DELETE", self.path)

    def _until_done(self, method: str, path: str, body: dict[str, Any] | None = None) -> None:
        """A person would press the button again."""
        for _ in range(50):
            if self.call(method, path, body) is not None:
                return
            time.sleep(0.2)
        raise AssertionError(f"{method} {path} is refused")


@pytest.fixture
def waiting(
    request: pytest.FixtureRequest, box: Sandbox, run_pair: Any, airflow: TestClient, tmp_path: Path
) -> Iterator[Waiting]:
    started = Waiting(airflow, request.param, box.world.anchor - timedelta(days=2), tmp_path / "run.log")
    yield started
    started.dies()


def leased(box: Sandbox, pair: str) -> set[str]:
    return {str(lease.offer_number) for lease in getattr(box, pair.split("_")[1]).leases}


@pytest.mark.parametrize("waiting", ["immomio_yuneo"], indirect=True)
def test_a_run_beside_leaves_the_offers_of_an_open_question_alone(
    box: Sandbox, run_pair: Any, waiting: Waiting
) -> None:
    pair = waiting.question["task_instance"]["dag_id"]
    yesterday = window(box.world.anchor - timedelta(days=1))

    counts = run_pair(pair, **ALL_PARAMS | yesterday, accept="auto")

    assert counts["leases_created"] > 0
    assert waiting.offers
    assert leased(box, pair).isdisjoint(waiting.offers)
    waiting.answer_yes()
    assert leased(box, pair) >= waiting.offers


@pytest.mark.parametrize("waiting", ["everreal_sigma"], indirect=True)
def test_a_question_ends_with_its_deleted_run_and_a_replay_decides(
    box: Sandbox, run_pair: Any, airflow: TestClient, waiting: Waiting
) -> None:
    """The process died; as long as Airflow holds the run for running, nobody else decides on its offers."""
    pair = waiting.question["task_instance"]["dag_id"]
    asked = [one for one in getattr(box, pair.split("_")[1]).offers if str(one.number) in waiting.offers]
    replay = ALL_PARAMS | {"external_ids": [one.external_id for one in asked]}
    waiting.dies()
    run_pair(pair, **replay, accept="auto")
    assert leased(box, pair).isdisjoint(waiting.offers)

    waiting.is_deleted()
    # Some of them need a person's word whatever the mode is.
    Person(airflow, lambda: None, YES).start()
    run_pair(pair, **replay, accept="auto")

    assert leased(box, pair) >= waiting.offers
