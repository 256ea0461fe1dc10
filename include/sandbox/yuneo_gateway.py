"""
The token end point of the API gateway in front of Yuneo: client credentials with a signed assertion.

Published: Aareon's API portal, guide "Authentication": the path, the four fields of the form, HS256, ``iss`` = ``sub`` = client
id, ``aud``, ``iat``, ``exp`` at most 5 minutes later, ``jti``; the rest from RFC 6749, 5.2 and RFC 7523, 3.

Assumed: no other field and no query; ``aud`` is one text (RFC 7523 would allow a list); ``exp`` is at most 5 minutes after the
gateway's time and after ``iat``, without a leeway; ``iat`` may be 5 seconds ahead; a ``jti`` counts as used once its assertion was
accepted, also where the scope is refused then. What concerns the client is 401, all else 400.
"""

import threading
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import jwt
from starlette.requests import Request

from include.sandbox.common import Refused

FORM = "application/x-www-form-urlencoded"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
FIELDS = frozenset({"grant_type", "client_assertion_type", "client_assertion", "scope"})
CLAIMS = ("iss", "sub", "aud", "iat", "exp", "jti")
LONGEST_LIFE = 300
IAT_LEEWAY = 5


class Gateway:
    """One client of the gateway, and the assertions it has used."""

    path = "/erpapi/oauth2/token"
    audience = "https://auth.asw.aareon.com/realms/global/protocol/openid-connect/token"
    client_id = "sandbox-gateway-client"
    client_secret = "sandbox-gateway-secret-of-32-characters-or-more"  # noqa: S105 - the sandbox's own
    scope = "sandbox-api-key-of-customer-and-application"

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._used: set[str] = set()

    def clear(self) -> None:
        """Forget which assertions were used."""
        with self._lock:
            self._used.clear()

    async def check(self, request: Request) -> None:
        """Raise :class:`Refused` with OAuth's code unless the request may have a token."""
        form = await _form(request)
        if form.get("grant_type") != "client_credentials":
            raise Refused(400, "unsupported_grant_type", "client_credentials only")
        if form.get("client_assertion_type") != ASSERTION_TYPE or not form.get("client_assertion"):
            raise _invalid_client("an assertion of the type jwt-bearer is needed")
        self._check_claims(self._claims(form["client_assertion"]))
        if form.get("scope") != self.scope:
            raise Refused(400, "invalid_scope", "the scope is unknown")

    def _claims(self, assertion: str) -> Mapping[str, Any]:
        """The claims of an assertion that this client has signed, with all but the times checked."""
        try:
            return jwt.decode(
                assertion,
                self.client_secret,
                algorithms=["HS256"],
                audience=self.audience,
                issuer=self.client_id,
                subject=self.client_id,
                options={
                    "require": list(CLAIMS),
                    "strict_aud": True,
                    "verify_exp": False,
                    "verify_iat": False,
                },
            )
        except jwt.InvalidTokenError as error:
            raise _invalid_client(f"the assertion is refused: {type(error).__name__}") from None

    def _check_claims(self, claims: Mapping[str, Any]) -> None:
        now = time.time()
        issued, ends, jti = claims["iat"], claims["exp"], claims["jti"]
        if not all(isinstance(one, int | float) and not isinstance(one, bool) for one in (issued, ends)):
            raise _invalid_client("iat and exp are numbers")
        if ends <= now:
            raise _invalid_client("the assertion has expired")
        if ends > min(now, issued) + LONGEST_LIFE:
            raise _invalid_client("the assertion ends more than 5 minutes later")
        if issued > now + IAT_LEEWAY:
            raise _invalid_client("the assertion was issued in the future")
        with self._lock:
            if not jti or jti in self._used:
                raise _invalid_client("the assertion was used before")
            self._used.add(jti)


def _invalid_client(text: str) -> Refused:
    return Refused(401, "invalid_client", text)


async def _form(request: Request) -> dict[str, str]:
    """The fields of the form, each once and none that is unknown."""
    if request.headers.get("Content-Type", "").partition(";")[0].strip().lower() != FORM:
        raise Refused(400, "invalid_request", f"the body must be {FORM}")
    if request.url.query:
        raise Refused(400, "invalid_request", "no query is known here")
    if "Authorization" in request.headers:
        raise Refused(400, "invalid_request", "more than one way to authenticate")
    try:
        pairs = parse_qsl((await request.body()).decode(), keep_blank_values=True, errors="strict")
    except ValueError:
        raise Refused(400, "invalid_request", "the form cannot be read") from None
    form = dict(pairs)
    if "client_secret" in form:
        raise Refused(400, "invalid_request", "the client secret must not be sent")
    if len(form) != len(pairs) or not form.keys() <= FIELDS:
        raise Refused(400, "invalid_request", "a field is unknown or there more than once")
    if "grant_type" not in form:
        raise Refused(400, "invalid_request", "grant_type is missing")
    return form
