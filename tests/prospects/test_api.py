"""The base of all hooks, through the hooks of both ERPs and over real HTTP."""

from __future__ import annotations

import json
import logging
import os
import socket
import ssl
import threading
import time
import traceback
from base64 import b64decode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import tenacity
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from include.prospects import api_patience, api_session
from include.prospects.errors import AnswerLost, StopRun, WaitAndRepeat
from include.sandbox.sigma import Sigma, SigmaOptions
from include.sandbox.yuneo import Yuneo, YuneoOptions
from sigma.hook import SigmaHook
from yuneo.hook import YuneoHook

IMPORT = "/api/v1/prospect-imports"
OFFERS = "/api/v1/offers"
TOKEN = "/connect/token"
UNIT = "1/2/3/4"
SIGMAS_UNIT = "1.2.3.4"
ANNA = {
    "externalId": "anna-1",
    "unitNumber": UNIT,
    "firstName": "Annegret",
    "lastName": "Geheimrat",
    "email": "annegret@geheim.example",
    "message": "Meine Geheimnummer",
}
PERSONAL = ("Annegret", "eheim", "anna-1", UNIT, "1%2F2", SIGMAS_UNIT)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two tries on a broken line; what a system asks for is waited in full."""
    monkeypatch.setattr(api_patience, "BACKOFF", tenacity.wait_fixed(0.005))


@pytest.fixture(scope="module")
def _running_yuneo() -> Iterator[Yuneo]:
    system = Yuneo()
    system.start()
    yield system
    system.stop()


@pytest.fixture(scope="module")
def _running_sigma() -> Iterator[Sigma]:
    system = Sigma()
    system.start()
    yield system
    system.stop()


@pytest.fixture
def yuneo(_running_yuneo: Yuneo, monkeypatch: pytest.MonkeyPatch) -> Yuneo:
    """A Yuneo with one unit and without trouble; an answer is waited for a second."""
    _running_yuneo.clear()
    _running_yuneo.options = YuneoOptions(per_minute=None, work_order_seconds=0)
    _running_yuneo.add_unit(UNIT)
    connect(monkeypatch, _running_yuneo, extra={"timeout": 1})
    return _running_yuneo


@pytest.fixture
def sigma(_running_sigma: Sigma, monkeypatch: pytest.MonkeyPatch) -> Sigma:
    _running_sigma.clear()
    _running_sigma.options = SigmaOptions(run_seconds=0)
    connect(monkeypatch, _running_sigma, extra={"timeout": 1})
    return _running_sigma


def connect(monkeypatch: pytest.MonkeyPatch, system: Any, **changes: Any) -> None:
    """Let Airflow's connection point to a system, perhaps with something wrong in it."""
    monkeypatch.setenv(f"AIRFLOW_CONN_{system.name.upper()}", json.dumps(system.connection() | changes))


@pytest.fixture
def hook(yuneo: Yuneo) -> Iterator[YuneoHook]:
    with YuneoHook() as hook:
        yield hook


def read(hook: YuneoHook) -> list[dict[str, Any]]:
    """A call that may be repeated."""
    return list(hook.offers_on_unit(UNIT))


def send(hook: YuneoHook) -> str:
    """A call that must not be repeated on a doubt."""
    return hook.import_prospects("Immomio", [ANNA])


# --- connections -------------------------------------------------------------------------------------------


def test_many_calls_share_one_connection(yuneo: Yuneo, hook: YuneoHook) -> None:
    for _ in range(20):
        read(hook)

    assert yuneo.requests.count("GET", OFFERS) == 20
    assert yuneo.requests.connections == 1


def test_calls_at_a_time_are_bounded_by_the_pool(yuneo: Yuneo) -> None:
    """Twelve calls that each take a while go over the three connections that the hook may have."""
    yuneo.options.latency_seconds = 0.02
    with YuneoHook(concurrency=3) as hook:
        list(hook.concurrently(lambda _: read(hook), range(12)))

    assert yuneo.requests.count("GET", OFFERS) == 12
    assert yuneo.requests.connections == 3


def test_results_of_calls_at_a_time_come_in_order(yuneo: Yuneo, hook: YuneoHook) -> None:
    yuneo.options.latency_seconds = 0.005

    assert list(hook.concurrently(lambda n: (read(hook), n)[1], range(10))) == list(range(10))


