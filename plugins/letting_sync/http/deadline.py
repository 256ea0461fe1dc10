"""A total deadline for a request.

``requests`` only limits each single wait for data, so a server that sends one byte a minute would block a worker for
ever. The deadline is set per thread (:func:`deadline`) and is checked by each read of a response: status line, headers
and body. Connecting and sending are limited by the socket's own timeouts.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from requests_toolbelt.adapters.socket_options import TCPKeepAliveAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

_ends: ContextVar[float | None] = ContextVar("ends", default=None)
_single_try: ContextVar[bool] = ContextVar("single_try", default=False)


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Limit the time for reading responses in this thread; an enclosing deadline that ends earlier stays in force."""
    outer = _ends.get()
    ends = time.monotonic() + seconds
    token = _ends.set(ends if outer is None else min(ends, outer))
    try:
        yield
    finally:
        _ends.reset(token)


@contextmanager
def single_try(seconds: float) -> Iterator[None]:
    """Disable retries of the calls in this thread, except for a refused token, and limit the time of all to ``seconds``."""
    token = _single_try.set(True)
    try:
        with deadline(seconds):
            yield
    finally:
        _single_try.reset(token)


def is_single_try() -> bool:
    """Return whether retries are disabled in this thread."""
    return _single_try.get()


def seconds_left() -> float | None:
    """Return the seconds until this thread's deadline, at least 0; ``None`` if no deadline is set."""
    ends = _ends.get()
    return None if ends is None else max(0.0, ends - time.monotonic())


class _TimedReader(io.RawIOBase):
    """Raw reader of a socket that limits each read to the time left until the deadline."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw, self._sock, self._timeout = raw, sock, sock.gettimeout()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = seconds_left()
        if left is None:
            return self._raw.readinto(buffer)
        if left <= 0:
            raise TimeoutError("the deadline of the request has passed")
        self._sock.settimeout(left if self._timeout is None else min(left, self._timeout))
        try:
            return self._raw.readinto(buffer)
        finally:
            self._sock.settimeout(self._timeout)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_TimedReader(self.fp.detach(), sock))


class _Connection(HTTPConnection):
    response_class = _Response


class _TlsConnection(HTTPSConnection):
    response_class = _Response


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


_POOLS = {"http": _Pool, "https": _TlsPool}


class DeadlineAdapter(TCPKeepAliveAdapter):  # type: ignore[misc]  # untyped
    """Transport adapter with keep-alive whose responses respect the deadline of the thread that reads them."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager
