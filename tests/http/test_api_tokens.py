"""A token is fetched once, renewed in time, and a wrong password stops the run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from api_calls import IMPORT, OFFERS, TOKEN, connect, printed, read, send
from api_server import Server, look_up

from include.sandbox.sigma import Sigma
from include.sandbox.yuneo import Yuneo
from letting_sync.errors import ResponseLost, StopRun
from letting_sync.http import session
from letting_sync.systems.sigma.hook import SigmaHook
from letting_sync.systems.yuneo.hook import YuneoHook


def test_the_token_is_fetched_once_even_if_all_threads_need_it_first(yuneo: Yuneo, hook: YuneoHook) -> None:
    yuneo.options.latency_seconds = 0.02
    list(hook.concurrently(lambda _: read(hook), range(8)))

    assert yuneo.requests.count("POST", TOKEN) == 1


def test_a_token_that_runs_out_under_several_calls_is_renewed_once(yuneo: Yuneo, hook: YuneoHook) -> None:
    """All four calls are refused with the same old token; they go on with one new one."""
    read(hook)
    yuneo.tokens.expire_all()
    yuneo.options.latency_seconds = 0.05
    list(hook.concurrently(lambda _: read(hook), range(4)))

    assert yuneo.requests.count(status=401) == 4
    assert yuneo.requests.count("POST", TOKEN) == 2


class TwoAtATime(YuneoHook):
    concurrency = 2


def test_a_token_that_runs_out_while_all_places_wait_for_the_limit_is_renewed(
    yuneo: Yuneo, serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that renews it waits for a place; nobody who has a place may wait for the one that renews it."""
    response = {"access_token": "token", "expires_in": 0.02, "items": [], "total": 0}
    server = serve((200, response, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "0.05"}))
    connect(monkeypatch, yuneo, host=server.url)
    done = []

    def work() -> None:
        with TwoAtATime() as hook:

            def several(_: int) -> int:
                return len(list(hook.concurrently(lambda _: read(hook), range(2))))

            done.extend(hook.concurrently(several, range(4)))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(30)

    assert done == [2, 2, 2, 2]


@pytest.mark.parametrize(("seconds_later", "tokens"), [(3200, 1), (3300, 2)])
def test_a_token_is_renewed_shortly_before_its_end(
    yuneo: Yuneo, hook: YuneoHook, monkeypatch: pytest.MonkeyPatch, seconds_later: int, tokens: int
) -> None:
    """It lives for 3600 seconds; nothing is refused on the way."""
    read(hook)
    later = SimpleNamespace(monotonic=lambda: time.monotonic() + seconds_later, sleep=time.sleep)
    monkeypatch.setattr(session, "time", later)
    read(hook)

    assert yuneo.requests.count("POST", TOKEN) == tokens
    assert yuneo.requests.count(status=401) == 0


def test_an_import_that_met_an_old_token_is_sent_again(yuneo: Yuneo, hook: YuneoHook) -> None:
    """A refused token is no doubt: nothing was taken."""
    read(hook)
    yuneo.tokens.expire_all()
    send(hook)

    assert len(yuneo.work_orders) == 1


def test_a_fresh_token_that_is_refused_again_and_again_stops_the_run(yuneo: Yuneo, hook: YuneoHook) -> None:
    yuneo.faults.set(1, ["expired_token"], path=OFFERS)

    with pytest.raises(StopRun, match="log-in of connection 'yuneo'"):
        read(hook)
    assert yuneo.requests.count("POST", TOKEN) < 10


def test_wrong_client_credentials_stop_the_run_at_the_first_call(
    yuneo: Yuneo, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, yuneo, password="wrong-secret")

    with pytest.raises(StopRun, match="log-in of connection 'yuneo'") as stop:
        send(YuneoHook())
    assert [entry.path for entry in yuneo.requests] == [TOKEN]
    assert "wrong-secret" not in printed(stop.value)


def test_wrong_client_credentials_are_tried_once_even_if_all_threads_need_a_token(
    yuneo: Yuneo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A system may lock the account after a few tries."""
    connect(monkeypatch, yuneo, password="wrong-secret")
    yuneo.options.latency_seconds = 0.02
    hook = YuneoHook()
    with hook.executor() as threads:
        tries = [threads.submit(read, hook) for _ in range(hook.concurrency)]

    assert all(isinstance(one.exception(), StopRun) for one in tries)
    assert yuneo.requests.count("POST", TOKEN) == 1


def test_a_wrong_password_stops_the_run_at_the_first_call(
    sigma: Sigma, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, sigma, password="wrong-secret")

    with pytest.raises(StopRun, match="log-in"):
        SigmaHook().latest_import("Immomio")
    assert len(sigma.requests) == 1


def all_at_once(hook: SigmaHook) -> list[BaseException | None]:
    """Errors of more calls than are sent at a time."""
    with hook.executor() as threads:
        calls = [threads.submit(look_up, hook) for _ in range(2 * hook.concurrency)]
    return [call.exception() for call in calls]


def test_a_wrong_password_is_tried_once_where_each_call_is_a_log_in(
    sigma: Sigma, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does an answer that says nothing about the log-in let the others try it together."""
    connect(monkeypatch, sigma, password="wrong-secret")
    sigma.options.latency_seconds = 0.02
    sigma.faults.once("502")

    assert {type(error) for error in all_at_once(SigmaHook())} == {StopRun}
    assert sigma.requests.count(status=401) == 1


def test_a_password_that_is_changed_during_a_task_is_not_tried_again(
    sigma: Sigma, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SigmaHook() as hook:
        look_up(hook)
        monkeypatch.setattr(sigma, "password", "another")
        for _ in range(3):
            with pytest.raises(StopRun, match="login and password"):
                look_up(hook)

    assert sigma.requests.count(status=401) == 1


def test_calls_go_on_together_after_the_first_log_in(sigma: Sigma) -> None:
    sigma.options.latency_seconds = 0.02

    with SigmaHook() as hook:
        assert set(all_at_once(hook)) == {None}
    assert sigma.requests.connections == hook.concurrency


def test_a_token_response_without_a_token_stops_the_run(
    yuneo: Yuneo, serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve((200, {"token": "under another name"}))
    connect(monkeypatch, yuneo, host=server.url)

    with pytest.raises(StopRun, match="access_token"):
        read(YuneoHook())


def test_an_import_whose_response_lacks_the_work_order_leaves_a_doubt(
    yuneo: Yuneo, serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was taken; it must be looked up and not be sent again."""
    server = serve((202, {"access_token": "token", "expires_in": 3600, "workOrderId": None}))
    connect(monkeypatch, yuneo, host=server.url)

    with pytest.raises(ResponseLost, match="workOrderId"):
        send(YuneoHook())
    assert [path for path, _ in server.asked] == [TOKEN, IMPORT]
