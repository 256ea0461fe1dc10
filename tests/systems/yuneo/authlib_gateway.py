"""A gateway that nobody here wrote, as far as it matters: assertions are checked by Authlib (RFC 7523)."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any, Self
from urllib.parse import parse_qs

from authlib.oauth2.rfc6749 import InvalidScopeError, OAuth2Error, UnsupportedGrantTypeError
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from joserfc.jwk import OctKey

ACCESS_TOKEN = "a-token-of-the-other-gateway"


class _Assertions(JWTBearerClientAssertion):
    """Authlib's check of one client's assertions, with all that it leaves to its user."""

    def __init__(self, gateway: AuthlibGateway) -> None:
        super().__init__()
        self.gateway = gateway

    def get_audiences(self) -> list[str]:
        return [self.gateway.client.audience]

    def resolve_client_public_key(self, client: Any) -> OctKey:
        return OctKey.import_key(client.client_secret)

    def validate_jti(self, claims: dict[str, Any], jti: str) -> bool:
        used = [one["jti"] for one in self.gateway.claims]
        self.gateway.claims.append(dict(claims))
        return jti not in used


class AuthlibGateway(ThreadingHTTPServer):
    """Gives a token at ``/oauth2/token`` and no offers everywhere else.

    :param client: its ``client_id``, ``client_secret``, ``audience`` and ``scope``.
    """

    daemon_threads = True

    def __init__(self, client: Any) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.client = client
        self.assertions = _Assertions(self)
        self.claims: list[dict[str, Any]] = []
        self.forms: list[str] = []
        self.authorizations: list[str | None] = []
        self.not_available = 0
        """So many log-ins more are answered by 503 after the assertion was taken."""

    def connection(self) -> dict[str, Any]:
        """As Airflow's connection in its JSON form."""
        url = f"http://127.0.0.1:{self.server_port}"
        extra = {
            "token_url": f"{url}/oauth2/token",
            "audience": self.client.audience,
            "scope": self.client.scope,
        }
        log_in = {"login": self.client.client_id, "password": self.client.client_secret}
        return {"conn_type": "http", "host": url, **log_in, "extra": extra}

    def token(self, body: str) -> tuple[int, Any]:
        """Status and body of the answer to a log-in."""
        self.forms.append(body)
        form = {name: values[0] for name, values in parse_qs(body).items()}
        try:
            if form.get("grant_type") != "client_credentials":
                raise UnsupportedGrantTypeError(form.get("grant_type"))
            self.assertions(self._find, SimpleNamespace(form=form, client=None))
            if form.get("scope") != self.client.scope:
                raise InvalidScopeError()
        except OAuth2Error as error:
            status, refusal, _ = error()
            return status, refusal if isinstance(refusal, dict) else dict(refusal)
        if self.not_available:
            self.not_available -= 1
            return 503, {}
        return 200, {"access_token": ACCESS_TOKEN, "token_type": "bearer", "expires_in": 300}

    def _find(self, client_id: str) -> Any:
        if client_id != self.client.client_id:
            return None
        methods = SimpleNamespace(
            check_endpoint_auth_method=lambda method, _: method == self.assertions.CLIENT_AUTH_METHOD
        )
        methods.client_secret = self.client.client_secret
        return methods

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: AuthlibGateway

    def response(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        if self.path == "/oauth2/token":
            status, reply = self.server.token(body)
        else:
            self.server.authorizations.append(self.headers.get("Authorization"))
            status, reply = 200, {"items": [], "total": 0}
        content = json.dumps(reply).encode()
        self.send_response(status)
        if status == 503:
            self.send_header("Retry-After", "0")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = response

    def log_message(self, *_: Any) -> None:
        """Say nothing."""
