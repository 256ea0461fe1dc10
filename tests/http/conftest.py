"""Both ERPs, and a server that responds as configured, for the tests of the base of all hooks."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import tenacity
from api_calls import UNIT, connect
from api_server import Authority, Server

from include.sandbox.sigma import Sigma, SigmaOptions
from include.sandbox.yuneo import Yuneo, YuneoOptions
from letting_sync.http import retry
from letting_sync.systems.yuneo.hook import YuneoHook


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two tries on a broken line; what a system asks for is waited in full."""
    monkeypatch.setattr(retry, "BACKOFF", tenacity.wait_fixed(0.005))
    monkeypatch.setattr(retry, "LEAST_WAIT", 0.01)


@pytest.fixture(scope="module")
def _running_yuneo() -> Iterator[Yuneo]:
    system = Yuneo()
    system.start()
    yield system
    system.stop()


@pytest.fixture(scope="module")
def _running_sigma() -> Iterator[Sigma]:
    system = Sigma()
    system.start()
    yield system
    system.stop()


@pytest.fixture
def yuneo(_running_yuneo: Yuneo, monkeypatch: pytest.MonkeyPatch) -> Yuneo:
    """A Yuneo with one unit and without faults; an answer is waited for a second."""
    _running_yuneo.clear()
    _running_yuneo.options = YuneoOptions(per_minute=None, work_order_seconds=0)
    _running_yuneo.add_unit(UNIT)
    connect(monkeypatch, _running_yuneo, extra={"timeout": 1})
    return _running_yuneo


@pytest.fixture
def sigma(_running_sigma: Sigma, monkeypatch: pytest.MonkeyPatch) -> Sigma:
    _running_sigma.clear()
    _running_sigma.options = SigmaOptions(run_seconds=0)
    connect(monkeypatch, _running_sigma, extra={"timeout": 1})
    return _running_sigma


@pytest.fixture
def hook(yuneo: Yuneo) -> Iterator[YuneoHook]:
    with YuneoHook() as hook:
        yield hook


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Start a server that gives ``(status, body, headers)`` to each request, over TLS if asked."""
    running: list[tuple[Server, threading.Thread]] = []

    def serve(response: tuple[Any, ...], tls: ssl.SSLContext | None = None) -> Server:
        status, body, headers = (*response, {})[:3]
        server = Server(status, body, headers)
        if tls:
            server.scheme = "https"
            server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        running.append((server, thread))
        return server

    yield serve
    for server, thread in running:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))
