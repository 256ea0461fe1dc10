"""A call that hangs where no deadline of ours reaches, in a resolver or a library, ends with the task's deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from airflow.sdk.exceptions import AirflowTaskTimeout
from airflow.sdk.execution_time.timeout import timeout

from letting_sync.systems.yuneo.hook import YuneoHook

HANGS = 30.0
"""Seconds after which the test's hanging call would end."""


@pytest.fixture
def over() -> Iterator[threading.Event]:
    """Set at the end of the test, so that no thread of it stays."""
    event = threading.Event()
    yield event
    event.set()


def test_a_hanging_thread_does_not_keep_the_task_beyond_its_deadline(
    hook: YuneoHook, over: threading.Event
) -> None:
    """Airflow interrupts the task's own thread only; waiting for the others would undo it."""
    began = time.monotonic()
    with pytest.raises(AirflowTaskTimeout), timeout(0.3):
        list(hook.concurrently(lambda _: over.wait(HANGS), range(20)))

    assert time.monotonic() - began < HANGS / 2


def test_an_ordinary_error_waits_for_the_calls_that_are_under_way(hook: YuneoHook) -> None:
    """They may have reached the system, and what they brought is noted before the task fails."""
    started, failing, ended = threading.Event(), threading.Event(), threading.Event()

    def work(number: int) -> None:
        if number == 0:
            started.wait(HANGS)
            failing.set()
            raise ValueError("the first call fails")
        started.set()
        failing.wait(HANGS)
        ended.set()

    with pytest.raises(ValueError, match="the first call fails"):
        list(hook.concurrently(work, range(2)))

    assert ended.is_set()
