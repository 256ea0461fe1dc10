"""One session and one token for all calls of a task, on top of Airflow's ``HttpHook``.

``HttpHook`` contributes the connection, the base URL, TLS settings and the keep-alive adapter. Its own ways to call are
closed (:data:`SessionHook.run` and the others), since they do what must not happen here:

* ``run()`` makes a session for every call; here a task holds **one**, with a pool of kept-alive connections;
* unknown keys of the connection's extra become HTTP headers, a client secret too; here they stay settings;
* redirects are followed, with the request's body; ``run_and_check()`` and ``check_response()`` log addresses and bodies;
* ``get_hook()`` returns a plain ``HttpHook`` for our connections, whose type is ``http``.
"""

from __future__ import annotations

import ipaddress
import threading
import time
from contextlib import suppress
from functools import cached_property
from typing import Any, ClassVar, NoReturn, Self
from urllib.parse import urlsplit

import requests
from airflow.providers.http.hooks.http import HttpHook
from requests.auth import AuthBase

from letting_sync.errors import StopRun
from letting_sync.http.deadline import DeadlineAdapter
from letting_sync.http.limits import Limits, limits_of


class Bearer(AuthBase):
    """Sets the header on each request; an explicit auth also keeps ``requests`` from reading a ``.netrc``."""

    def __init__(self, token: str | None) -> None:
        self.token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self.token:
            request.headers["Authorization"] = f"Bearer {self.token}"
        return request


def _closed(name: str) -> Any:
    def closed(*_: Any, **__: Any) -> NoReturn:
        raise NotImplementedError(
            f"{name}() of Airflow's HttpHook is closed here: it may log or send what must stay private. Use call()."
        )

    return closed


