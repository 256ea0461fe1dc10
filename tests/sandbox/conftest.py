"""A fresh sandbox for each test, and a client of each system."""

from collections.abc import Iterator

import pytest

from include.sandbox import Sandbox

from .clients import Client


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    """One running sandbox for a module; ``box`` makes it new for each test."""
    with Sandbox(seed=7, populate=False) as box:
        yield box


@pytest.fixture
def box(running: Sandbox) -> Iterator[Sandbox]:
    """Partners are empty, the ERPs know units only, and imports take no time."""
    defaults = {system.name: system.options.model_copy() for system in running.systems}
    running.reset()
    running.yuneo.options.work_order_seconds = 0
    running.sigma.options.run_seconds = 0
    yield running
    for system in running.systems:
        system.options = defaults[system.name]


@pytest.fixture
def immomio(box: Sandbox) -> Client:
    return Client(box.immomio)


@pytest.fixture
def everreal(box: Sandbox) -> Client:
    return Client(box.everreal)


@pytest.fixture
def yuneo(box: Sandbox) -> Client:
    return Client(box.yuneo)


@pytest.fixture
def sigma(box: Sandbox) -> Client:
    return Client(box.sigma)
