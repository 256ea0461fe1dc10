"""What every partner's reading must do when the interface refuses, breaks off or differs: lose no record."""

import time
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from starlette.responses import JSONResponse

from letting_sync.errors import StopRun
from letting_sync.tasks.extract.records import FEWEST_FOR_A_JUDGEMENT
from tests.systems.partners.cases import END, START, PartnerCase, ids

TODAY = date(2024, 11, 12)
NOON = START + timedelta(hours=12)


def test_one_token_and_few_connections_serve_a_whole_reading(
    partner: PartnerCase, extract: Any, asked: Callable[..., int]
) -> None:
    partner.add_many(round(9.5 * partner.page_size))
    list(extract.read(START, END))

    assert asked("POST", partner.system.token_path) == 1
    assert partner.system.requests.connections <= extract.hook.concurrency


def test_a_token_that_runs_out_on_the_way_is_renewed(
    partner: PartnerCase, extract: Any, between_pages: Any, asked: Callable[..., int]
) -> None:
    stored = partner.add_many(round(2.5 * partner.page_size))
    between_pages(lambda page: partner.system.tokens.expire_all() if page == 1 else None)

    assert ids(extract, extract.read(START, END)) == sorted(stored)
    assert asked("POST", partner.system.token_path) == 2


def test_a_token_is_renewed_before_it_runs_out(
    partner: PartnerCase, extract: Any, asked: Callable[..., int]
) -> None:
    """Nothing is refused on the way: the hook knows how long its token lives."""
    partner.system.options.token_seconds = 1
    list(extract.read(START, END))
    time.sleep(0.95)
    list(extract.read(START, END))

    assert asked("POST", partner.system.token_path) == 2
    assert asked(status=401) == 0


def test_wrong_credentials_stop_the_run_at_the_first_try(
    partner: PartnerCase, extract: Any, monkeypatch: pytest.MonkeyPatch, asked: Callable[..., int]
) -> None:
    wrong = partner.connection(password="wrong-password")
    monkeypatch.setenv(f"AIRFLOW_CONN_{partner.package.upper()}", wrong)

    with pytest.raises(StopRun, match=f"log-in of connection '{partner.package}'") as stop:
        list(extract.read(START, END))

    assert asked() == 1
    assert "wrong-password" not in str(stop.value)


def test_a_limit_is_waited_for_however_often(partner: PartnerCase, extract: Any) -> None:
    """Waits that the partner asks for are no failures: eight in a row are more than the failures allowed."""
    stored = partner.add(NOON)
    partner.system.faults.once("429", path=partner.list_request[1], times=8, retry_after=0)

    assert ids(extract, extract.read(START, END)) == [stored]


def test_the_time_asked_for_is_waited(partner: PartnerCase, extract: Any) -> None:
    partner.system.faults.once("429", path=partner.list_request[1], retry_after=1)
    began = time.monotonic()
    list(extract.read(START, END))

    assert time.monotonic() - began >= 1


@pytest.mark.parametrize(
    "kind", ["500", "502", "503", "drop_before", "drop_after", "refuse", "cut_body", "malformed_json", "html"]
)
def test_a_broken_response_is_asked_for_again(partner: PartnerCase, extract: Any, kind: str) -> None:
    stored = partner.add_many(3)
    partner.system.faults.once(
        kind, path=partner.list_request[1], **({"retry_after": 0} if kind == "503" else {})
    )

    assert ids(extract, extract.read(START, END)) == sorted(stored)


def test_a_response_that_never_comes_is_asked_for_again(
    partner: PartnerCase, extract: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    extra = partner.system.connection_extra() | {"timeout": 0.2}
    monkeypatch.setenv(f"AIRFLOW_CONN_{partner.package.upper()}", partner.connection(extra=extra))
    stored = partner.add_many(3)
    partner.system.faults.once("timeout_before", path=partner.list_request[1], hold_seconds=5)

    assert ids(extract, extract.read(START, END)) == sorted(stored)


@pytest.mark.parametrize("body", [{"something": "else"}, [], {"data": None}])
def test_a_response_of_another_form_stops_the_run(
    partner: PartnerCase, extract: Any, monkeypatch: pytest.MonkeyPatch, body: Any
) -> None:
    """A changed interface must not look like "nothing to do"."""
    app = partner.system.app

    async def changed_interface(scope: Any, receive: Any, send: Any) -> None:
        at_the_door = scope["path"] == partner.system.token_path
        await (app if at_the_door else JSONResponse(body))(scope, receive, send)

    monkeypatch.setattr(partner.system, "app", changed_interface)

    with pytest.raises(StopRun, match="interface may have changed"):
        list(extract.read(START, END))


def test_a_field_that_is_gone_from_all_records_stops_the_run(partner: PartnerCase, run: Any) -> None:
    """Before anything is loaded; a few records without it are dirt."""
    if not partner.has_schema:
        pytest.skip("early candidates may not have told all yet")
    partner.add_many(10 * FEWEST_FOR_A_JUDGEMENT)
    partner.add(NOON, complete=False)
    run()
    partner.empty()
    partner.add_many(FEWEST_FOR_A_JUDGEMENT, complete=False)

    with pytest.raises(StopRun, match="interface has changed"):
        run()


def test_the_address_of_something_else_loses_no_record(
    partner: PartnerCase, extract: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A 404 that the partner did not write must not make a prospect vanish."""
    external_id = partner.add(NOON)
    elsewhere = partner.connection(host=partner.system.url + "/_sandbox")
    monkeypatch.setenv(f"AIRFLOW_CONN_{partner.package.upper()}", elsewhere)

    with pytest.raises(StopRun):
        list(extract.read_by_id([external_id]))
