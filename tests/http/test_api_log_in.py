"""A log-in: at an address of its own, with parts made anew for each try, and a hint where the clocks differ."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import requests
from api_calls import TOKEN, connect, printed, read
from api_server import Authority, Server

from include.sandbox.yuneo import Yuneo
from letting_sync.errors import StopRun, WaitAndRepeat
from letting_sync.http.clock import NORMAL_DIFFERENCE, clock_hint, seconds_ahead
from letting_sync.systems.yuneo.hook import YuneoHook

# --- an address of its own ---------------------------------------------------------------------------------


def log_in_at(monkeypatch: pytest.MonkeyPatch, yuneo: Yuneo, address: str, **extra: Any) -> None:
    """Let the connection log in at this address as at Aareon's gateway."""
    connection = yuneo.gateway_connection()
    connect(
        monkeypatch, yuneo, **{**connection, "extra": {**connection["extra"], "token_url": address, **extra}}
    )


def test_the_token_is_fetched_at_its_own_address_and_used_at_the_hosts(
    yuneo: Yuneo, serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve((200, {"access_token": yuneo.tokens.issue(60), "token_type": "Bearer"}))
    log_in_at(monkeypatch, yuneo, f"{server.url}/somewhere/token")
    with YuneoHook() as hook:
        assert read(hook) == []

    ((path, headers),) = server.asked
    assert path == "/somewhere/token"
    assert "Authorization" not in headers
    assert yuneo.requests.count("POST", TOKEN) == 0


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirected_log_in_is_not_followed(
    yuneo: Yuneo, serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    elsewhere = serve((200, {"access_token": "token"}))
    server = serve((status, {}, {"Location": f"{elsewhere.url}/"}))
    log_in_at(monkeypatch, yuneo, server.url)

    with YuneoHook() as hook, pytest.raises(StopRun, match="'token_url'"):
        read(hook)
    assert elsewhere.asked == []


def test_the_certificate_of_the_log_ins_address_is_verified(
    yuneo: Yuneo, serve: Callable[..., Server], authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against the public authorities, or the one that the connection names."""
    response = {"access_token": yuneo.tokens.issue(60)}
    server = serve((200, response), tls=authority.server())
    log_in_at(monkeypatch, yuneo, server.url)
    with YuneoHook() as hook, pytest.raises(StopRun, match="certificate"):
        read(hook)
    assert server.asked == []

    log_in_at(monkeypatch, yuneo, server.url, verify=str(authority.file))
    with YuneoHook() as hook:
        assert read(hook) == []


@pytest.mark.parametrize("address", ["http://api.aareon.com/token", "ftp://api.aareon.com/token"])
def test_a_log_in_without_tls_is_never_sent(yuneo: Yuneo, hook: YuneoHook, address: str) -> None:
    """Whatever a hook gives as the address."""
    with pytest.raises(StopRun, match="without TLS"):
        hook.call("POST", address, what="log in", log_in=True)
    assert hook.calls == 0


def test_only_a_log_in_leaves_the_connections_host(yuneo: Yuneo, hook: YuneoHook) -> None:
    with pytest.raises(ValueError, match="only a log-in"):
        hook.call("GET", "https://elsewhere.example/offers", what="read offers")
    assert yuneo.requests.count("GET") == 0


@pytest.mark.parametrize("at_the_gateway", [True, False])
def test_a_log_in_at_an_unknown_path_is_no_unknown_record(
    yuneo: Yuneo, serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch, at_the_gateway: bool
) -> None:
    """A call that knows what an unknown id means does not take the log-in's 404 for one."""
    server = serve((404, {}))
    if at_the_gateway:
        log_in_at(monkeypatch, yuneo, server.url)
    else:
        connect(monkeypatch, yuneo, host=server.url)
    with YuneoHook() as hook, pytest.raises(StopRun):
        hook.work_order("some-id")


def test_the_limit_of_another_host_does_not_hold_up_the_calls(
    yuneo: Yuneo, serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "200"}
    server = serve((200, {"access_token": yuneo.tokens.issue(60)}, limit))
    log_in_at(monkeypatch, yuneo, server.url)
    with YuneoHook() as hook:
        read(hook)
        assert hook.seconds_waited_for_limits == 0


# --- parts made anew ---------------------------------------------------------------------------------------


def test_parts_are_made_anew_for_each_try(yuneo: Yuneo, hook: YuneoHook) -> None:
    """They come before the parts that stay the same."""
    yuneo.faults.once("drop_after", path="/api/v1/offers", times=2)
    numbers = iter(range(10))
    hook.call(
        "GET",
        "/api/v1/offers",
        what="read offers",
        new_for_each_try=lambda: {"params": {"page": next(numbers)}},
        params={"page": 99},
    )

    assert yuneo.requests.queries("/api/v1/offers") == ["page=0", "page=1", "page=2"]


def test_parts_that_cannot_be_made_end_the_call_unsent(yuneo: Yuneo, hook: YuneoHook) -> None:
    def broken() -> dict[str, Any]:
        raise StopRun("no key")

    with pytest.raises(StopRun, match="no key"):
        hook.call("GET", "/api/v1/offers", what="read offers", new_for_each_try=broken)
    assert yuneo.requests.count("GET") == 0


# --- the clock ---------------------------------------------------------------------------------------------


def response_with(**headers: str) -> requests.Response:
    response = requests.Response()
    response.headers.update(headers)
    return response


def written(seconds: float) -> str:
    """The time so many seconds from now as a header has it."""
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    ("seconds", "direction"), [(-3600, "ahead of"), (-45, "ahead of"), (45, "behind"), (86_400, "behind")]
)
def test_clocks_that_differ_are_named(seconds: int, direction: str) -> None:
    response = response_with(Date=written(seconds))

    assert seconds_ahead(response) == pytest.approx(-seconds, abs=2)
    assert f" s {direction} the server's" in clock_hint(response)


@pytest.mark.parametrize("seconds", [-NORMAL_DIFFERENCE + 5, -1, 0, 1, NORMAL_DIFFERENCE - 5])
def test_clocks_that_hardly_differ_are_not_named(seconds: float) -> None:
    assert clock_hint(response_with(Date=written(seconds))) == ""


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Date": ""},
        {"Date": "yesterday"},
        {"Date": "Mon, 99 Foo 2020 00:00:00 GMT"},
        {"Date": "Wed, 01 Jan 2020 00:00:00 GMT", "Age": "900"},
    ],
)
def test_a_date_that_says_nothing_is_no_cause(headers: dict[str, str]) -> None:
    """Missing, unreadable, or of an answer that a cache had stored."""
    assert seconds_ahead(response_with(**headers)) is None
    assert clock_hint(response_with(**headers)) == ""


