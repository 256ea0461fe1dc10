"""What a token end point answers is read tolerantly where a wrong value does no harm."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from api_calls import OFFERS, connect, read
from api_server import Server
from hypothesis import given
from hypothesis import strategies as st

from include.sandbox.yuneo import Yuneo
from letting_sync.errors import StopRun
from letting_sync.http.token import DEFAULT_LIFETIME, LONGEST_LIFETIME, token_lifetime
from letting_sync.systems.yuneo.hook import YuneoHook


@pytest.mark.parametrize(
    ("sent", "seconds"),
    [
        ("3600", 3600.0),
        ('"3600"', 3600.0),
        ('" 3600 "', 3600.0),
        ("59.5", 59.5),
        ("null", DEFAULT_LIFETIME),
        ("-1", DEFAULT_LIFETIME),
        ("0", DEFAULT_LIFETIME),
        ("NaN", DEFAULT_LIFETIME),
        ("Infinity", DEFAULT_LIFETIME),
        ('"an hour"', DEFAULT_LIFETIME),
        ('""', DEFAULT_LIFETIME),
        ("true", DEFAULT_LIFETIME),
        ("[3600]", DEFAULT_LIFETIME),
        ("1e12", LONGEST_LIFETIME),
        ("1" + "0" * 400, DEFAULT_LIFETIME),
    ],
)
def test_any_lifetime_is_usable(sent: str, seconds: float) -> None:
    """As Python reads it from JSON, which takes NaN and Infinity too."""
    assert token_lifetime(json.loads(sent)) == seconds


values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.lists(st.integers()),
    st.dictionaries(st.text(), st.text()),
)


@given(values)
def test_a_lifetime_is_always_a_duration(value: Any) -> None:
    assert 0 < token_lifetime(value) <= LONGEST_LIFETIME


LogIn = Callable[[dict[str, Any]], Server]


@pytest.fixture(params=["plain", "gateway"])
def log_in(
    request: pytest.FixtureRequest,
    yuneo: Yuneo,
    serve: Callable[..., Server],
    monkeypatch: pytest.MonkeyPatch,
) -> LogIn:
    """Point Yuneo's connection, with each of its log-ins, to a server that gives this answer, and no offers."""

    def log_in(response: dict[str, Any]) -> Server:
        server = serve((200, {"items": [], "total": 0, **response}))
        if request.param == "plain":
            connect(monkeypatch, yuneo, host=server.url)
        else:
            connection = yuneo.gateway_connection()
            extra = {**connection["extra"], "token_url": f"{server.url}/token"}
            connect(monkeypatch, yuneo, **{**connection, "host": server.url, "extra": extra})
        return server

    return log_in


@pytest.mark.parametrize(
    "expires_in", [3600, "3600", None, -5, 0, float("nan"), float("inf"), "soon", [], True]
)
def test_a_log_in_with_any_lifetime_is_used(log_in: LogIn, expires_in: Any) -> None:
    """Fetched once, used for both calls."""
    server = log_in({"access_token": "a-token", "token_type": "Bearer", "expires_in": expires_in})
    with YuneoHook() as hook:
        read(hook)
        read(hook)

    assert [path.startswith(OFFERS) for path, _ in server.asked] == [False, True, True]
    assert server.asked[-1][1]["Authorization"] == "Bearer a-token"


@pytest.mark.parametrize(
    "kind", [{}, {"token_type": "bearer"}, {"token_type": "BEARER"}, {"token_type": None}]
)
def test_a_bearer_token_may_be_named_in_any_case_or_not_at_all(log_in: LogIn, kind: dict[str, Any]) -> None:
    server = log_in({"access_token": "a-token", **kind})
    with YuneoHook() as hook:
        read(hook)

    assert server.asked[-1][1]["Authorization"] == "Bearer a-token"


@pytest.mark.parametrize("token", ["", " ", None, 5, ["a-token"], "two words", "line\nbreak", "größer"])
def test_a_token_that_no_header_can_carry_stops_the_run(log_in: LogIn, token: Any) -> None:
    server = log_in({"access_token": token, "token_type": "Bearer", "expires_in": 3600})
    with YuneoHook() as hook, pytest.raises(StopRun, match="'access_token'"):
        read(hook)

    assert len(server.asked) == 1


@pytest.mark.parametrize("kind", ["mac", "DPoP", "", 5])
def test_a_token_of_another_type_stops_the_run(log_in: LogIn, kind: Any) -> None:
    log_in({"access_token": "a-token", "token_type": kind, "expires_in": 3600})

    with YuneoHook() as hook, pytest.raises(StopRun, match="'token_type'"):
        read(hook)
