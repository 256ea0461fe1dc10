"""The log-in at Aareon's gateway: a signed assertion for each try, and a message that says what to correct."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import pytest
from authlib_gateway import ACCESS_TOKEN, AuthlibGateway
from gateway_calls import SECRET, UNIT, read

from include.sandbox.yuneo import Yuneo
from include.sandbox.yuneo_gateway import Gateway
from letting_sync.erp import Outgoing
from letting_sync.errors import StopRun, WaitAndRepeat
from letting_sync.model import Prospect
from letting_sync.systems.yuneo import YUNEO
from letting_sync.systems.yuneo.hook import YuneoHook

PLAIN = "/connect/token"
Connect = Callable[..., None]
Said = Callable[..., str]


# --- another implementation --------------------------------------------------------------------------------


def test_another_implementation_accepts_the_assertion(
    authlib_gateway: AuthlibGateway, connect: Connect
) -> None:
    """Authlib checks signature, times and id; the form holds what Aareon's guide says, and never the secret."""
    connect(authlib_gateway.connection())
    with YuneoHook() as hook:
        assert read(hook) == []

    (claims,), (form,) = authlib_gateway.claims, authlib_gateway.forms
    assert claims["iss"] == claims["sub"] == Gateway.client_id
    assert claims["aud"] == Gateway.audience
    assert claims["iat"] <= time.time() < claims["exp"] <= claims["iat"] + 300
    assert claims["exp"] <= time.time() + 300
    assert claims["jti"]
    assert set(claims) == {"iss", "sub", "aud", "iat", "exp", "jti"}
    fields = parse_qs(form)
    assert fields.keys() == {"grant_type", "client_assertion_type", "client_assertion", "scope"}
    assert fields["grant_type"] == ["client_credentials"]
    assert fields["client_assertion_type"] == ["urn:ietf:params:oauth:client-assertion-type:jwt-bearer"]
    assert Gateway.client_secret not in form
    assert authlib_gateway.authorizations == [f"Bearer {ACCESS_TOKEN}"]


def test_another_implementation_sees_a_new_id_at_each_try(
    authlib_gateway: AuthlibGateway, connect: Connect
) -> None:
    """It has noted the first two assertions and would refuse them a second time."""
    connect(authlib_gateway.connection())
    authlib_gateway.not_available = 2
    with YuneoHook() as hook:
        read(hook)

    assert len({claims["jti"] for claims in authlib_gateway.claims}) == len(authlib_gateway.claims) == 3


@pytest.mark.parametrize(
    ("changes", "code", "setting"),
    [
        ({"password": "another-secret-of-at-least-32-characters"}, "invalid_client", "client secret"),
        ({"login": "another-client"}, "invalid_client", "client id"),
        ({"extra": {"audience": "https://elsewhere.example/token"}}, "invalid_client", "'audience'"),
        ({"extra": {"scope": "another-key"}}, "invalid_scope", "'scope'"),
    ],
)
@pytest.mark.parametrize("which", ["authlib_gateway", "yuneo"])
def test_a_refused_log_in_says_what_to_check(
    request: pytest.FixtureRequest,
    connect: Connect,
    all_said: Said,
    which: str,
    changes: dict[str, Any],
    code: str,
    setting: str,
) -> None:
    server = request.getfixturevalue(which)
    connection = server.connection() if which == "authlib_gateway" else server.gateway_connection()
    connect(connection, **changes)
    with YuneoHook() as hook, pytest.raises(StopRun) as stop:
        read(hook)

    message = str(stop.value)
    assert code in message
    assert setting in message
    assert "connection 'yuneo'" in message
    assert "clock" not in message
    said = all_said(stop.value)
    assert not SECRET.search(said)
    assert "another-secret" not in said
    assert "another-key" not in said


# --- the sandbox -------------------------------------------------------------------------------------------


def test_a_whole_import_with_the_gateways_log_in(yuneo: Yuneo) -> None:
    """Imported, found again, accepted; the plain log-in is never asked."""
    erp = YUNEO.at("yuneo", exchange="Immomio").open()
    person = Prospect(
        external_id="anna-1",
        unit=UNIT,
        first_name="Anna",
        last_name="Groß",
        chosen=True,
        updated_at=datetime.now(UTC),
    )
    delivery = erp.deliver([Outgoing(person)], lambda: None)
    state = erp.import_state(delivery.job or "")
    (offer,) = erp.offers(["anna-1"])
    lease = erp.accept(offer)
    erp.close()

    assert state is not None
    assert state.finished
    assert [one.number for one in yuneo.leases] == [lease.lease_number]
    assert yuneo.requests.count("POST", Gateway.path) == 1
    assert yuneo.requests.count("POST", PLAIN) == 0


