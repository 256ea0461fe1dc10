"""Limits, broken lines and broken answers: what is repeated, and what is left in doubt."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from api_calls import IMPORT, OFFERS, TOKEN, UNIT, connect, read, send

from include.sandbox.yuneo import Yuneo
from letting_sync.errors import ResponseLost, WaitAndRepeat
from letting_sync.http import retry
from letting_sync.systems.yuneo.hook import YuneoHook

# --- limits ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["429", "503"])
@pytest.mark.parametrize("call", [read, send])
def test_the_wait_that_a_system_asks_for_is_waited_and_counted(
    yuneo: Yuneo, hook: YuneoHook, kind: str, call: Callable[[YuneoHook], Any]
) -> None:
    """Also where a call must not be repeated on a doubt: a system that says "later" has done nothing."""
    yuneo.faults.once(kind, path="/api/*", times=2, retry_after=0.1)
    began = time.monotonic()
    call(hook)

    assert time.monotonic() - began >= 0.2
    assert hook.seconds_waited_for_limits == pytest.approx(0.2)
    assert len(yuneo.work_orders) == (call is send)


def test_a_retry_after_may_be_a_date(yuneo: Yuneo, hook: YuneoHook) -> None:
    a_moment_ago = (datetime.now(UTC) - timedelta(seconds=5)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    yuneo.faults.once("503", path=IMPORT, retry_after=a_moment_ago)
    send(hook)

    assert len(yuneo.work_orders) == 1


def test_a_wait_of_an_hour_is_left_to_airflow(yuneo: Yuneo, hook: YuneoHook) -> None:
    """No worker slot is held for it."""
    yuneo.faults.once("503", path=OFFERS, times=2, retry_after=3600)

    with pytest.raises(WaitAndRepeat, match="not available"):
        read(hook)
    assert yuneo.requests.count("GET", OFFERS) == 1


def test_a_limit_that_always_says_now_does_not_go_on_for_ever(
    yuneo: Yuneo, hook: YuneoHook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "LONGEST_WAITS_TOGETHER", 0.5)
    yuneo.faults.once("429", path=OFFERS, times=1000, retry_after=0)

    with pytest.raises(WaitAndRepeat, match="limit"):
        read(hook)
    assert yuneo.requests.count("GET", OFFERS) <= 6


OVER = "Sun, 06 Nov 1994 08:49:37 GMT"
WITHOUT_ZONE = "Sun, 06 Nov 1994 08:49:37 -0000"


@pytest.mark.parametrize("asked", ["0", "-5", "-inf", "nan", "inf", "1e999", "", "soon", OVER, WITHOUT_ZONE])
def test_however_a_limit_is_put_the_pause_is_never_none_and_grows(
    yuneo: Yuneo, hook: YuneoHook, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    """A wait that is no wait is at least the least one, and each further one in a row is twice as long."""
    pauses: list[float] = []
    monkeypatch.setattr(retry, "LEAST_WAIT", 0.02)
    monkeypatch.setattr("tenacity.nap.time.sleep", pauses.append)
    yuneo.faults.once("429", path=OFFERS, times=4, retry_after=asked)
    read(hook)

    assert len(pauses) == 4
    assert all(later >= 2 * earlier for earlier, later in pairwise(pauses))
    assert pauses[0] >= 0.02


# --- broken lines and answers ------------------------------------------------------------------------------

BROKEN_BEFORE = ["500", "502", "drop_before", "refuse", "timeout_before"]
BROKEN_AFTER = ["500_after", "drop_after", "cut_body", "malformed_json", "html", "timeout_after"]


def with_short_waits(monkeypatch: pytest.MonkeyPatch, yuneo: Yuneo) -> None:
    connect(monkeypatch, yuneo, extra={"timeout": 0.15})


@pytest.mark.parametrize("kind", BROKEN_BEFORE + BROKEN_AFTER)
def test_a_call_that_may_be_repeated_is(yuneo: Yuneo, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    with_short_waits(monkeypatch, yuneo)
    partner = yuneo.add_business_partner(first_name="A", last_name="B").number
    offer = yuneo.add_offer("x", UNIT, partner)
    yuneo.faults.once(kind, path=OFFERS, times=2, hold_seconds=5)
    with YuneoHook() as hook:
        assert [found["id"] for found in read(hook)] == [offer.id]


@pytest.mark.parametrize("kind", ["500", "drop_before"])
def test_a_system_that_keeps_failing_is_left_to_airflow(yuneo: Yuneo, hook: YuneoHook, kind: str) -> None:
    yuneo.faults.set(1, [kind], path=OFFERS)

    with pytest.raises(WaitAndRepeat, match="Nothing is lost") as failure:
        read(hook)
    assert not isinstance(failure.value, ResponseLost)
    assert yuneo.requests.count("GET", OFFERS) == retry.FAILURES_IN_A_ROW


@pytest.mark.parametrize("kind", BROKEN_AFTER)
def test_an_import_whose_response_is_lost_is_not_sent_again(
    yuneo: Yuneo, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """It has taken effect, once; only reading back can tell."""
    with_short_waits(monkeypatch, yuneo)
    yuneo.faults.once(kind, path=IMPORT, hold_seconds=5)
    with YuneoHook() as hook, pytest.raises(ResponseLost, match="may have taken effect"):
        send(hook)

    assert len(yuneo.work_orders) == 1
    assert len(yuneo.offers) == 1


@pytest.mark.parametrize("kind", BROKEN_BEFORE)
def test_an_import_that_may_have_arrived_is_not_sent_again(
    yuneo: Yuneo, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """It has not, but nobody here can know that."""
    with_short_waits(monkeypatch, yuneo)
    yuneo.faults.once(kind, path=IMPORT, hold_seconds=5)
    with YuneoHook() as hook, pytest.raises(ResponseLost):
        send(hook)

    assert yuneo.work_orders == []


def test_a_503_that_names_no_time_is_a_doubt(yuneo: Yuneo, hook: YuneoHook) -> None:
    """It may come from whatever stands in front of the system, after the system has done its work."""
    yuneo.faults.once("503", path=IMPORT, retry_after="soon")

    with pytest.raises(ResponseLost):
        send(hook)


def test_an_import_that_found_nobody_listening_is_confirmed_not_taken(yuneo: Yuneo, hook: YuneoHook) -> None:
    """Nothing was sent, so it is tried several times and then left to Airflow; afterwards it goes through."""
    read(hook)
    calls = hook.calls
    with yuneo.down(), pytest.raises(WaitAndRepeat) as failure:
        send(hook)

    assert not isinstance(failure.value, ResponseLost)
    assert hook.calls - calls == retry.FAILURES_IN_A_ROW
    send(hook)
    assert len(yuneo.work_orders) == 1


def test_a_token_that_cannot_be_fetched_leaves_no_doubt_about_the_import(
    yuneo: Yuneo, hook: YuneoHook
) -> None:
    yuneo.faults.set(1, ["drop_after"], path=TOKEN)

    with pytest.raises(WaitAndRepeat) as failure:
        send(hook)
    assert not isinstance(failure.value, ResponseLost)
