"""A Yuneo of the sandbox to which Airflow's connection points with the gateway's log-in."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import tenacity
from authlib_gateway import AuthlibGateway
from gateway_calls import UNIT

from include.sandbox.yuneo import Yuneo, YuneoOptions
from include.sandbox.yuneo_gateway import Gateway
from letting_sync.http import retry
from letting_sync.systems.yuneo.hook import YuneoHook


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two tries on a broken line; what a system asks for is waited in full."""
    monkeypatch.setattr(retry, "BACKOFF", tenacity.wait_fixed(0.005))
    monkeypatch.setattr(retry, "LEAST_WAIT", 0.01)


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Set Airflow's connection ``yuneo``; ``extra`` is merged, and ``None`` takes a key out of it."""

    def connect(connection: dict[str, Any], *, extra: dict[str, Any] | None = None, **changes: Any) -> None:
        merged = {**connection["extra"], "timeout": 1, **(extra or {})}
        merged = {name: value for name, value in merged.items() if value is not None}
        monkeypatch.setenv("AIRFLOW_CONN_YUNEO", json.dumps({**connection, **changes, "extra": merged}))

    return connect


@pytest.fixture(scope="module")
def _running_yuneo() -> Iterator[Yuneo]:
    system = Yuneo()
    system.start()
    yield system
    system.stop()


@pytest.fixture
def yuneo(_running_yuneo: Yuneo, connect: Callable[..., None]) -> Yuneo:
    """A Yuneo with one unit; the connection logs in at the gateway before it."""
    _running_yuneo.clear()
    _running_yuneo.options = YuneoOptions(per_minute=None, work_order_seconds=0)
    _running_yuneo.add_unit(UNIT)
    connect(_running_yuneo.gateway_connection())
    return _running_yuneo


@pytest.fixture
def hook(yuneo: Yuneo) -> Iterator[YuneoHook]:
    with YuneoHook() as hook:
        yield hook


@pytest.fixture
def authlib_gateway() -> Iterator[AuthlibGateway]:
    """A gateway whose check of assertions is Authlib's, with the same client as the sandbox's."""
    with AuthlibGateway(Gateway) as server:
        yield server


@pytest.fixture
def all_said(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """All that any logger says at INFO, ours and those of HTTP at DEBUG, and what an error and its traceback say."""
    caplog.set_level(logging.INFO)
    for name in ("include", "yuneo", "airflow.task.hooks", "urllib3", "requests"):
        caplog.set_level(logging.DEBUG, name)

    def said(error: BaseException | None = None) -> str:
        shown = str(error) + "".join(traceback.format_exception(error)) if error else ""
        return shown + caplog.text + "".join(capfd.readouterr())

    return said
