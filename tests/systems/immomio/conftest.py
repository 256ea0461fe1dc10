"""A running Immomio, and a hook that talks to it over real HTTP."""

import itertools
import json
import os
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="airflow-"))

import pytest
import requests

from include.sandbox.immomio import Immomio, ImmomioOptions
from letting_sync.systems.immomio.hook import ImmomioHook

START = datetime(2024, 11, 10, 23, tzinfo=UTC)
END = START + timedelta(days=1)
Window = tuple[datetime, datetime]


@pytest.fixture(scope="session")
def _running_immomio() -> Iterator[Immomio]:
    system = Immomio()
    system.start()
    yield system
    system.stop()


@pytest.fixture
def immomio(_running_immomio: Immomio, monkeypatch: pytest.MonkeyPatch) -> Immomio:
    """An empty Immomio without faults."""
    _running_immomio.clear()
    _running_immomio.options = ImmomioOptions(per_minute=None)
    monkeypatch.setenv("AIRFLOW_CONN_IMMOMIO", json.dumps(_running_immomio.connection()))
    return _running_immomio


@pytest.fixture
def asked(immomio: Immomio) -> Callable[..., int]:
    """Count requests as ``requests.count`` does, once the log has caught up: it is written behind the answer."""

    def asked(*args: Any, **filters: Any) -> int:
        while immomio.asgi.active:
            time.sleep(0.001)
        time.sleep(0.005)
        return immomio.requests.count(*args, **filters)

    return asked


@pytest.fixture
def window() -> Window:
    """A day in Berlin, long over."""
    return START, END


@pytest.fixture
def hook(immomio: Immomio) -> Iterator[ImmomioHook]:
    with ImmomioHook() as hook:
        yield hook


@pytest.fixture
def add(immomio: Immomio) -> Callable[..., list[str]]:
    """Store so many accepted applications, updated evenly over the window; returns their ids."""

    def add(count: int, first: datetime = START, last: datetime = END, **fields: Any) -> list[str]:
        step = (last - first) / count
        return [
            immomio.add({"id": str(uuid.uuid4()), "updatedAt": first + step * number, **fields})
            for number in range(count)
        ]

    return add


@pytest.fixture
def between_pages(hook: ImmomioHook) -> Callable[[Callable[[int], None]], None]:
    """Have something done in Immomio after each page that was read: ``action(number of the page, from 1)``."""

    def arrange(action: Callable[[int], None]) -> None:
        pages = itertools.count(1)

        def after(response: requests.Response, **_: Any) -> None:
            if response.ok and "/v1/applications?" in response.url:
                action(next(pages))

        hook.session.hooks["response"].append(after)

    return arrange
