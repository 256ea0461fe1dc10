"""The sandbox's gateway takes what another implementation signs, and is as strict as the standards allow."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest
import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import ClientSecretJWT
from cryptography.hazmat.primitives.asymmetric import rsa

from include.sandbox.yuneo import Yuneo
from include.sandbox.yuneo_gateway import ASSERTION_TYPE, Gateway


def signed(
    key: Any = Gateway.client_secret, algorithm: str = "HS256", without: str = "", **changes: Any
) -> str:
    """An assertion that the sandbox takes, but for what is changed; ``iat`` and ``exp`` count from now."""
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": Gateway.client_id,
        "sub": Gateway.client_id,
        "aud": Gateway.audience,
        "iat": 0,
        "exp": 100,
        "jti": f"id-{time.perf_counter_ns()}",
    } | changes
    claims |= {name: now + claims[name] for name in ("iat", "exp") if isinstance(claims[name], int)}
    claims.pop(without, None)
    return jwt.encode(claims, key, algorithm)


def ask(yuneo: Yuneo, **changes: Any) -> requests.Response:
    """Ask for a token with a good form, but for what is changed; ``None`` takes a field out."""
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": signed(),
        "scope": Gateway.scope,
    } | changes
    form = {name: value for name, value in form.items() if value is not None}
    return requests.post(yuneo.url + Gateway.path, data=form, timeout=5)


def said(response: requests.Response) -> tuple[int, str]:
    assert response.json().keys() == {"error", "error_description"}
    return response.status_code, response.json()["error"]


def test_a_good_assertion_brings_a_token_for_every_route(yuneo: Yuneo) -> None:
    response = ask(yuneo)

    assert response.status_code == 200
    assert response.json()["token_type"] == "Bearer"
    header = {"Authorization": f"Bearer {response.json()['access_token']}"}
    assert requests.get(yuneo.url + "/api/v1/offers", headers=header, timeout=5).status_code == 200


def test_an_assertion_of_another_implementation_is_taken_once(yuneo: Yuneo) -> None:
    """Authlib's own client; it keeps the ``jti`` it has made, so its second assertion is one that was used."""
    session = OAuth2Session(
        Gateway.client_id,
        Gateway.client_secret,
        scope=Gateway.scope,
        token_endpoint_auth_method="client_secret_jwt",
    )
    claims = {"exp": int(time.time()) + 100}
    session.register_client_auth_method(ClientSecretJWT(Gateway.audience, claims))
    address = yuneo.url + Gateway.path

    token = session.fetch_token(address, grant_type="client_credentials")

    assert yuneo.tokens.good(token["access_token"])
    with pytest.raises(AuthlibBaseError, match="used before"):
        session.fetch_token(address, grant_type="client_credentials")


RSA_KEY = rsa.generate_private_key(65537, 2048)


@pytest.mark.parametrize(
    "assertion",
    [
        lambda: signed("", "none"),
        lambda: signed(RSA_KEY, "RS256"),
        lambda: signed(Gateway.client_secret * 2, "HS512"),
        lambda: signed("another-secret-of-at-least-32-characters"),
        lambda: signed(iss="another-client"),
        lambda: signed(sub="another-client"),
        lambda: signed(iss="another-client", sub="another-client"),
        lambda: signed(aud="https://elsewhere.example/token"),
        lambda: signed(aud=[Gateway.audience, "https://elsewhere.example/token"]),
        lambda: signed(exp=-1),
        lambda: signed(exp=310),
        lambda: signed(iat=-250, exp=100),
        lambda: signed(iat=20),
        lambda: signed(exp="never"),
        lambda: signed(jti=""),
        lambda: signed(jti=5),
        *(lambda name=name: signed(without=name) for name in ("iss", "sub", "aud", "iat", "exp", "jti")),
        lambda: "no assertion",
        lambda: "",
        lambda: None,
    ],
)
def test_an_assertion_that_breaks_one_rule_is_refused(yuneo: Yuneo, assertion: Callable[[], Any]) -> None:
    response = ask(yuneo, client_assertion=assertion())

    assert said(response) == (401, "invalid_client")


