"""
The layer between the socket and a system's handlers: slots, latency, faults, limit of requests, token, log.

A plain ASGI app. Responses are small, so each is taken completely from the handlers and then sent, complete or broken.

How the connection breaks: ``refuse`` resets it (RST) before the handlers see anything, also where it was kept alive.
``drop_*``, ``timeout_*``, ``late_effect`` and ``cut_body`` end it with FIN. For a port on which nobody listens there is ``System.down()``.
"""

import asyncio
import contextlib
import functools
import re
import zlib
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from include.sandbox.common import Entry, Refused
from include.sandbox.faults import BEFORE, Fault

if TYPE_CHECKING:
    from include.sandbox.core import System

OPEN_PATHS = ("/", "/openapi.json", "/favicon.ico")

LOGIN_PAGE = b"<!doctype html><html><head><title>Anmeldung</title></head><body><form>Bitte melden Sie sich an.</form></body></html>"
GATEWAY_PAGE = (
    b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
)

_BOMB_MEGABYTES = 400


def _bomb() -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    pieces = [packer.compress(b" " * 1_000_000) for _ in range(_BOMB_MEGABYTES)]
    return b"".join([*pieces, packer.flush()])


BOMB = functools.cache(_bomb)
"""A few hundred kilobytes that decompress to 400 MB."""
_COUNT = re.compile(rb'("(?:totalElements|total|gesamt)": ?)(\d+)')


class Reply(NamedTuple):
    """A complete HTTP response."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    @classmethod
    def of(cls, response: Response) -> "Reply":
        return cls(response.status_code, list(response.raw_headers), bytes(response.body))

    def start(self) -> Message:
        return {"type": "http.response.start", "status": self.status, "headers": self.headers}


def response(status: int, media_type: str, body: bytes) -> Reply:
    return Reply.of(Response(body, status, media_type=media_type))


class Edge:
    """Wraps a system's app; ``/_sandbox``, the page and the API description are passed through."""

    def __init__(self, system: "System") -> None:
        self.system = system
        self.active = 0
        self.late: set[asyncio.Task[Reply]] = set()
        """Requests that the system still processes although their connection broke."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] != "http" or path in OPEN_PATHS or path.startswith("/_sandbox"):
            await self.system.app(scope, receive, send)
            return
        noted = False
        connection = self.system.connections.get(tuple(scope.get("client") or ()))

        def note(status: int = 0) -> None:
            """Log the request once, before its response is sent, so that the client finds it in the log."""
            nonlocal noted
            if not noted:
                entry = Entry(scope["method"], unquote(path), status)
                number = connection.number if connection else None
                self.system.requests.add(entry, scope.get("query_string", b"").decode("latin-1"), number)
            noted = True

        async def noting_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                note(message["status"])
                _add_headers(message, self.system.response_headers())
            await send(message)

        self.active += 1
        try:
            await self._handle({**scope, "sandbox.note": note}, receive, noting_send)
        finally:
            self.active -= 1
            note()

    async def _handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _read(receive)
        system, method, path = self.system, scope["method"], scope["path"]
        limit = system.options.max_parallel
        if limit is not None and self.active > limit:
            await _send(send, self._refused("503", path))
            return
        respond_at = asyncio.get_running_loop().time() + system.options.latency_seconds
        fault = system.faults.draw(method, path)
        if fault is not None and fault.kind in BEFORE:
            await _until(respond_at)
            await self._before(fault, scope, receive, send)
            return
        if fault is not None and fault.kind == "late_effect":
            await _until(respond_at)
            self._do_later(fault, scope, receive, body)
            await self._break(scope)
            return
        reply = await self._ask(scope, receive, body, fault)
        await _until(respond_at)
        if fault is None:
            await _send(send, reply)
        else:
            await self._after(fault, reply, scope, receive, send)

    async def _ask(self, scope: Scope, receive: Receive, body: bytes, fault: Fault | None) -> Reply:
        """Pass the request to limit, token, ``strict.py`` and handlers, which find their own faults in the scope."""
        try:
            self.system.spend()
            query = scope.get("query_string", b"").decode("latin-1")
            self.system.admit(scope["method"], scope["path"], query, Headers(scope=scope), body)
        except Refused as refused:
            return Reply.of(self.system.error(refused, scope["path"]))

        messages: list[Message] = []
        given = False

        async def replay() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        async def keep(message: Message) -> None:
            messages.append(message)

        await self.system.app({**scope, "sandbox.fault": fault}, replay, keep)
        start = messages[0]
        content = b"".join(message.get("body", b"") for message in messages[1:])
        return Reply(start["status"], list(start["headers"]), content)

    def _do_later(self, fault: Fault, scope: Scope, receive: Receive, body: bytes) -> None:
        """Process a request long after its connection broke, as if there were a queue in between."""

        async def work() -> Reply:
            await asyncio.sleep(fault.hold_seconds)
            return await self._ask(scope, receive, body, None)

        task = asyncio.create_task(work())
        self.late.add(task)
        task.add_done_callback(self.late.discard)

    def _refused(self, kind: str, path: str, retry_after: int = 1) -> Reply:
        system = self.system
        wait = {"Retry-After": str(retry_after)}
        if kind == "429":
            return Reply.of(system.error(system.limit_reached(retry_after), path))
        if kind == "502":
            return response(502, "text/html", GATEWAY_PAGE)
        if kind == "503":
            return Reply.of(
                system.error(Refused(503, "UNAVAILABLE", "not available for the moment", wait), path)
            )
        if kind == "expired_token":
            return Reply.of(system.error(system.token_refused(), path))
        return Reply.of(system.error(Refused(500, "INTERNAL", "internal error"), path))

    async def _before(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        if fault.kind == "timeout_before":
            await _hold(receive, fault.hold_seconds)
        if fault.kind in ("refuse", "timeout_before", "drop_before"):
            await self._break(scope, hard=fault.kind == "refuse")
            return
        if fault.kind == "error_page":
            await _send(send, response(fault.status, "text/html", GATEWAY_PAGE))
            return
        await _send(send, self._refused(fault.kind, scope["path"], fault.retry_after))

    async def _after(self, fault: Fault, reply: Reply, scope: Scope, receive: Receive, send: Send) -> None:
        match fault.kind:
            case "drop_after":
                await self._break(scope)
            case "timeout_after":
                await _hold(receive, fault.hold_seconds)
                await self._break(scope)
            case "cut_body":
                await send(reply.start())
                half = reply.body[: len(reply.body) // 2]
                await send({"type": "http.response.body", "body": half, "more_body": True})
                await self._break(scope)
            case "slow_drip":
                await _drip(send, reply, fault.drip_seconds)
            case "malformed_json":
                await _send(
                    send, response(200, "application/json", reply.body[: len(reply.body) * 2 // 3] + b",")
                )
            case "html":
                await _send(send, response(200, "text/html", LOGIN_PAGE))
            case "drip" | "endless" | "bomb" | "wrong_count":
                await _twist(fault, reply, send)
            case "500_after":
                await _send(send, self._refused("500", scope["path"]))
            case _:  # a kind of the system's own: its handler has done it
                await _send(send, reply)

    async def _break(self, scope: Scope, hard: bool = False) -> None:
        scope["sandbox.note"]()
        connection = self.system.connections.get(tuple(scope.get("client") or ()))
        if connection is None:  # called in process, without a socket
            raise ConnectionError("the sandbox broke the connection")
        if hard:
            connection.reset()
        else:
            connection.close()
        # Uvicorn has to see that the line is gone before the app returns, or it would try to answer 500.
        for _ in range(3):
            await asyncio.sleep(0)


def _add_headers(message: Message, headers: dict[str, str]) -> None:
    """Add headers to a response that does not have them yet."""
    present = {name.lower() for name, _ in message["headers"]}
    new = [(name.encode(), value.encode()) for name, value in headers.items()]
    message["headers"] = message["headers"] + [pair for pair in new if pair[0].lower() not in present]


async def _until(moment: float) -> None:
    """Wait until a time of the loop's clock, so that the preceding work is part of the wait."""
    if (rest := moment - asyncio.get_running_loop().time()) > 0:
        await asyncio.sleep(rest)


async def _read(receive: Receive) -> bytes:
    parts: list[bytes] = []
    more = True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


async def _hold(receive: Receive, seconds: float) -> None:
    """Send nothing for this time, or until the client disconnects."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(receive(), seconds)


async def _send(send: Send, reply: Reply) -> None:
    await send(reply.start())
    await send({"type": "http.response.body", "body": reply.body})


def _seven_more(count: re.Match[bytes]) -> bytes:
    return count[1] + b"%d" % (int(count[2]) + 7)


async def _go_on(send: Send, reply: Reply, piece: bytes, pause: float, seconds: float) -> None:
    """Send the same data repeatedly until the client disconnects or the time is over."""
    headers = [header for header in reply.headers if header[0].lower() != b"content-length"]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    ends = asyncio.get_running_loop().time() + seconds
    with contextlib.suppress(OSError):
        while asyncio.get_running_loop().time() < ends:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            await asyncio.sleep(pause)
    await send({"type": "http.response.body", "body": b""})


async def _twist(fault: Fault, reply: Reply, send: Send) -> None:
    """Send a different body."""
    match fault.kind:
        case "drip":
            await _go_on(send, reply, b" ", 0.05, fault.hold_seconds)
        case "endless":
            await _go_on(send, reply, b" " * 65_536, 0, fault.hold_seconds)
        case "bomb":
            packed = response(200, "application/json", BOMB())
            await _send(send, packed._replace(headers=[*packed.headers, (b"content-encoding", b"gzip")]))
        case "wrong_count":
            await _send(send, response(reply.status, "application/json", _COUNT.sub(_seven_more, reply.body)))


async def _drip(send: Send, reply: Reply, seconds: float) -> None:
    await send(reply.start())
    size = max(1, -(-len(reply.body) // 20))
    for at in range(0, len(reply.body), size):
        await asyncio.sleep(seconds / 20)
        await send({"type": "http.response.body", "body": reply.body[at : at + size], "more_body": True})
    await send({"type": "http.response.body", "body": b""})