# --- token -------------------------------------------------------------------------------------------------


def test_the_token_is_fetched_once_even_if_all_threads_need_it_first(yuneo: Yuneo, hook: YuneoHook) -> None:
    yuneo.options.latency_seconds = 0.02
    list(hook.concurrently(lambda _: read(hook), range(8)))

    assert yuneo.requests.count("POST", TOKEN) == 1


def test_a_token_that_runs_out_under_several_calls_is_renewed_once(yuneo: Yuneo, hook: YuneoHook) -> None:
    """All four calls are refused with the same old token; they go on with one new one."""
    read(hook)
    yuneo.tokens.expire_all()
    yuneo.options.latency_seconds = 0.05
    list(hook.concurrently(lambda _: read(hook), range(4)))

    assert yuneo.requests.count(status=401) == 4
    assert yuneo.requests.count("POST", TOKEN) == 2


@pytest.mark.parametrize(("seconds_later", "tokens"), [(3200, 1), (3300, 2)])
def test_a_token_is_renewed_shortly_before_its_end(
    yuneo: Yuneo, hook: YuneoHook, monkeypatch: pytest.MonkeyPatch, seconds_later: int, tokens: int
) -> None:
    """It lives for 3600 seconds; nothing is refused on the way."""
    read(hook)
    later = SimpleNamespace(monotonic=lambda: time.monotonic() + seconds_later, sleep=time.sleep)
    monkeypatch.setattr(api_session, "time", later)
    read(hook)

    assert yuneo.requests.count("POST", TOKEN) == tokens
    assert yuneo.requests.count(status=401) == 0


def test_an_import_that_met_an_old_token_is_sent_again(yuneo: Yuneo, hook: YuneoHook) -> None:
    """A refused token is no doubt: nothing was taken."""
    read(hook)
    yuneo.tokens.expire_all()
    send(hook)

    assert len(yuneo.work_orders) == 1


def test_a_fresh_token_that_is_refused_again_and_again_stops_the_run(yuneo: Yuneo, hook: YuneoHook) -> None:
    yuneo.faults.set(1, ["expired_token"], path=OFFERS)

    with pytest.raises(StopRun, match="log-in of connection 'yuneo'"):
        read(hook)
    assert yuneo.requests.count("POST", TOKEN) < 10


def test_wrong_client_credentials_stop_the_run_at_the_first_call(
    yuneo: Yuneo, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, yuneo, password="wrong-secret")

    with pytest.raises(StopRun, match="log-in of connection 'yuneo'") as stop:
        send(YuneoHook())
    assert [entry.path for entry in yuneo.requests] == [TOKEN]
    assert "wrong-secret" not in printed(stop.value)


def test_a_wrong_password_stops_the_run_at_the_first_call(
    sigma: Sigma, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, sigma, password="wrong-secret")

    with pytest.raises(StopRun, match="log-in"):
        SigmaHook().latest_import("Immomio")
    assert len(sigma.requests) == 1