def test_an_assertion_is_good_once(yuneo: Yuneo) -> None:
    assertion = signed()
    first, second = (ask(yuneo, client_assertion=assertion) for _ in range(2))

    assert first.status_code == 200
    assert said(second) == (401, "invalid_client")


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"grant_type": "password"}, (400, "unsupported_grant_type")),
        ({"grant_type": None}, (400, "invalid_request")),
        ({"client_assertion_type": "jwt"}, (401, "invalid_client")),
        ({"client_assertion_type": None}, (401, "invalid_client")),
        ({"scope": "another"}, (400, "invalid_scope")),
        ({"scope": None}, (400, "invalid_scope")),
        ({"scope": [Gateway.scope, Gateway.scope]}, (400, "invalid_request")),
        ({"client_secret": Gateway.client_secret}, (400, "invalid_request")),
        ({"client_id": Gateway.client_id}, (400, "invalid_request")),
    ],
)
def test_a_form_that_breaks_one_rule_is_refused(
    yuneo: Yuneo, changes: dict[str, Any], refusal: tuple[int, str]
) -> None:
    assert said(ask(yuneo, **changes)) == refusal


@pytest.mark.parametrize(
    "request_parts",
    [
        {"params": {"stage": "test"}},
        {"headers": {"Content-Type": "application/json"}},
        {"headers": {"Content-Type": ""}},
        {"auth": (Gateway.client_id, Gateway.client_secret)},
        {"data": b"scope=\xff"},
    ],
)
def test_a_request_of_another_shape_is_refused(yuneo: Yuneo, request_parts: dict[str, Any]) -> None:
    body = urlencode(
        {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": signed(),
            "scope": Gateway.scope,
        }
    )
    headers = {"Content-Type": "application/x-www-form-urlencoded"} | request_parts.pop("headers", {})
    parts = {"data": body, "headers": headers, **request_parts}

    assert said(requests.post(yuneo.url + Gateway.path, timeout=5, **parts)) == (400, "invalid_request")


# --- the other routes --------------------------------------------------------------------------------------

ROUTES = [
    ("POST", "/connect/token"),
    ("POST", "/api/v1/prospect-imports"),
    ("GET", "/api/v1/work-orders/some-id"),
    ("GET", "/api/v1/offers"),
    ("GET", "/api/v1/offers/some-id"),
    ("POST", "/api/v1/offers/some-id/accept"),
    ("POST", "/api/v1/business-partners/search"),
]


def call(yuneo: Yuneo, method: str, path: str, content_type: str, body: str = "{}") -> requests.Response:
    headers = {"Authorization": f"Bearer {yuneo.tokens.issue(60)}", "Content-Type": content_type}
    data = body if method == "POST" else None
    return requests.request(method, yuneo.url + path, headers=headers, data=data, timeout=5)


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_an_unknown_query_is_refused(yuneo: Yuneo, method: str, path: str) -> None:
    own = "application/x-www-form-urlencoded" if "token" in path else "application/json"
    response = call(yuneo, method, f"{path}?nonsense=1", own)

    assert (response.status_code, response.json()["code"]) == (400, "MALFORMED")


@pytest.mark.parametrize("content_type", ["text/plain", "", "multipart/form-data; boundary=x", "text/json"])
@pytest.mark.parametrize("path", [path for method, path in ROUTES if method == "POST"])
def test_a_body_of_another_type_is_refused(yuneo: Yuneo, path: str, content_type: str) -> None:
    response = call(yuneo, "POST", path, content_type)

    assert response.headers["Content-Type"] == "application/problem+json"
    assert (response.status_code, response.json()["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


def test_an_unknown_field_of_the_plain_log_in_is_refused(yuneo: Yuneo) -> None:
    form = {"grant_type": "client_credentials", "client_id": yuneo.login, "client_secret": yuneo.password}
    answers = [
        requests.post(f"{yuneo.url}/connect/token", data=data, timeout=5)
        for data in (form, {**form, "scope": "x"})
    ]

    assert [response.status_code for response in answers] == [200, 400]
