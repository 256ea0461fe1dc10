"""Nothing personal in what a hook says, whatever happens."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
import requests
from api_calls import ANNA, PERSONAL, UNIT, connect, printed, read, send
from api_server import Server, look_up, sigma_at
from hostile_server import hostile, whole

from include.sandbox.yuneo import Yuneo
from letting_sync.errors import StopRun, WaitAndRepeat
from letting_sync.systems.yuneo.hook import YuneoHook


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """All that any logger says, at DEBUG; Airflow's own write past the root logger."""
    caplog.set_level(logging.DEBUG)
    for name in ("urllib3", "requests", "letting_sync", "airflow.task.hooks"):
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
def test_errors_reveals_nobodys_data(
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


def test_nobody_listening_reveals_nobodys_data(
    yuneo: Yuneo, hook: YuneoHook, told: Callable[[], str]
) -> None:
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


def test_ordinary_work_reveals_nobodys_data(yuneo: Yuneo, hook: YuneoHook, told: Callable[[], str]) -> None:
    for call in CALLS.values():
        call(hook)

    text = told()
    assert "Connecting to Wodis Yuneo" in text
    assert not [secret for secret in (*PERSONAL, yuneo.password) if secret in text]


def test_a_head_that_cannot_be_read_is_not_logged(
    monkeypatch: pytest.MonkeyPatch, told: Callable[[], str]
) -> None:
    """``urllib3`` warns of it with the whole address and with all that follows in the head."""
    broken = whole(b"", b"Annegret Geheimrat", b"X-Prospect: annegret@geheim.example")
    with hostile(broken) as server, pytest.raises(WaitAndRepeat):
        look_up(sigma_at(server.url, monkeypatch))

    text = told()
    assert "Failed to parse headers" in text
    assert "/stammdaten/angebote" in text
    assert not [secret for secret in (*PERSONAL, "secret-word") if secret in text]


def test_lines_about_other_calls_of_the_process_stay(
    yuneo: Yuneo, hook: YuneoHook, told: Callable[[], str]
) -> None:
    read(hook)

    requests.get(f"{yuneo.url}/nowhere?other=1", timeout=5)

    assert "/nowhere?other=1" in told()