def test_a_token_answer_without_a_token_stops_the_run(
    yuneo: Yuneo, serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve((200, {"token": "under another name"}))
    connect(monkeypatch, yuneo, host=server.url)

    with pytest.raises(StopRun, match="access_token"):
        read(YuneoHook())


def test_an_import_whose_answer_lacks_the_work_order_leaves_a_doubt(
    yuneo: Yuneo, serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was taken; it must be looked up and not be sent again."""
    server = serve((202, {"access_token": "token", "expires_in": 3600, "workOrderId": None}))
    connect(monkeypatch, yuneo, host=server.url)

    with pytest.raises(AnswerLost, match="workOrderId"):
        send(YuneoHook())
    assert [path for path, _ in server.asked] == [TOKEN, IMPORT]


# --- limits ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["429", "503"])
@pytest.mark.parametrize("call", [read, send])
def test_the_wait_that_a_system_asks_for_is_waited_and_counted(
    yuneo: Yuneo, hook: YuneoHook, kind: str, call: Callable[[YuneoHook], Any]
) -> None:
    """Also where a call must not be repeated on a doubt: a system that says "later" has done nothing."""
    yuneo.faults.once(kind, path="/api/*", times=2, retry_after=0.1)
    began = time.monotonic()
    call(hook)

    assert time.monotonic() - began >= 0.2
    assert hook.seconds_waited_for_limits == pytest.approx(0.2)
    assert len(yuneo.work_orders) == (call is send)


def test_a_retry_after_may_be_a_date(yuneo: Yuneo, hook: YuneoHook) -> None:
    a_moment_ago = (datetime.now(UTC) - timedelta(seconds=5)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    yuneo.faults.once("503", path=IMPORT, retry_after=a_moment_ago)
    send(hook)

    assert len(yuneo.work_orders) == 1


def test_a_wait_of_an_hour_is_left_to_airflow(yuneo: Yuneo, hook: YuneoHook) -> None:
    """No worker slot is held for it."""
    yuneo.faults.once("503", path=OFFERS, times=2, retry_after=3600)

    with pytest.raises(WaitAndRepeat, match="not available"):
        read(hook)
    assert yuneo.requests.count("GET", OFFERS) == 1


def test_a_limit_that_always_says_now_does_not_go_on_for_ever(
    yuneo: Yuneo, hook: YuneoHook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_patience, "LONGEST_WAITS_TOGETHER", 20.0)
    yuneo.faults.once("429", path=OFFERS, times=1000, retry_after=0)

    with pytest.raises(WaitAndRepeat, match="limit"):
        read(hook)


# --- broken lines and answers ------------------------------------------------------------------------------

BROKEN_BEFORE = ["500", "502", "drop_before", "refuse", "timeout_before"]
BROKEN_AFTER = ["500_after", "drop_after", "cut_body", "malformed_json", "html", "timeout_after"]


def impatient(monkeypatch: pytest.MonkeyPatch, yuneo: Yuneo) -> None:
    connect(monkeypatch, yuneo, extra={"timeout": 0.15})


@pytest.mark.parametrize("kind", BROKEN_BEFORE + BROKEN_AFTER)
def test_a_call_that_may_be_repeated_is(yuneo: Yuneo, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    impatient(monkeypatch, yuneo)
    partner = yuneo.add_business_partner(first_name="A", last_name="B").number
    offer = yuneo.add_offer("x", UNIT, partner)
    yuneo.faults.once(kind, path=OFFERS, times=2, hold_seconds=5)
    with YuneoHook() as hook:
        assert [found["id"] for found in read(hook)] == [offer.id]


@pytest.mark.parametrize("kind", ["500", "drop_before"])
def test_a_system_that_keeps_failing_is_left_to_airflow(yuneo: Yuneo, hook: YuneoHook, kind: str) -> None:
    yuneo.faults.set(1, [kind], path=OFFERS)

    with pytest.raises(WaitAndRepeat, match="Nothing is lost") as failure:
        read(hook)
    assert not isinstance(failure.value, AnswerLost)
    assert yuneo.requests.count("GET", OFFERS) == api_patience.FAILURES_IN_A_ROW


@pytest.mark.parametrize("kind", BROKEN_AFTER)
def test_an_import_whose_answer_is_lost_is_not_sent_again(
    yuneo: Yuneo, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """It has taken effect, once; only reading back can tell."""
    impatient(monkeypatch, yuneo)
    yuneo.faults.once(kind, path=IMPORT, hold_seconds=5)
    with YuneoHook() as hook, pytest.raises(AnswerLost, match="may have taken effect"):
        send(hook)

    assert len(yuneo.work_orders) == 1
    assert len(yuneo.offers) == 1


@pytest.mark.parametrize("kind", BROKEN_BEFORE)
def test_an_import_that_may_have_arrived_is_not_sent_again(
    yuneo: Yuneo, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """It has not, but nobody here can know that."""
    impatient(monkeypatch, yuneo)
    yuneo.faults.once(kind, path=IMPORT, hold_seconds=5)
    with YuneoHook() as hook, pytest.raises(AnswerLost):
        send(hook)

    assert yuneo.work_orders == []


def test_a_503_that_names_no_time_is_a_doubt(yuneo: Yuneo, hook: YuneoHook) -> None:
    """It may come from whatever stands in front of the system, after the system has done its work."""
    yuneo.faults.once("503", path=IMPORT, retry_after="soon")

    with pytest.raises(AnswerLost):
        send(hook)


def test_an_import_that_found_nobody_listening_was_surely_not_taken(yuneo: Yuneo, hook: YuneoHook) -> None:
    """Nothing was sent, so it is tried several times and then left to Airflow; afterwards it goes through."""
    read(hook)
    calls = hook.calls
    with yuneo.down(), pytest.raises(WaitAndRepeat) as failure:
        send(hook)

    assert not isinstance(failure.value, AnswerLost)
    assert hook.calls - calls == api_patience.FAILURES_IN_A_ROW
    send(hook)
    assert len(yuneo.work_orders) == 1


def test_a_token_that_cannot_be_fetched_leaves_no_doubt_about_the_import(
    yuneo: Yuneo, hook: YuneoHook
) -> None:
    yuneo.faults.set(1, ["drop_after"], path=TOKEN)

    with pytest.raises(WaitAndRepeat) as failure:
        send(hook)
    assert not isinstance(failure.value, AnswerLost)


# --- a server that answers as it is told -------------------------------------------------------------------


class Server(ThreadingHTTPServer):
    """Gives each request the same answer and keeps what was asked."""

    daemon_threads = True

    def __init__(self, status: int, body: Any, headers: dict[str, str]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status, self.headers = status, headers
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.scheme = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A handshake that a client breaks off is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append((self.path, dict(self.headers)))
        self.send_response(self.server.status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    do_GET = do_POST = do_PUT = answer

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Start a server that gives ``(status, body, headers)`` to each request, over TLS if asked."""
    running: list[tuple[Server, threading.Thread]] = []

    def serve(answer: tuple[Any, ...], tls: ssl.SSLContext | None = None) -> Server:
        status, body, headers = (*answer, {})[:3]
        server = Server(status, body, headers)
        if tls:
            server.scheme = "https"
            server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        running.append((server, thread))
        return server

    yield serve
    for server, thread in running:
        server.shutdown()
        server.server_close()
        thread.join()


NOTHING_FOUND = (200, {"angebote": [], "gesamt": 0})


def sigma_at(url: str, monkeypatch: pytest.MonkeyPatch, **extra: Any) -> SigmaHook:
    connection = {
        "conn_type": "http",
        "host": url,
        "login": "user",
        "password": "secret-word",
        "extra": extra,
    }
    monkeypatch.setenv("AIRFLOW_CONN_SIGMA", json.dumps(connection))
    return SigmaHook()


def look_up(hook: SigmaHook) -> list[dict[str, Any]]:
    return list(hook.offers_on_unit(SIGMAS_UNIT))


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """The log-in and a person's data go to the address in the connection and nowhere else."""
    elsewhere = serve(NOTHING_FOUND)
    server = serve((status, {}, {"Location": f"{elsewhere.url}/"}))

    with pytest.raises(StopRun):
        look_up(sigma_at(server.url, monkeypatch))
    assert elsewhere.asked == []


def test_the_extra_of_a_connection_never_becomes_a_header(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(NOTHING_FOUND)
    look_up(sigma_at(server.url, monkeypatch, client_secret="hidden", settle_seconds=5, timeout=3))

    ((_, headers),) = server.asked
    assert "hidden" not in str(headers)
    assert {"client_secret", "settle_seconds", "timeout"}.isdisjoint(headers)


def test_a_netrc_on_the_worker_does_not_replace_the_log_in(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login other password other\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    server = serve(NOTHING_FOUND)
    look_up(sigma_at(server.url, monkeypatch))
    (tmp_path / "netrc").unlink()
    look_up(sigma_at(server.url, monkeypatch))

    assert server.asked[0][1]["Authorization"] == server.asked[1][1]["Authorization"]


def test_a_password_may_hold_any_character(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes out as UTF-8, which also has what Latin-1 lacks."""
    server = serve(NOTHING_FOUND)
    connection = {"conn_type": "http", "host": server.url, "login": "Jürgen", "password": "fünf€ł"}
    monkeypatch.setenv("AIRFLOW_CONN_SIGMA", json.dumps(connection))
    look_up(SigmaHook())

    ((_, headers),) = server.asked
    assert b64decode(headers["Authorization"].removeprefix("Basic ")).decode() == "Jürgen:fünf€ł"


@pytest.mark.parametrize("host", ["http://", "ftp://127.0.0.1", "http://exa mple"])
def test_a_host_that_is_no_address_stops_the_run(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    with pytest.raises(StopRun, match="host"):
        look_up(sigma_at(host, monkeypatch))


# --- certificates ------------------------------------------------------------------------------------------


class Authority:
    """A private certificate authority, as a customer has one for Sigma."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Private CA")])
        certificate = self._builder(self.name, self.key).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        certificate = certificate.add_extension(usage, critical=True)
        self.file = folder / "ca.pem"
        signed = certificate.sign(self.key, hashes.SHA256())
        self.file.write_bytes(signed.public_bytes(serialization.Encoding.PEM))

    def _builder(self, subject: x509.Name, key: Any) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False
            )
        )

    def server(self, address: str = "127.0.0.1") -> ssl.SSLContext:
        """What a server at that address needs to speak TLS."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))])
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sigma")])
        certificate = self._builder(subject, key).add_extension(names, critical=False)
        path = self.folder / f"{address}.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


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

    with pytest.raises(AnswerLost):
        sigma_at(url, monkeypatch, verify=str(authority.file)).start_import("Immomio")
    assert len(received) == 1


# --- nothing personal --------------------------------------------------------------------------------------


def printed(error: BaseException) -> str:
    """What a log shows of an error, with all that a traceback prints before it."""
    return str(error) + "".join(traceback.format_exception(error))


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """All that any logger says at INFO, and ours at DEBUG; Airflow's own write past the root logger."""
    caplog.set_level(logging.INFO)
    for name in ("include", "yuneo", "sigma", "airflow.task.hooks"):
        caplog.set_level(logging.DEBUG, name)
    return lambda: caplog.text + "".join(capfd.readouterr())