def test_a_date_without_a_zone_is_utc() -> None:
    assert seconds_ahead(response_with(Date="Wed, 01 Jan 2020 00:00:00 -0000")) == pytest.approx(
        (datetime.now(UTC) - datetime(2020, 1, 1, tzinfo=UTC)).total_seconds(), abs=2
    )


@pytest.mark.parametrize("at_the_gateway", [True, False])
def test_a_refused_log_in_names_the_clock_whatever_its_kind(
    yuneo: Yuneo, serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch, at_the_gateway: bool
) -> None:
    server = serve((401, {"error": "invalid_client"}, {"Date": written(600)}))
    if at_the_gateway:
        log_in_at(monkeypatch, yuneo, server.url)
    else:
        connect(monkeypatch, yuneo, host=server.url)
    with YuneoHook() as hook, pytest.raises(StopRun, match=r"behind the server's: correct it \(NTP\)"):
        read(hook)


# --- refusals ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 401, 403])
@pytest.mark.parametrize(
    "body",
    [
        {"error": code, "error_description": "Client secret geheim refused"}
        for code in (
            "invalid_client", "invalid_grant", "unauthorized_client", "invalid_scope", "access_denied",
            "invalid_request", "unsupported_grant_type", "something_else",
        )
    ]
    + [{}, ["no object"], {"error": {"code": 5}}, b"<html>geheim</html>"],
)  # fmt: skip
def test_a_refusal_at_the_gateway_says_what_to_check(
    yuneo: Yuneo, serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch, status: int, body: Any
) -> None:
    """Whatever code it has, or none; its description is not quoted. It is asked once."""
    server = serve((status, body))
    log_in_at(monkeypatch, yuneo, server.url)
    with (
        YuneoHook() as hook,
        pytest.raises(StopRun, match="'scope' of connection 'yuneo'") as stop,
    ):
        read(hook)

    assert "geheim" not in printed(stop.value)
    assert len(server.asked) == 1


@pytest.mark.parametrize("error", ["invalid_client", "unauthorized_client"])
def test_a_refusal_at_the_customers_own_server_is_one_with_status_400_too(
    yuneo: Yuneo, serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch, error: str
) -> None:
    """RFC 6749 has it so where the client is named in the form."""
    server = serve((400, {"error": error}))
    connect(monkeypatch, yuneo, host=server.url)
    with YuneoHook() as hook, pytest.raises(StopRun, match="login and password"):
        read(hook)
    assert len(server.asked) == 1


@pytest.mark.parametrize("error", ["temporarily_unavailable", "server_error"])
def test_a_gateway_that_is_not_available_is_no_refusal(
    yuneo: Yuneo, serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch, error: str
) -> None:
    server = serve((400, {"error": error}))
    log_in_at(monkeypatch, yuneo, server.url)

    with YuneoHook() as hook, pytest.raises(WaitAndRepeat):
        read(hook)
    assert len(server.asked) > 1