def test_without_a_token_url_the_plain_log_in_stays(yuneo: Yuneo, connect: Connect) -> None:
    connect(yuneo.connection())
    with YuneoHook() as hook:
        read(hook)

    assert yuneo.requests.count("POST", PLAIN) == 1
    assert yuneo.requests.count("POST", Gateway.path) == 0


def test_a_token_that_ran_out_is_fetched_with_a_new_assertion(yuneo: Yuneo, hook: YuneoHook) -> None:
    read(hook)
    yuneo.tokens.expire_all()
    read(hook)

    assert yuneo.requests.count("POST", Gateway.path, status=200) == 2


@pytest.mark.parametrize(
    "kind",
    [
        "429",
        "503",
        "500",
        "502",
        "drop_before",
        "drop_after",
        "500_after",
        "cut_body",
        "html",
        "malformed_json",
    ],
)
def test_each_try_of_a_log_in_carries_an_assertion_of_its_own(
    yuneo: Yuneo, hook: YuneoHook, all_said: Said, kind: str
) -> None:
    """Also where the answer was lost: the sandbox has used that assertion up and would refuse it."""
    yuneo.faults.once(kind, path=Gateway.path, times=2, retry_after=0)
    read(hook)

    assert yuneo.requests.count("POST", Gateway.path) == 3
    assert yuneo.requests.count("POST", Gateway.path, status=401) == 0
    assert not SECRET.search(all_said())


def test_a_gateway_that_keeps_failing_is_left_to_airflow(
    yuneo: Yuneo, hook: YuneoHook, all_said: Said
) -> None:
    yuneo.faults.set(1, ["drop_after"], path=Gateway.path)

    with pytest.raises(WaitAndRepeat) as failure:
        read(hook)
    assert not SECRET.search(all_said(failure.value))


def test_a_fresh_token_that_is_refused_names_the_gateways_settings(yuneo: Yuneo, hook: YuneoHook) -> None:
    yuneo.faults.set(1, ["expired_token"], path="/api/*")

    with pytest.raises(StopRun, match="'audience' and 'scope'"):
        read(hook)


def test_ordinary_work_never_says_a_secret(yuneo: Yuneo, hook: YuneoHook, all_said: Said) -> None:
    read(hook)

    said = all_said()
    assert "Connecting to Wodis Yuneo" in said
    assert not SECRET.search(said)


# --- settings ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"extra": {"audience": None}}, ["'token_url'", "'audience'"]),
        ({"extra": {"scope": None}}, ["'token_url'", "'scope'"]),
        ({"extra": {"token_url": None}}, ["'audience'", "'token_url'"]),
        ({"extra": {"token_url": None, "audience": None}}, ["'scope'", "'token_url'"]),
        ({"extra": {"scope": " "}}, ["'scope'", "string"]),
        ({"extra": {"scope": 5}}, ["'scope'", "string"]),
        ({"extra": {"token_url": "/erpapi/oauth2/token"}}, ["'token_url'", "absolute"]),
        ({"extra": {"token_url": "ftp://api.aareon.com/token"}}, ["'token_url'", "absolute"]),
        ({"extra": {"token_url": "https://[bad/token"}}, ["'token_url'", "absolute"]),
        ({"extra": {"token_url": "https://a:b@api.aareon.com/token"}}, ["'token_url'", "without user"]),
        ({"extra": {"token_url": "http://api.aareon.com/erpapi/oauth2/token"}}, ["'token_url'", "https"]),
        ({"login": None}, ["login", "client id"]),
        ({"password": None}, ["password", "client secret"]),
        ({"password": "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n"}, ["password", "sign"]),
    ],
)
def test_settings_that_do_not_fit_together_stop_the_run(
    yuneo: Yuneo, connect: Connect, all_said: Said, changes: dict[str, Any], named: list[str]
) -> None:
    """The message names connection, setting and rule; nothing is sent."""
    connect(yuneo.gateway_connection(), **changes)
    with YuneoHook() as hook, pytest.raises(StopRun) as stop:
        read(hook)

    assert not [word for word in ("'yuneo'", *named) if word not in str(stop.value)]
    assert len(yuneo.requests) == 0
    assert not SECRET.search(all_said(stop.value))