CALLS: dict[str, Callable[[YuneoHook], Any]] = {
    "import": send,
    "unit": read,
    "ids": lambda hook: list(hook.offers([ANNA["externalId"]])),
    "e-mails": lambda hook: list(hook.business_partners_by_email([ANNA["email"]])),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "kind", ["drop_before", "drop_after", "cut_body", "malformed_json", "html", "500_after", "timeout_before"]
)
def test_trouble_tells_nobodys_data(
    yuneo: Yuneo, monkeypatch: pytest.MonkeyPatch, told: Callable[[], str], kind: str, call: str
) -> None:
    """An exception of ``requests`` carries the address with its query, and one of ``json`` the whole body."""
    connect(monkeypatch, yuneo, extra={"timeout": 0.05})
    number = yuneo.add_business_partner(
        first_name=ANNA["firstName"], last_name=ANNA["lastName"], email=ANNA["email"]
    ).number
    yuneo.add_offer(ANNA["externalId"], UNIT, number)
    yuneo.faults.set(1, [kind], path="/api/*", hold_seconds=5)
    with YuneoHook() as hook, pytest.raises(WaitAndRepeat) as failure:
        CALLS[call](hook)

    text = printed(failure.value) + told()
    assert "Wodis Yuneo" in text
    assert not [secret for secret in (*PERSONAL, yuneo.password) if secret in text]


