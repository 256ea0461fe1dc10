"""A wrong clock on this machine: small differences do no harm, large ones are named.

The gateway is the sandbox in a process of its own, where the clock stays right.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from gateway_calls import SECRET, read

from include.sandbox.yuneo import Yuneo
from letting_sync.errors import StopRun
from letting_sync.systems.yuneo.hook import YuneoHook

ROOT = Path(__file__).resolve().parents[3]
SERVE = (
    "import sys; from include.sandbox.yuneo import Yuneo; yuneo = Yuneo(); yuneo.start(); "
    "print(yuneo.port, flush=True); sys.stdin.read(); yuneo.stop()"
)


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Yuneo]:
    """What a Yuneo in another process looks like from here."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    yuneo = Yuneo()
    yuneo.port = int(process.stdout.readline())
    yield yuneo
    process.communicate(timeout=10)


@pytest.mark.parametrize("seconds", [-115, -60, 60, 115])
def test_a_clock_that_is_almost_two_minutes_off_does_no_harm(
    elsewhere: Yuneo, connect: Callable[..., None], seconds: int
) -> None:
    connect(elsewhere.gateway_connection())
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=seconds)), YuneoHook() as hook:
        assert read(hook) == []


@pytest.mark.parametrize(("seconds", "direction"), [(400, "ahead of"), (-400, "behind")])
def test_a_wrong_clock_is_named_with_its_difference(
    elsewhere: Yuneo,
    connect: Callable[..., None],
    all_said: Callable[..., str],
    seconds: int,
    direction: str,
) -> None:
    """The gateway refuses the assertion as it would one with a wrong secret; the message tells the two apart."""
    connect(elsewhere.gateway_connection())
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=seconds)):  # noqa: SIM117
        with YuneoHook() as hook, pytest.raises(StopRun) as stop:
            read(hook)

    message = str(stop.value)
    near = [f"{abs(seconds) + away} s {direction} the server's" for away in (-2, -1, 0, 1, 2)]
    assert any(words in message for words in near), message
    assert "NTP" in message
    assert "invalid_client" in message
    assert not SECRET.search(all_said(stop.value))
