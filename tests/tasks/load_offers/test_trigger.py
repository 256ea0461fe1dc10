"""Waiting for imports: no ERP that says nothing delays another one's task, and each task is woken in time."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred

from include.sandbox.yuneo import Yuneo, YuneoOptions
from letting_sync.erp import Outgoing
from letting_sync.model import Prospect
from letting_sync.systems.yuneo import YUNEO
from letting_sync.systems.yuneo.operators import YuneoLoadOffersOperator
from letting_sync.tasks.load_offers import trigger as module
from letting_sync.tasks.load_offers.readback import Waiting
from letting_sync.tasks.load_offers.trigger import ImportTrigger

SILENT = (os.cpu_count() or 1) + 8
"""More than the threads that an event loop shares among all."""


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.01)


@pytest.fixture
def silent_erps(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Connections to ERPs that take each request and never answer."""
    with ExitStack() as stack:
        names = []
        for number in range(SILENT):
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=16))
            port = listener.getsockname()[1]
            connection = {
                "conn_type": "http",
                "host": f"http://127.0.0.1:{port}",
                "login": "a",
                "password": "secret-b",
            }
            monkeypatch.setenv(
                f"AIRFLOW_CONN_SILENT_{number}", json.dumps(connection | {"extra": {"timeout": 5}})
            )
            names.append(f"silent_{number}")
        yield names


def trigger(conn_id: str, job: str, longest: float = 60.0) -> ImportTrigger:
    target = YUNEO.at(conn_id, exchange="Immomio").serialize()
    ends = datetime.now(UTC) + timedelta(seconds=longest)
    return ImportTrigger(target, [job], 0.02, {"conn_id": conn_id}, ends.isoformat())


async def fires(one: ImportTrigger) -> dict[str, Any]:
    async for event in one.run():
        return dict(event.payload)
    raise AssertionError("it ended without an event")


@pytest.fixture
def yuneo(monkeypatch: pytest.MonkeyPatch) -> Iterator[Yuneo]:
    system = Yuneo()
    system.options = YuneoOptions(per_minute=None, work_order_seconds=0)
    system.start()
    monkeypatch.setenv("AIRFLOW_CONN_YUNEO", json.dumps(system.connection()))
    yield system
    system.stop()


def test_silent_erps_do_not_delay_a_healthy_one(yuneo: Yuneo, silent_erps: list[str]) -> None:
    """All in one triggerer. The healthy one is done before a single silent one has been given up."""

    async def all_together() -> float:
        waiting = [asyncio.create_task(fires(trigger(name, "job"))) for name in silent_erps]
        await asyncio.sleep(0.2)  # each of them has asked by now
        began = time.monotonic()
        await fires(trigger("yuneo", "unknown, so it has ended"))
        took = time.monotonic() - began
        assert not any(task.done() for task in waiting)
        for task in waiting:
            task.cancel()
        return took

    assert asyncio.run(all_together()) < 4


def test_a_task_is_woken_when_its_time_is_over_although_its_erp_says_nothing(silent_erps: list[str]) -> None:
    memory = asyncio.run(asyncio.wait_for(fires(trigger(silent_erps[0], "job", longest=0.3)), 4))

    assert memory == {"conn_id": silent_erps[0]}


def going_on(yuneo: Yuneo) -> str:
    """The number of an import that takes minutes."""
    yuneo.options.work_order_seconds = 600
    yuneo.add_unit("1/2/3/4")
    somebody = Prospect(
        external_id="a",
        unit="1/2/3/4",
        first_name="Anna",
        last_name="Groß",
        chosen=True,
        updated_at=datetime.now(UTC),
    )
    erp = YUNEO.at("yuneo", exchange="Immomio").open()
    job = erp.deliver([Outgoing(somebody)], lambda: None).job
    erp.close()
    return str(job)


def test_a_task_is_woken_when_its_time_is_over_although_the_import_goes_on(yuneo: Yuneo) -> None:
    assert asyncio.run(fires(trigger("yuneo", going_on(yuneo), longest=0.5))) == {"conn_id": "yuneo"}
    assert yuneo.requests.count("GET", "/api/v1/work-orders/*") > 1


def test_a_token_that_runs_out_meanwhile_is_no_end_of_the_import(yuneo: Yuneo) -> None:
    """A token may expire at any time: it is renewed, as in a task."""
    job = going_on(yuneo)
    yuneo.faults.once("expired_token", path="/api/v1/work-orders/*")
    asyncio.run(fires(trigger("yuneo", job, longest=0.5)))

    assert yuneo.requests.count("GET", "/api/v1/work-orders/*", 200) > 1


def test_the_pauses_of_a_task_that_waits_for_no_import_grow(yuneo: Yuneo) -> None:
    """After a lost response at Yuneo an hour may pass: the task must not start hundreds of times in it."""
    target = YUNEO.at("yuneo", exchange="Immomio")
    task = YuneoLoadOffersOperator(
        task_id="load", chunk={}, erp=target, key=("last_name",), poll=timedelta(seconds=5)
    )
    began = now = datetime.now(UTC)
    starts = 0
    while now - began < timedelta(hours=1):
        with pytest.raises(TaskDeferred) as deferred:
            task._wait(Waiting(others=1), began, now, 0)
        now += timedelta(seconds=deferred.value.trigger.pause)
        starts += 1

    assert starts < 100


def test_without_an_import_the_whole_pause_is_waited() -> None:
    ends = datetime.now(UTC) + timedelta(minutes=1)
    target = YUNEO.at("yuneo", exchange="Immomio").serialize()
    began = time.monotonic()
    asyncio.run(fires(ImportTrigger(target, [], 0.3, {}, ends.isoformat())))

    assert time.monotonic() - began >= 0.3


def test_what_an_earlier_version_stored_is_still_read(yuneo: Yuneo) -> None:
    """A task that was deferred before the update is not failed by it."""
    path, stored = trigger("yuneo", "unknown, so it has ended").serialize()
    del stored["until"]

    assert path.endswith("ImportTrigger")
    assert asyncio.run(fires(ImportTrigger(**stored))) == {"conn_id": "yuneo"}
