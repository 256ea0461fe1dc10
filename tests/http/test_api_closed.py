"""Only ``call`` sends something; and a connection can be tested by a log-in."""

from __future__ import annotations

import inspect
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from airflow.providers.http.hooks.http import HttpHook
from api_calls import connect
from api_server import NOTHING_FOUND, Authority, Server, sigma_at

from include.sandbox import Sandbox
from letting_sync.http.hook import ApiHook
from letting_sync.systems.everreal.hook import EverRealHook
from letting_sync.systems.immomio.hook import ImmomioHook
from letting_sync.systems.sigma.hook import SigmaHook
from letting_sync.systems.yuneo.hook import YuneoHook

CLOSED = (
    "run", "run_and_check", "run_with_advanced_retry", "check_response", "get_conn", "get_hook", "aget_hook",
)  # fmt: skip
SAFE = {
    "aget_connection": "reads the connection, sends nothing",
    "get_connection": "the hook's own connection",
    "get_connection_form_widgets": "words of a form",
    "get_ui_field_behaviour": "words of a form",
    "logger": "a logger",
    "test_connection": "a log-in",
    "url_from_endpoint": "puts an address together, sends nothing",
}


class Shelf:
    """A store for EverReal's refresh token, in memory."""

    token: str | None = None

    def read(self) -> str | None:
        return self.token

    def write(self, token: str) -> None:
        self.token = token


HOOKS: dict[str, Callable[[], ApiHook]] = {
    "immomio": ImmomioHook,
    "everreal": lambda: EverRealHook(refresh_tokens=Shelf()),
    "yuneo": YuneoHook,
    "sigma": SigmaHook,
}
every_hook = pytest.mark.parametrize("name", HOOKS)


@pytest.fixture(scope="module")
def _box() -> Iterator[Sandbox]:
    with Sandbox(populate=False) as box:
        yield box


@pytest.fixture
def box(_box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """The four systems, and an Airflow connection to each."""
    for system in _box.systems:
        system.faults.clear()
        system.requests.clear()
        connect(monkeypatch, system)
    return _box


@pytest.fixture
def tested(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Callable[..., Any]:
    """Test a hook's connection; whatever comes of it, no secret is in the sentence or in a log."""
    caplog.set_level(logging.INFO)

    def tested(name: str, *secrets: str) -> tuple[bool, str]:
        well, sentence = HOOKS[name]().test_connection()
        said = sentence + caplog.text + "".join(capfd.readouterr())
        assert not [secret for secret in secrets if secret in said]
        assert sentence.endswith(".")
        assert "the task" not in sentence, "nobody runs one"
        return well, sentence

    return tested


# --- one way to call ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CLOSED)
def test_what_airflows_hook_would_send_or_log_is_closed(name: str) -> None:
    with pytest.raises(NotImplementedError, match=rf"^{name}\(\) .* Use call\(\)\.$"):
        getattr(YuneoHook(), name)("anything", extra_options={})


def test_each_public_method_of_airflows_hook_was_looked_at() -> None:
    """A new version of the provider may bring another way to send something."""
    inherited = {
        name for name, _ in inspect.getmembers(HttpHook, inspect.isroutine) if not name.startswith("_")
    }

    assert inherited == {*CLOSED, *SAFE}


def test_the_session_itself_follows_no_redirect(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = serve(NOTHING_FOUND)
    server = serve((307, {}, {"Location": f"{elsewhere.url}/"}))
    with sigma_at(server.url, monkeypatch) as hook:
        assert hook.session.post(server.url, data="personal").status_code == 307

    assert elsewhere.asked == []


# --- test of a connection ----------------------------------------------------------------------------------


@every_hook
def test_a_log_in_proves_a_connection(box: Sandbox, tested: Callable[..., Any], name: str) -> None:
    system = getattr(box, name)

    assert tested(name, system.login, system.password) == (
        True,
        f"{HOOKS[name]().system} accepts the log-in of connection {name!r}.",
    )
    assert system.requests.count() == 1


@every_hook
def test_a_wrong_password_is_named(
    box: Sandbox, tested: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    connect(monkeypatch, getattr(box, name), password="hunter2")
    well, sentence = tested(name, "hunter2")

    assert not well
    assert "orrect" in sentence
    assert "login and password" in sentence


def test_everreals_password_is_tested_although_a_refresh_token_is_stored(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = Shelf()
    assert EverRealHook(refresh_tokens=shelf).test_connection()[0]
    assert shelf.token
    connect(monkeypatch, box.everreal, password="hunter2")

    assert not EverRealHook(refresh_tokens=shelf).test_connection()[0]


@every_hook
def test_a_port_where_nobody_listens_is_tried_once(
    box: Sandbox, tested: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Nobody who tests a connection waits for what a run is patient with."""
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("it waits"))
    connect(monkeypatch, getattr(box, name), host="http://127.0.0.1:9")
    well, sentence = tested(name)

    assert not well
    assert "Check its host and port" in sentence


@every_hook
@pytest.mark.parametrize(
    "response", [(404, {"error": "geheim"}), (200, b"<html>geheim</html>"), (200, {}), (429, {})]
)
def test_what_is_another_system_is_not_taken_for_this_one(
    box: Sandbox, serve: Callable[..., Server], tested: Callable[..., Any], monkeypatch: pytest.MonkeyPatch,
    name: str, response: tuple[Any, ...],
) -> None:  # fmt: skip
    server = serve(response)
    connect(monkeypatch, getattr(box, name), host=server.url)

    assert not tested(name, "geheim")[0]
    assert len(server.asked) == 1


@every_hook
def test_a_certificate_that_nobody_vouches_for_is_named(
    box: Sandbox, serve: Callable[..., Server], authority: Authority, tested: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch, name: str,
) -> None:  # fmt: skip
    server = serve((200, {}), tls=authority.server())
    connect(monkeypatch, getattr(box, name), host=server.url)
    well, sentence = tested(name)

    assert not well
    assert "Set the extra 'verify'" in sentence
    assert server.asked == []


@every_hook
@pytest.mark.parametrize(
    ("changes", "hint"),
    [
        ({"host": "http://erp.example.com"}, "Set its host to https://"),
        ({"host": "ftp://127.0.0.1"}, "not the address of an HTTP server"),
        ({"host": "http://127.0.0.1", "extra": {"verify": False}}, "Set the extra 'verify'"),
        ({"extra": {"client_id": "a", "client_secret": "b", "timeout": "soon"}}, "The extra 'timeout' of connection"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_named(
    box: Sandbox, tested: Callable[..., Any], monkeypatch: pytest.MonkeyPatch,
    name: str, changes: dict[str, Any], hint: str,
) -> None:  # fmt: skip
    connect(monkeypatch, getattr(box, name), **changes)
    well, sentence = tested(name)

    assert not well
    assert hint in sentence
    assert getattr(box, name).requests.count() == 0


@every_hook
def test_a_connection_that_is_not_there_is_named(
    tested: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, name: str, airflow_db: None
) -> None:
    monkeypatch.delenv(f"AIRFLOW_CONN_{name.upper()}", raising=False)

    assert "does not exist" in tested(name)[1]


def test_after_a_test_calls_are_repeated_again(yuneo: Any, hook: YuneoHook) -> None:
    assert hook.test_connection()[0]
    yuneo.faults.once("drop_after", path="/api/v1/offers", times=2)

    assert list(hook.offers_on_unit("1/2/3/4")) == []
    assert yuneo.requests.count("GET", "/api/v1/offers") == 3
