"""Servers that mean no good, over real sockets: slow, endless, compressed."""

from __future__ import annotations

import contextlib
import gzip
import socket
import socketserver
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Behaviour = Callable[[Callable[[bytes], Any]], None]
"""Sends whatever it wants as the answer to one request."""

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n"
MEGABYTE = b" " * 1_000_000


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True

    def __init__(self, behaviour: Behaviour) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behaviour = behaviour
        self.requests = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            while b"\r\n\r\n" not in (data := self.request.recv(65_536)):
                if not data:
                    return
            self.server.requests += 1
            self.server.behaviour(self.request.sendall)
            self.request.shutdown(socket.SHUT_RDWR)


@contextmanager
def hostile(behaviour: Behaviour) -> Iterator[_Server]:
    """A server that behaves like this to each connection, until the block ends."""
    with _Server(behaviour) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def drip(data: bytes, pause: float = 0.02) -> Behaviour:
    """A byte at a time, without end: the last one again and again."""

    def behave(send: Callable[[bytes], Any]) -> None:
        for byte in data:
            send(bytes([byte]))
            time.sleep(pause)
        while True:
            send(data[-1:])
            time.sleep(pause)

    return behave


def endless(start: bytes, piece: bytes) -> Behaviour:
    """As fast as the line allows, without end."""

    def behave(send: Callable[[bytes], Any]) -> None:
        send(start)
        while True:
            send(piece)

    return behave


def whole(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> Behaviour:
    """One ordinary response."""
    head = b"HTTP/1.1 %s\r\nContent-Length: %d\r\n" % (status, len(body))
    return lambda send: send(head + b"".join(header + b"\r\n" for header in headers) + b"\r\n" + body)


def bomb(megabytes: int, layers: int = 1) -> bytes:
    """So many megabytes of blanks, compressed once or several times; a few kilobytes."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = b"".join([packer.compress(MEGABYTE) for _ in range(megabytes)]) + packer.flush()
    for _ in range(layers - 1):
        packed = gzip.compress(packed)
    return packed
