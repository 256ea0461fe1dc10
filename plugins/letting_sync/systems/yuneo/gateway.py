"""The log-in at Aareon's API gateway: client credentials with a signed assertion instead of a client secret.

Published: Aareon's API portal, guide "Authentication" (``docs/contracts.md``); RFC 7523, 2.2 and 3; RFC 6749, 4.4. The
method is ``client_secret_jwt`` of OpenID Connect Core, section 9: the secret signs the assertion and is never sent.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from letting_sync.errors import StopRun
from letting_sync.http.errors import Action, Rule
from letting_sync.http.session import refuse_plain_http

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LIFETIME = 120
"""Seconds from now to ``exp``. The gateway accepts at most 300 (published).

If this machine's clock is two minutes behind, the assertion has not expired on arrival; if it is two minutes ahead, the
assertion still expires within 240 s by the gateway's clock.
"""
BACKDATED = 120
"""Seconds by which ``iat`` is in the past, so that it is not in the future if this machine's clock is two minutes ahead.

``iat`` and ``exp`` are then 240 s apart, within the published limit of 300.
"""
SETTINGS = ("token_url", "audience", "scope")
"""Keys of the connection's extra; either all of them are set or none."""


@dataclass(frozen=True)
class GatewayLogIn:
    """The gateway settings of one connection.

    :param token_url: absolute URL of the token endpoint; https, or the host is local or private.
    :param audience: ``aud`` of the assertion, the token address of Aareon's realm.
    :param scope: the API key of customer and application; a secret.
    """

    conn_id: str
    token_url: str
    audience: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str = field(repr=False)

    def form(self) -> dict[str, str]:
        """The form of one request; it must not be sent twice, since its assertion is accepted once.

        :raises StopRun: the client secret cannot be a key of HS256.
        """
        # Not at the top: Airflow itself loads both late, and a log-in of the other kind needs neither.
        import jwt
        from airflow.sdk.log import mask_secret

        now = int(time.time())
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.audience,
            "iat": now - BACKDATED,
            "exp": now + LIFETIME,
            "jti": str(uuid.uuid4()),
        }
        try:
            assertion = jwt.encode(claims, self.client_secret, algorithm="HS256")
        except jwt.InvalidKeyError:
            raise StopRun(
                f"The password of connection {self.conn_id!r} cannot sign: it must be the client secret as text, not "
                "a certificate or a private key. Correct it, then clear the task."
            ) from None
        mask_secret(assertion)
        mask_secret(self.scope)
        return {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion,
            "scope": self.scope,
        }

    @property
    def rules(self) -> dict[int | str, Rule]:
        """Return the error table of the token endpoint: codes of RFC 6749, 5.2 (published), and HTTP statuses."""
        client = "client id (login), client secret (password)"
        where = f"of connection {self.conn_id!r}"
        refused = Rule(Action.STOP, f"the log-in is refused; check {client}, 'audience' and 'scope' {where}")
        assertion = Rule(
            Action.STOP,
            f"the client or its assertion is refused, or the assertion has expired; check {client}, 'audience' and "
            f"'scope' {where}",
        )
        scope = Rule(
            Action.STOP,
            f"the scope is refused; check the extra 'scope' {where}: it is the API key of customer and application",
        )
        not_allowed = Rule(
            Action.STOP,
            f"the client may not log in this way; check its client id (login) and 'scope' {where}",
        )
        malformed = Rule(
            Action.STOP, f"the log-in is refused as malformed; check 'audience' and 'scope' {where}"
        )
        elsewhere = Rule(
            Action.STOP, f"the token endpoint does not exist; check the extra 'token_url' {where}"
        )
        return {
            "invalid_client": assertion,
            "invalid_grant": assertion,
            "unauthorized_client": not_allowed,
            "access_denied": not_allowed,
            "invalid_scope": scope,
            "invalid_request": malformed,
            "unsupported_grant_type": malformed,
            # RFC 6749 defines these two for another endpoint; some servers send them here too (assumed).
            "temporarily_unavailable": Rule(Action.REPEAT, "the gateway is not available"),
            "server_error": Rule(Action.UNCERTAIN, "the gateway reports an internal error"),
            **dict.fromkeys((400, 401, 403), refused),
            **dict.fromkeys((301, 302, 303, 307, 308, 404, 405), elsewhere),
        }


def is_configured(extra: Mapping[str, Any]) -> bool:
    """Return whether a connection uses the gateway's log-in: its extra has a ``token_url``."""
    return extra.get("token_url") is not None


def gateway_log_in(conn_id: str, connection: Any) -> GatewayLogIn | None:
    """Read the gateway settings of a connection; ``None`` if it does not use the gateway.

    :raises StopRun: the settings are inconsistent; the message names connection, setting and rule.
    """
    extra = connection.extra_dejson
    given = {name: extra[name] for name in SETTINGS if extra.get(name) is not None}
    if not given:
        return None
    for name in SETTINGS:
        if name not in given:
            raise StopRun(
                f"Connection {conn_id!r} has the extra {next(iter(given))!r} but no {name!r}: the log-in at Aareon's "
                "gateway needs token_url, audience and scope, any other log-in none of them."
            )
        if not isinstance(given[name], str) or not given[name].strip():
            raise StopRun(
                f"The extra {name!r} of connection {conn_id!r} must be a string that is not empty. Correct it, then clear the task."
            )
    _check_address(given["token_url"], conn_id)
    return GatewayLogIn(conn_id, client_id=connection.login, client_secret=connection.password, **given)


def _check_address(token_url: str, conn_id: str) -> None:
    try:
        address = urlsplit(token_url)
        usable = address.scheme in ("http", "https") and address.hostname and not address.username
    except ValueError:
        usable = False
    if not usable:
        raise StopRun(
            f"The extra 'token_url' of connection {conn_id!r} must be an absolute address, https://…, without user or "
            "password in it. Correct it, then clear the task."
        )
    refuse_plain_http(token_url, conn_id, "its extra 'token_url'")
