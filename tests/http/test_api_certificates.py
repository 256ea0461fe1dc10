"""Whom a hook trusts over TLS."""

from __future__ import annotations

import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from api_calls import PERSONAL, printed
from api_server import NOTHING_FOUND, Authority, Server, look_up, sigma_at

from letting_sync.errors import ResponseLost, StopRun, WaitAndRepeat


def test_a_private_ca_is_trusted_where_the_connection_names_its_file(
    serve: Callable[..., Server], authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(NOTHING_FOUND, tls=authority.server())

    assert look_up(sigma_at(server.url, monkeypatch, verify=str(authority.file))) == []
    assert len(server.asked) == 1


def test_the_named_ca_file_counts_whatever_the_worker_is_set_to(
    serve: Callable[..., Server], authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(NOTHING_FOUND, tls=authority.server())
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", ssl.get_default_verify_paths().cafile or "/nowhere.pem")

    assert look_up(sigma_at(server.url, monkeypatch, verify=str(authority.file))) == []


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2"])
def test_a_certificate_that_cannot_be_verified_stops_the_run(
    serve: Callable[..., Server], authority: Authority, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """Of an unknown CA, or of a known one for another address; nothing is sent to such a server."""
    server = serve(NOTHING_FOUND, tls=authority.server(address))
    extra = {} if address == "127.0.0.1" else {"verify": str(authority.file)}

    with pytest.raises(StopRun, match="certificate") as stop:
        look_up(sigma_at(server.url, monkeypatch, **extra))
    assert server.asked == []
    assert not [secret for secret in PERSONAL if secret in printed(stop.value)]


@pytest.mark.parametrize("off", [False, None, ""])
def test_verification_cannot_be_switched_off(
    serve: Callable[..., Server], authority: Authority, monkeypatch: pytest.MonkeyPatch, off: Any
) -> None:
    server = serve(NOTHING_FOUND, tls=authority.server())

    with pytest.raises(StopRun, match="verify"):
        look_up(sigma_at(server.url, monkeypatch, verify=off))
    assert server.asked == []


def test_a_ca_file_that_is_not_there_stops_the_run_and_says_so(
    serve: Callable[..., Server], authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(NOTHING_FOUND, tls=authority.server())

    with pytest.raises(StopRun, match="verify"):
        look_up(sigma_at(server.url, monkeypatch, verify="/nowhere/ca.pem"))


@pytest.fixture
def broken_tls(authority: Authority) -> Iterator[Callable[[bool], tuple[str, list[bytes]]]]:
    """A TLS server that breaks the line with rubbish: in the handshake, or where its answer should be."""
    listener = socket.create_server(("127.0.0.1", 0))
    received: list[bytes] = []
    context = authority.server()

    def start(in_handshake: bool) -> tuple[str, list[bytes]]:
        def work() -> None:
            while True:
                try:
                    line, _ = listener.accept()
                except OSError:
                    return
                if in_handshake:
                    line.recv(100)
                    line.close()
                    continue
                secure = context.wrap_socket(line, server_side=True)
                received.append(secure.recv(65536))
                os.write(secure.fileno(), b"\x17\x03\x03\x00\x20" + b"rubbish" * 5)
                secure.close()

        threading.Thread(target=work, daemon=True).start()
        return f"https://127.0.0.1:{listener.getsockname()[1]}", received

    yield start
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def test_a_line_that_breaks_in_the_handshake_is_tried_again(
    broken_tls: Callable[..., Any], authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A load balancer that is being restarted is no wrong certificate."""
    url, _ = broken_tls(in_handshake=True)

    with pytest.raises(WaitAndRepeat):
        look_up(sigma_at(url, monkeypatch, verify=str(authority.file)))


def test_a_line_that_breaks_behind_an_import_leaves_a_doubt(
    broken_tls: Callable[..., Any], authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request has arrived: who took this for a wrong certificate would send it again."""
    url, received = broken_tls(in_handshake=False)

    with pytest.raises(ResponseLost):
        sigma_at(url, monkeypatch, verify=str(authority.file)).start_import("Immomio")
    assert len(received) == 1