class SessionHook(HttpHook):
    """The way to a system: where it is, whom it trusts, who we are. The calls are :class:`ApiHook`'s.

    :cvar system: its name, for the person on call.
    :cvar uses_token: whether it logs in by :meth:`fetch_token`; a hook for which it does not overrides :meth:`_auth`.
    :cvar concurrency: calls that may be under way at a time, and connections kept open for them.
    :param http_conn_id: Airflow connection; host, login, password and the extras ``verify`` (path of a CA
        file) and those of :func:`~letting_sync.http.limits.limits_of`.
    :param connection: the connection itself, where it cannot be asked for (in a trigger's thread).
    """

    system: ClassVar[str] = "the system"
    uses_token: ClassVar[bool] = True
    concurrency: ClassVar[int] = 4

    def __init__(self, http_conn_id: str | None = None, *, connection: Any = None) -> None:
        self._adapter = DeadlineAdapter(pool_connections=1, pool_maxsize=self.concurrency, pool_block=True)
        super().__init__(http_conn_id=http_conn_id or self.default_conn_name, adapter=self._adapter)
        self._connection = connection
        self._session: requests.Session | None = None
        self._token: str | None = None
        self._token_ends = 0.0
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
        """Leave the log-in to :meth:`_auth`: ``HttpHook`` would send it as HTTP Basic to every address."""
        del connection
        return session

    def _configure_session_from_extra(
        self, session: requests.Session, connection: Any, extra_options: dict[str, Any]
    ) -> requests.Session:
        """Take the transport settings; do not turn the rest of the extra into headers as ``HttpHook`` does."""
        headers = dict(session.headers)
        session = super()._configure_session_from_extra(session, connection, extra_options)
        session.headers.clear()
        session.headers.update(headers)
        if not session.verify:
            raise StopRun(
                f"Connection {self.http_conn_id!r} switches TLS verification off. Set the extra 'verify' to "
                "the path of the CA file instead."
            )
        return session

    @property
    def connection(self) -> Any:
        """The Airflow connection behind this hook."""
        if self._connection is None:
            self._connection = super().get_connection(self.http_conn_id)
        return self._connection

    def get_connection(self, conn_id: str) -> Any:  # type: ignore[override]  # a class method there
        """The connection handed in, where there is one: a trigger must not ask for it in its thread."""
        del conn_id
        return self.connection

    @property
    def session(self) -> requests.Session:
        """The one session of this task, opened on first use."""
        with self._lock:
            if self._session is None:
                self.limits  # noqa: B018  # refuses wrong ones before anything takes them
                session = super().get_conn()
                # Both, whatever the host's scheme: the log-in may be at an address of the other one.
                session.mount("http://", self._adapter)
                session.mount("https://", self._adapter)
                refuse_plain_http(self.base_url, self.http_conn_id, "its host")
                # Whoever uses the session itself is not led elsewhere either.
                session.get_redirect_target = lambda _: None  # type: ignore[assignment,method-assign]
                self._session = session
                self._session.headers["Accept"] = "application/json"
                self.log.info("talking to %s through connection %r", self.system, self.http_conn_id)
            return self._session

    @property
    def address(self) -> str:
        """The system's address, the same however the connection spells it: without scheme, usual port, last slash."""
        self._set_base_url(self.connection)
        try:
            return unified(self.base_url)
        except ValueError:
            raise StopRun(f"The host of connection {self.http_conn_id!r} is no address.") from None

    def close(self) -> None:
        """Give the connections back."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @cached_property
    def limits(self) -> Limits:
        """How long a request may take and how large its response may be.

        :raises StopRun: the connection's extra says something else than a number.
        """
        return limits_of(self.http_conn_id, self.connection.extra_dejson)

    # --- token --------------------------------------------------------------------------------------------

    @property
    def log_in_settings(self) -> str:
        """What to correct in the connection when its log-in is refused, for the person on call."""
        return "login and password"

    def fetch_token(self) -> tuple[str, float]:
        """Ask the system for a token; returns it with its lifetime in seconds. Each hook says how."""
        raise NotImplementedError

    def _auth(self) -> AuthBase:
        if not self.uses_token:
            raise NotImplementedError
        with self._lock:
            if self._token is None or time.monotonic() >= self._token_ends:
                token, lifetime = self.fetch_token()
                # A tenth of its life as a margin, so that it does not run out on its way.
                self._token, self._token_ends = token, time.monotonic() + 0.9 * lifetime
            return Bearer(self._token)

    def _drop_token(self, refused: AuthBase) -> None:
        """Forget the refused token unless another thread has renewed it already."""
        with self._lock:
            if isinstance(refused, Bearer) and refused.token == self._token:
                self._token = None


def refuse_plain_http(address: str, conn_id: str | None, setting: str) -> None:
    """Passwords and personal data travel in the open only inside a machine or its private network.

    :param address: an absolute address.
    :param setting: where it comes from, e.g. ``"its host"``.
    :raises StopRun: it is not https, and its host is not local or private.
    """
    parts = urlsplit(address)
    if parts.scheme != "https" and not _is_near(parts.hostname or ""):
        raise StopRun(
            f"Connection {conn_id!r} would talk to {parts.hostname!r} without TLS. Give {setting} as https://… , "
            "then clear the task."
        )


def unified(address: str) -> str:
    """Host, port unless it is the usual one, and path of an absolute address: one spelling for all that mean the same.

    ``https://ERP.example:443/wodis/`` and ``http://erp.example/wodis`` are one system; a path is told by its case.
    """
    parts = urlsplit(address)
    try:
        port = parts.port
    except ValueError:
        port = None  # the first call says what is wrong with it
    host = (parts.hostname or "").rstrip(".")
    with suppress(UnicodeError):
        host = host.encode("idna").decode()
    place = f"{host}:{port}" if port not in (None, 80, 443) else host
    return place + parts.path.rstrip("/")


def _is_near(host: str) -> bool:
    """Whether a host is this machine, a private address, or a bare name as containers have it."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host
    return address.is_loopback or address.is_private
