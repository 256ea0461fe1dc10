"""No response holds a worker for longer, or fills more memory, than the connection allows."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator

import pytest
from api_server import look_up, sigma_at
from hostile_server import CHUNKED, MEGABYTE, OK, Behaviour, bomb, drip, endless, hostile, whole

from letting_sync.errors import ResponseLost, StopRun, WaitAndRepeat
from letting_sync.http import retry

MOST_MEMORY = 150 * 1024
"""Kilobytes by which the process may grow; each of these responses would be some hundred megabytes or more."""


@pytest.fixture(autouse=True)
def two_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FAILURES_IN_A_ROW", 2)


@pytest.fixture
def little_memory() -> Iterator[None]:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_MEMORY


DRIPS = {
    "status": drip(b"H"),
    "headers": drip(OK + b"X-Slow: "),
    "body": drip(OK + b"Content-Length: 1000000\r\n\r\n "),
    "chunks": drip(CHUNKED + b"\r\n1\r\n \r\n1"),
    "no length": drip(OK + b"\r\n "),
}


@pytest.mark.parametrize("name", DRIPS)
def test_a_response_that_drips_ends_at_the_deadline(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Each byte comes in time, so the time to wait for data never passes; the request's deadline does."""
    with hostile(DRIPS[name]) as server:
        hook = sigma_at(server.url, monkeypatch, timeout=5, total_timeout=0.3)
        began = time.monotonic()
        with pytest.raises(WaitAndRepeat, match="no response"):
            look_up(hook)

        assert server.requests == 2
        assert time.monotonic() - began < 5


def test_what_was_sent_to_a_server_that_drips_is_a_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    with hostile(DRIPS["headers"]) as server:
        hook = sigma_at(server.url, monkeypatch, total_timeout=0.2)
        with pytest.raises(ResponseLost):
            hook.deliver("Immomio", [{}])

        assert server.requests == 1


TOO_LARGE = {
    "endless chunks": endless(CHUNKED + b"\r\n", b"%x\r\n%s\r\n" % (len(MEGABYTE), MEGABYTE)),
    "endless without length": endless(OK + b"\r\n", MEGABYTE),
    "a length of terabytes": endless(OK + b"Content-Length: 9999999999999\r\n\r\n", MEGABYTE),
    "a length without end": endless(OK + b"Content-Length: " + b"9" * 50 + b"\r\n\r\n", MEGABYTE),
    "gzip": whole(bomb(500), b"Content-Encoding: gzip"),
    "gzip in gzip": whole(bomb(500, layers=2), b"Content-Encoding: gzip, gzip"),
}


@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize("name", TOO_LARGE)
def test_a_response_above_the_limit_is_not_read_to_its_end(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with hostile(TOO_LARGE[name]) as server:
        with pytest.raises(WaitAndRepeat, match="larger than the 2 MB allowed"):
            look_up(sigma_at(server.url, monkeypatch, max_response_mb=2))

        assert server.requests == 2


ENDLESS = {
    "headers": endless(OK, b"X-More: and more\r\n"),
    "one header": endless(OK + b"X-Long: ", MEGABYTE),
    "status lines": endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a chunk's length": endless(CHUNKED + b"\r\n", b"0" * 1_000_000),
    "trailers": endless(CHUNKED + b"\r\n0\r\n", b"X-More: and more\r\n"),
}


@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize("name", ENDLESS)
def test_what_goes_on_without_a_body_ends_too(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    with hostile(ENDLESS[name]) as server, pytest.raises(WaitAndRepeat):
        look_up(sigma_at(server.url, monkeypatch, total_timeout=0.5))


def test_a_large_response_within_the_limit_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    body = b'{"angebote": [], "gesamt": 0}' + MEGABYTE * 3
    with hostile(whole(body)) as server:
        assert look_up(sigma_at(server.url, monkeypatch, max_response_mb=4)) == []


@pytest.mark.parametrize(("status", "error"), [(b"404 Not Found", StopRun), (b"503 Later", WaitAndRepeat)])
def test_an_error_page_without_end_is_judged_by_its_status(
    monkeypatch: pytest.MonkeyPatch, status: bytes, error: type[Exception]
) -> None:
    page: Behaviour = endless(b"HTTP/1.1 " + status + b"\r\n\r\n", MEGABYTE)
    with hostile(page) as server, pytest.raises(error):
        look_up(sigma_at(server.url, monkeypatch, max_response_mb=2))


@pytest.mark.parametrize("body", [b"[" * 1_000_000, b'{"angebote": ' + b"[" * 90_000 + b"]" * 90_000 + b"}"])
def test_a_body_nested_without_end_is_an_error_and_no_crash(
    monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    with hostile(whole(body)) as server, pytest.raises(WaitAndRepeat, match=r"not JSON|nested too deeply"):
        look_up(sigma_at(server.url, monkeypatch))