def test_nobody_listening_tells_nobodys_data(yuneo: Yuneo, hook: YuneoHook, told: Callable[[], str]) -> None:
    read(hook)
    for call in CALLS.values():
        with yuneo.down(), pytest.raises(WaitAndRepeat) as failure:
            call(hook)
        assert not [secret for secret in PERSONAL if secret in printed(failure.value)]
    assert not [secret for secret in PERSONAL if secret in told()]


@pytest.mark.parametrize("status", [400, 403, 404, 409, 413, 422, 429, 500, 503])
def test_a_refusal_that_quotes_data_is_not_quoted(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch, told: Callable[[], str], status: int
) -> None:
    """Neither an error's text nor what stands where a code should be."""
    quoting = {"fehler": "Annegret Geheimrat ist unbekannt", "meldung": "annegret@geheim.example"}
    server = serve((status, quoting))

    with pytest.raises((StopRun, WaitAndRepeat)) as failure:
        look_up(sigma_at(server.url, monkeypatch))
    text = printed(failure.value) + told()
    assert "Wodis Sigma" in text
    assert not [secret for secret in (*PERSONAL, "secret-word") if secret in text]


def test_ordinary_work_tells_nobodys_data(yuneo: Yuneo, hook: YuneoHook, told: Callable[[], str]) -> None:
    for call in CALLS.values():
        call(hook)

    text = told()
    assert "talking to Wodis Yuneo" in text
    assert not [secret for secret in (*PERSONAL, yuneo.password) if secret in text]
