"""How many connections a hook opens, and what a connection of Airflow may hold."""

from __future__ import annotations

import json
import socket
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path

import pytest
from api_calls import OFFERS, connect, read
from api_server import NOTHING_FOUND, Server, look_up, sigma_at

from include.sandbox.yuneo import Yuneo
from letting_sync.errors import StopRun
from letting_sync.http.hook import ApiHook
from letting_sync.systems.everreal.hook import EverRealHook
from letting_sync.systems.immomio.hook import ImmomioHook
from letting_sync.systems.sigma.hook import SigmaHook
from letting_sync.systems.yuneo.hook import YuneoHook


def test_many_calls_share_one_connection(yuneo: Yuneo, hook: YuneoHook) -> None:
    for _ in range(20):
        read(hook)

    assert yuneo.requests.count("GET", OFFERS) == 20
    assert yuneo.requests.connections == 1


class ThreeAtATime(YuneoHook):
    concurrency = 3


def test_calls_at_a_time_are_bounded_by_the_pool(yuneo: Yuneo) -> None:
    """Twelve calls that each take a while go over the three connections that the hook may have."""
    yuneo.options.latency_seconds = 0.02
    with ThreeAtATime() as hook:
        list(hook.concurrently(lambda _: read(hook), range(12)))

    assert yuneo.requests.count("GET", OFFERS) == 12
    assert yuneo.requests.connections == 3


def test_results_of_calls_at_a_time_come_in_order(yuneo: Yuneo, hook: YuneoHook) -> None:
    yuneo.options.latency_seconds = 0.005

    assert list(hook.concurrently(lambda n: (read(hook), n)[1], range(10))) == list(range(10))


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """The log-in and a person's data go to the address in the connection and nowhere else."""
    elsewhere = serve(NOTHING_FOUND)
    server = serve((status, {}, {"Location": f"{elsewhere.url}/"}))

    with pytest.raises(StopRun):
        look_up(sigma_at(server.url, monkeypatch))
    assert elsewhere.asked == []


def test_the_extra_of_a_connection_never_becomes_a_header(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(NOTHING_FOUND)
    look_up(sigma_at(server.url, monkeypatch, client_secret="hidden", settle_seconds=5, timeout=3))

    ((_, headers),) = server.asked
    assert "hidden" not in str(headers)
    assert {"client_secret", "settle_seconds", "timeout"}.isdisjoint(headers)


def test_a_netrc_on_the_worker_does_not_replace_the_log_in(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login other password other\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    server = serve(NOTHING_FOUND)
    look_up(sigma_at(server.url, monkeypatch))
    (tmp_path / "netrc").unlink()
    look_up(sigma_at(server.url, monkeypatch))

    assert server.asked[0][1]["Authorization"] == server.asked[1][1]["Authorization"]


def test_a_password_may_hold_any_character(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes out as UTF-8, which also has what Latin-1 lacks."""
    server = serve(NOTHING_FOUND)
    connection = {"conn_type": "http", "host": server.url, "login": "Jürgen", "password": "fünf€ł"}
    monkeypatch.setenv("AIRFLOW_CONN_SIGMA", json.dumps(connection))
    look_up(SigmaHook())

    ((_, headers),) = server.asked
    assert b64decode(headers["Authorization"].removeprefix("Basic ")).decode() == "Jürgen:fünf€ł"


@pytest.mark.parametrize("host", ["http://", "ftp://127.0.0.1", "http://exa mple"])
def test_a_host_that_is_no_address_stops_the_run(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    with pytest.raises(StopRun, match="host"):
        look_up(sigma_at(host, monkeypatch))


HOOKS = (ImmomioHook, EverRealHook, YuneoHook, SigmaHook)
COMPLETE = {
    "conn_type": "http",
    "host": "https://127.0.0.1:1",
    "login": "user",
    "password": "secret-word",
    "extra": '{"client_id": "id", "client_secret": "secret-word", "scope": "s", "audience": "a"}',
}


@pytest.mark.parametrize("hook_class", HOOKS)
@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"password": None}, "has no password"),
        ({"login": "", "password": ""}, "has no login .* and no password"),
        ({"extra": "{timeout: 5}"}, "extra .* is not a JSON object"),
        ({"extra": "[1]"}, "extra .* is not a JSON object"),
        ({"extra": '"secret-word"'}, "extra .* is not a JSON object"),
    ],
)
def test_a_connection_that_cannot_be_used_stops_the_run(
    monkeypatch: pytest.MonkeyPatch, hook_class: type[ApiHook], changes: dict[str, str], complaint: str
) -> None:
    hook = hook_class("a_system")
    monkeypatch.setenv("AIRFLOW_CONN_A_SYSTEM", json.dumps(COMPLETE | changes))

    with pytest.raises(StopRun, match=complaint) as stop:
        hook.check_log_in()
    assert "'a_system'" in str(stop.value)
    assert "secret-word" not in str(stop.value)


@pytest.mark.parametrize("hook_class", HOOKS)
def test_a_connection_that_is_not_there_stops_the_run(hook_class: type[ApiHook]) -> None:
    hook = hook_class("nowhere")

    with pytest.raises(StopRun, match="Connection 'nowhere' does not exist: create it"):
        hook.check_log_in()
    assert "clear the task" not in hook.test_connection()[1]


REFUSING = "http://127.0.0.1:9"
"""Nothing listens at this port."""


@pytest.mark.parametrize(
    ("address", "proxy", "said"),
    [
        ("https://nowhere.invalid", None, "the host's name cannot be resolved"),
        (REFUSING, None, "the connection is refused, or there is no route to the host"),
        ("https://nowhere.invalid", REFUSING, "the proxy does not let the request through"),
    ],
)
def test_who_looks_for_the_fault_reads_where_to_look(
    yuneo: Yuneo, monkeypatch: pytest.MonkeyPatch, address: str, proxy: str | None, said: str
) -> None:
    connect(monkeypatch, yuneo, host=address)
    if proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy)

    with YuneoHook() as hook:
        assert said in hook.test_connection()[1]


def test_a_server_that_is_connected_and_silent_is_told_from_one_that_is_not_reached(
    yuneo: Yuneo, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        connect(
            monkeypatch, yuneo, host=f"http://127.0.0.1:{silent.getsockname()[1]}", extra={"timeout": 0.2}
        )

        with YuneoHook() as hook:
            assert "connected, but nothing came in time" in hook.test_connection()[1]
