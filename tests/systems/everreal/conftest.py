"""A running EverReal, and a hook that talks to it over real HTTP."""

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

from include.sandbox.everreal import EverReal, EverRealOptions
from letting_sync.systems.everreal.hook import EverRealHook

START = datetime(2024, 11, 10, 23, tzinfo=UTC)
END = START + timedelta(days=1)
Window = tuple[datetime, datetime]


@pytest.fixture(scope="session")
def _running_everreal() -> Iterator[EverReal]:
    system = EverReal()
    system.start()
    yield system
    system.stop()


@pytest.fixture
def everreal(_running_everreal: EverReal, monkeypatch: pytest.MonkeyPatch) -> EverReal:
    """An empty EverReal without faults."""
    _running_everreal.clear()
    _running_everreal.options = EverRealOptions(per_minute=None)
    monkeypatch.setenv("AIRFLOW_CONN_EVERREAL", json.dumps(_running_everreal.connection()))
    return _running_everreal


@pytest.fixture
def asked(everreal: EverReal) -> Callable[..., int]:
    """Count requests as ``requests.count`` does, once the log has caught up: it is written behind the answer."""

    def asked(*args: Any, **filters: Any) -> int:
        while everreal.asgi.active:
            time.sleep(0.001)
        time.sleep(0.005)
        return everreal.requests.count(*args, **filters)

    return asked


@pytest.fixture
def window() -> Window:
    """A day in Berlin, long over."""
    return START, END


class Shelf:
    """A refresh token's store that all hooks of a test share, as tasks share an Airflow Variable."""

    def __init__(self) -> None:
        self.token: str | None = None

    def read(self) -> str | None:
        return self.token

    def write(self, token: str) -> None:
        self.token = token


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def hook(everreal: EverReal, shelf: Shelf) -> Iterator[EverRealHook]:
    with EverRealHook(refresh_tokens=shelf) as hook:
        yield hook


@pytest.fixture
def add_candidates(everreal: EverReal) -> Callable[..., list[str]]:
    """Store so many candidates, updated evenly over the window; returns their ids."""

    def add(count: int, first: datetime = START, last: datetime = END, **fields: Any) -> list[str]:
        step = (last - first) / count
        return [
            everreal.add_candidate({"id": str(uuid.uuid4()), "updatedAt": first + step * number, **fields})
            for number in range(count)
        ]

    return add


@pytest.fixture
def add_contracts(everreal: EverReal) -> Callable[..., list[str]]:
    """Store so many contracts, each with a candidate of its own; returns the contracts' ids."""

    def add(count: int, first: datetime = START, last: datetime = END, **fields: Any) -> list[str]:
        step = (last - first) / count
        return [
            everreal.add_contract(
                {
                    "id": str(uuid.uuid4()),
                    "candidate": everreal.add_candidate({"lastName": "Groß"}),
                    "updatedAt": first + step * number,
                    **fields,
                }
            )
            for number in range(count)
        ]

    return add


@pytest.fixture
def between_pages(hook: EverRealHook) -> Callable[[Callable[[int], None]], None]:
    """Have something done in EverReal after each page that was read: ``action(number of the page, from 1)``."""

    def arrange(action: Callable[[int], None]) -> None:
        pages = itertools.count(1)

        def after(response: requests.Response, **_: Any) -> None:
            if response.ok and response.url.endswith("/graphql"):
                action(next(pages))

        hook.session.hooks["response"].append(after)

    return arrange
