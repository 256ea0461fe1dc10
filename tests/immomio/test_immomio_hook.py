"""Immomio's log-in and answers, over real HTTP."""

import json
import logging
import time

import pytest

from immomio.hook import ImmomioHook
from include.prospects.errors import StopRun

ACCEPTED = "ACCEPTED_AS_TENANT"
PATH = "/v1/applications*"


def read(hook, window, status=ACCEPTED):
    return [application["id"] for application in hook.applications(status, *window)]


def test_one_token_and_one_connection_serve_a_whole_run(immomio, hook, add, window, asked):
    ids = add(450)

    assert sorted(read(hook, window)) == sorted(ids)
    assert asked("POST", "/auth/token") == 1
    assert immomio.requests.connections == 1


def test_a_token_is_renewed_before_it_runs_out(immomio, hook, add, window, asked):
    """Nothing is refused on the way: the hook knows how long its token lives."""
    add(1)
    immomio.options.token_seconds = 1
    read(hook, window)
    time.sleep(0.95)
    read(hook, window)

    assert asked("POST", "/auth/token") == 2
    assert asked(status=401) == 0


def test_a_token_that_is_refused_on_the_way_is_renewed(immomio, hook, add, window, between_pages, asked):
    ids = add(450)
    between_pages(lambda page: immomio.tokens.expire_all() if page == 1 else None)

    assert sorted(read(hook, window)) == sorted(ids)
    assert asked("POST", "/auth/token") == 2


def test_a_wrong_password_stops_the_run_at_the_first_try(immomio, monkeypatch, window, asked):
    wrong = immomio.connection() | {"password": "wrong-password"}
    monkeypatch.setenv("AIRFLOW_CONN_IMMOMIO", json.dumps(wrong))

    with pytest.raises(StopRun, match="log-in of connection 'immomio'") as stop:
        read(ImmomioHook(), window)

    assert asked() == 1
    assert "wrong-password" not in str(stop.value)


def test_a_limit_is_waited_for_however_often(immomio, hook, add, window):
    """Waits that Immomio asks for are no failures: eight in a row are more than the failures allowed."""
    ids = add(1)
    immomio.faults.once("429", path=PATH, times=8, retry_after=0)

    assert read(hook, window) == ids


def test_the_time_asked_for_is_waited(immomio, hook, add, window):
    add(1)
    immomio.faults.once("429", path=PATH, retry_after=1)
    began = time.monotonic()
    read(hook, window)

    assert time.monotonic() - began >= 1
    assert hook.seconds_waited_for_limits == pytest.approx(1)


@pytest.mark.parametrize(
    "kind", ["500", "502", "drop_before", "drop_after", "refuse", "cut_body", "malformed_json", "html"]
)
def test_a_broken_answer_is_asked_for_again(immomio, hook, add, window, kind):
    ids = add(3)
    immomio.faults.once(kind, path=PATH)

    assert sorted(read(hook, window)) == sorted(ids)


def test_an_answer_that_never_comes_is_asked_for_again(immomio, add, window, monkeypatch):
    patient = immomio.connection() | {"extra": {"timeout": 0.2}}
    monkeypatch.setenv("AIRFLOW_CONN_IMMOMIO", json.dumps(patient))
    ids = add(3)
    immomio.faults.once("timeout_before", path=PATH, hold_seconds=5)
    with ImmomioHook() as hook:
        assert sorted(read(hook, window)) == sorted(ids)


def test_an_answer_without_its_list_stops_the_run(immomio, hook, window, monkeypatch):
    """A changed interface must not look like "nothing to do"."""
    monkeypatch.setattr(immomio, "find", lambda query: ({"nothing": "here"}, 0))

    with pytest.raises(StopRun, match="interface may have changed"):
        read(hook, window)


def test_only_the_asked_status_and_window_are_read(immomio, hook, add, window):
    start, end = window
    first = add(1, start, end)
    immomio.add({"updatedAt": end})
    immomio.add({"updatedAt": start.replace(hour=22, minute=59)})
    rejected = immomio.add({"updatedAt": start, "status": "REJECTED"})

    assert read(hook, window) == first
    assert read(hook, window, "REJECTED") == [rejected]


def test_one_application_by_its_id(immomio, hook, add):
    (known,) = add(1)

    assert hook.application(known)["id"] == known
    assert hook.application("no such/application?") is None


def test_a_wrong_address_is_no_unknown_application(immomio, monkeypatch):
    """A 404 that Immomio did not write (a gateway, a wrong host) must not make a prospect vanish."""
    elsewhere = immomio.connection()
    elsewhere["host"] = immomio.url + "/_sandbox"
    elsewhere["port"] = None
    monkeypatch.setenv("AIRFLOW_CONN_IMMOMIO", json.dumps(elsewhere))

    with pytest.raises(StopRun, match="address"):
        ImmomioHook().application("some-id")


def test_nothing_personal_reaches_the_log(immomio, hook, add, window, caplog, capsys):
    caplog.set_level(logging.DEBUG)
    person = {"firstname": "Ottokar", "lastname": "Geheimrat", "email": "ottokar@geheim.example"}
    add(3, mainTenant=person, message="Meine Geheimnummer")
    immomio.faults.once("500_after", path=PATH)
    immomio.faults.once("malformed_json", path=PATH)
    read(hook, window)

    told = caplog.text + capsys.readouterr().out  # Airflow's own loggers write past the root logger
    assert "read applications" in told
    for secret in ("eheim", "Ottokar", immomio.password):
        assert secret not in told
