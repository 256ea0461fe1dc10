"""A real api-server with seeded databases, started once for all tests that speak HTTP."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.console.api_server import Server, environment, free_port, prepare, serving


@contextlib.contextmanager
def _started(home: Path, language: str = "en", sub_path: str = "") -> Iterator[Server]:
    env = environment(home, free_port(), language, sub_path)
    prepare(home, env)
    with serving(env, home / "api-server.log") as url:
        yield Server(url, home)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The api-server of these tests."""
    with _started(tmp_path_factory.mktemp("console")) as server:
        yield server


@pytest.fixture
def german_server(tmp_path: Path) -> Iterator[Server]:
    """One whose language is set to German."""
    with _started(tmp_path, "de") as server:
        yield server


@pytest.fixture
def sub_path_server(tmp_path: Path) -> Iterator[Server]:
    """One that is served under a sub path."""
    with _started(tmp_path, sub_path="/airflow") as server:
        yield server
