"""
Base of the four systems: options, log of requests, tokens, limit of requests, errors, and the HTTP server.

A single ``lock`` protects all state of a system. Handlers hold it briefly and never while they wait.
"""

import asyncio
import math
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import uvicorn
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from include.sandbox.common import Options, Refused, RequestLog, Tokens
from include.sandbox.control import Control
from include.sandbox.edge import Edge
from include.sandbox.faults import Faults
from include.sandbox.strict import NotNamed, Operation, add_unsupported_media_type, operations

HOST = "127.0.0.1"


class Connection(NamedTuple):
    """One TCP connection to a system, so that a fault can break it."""

    number: int
    transport: asyncio.Transport

    def close(self) -> None:
        """Send what was written, then end the connection (FIN)."""
        self.transport.close()

    def reset(self) -> None:
        """Break the connection at once (RST): the client reads "connection reset"."""
        sock = self.transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


class System:
    """One simulated system: its state, its HTTP app and its server."""

    name = ""
    host = HOST
    login = ""
    password = ""
    token_path: str | None = None
    other_token_paths: tuple[str, ...] = ()
    scheme = "bearer"
    malformed = (400, "MALFORMED")
    special_faults: Mapping[str, tuple[str, str]] = {}

    def __init__(self, options: Options) -> None:
        self.lock = threading.RLock()
        self.options = options
        self.requests = RequestLog()
        self.faults = Faults(self.special_faults, token_paths=self.token_paths)
        self.tokens = Tokens()
        self.app = FastAPI(
            title=f"Sandbox: {self.name}",
            version="1",
            docs_url=None,
            redoc_url=None,
            redirect_slashes=False,
        )
        # Tests may replace the app; the API description stays that of the contract.
        self._api = self.app
        self.asgi = Edge(self)
        self.port = 0
        self.connections: dict[Any, Connection] = {}
        self._connection_count = 0
        self._window: deque[float] = deque()
        self._operations: list[Operation] | None = None
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.world: Any = None
        self._wire_errors()
        self.app.include_router(Control(self).router)
        self.app.openapi = self._openapi  # type: ignore[method-assign]  # FastAPI's documented way

    # --- what a system says about itself -------------------------------------------------------------------

    @property
    def token_paths(self) -> tuple[str, ...]:
        """Paths at which a token is fetched, so requests to them have none."""
        return (*([self.token_path] if self.token_path else []), *self.other_token_paths)

    def clear(self) -> None:
        """Forget all records, tokens, requests and faults; options stay."""
        with self.lock:
            self.tokens.expire_all()
            self._window.clear()
            self.requests.clear()
            self.faults.clear()
            self.clear_records()

    def reset(self) -> None:
        """Restore the world that the system was started with, or empty it."""
        with self.lock:
            self.clear()
            if self.world is not None:
                self.load(self.world)

    def clear_records(self) -> None:
        raise NotImplementedError

    def load(self, world: Any) -> None:
        """Store this system's part of a generated world."""
        raise NotImplementedError

    def counts(self) -> dict[str, Any]:
        """Return the response of ``GET /_sandbox/state``."""
        raise NotImplementedError

    def actions(self) -> dict[str, Callable[..., Any]]:
        """Return people's actions in this system by name, for ``POST /_sandbox/actions``."""
        return {}

    def error(self, refused: Refused, path: str) -> Response:
        """Return an error in the form of the contract."""
        raise NotImplementedError

    def admit(self, method: str, path: str, query: str, headers: Headers, body: bytes) -> None:
        """Raise :class:`Refused` unless token and request conform to the contract; fields are checked later."""
        given = headers.getlist("authorization")
        foreign = bool(given) and given[0].partition(" ")[0].lower() != self.scheme
        if len(given) > 1 or (path == self.token_path and foreign):
            raise self.token_refused()
        if path not in self.token_paths:
            self.authorise(headers)
        if self._operations is None:
            self._operations = operations(self._api.openapi())
        for operation in self._operations:
            if operation.method == method and operation.path.match(path):
                try:
                    operation.check(query, headers, body)
                except NotNamed as error:
                    code = self.malformed[1] if error.status == 400 else "UNSUPPORTED_MEDIA_TYPE"
                    raise Refused(error.status, code, error.text) from None

    def authorise(self, headers: Mapping[str, str]) -> None:
        """Raise :class:`Refused` unless the request has a valid token."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() != self.scheme or not self.tokens.good(token):
            raise self.token_refused()

    def token_refused(self) -> Refused:
        return Refused(401, "UNAUTHORIZED", "token is missing, wrong or expired")

    def limit_reached(self, seconds: int) -> Refused:
        return Refused(429, "TOO_MANY_REQUESTS", "limit reached", {"Retry-After": str(seconds)})

    def response_headers(self) -> dict[str, str]:
        """Return the headers of every response."""
        return {}

    # --- the limit -----------------------------------------------------------------------------------------

    def limit_state(self) -> tuple[int, int]:
        """Return the remaining requests of the window, and whole seconds until one more is allowed."""
        limit, window, moment = self.options.per_minute, self.options.limit_window_seconds, time.monotonic()
        while self._window and self._window[0] <= moment - window:
            self._window.popleft()
        left = 0 if limit is None else max(0, limit - len(self._window))
        wait = self._window[0] + window - moment if self._window else 0
        return left, max(1, math.ceil(wait))

    def spend(self) -> None:
        """Count a request against the limit, or reject it; rejected requests do not count."""
        with self.lock:
            left, seconds = self.limit_state()
            if self.options.per_minute is not None and left == 0:
                raise self.limit_reached(seconds)
            self._window.append(time.monotonic())

    # --- errors of the framework in the contract's shape ---------------------------------------------------

    def _wire_errors(self) -> None:
        @self.app.exception_handler(Refused)
        async def refused(request: Request, exc: Refused) -> Response:
            return self.error(exc, request.url.path)

        @self.app.exception_handler(RequestValidationError)
        async def malformed(request: Request, exc: RequestValidationError) -> Response:
            # The place and the kind of the error, never the value, since the text may be logged.
            first = exc.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            return self.error(Refused(*self.malformed, f"{where}: {first['msg']}"), request.url.path)

        @self.app.exception_handler(HTTPException)
        async def http_error(request: Request, exc: HTTPException) -> Response:
            codes = {400: self.malformed[1], 404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}
            code = codes.get(exc.status_code, "ERROR")
            return self.error(Refused(exc.status_code, code, str(exc.detail), exc.headers), request.url.path)

    def _openapi(self) -> dict[str, Any]:
        """Return the app's description without the framework's 422, which is in no contract."""
        if self._api.openapi_schema is None:
            schema = FastAPI.openapi(self._api)
            for operations in schema["paths"].values():
                for operation in operations.values():
                    if operation["responses"].get("422", {}).get("description") == "Validation Error":
                        del operation["responses"]["422"]
            add_unsupported_media_type(schema)
            self._api.openapi_schema = schema
        return self._api.openapi_schema

    # --- the server ----------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def connection(self) -> dict[str, Any]:
        """This system as an Airflow connection in its JSON form."""
        return {
            "conn_type": "http",
            "host": self.url,
            "login": self.login,
            "password": self.password,
            "extra": self.connection_extra(),
        }

    def connection_extra(self) -> dict[str, Any]:
        return {}

    def start(self, port: int = 0) -> None:
        """Serve on a port of ``host`` (0: a free one) in a thread of its own."""
        # The protocol is named so that asyncio switches Nagle off: else each answer waits 40 ms for an ACK.
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((self.host, port))
        except OSError:
            sock.close()
            raise
        self.port = sock.getsockname()[1]
        config = uvicorn.Config(
            self.asgi,
            http=self._protocol(),
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            timeout_keep_alive=60,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [sock]}, name=f"sandbox-{self.name}", daemon=True
        )
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(0.002)

    def ask_to_stop(self) -> None:
        """Begin to stop; ``stop`` waits for the end. Two steps, so that four servers can stop at the same time."""
        if self._server is not None:
            self._server.should_exit = self._server.force_exit = True
            if self._loop is not None and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._end_connections)

    def stop(self) -> None:
        self.ask_to_stop()
        if self._thread is not None:
            self._thread.join(timeout=5)
        self._server = self._thread = self._loop = None
        self.connections.clear()

    @contextmanager
    def down(self) -> Iterator[None]:
        """Close the port for a while, so that connections are refused. The state is kept."""
        self.stop()
        try:
            yield
        finally:
            self.start(self.port)

    def _end_connections(self) -> None:
        for connection in list(self.connections.values()):
            connection.transport.abort()

    def _protocol(self) -> type[asyncio.Protocol]:
        """Uvicorn's protocol, with a note of each connection so that a fault can break it."""
        system = self

        class Watched(AutoHTTPProtocol):  # type: ignore[misc, valid-type]  # chosen when uvicorn is loaded
            def connection_made(self, transport: asyncio.Transport) -> None:
                super().connection_made(transport)
                system._loop = self.loop
                system._connection_count += 1
                system.connections[tuple(self.client)] = Connection(system._connection_count, transport)

            def connection_lost(self, exc: Exception | None) -> None:
                system.connections.pop(tuple(self.client), None)
                super().connection_lost(exc)

        return Watched
