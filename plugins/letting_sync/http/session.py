"""One HTTP session and one token for all calls of a task, based on Airflow's ``HttpHook``.

``HttpHook`` provides the connection, the base URL, TLS settings and the keep-alive adapter. Its own methods that send
requests are disabled (:data:`SessionHook.run` and others), because they are unsafe here:

* ``run()`` opens a session for every call; this hook keeps **one** for the task, with a pool of open connections;
* unknown keys of the connection's extra, even a client secret, become HTTP headers; here they stay settings;
* redirects are followed, with the request's body; ``run_and_check()`` and ``check_response()`` log URLs and bodies;
* ``get_hook()`` returns a plain ``HttpHook``, since the connections have the type ``http``.
"""

from __future__ import annotations

import ipaddress
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from typing import Any, ClassVar, NoReturn, Self
from urllib.parse import urlsplit

import requests
from airflow.providers.http.hooks.http import HttpHook
from airflow.sdk.exceptions import AirflowNotFoundException
from requests.auth import AuthBase, HTTPBasicAuth

from letting_sync.connections import extra_of
from letting_sync.errors import StopRun
from letting_sync.http.deadline import DeadlineAdapter
from letting_sync.http.limits import Limits, limits_of
from letting_sync.http.log_lines import hide_data
from letting_sync.locales.errors import error_of


class Bearer(AuthBase):
    """Set the ``Authorization`` header; an explicit auth also keeps ``requests`` from reading a ``.netrc``."""

    def __init__(self, token: str | None) -> None:
        self.token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self.token:
            request.headers["Authorization"] = f"Bearer {self.token}"
        return request


def _closed(name: str) -> Any:
    def closed(*_: Any, **__: Any) -> NoReturn:
        raise NotImplementedError(
            f"{name}() of Airflow's HttpHook is disabled here: it may log or send personal data. Use call()."
        )

    return closed


class SessionHook(HttpHook):
    """Connection, session, TLS and token of a system. :class:`~letting_sync.http.hook.ApiHook` adds the calls.

    :cvar system: the system's name in log and error messages.
    :cvar credentials: what the connection's login and password are in the system's own words; both are required.
    :cvar uses_token: whether the hook logs in with :meth:`fetch_token`; if not, each request carries login and password
        (HTTP Basic).
    :cvar concurrency: maximum number of requests in flight, and of connections kept open for them.
    :param http_conn_id: Airflow connection; host, login, password and the extras ``verify`` (path of a CA
        file) and those of :func:`~letting_sync.http.limits.limits_of`.
    :param connection: the connection itself, where it cannot be fetched by its id (in a trigger's thread).
    """

    system: ClassVar[str] = "the system"
    credentials: ClassVar[Mapping[str, str]] = {"login": "user name", "password": "the user's password"}
    uses_token: ClassVar[bool] = True
    concurrency: ClassVar[int] = 4

    def __init__(self, http_conn_id: str | None = None, *, connection: Any = None) -> None:
        self._adapter = DeadlineAdapter(pool_connections=1, pool_maxsize=self.concurrency, pool_block=True)
        super().__init__(http_conn_id=http_conn_id or self.default_conn_name, adapter=self._adapter)
        self._connection = connection
        self._session: requests.Session | None = None
        self._token: str | None = None
        self._token_ends = 0.0
        self._log_in_refused: StopRun | None = None
        self._log_in_accepted = False
        self._lock = threading.RLock()

    # --- connection and session ---------------------------------------------------------------------------

    run: Any = _closed("run")
    run_and_check: Any = _closed("run_and_check")
    run_with_advanced_retry: Any = _closed("run_with_advanced_retry")
    check_response: Any = _closed("check_response")
    get_conn: Any = _closed("get_conn")
    get_hook: Any = _closed("get_hook")
    aget_hook: Any = _closed("aget_hook")

    def _configure_session_from_auth(self, session: requests.Session, connection: Any) -> requests.Session:
        """Leave authentication to :meth:`_auth`: ``HttpHook`` would send the password as HTTP Basic to any URL."""
        del connection
        return session

    def _configure_session_from_extra(
        self, session: requests.Session, connection: Any, extra_options: dict[str, Any]
    ) -> requests.Session:
        """Apply the transport settings; do not turn the rest of the extra into headers as ``HttpHook`` does."""
        headers = dict(session.headers)
        session = super()._configure_session_from_extra(session, connection, extra_options)
        session.headers.clear()
        session.headers.update(headers)
        if not session.verify:
            raise StopRun(
                f"Connection {self.http_conn_id!r} switches TLS verification off. Set the extra 'verify' to "
                "the path of the CA file instead, then clear the task."
            )
        return session

    @property
    def connection(self) -> Any:
        """The Airflow connection behind this hook.

        :raises StopRun: it does not exist, has no login or no password, or its extra is not a JSON object.
        """
        if self._connection is None:
            try:
                connection = super().get_connection(self.http_conn_id)
            except AirflowNotFoundException:
                raise error_of(StopRun, "connection_missing", connection=repr(self.http_conn_id)) from None
            self._refuse_incomplete(connection)
            self._connection = connection
        return self._connection

    def _refuse_incomplete(self, connection: Any) -> None:
        missing = [
            f"no {name} ({meaning})"
            for name, meaning in self.credentials.items()
            if not getattr(connection, name)
        ]
        if missing:
            raise error_of(
                StopRun,
                "connection_incomplete",
                connection=repr(self.http_conn_id),
                missing=" and ".join(missing),
            )
        extra_of(connection, self.http_conn_id)

    def get_connection(self, conn_id: str) -> Any:  # type: ignore[override]  # a class method there
        """Return the connection passed to the constructor, if any: a trigger's thread must not fetch it."""
        del conn_id
        return self.connection

    @property
    def session(self) -> requests.Session:
        """The session of this task, opened on first use."""
        with self._lock:
            if self._session is None:
                self.limits  # noqa: B018  # refuses wrong ones before anything takes them
                hide_data()
                session = super().get_conn()
                # Both schemes, since the log-in may use another one than the host.
                session.mount("http://", self._adapter)
                session.mount("https://", self._adapter)
                refuse_plain_http(self.base_url, self.http_conn_id, "its host")
                # Direct use of the session does not follow redirects either.
                session.get_redirect_target = lambda _: None  # type: ignore[assignment,method-assign]
                self._session = session
                self._session.headers["Accept"] = "application/json"
                self.log.info("Connecting to %s with connection %r.", self.system, self.http_conn_id)
            return self._session

    @property
    def address(self) -> str:
        """Normalised address of the system, see :func:`unified`: the same for all spellings of a connection's host."""
        self._set_base_url(self.connection)
        try:
            return unified(self.base_url)
        except ValueError:
            raise StopRun(
                f"The host of connection {self.http_conn_id!r} is not a valid address. Correct it, then clear the task."
            ) from None

    def close(self) -> None:
        """Close the session."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @cached_property
    def limits(self) -> Limits:
        """Timeouts of a request and the maximum size of its response.

        :raises StopRun: a limit in the connection's extra is not a number above 0.
        """
        return limits_of(self.http_conn_id, self.connection.extra_dejson)

    # --- token --------------------------------------------------------------------------------------------

    @property
    def log_in_settings(self) -> str:
        """What to correct in the connection when its log-in is refused, for the person on call."""
        return "login and password"

    def fetch_token(self) -> tuple[str, float]:
        """Request a token from the system; return it with its lifetime in seconds. Subclasses implement it."""
        raise NotImplementedError

    def _auth(self) -> AuthBase:
        with self._lock:
            if self._log_in_refused:
                # Refused before, perhaps to another thread. A system may lock the account after a few tries.
                raise self._log_in_refused
            if not self.uses_token:
                # ``requests`` would encode a string as Latin-1, which lacks characters that a password may contain.
                return HTTPBasicAuth(
                    (self.connection.login or "").encode(), (self.connection.password or "").encode()
                )
            if self._token is None or time.monotonic() >= self._token_ends:
                try:
                    token, lifetime = self.fetch_token()
                except StopRun as refused:
                    self._log_in_refused = refused
                    raise
                # A tenth of the lifetime as a margin, so that the token does not expire in transit.
                self._token, self._token_ends = token, time.monotonic() + 0.9 * lifetime
            return Bearer(self._token)

    def _drop_token(self, refused: AuthBase) -> None:
        """Discard the refused token, unless another thread has renewed it already."""
        with self._lock:
            if isinstance(refused, Bearer) and refused.token == self._token:
                self._token = None


def refuse_plain_http(address: str, conn_id: str | None, setting: str) -> None:
    """Refuse an address without TLS, except on this machine or in its private network.

    :param address: an absolute URL.
    :param setting: the setting that holds it, for the message, e.g. ``"its host"``.
    :raises StopRun: the scheme is not https, and the host is not local or private.
    """
    parts = urlsplit(address)
    if parts.scheme != "https" and not _is_near(parts.hostname or ""):
        raise StopRun(
            f"Connection {conn_id!r} would use {parts.hostname!r} without TLS. Set {setting} to https://… , "
            "then clear the task."
        )


def unified(address: str) -> str:
    """Normalise an absolute URL to host, port unless it is the default one, and path.

    ``https://ERP.example:443/wodis/`` and ``http://erp.example/wodis`` are the same system. The path is case-sensitive.
    """
    parts = urlsplit(address)
    try:
        port = parts.port
    except ValueError:
        port = None  # the first call reports the invalid port
    host = (parts.hostname or "").rstrip(".")
    with suppress(UnicodeError):
        host = host.encode("idna").decode()
    place = f"{host}:{port}" if port not in (None, 80, 443) else host
    return place + parts.path.rstrip("/")


def _is_near(host: str) -> bool:
    """Return whether a host is this machine, a private address, or a name without a dot, as containers have."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host
    return address.is_loopback or address.is_private
