"""What every partner must do behind :class:`ExtractOperator`. A new partner is done when it passes.

It joins by one class: a subclass of ``PartnerCase`` (``cases.py``) that says how a record gets into the partner's
system, and its name in ``PARTNERS`` (``conftest.py``); ``tests/examples/mietblick_case.py`` is one. The system is a
small server with the sandbox's ``Partner`` as its base, which brings tokens, limits and faults. What is special to a
partner (its codes, its fields, the cost of a reading) is tested beside the other tests of its package.
"""

from __future__ import annotations

import copy
import itertools
import json
import logging
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.responses import JSONResponse

from letting_sync.errors import RefuseRecord, StopRun
from letting_sync.locales import reasons as reason_words
from letting_sync.model import Prospect
from letting_sync.settings import Timing
from letting_sync.tasks.extract.operator import FEWEST_FOR_A_JUDGEMENT
from tests.systems.partners.cases import END, NOT_OURS, PERSON, START, PartnerCase

TODAY = date(2024, 11, 12)
NOON = START + timedelta(hours=12)


def ids(extract: Any, reads: Any) -> list[str]:
    """The external ids of what was read, each of which must be there once."""
    found = [extract.external_id_of(read.record) for read in reads]
    assert max(Counter(found).values(), default=1) == 1
    return sorted(found)


# --- the window ------------------------------------------------------------------------------------------------


def test_a_record_belongs_to_the_window_in_which_it_changed(partner: PartnerCase, extract: Any) -> None:
    """Half-open: its first instant belongs to it, its end to the next one."""
    instant = timedelta(milliseconds=1)
    partner.add(START - instant)
    inside = [partner.add(START), partner.add(NOON), partner.add(END - instant)]
    after = [partner.add(END)]

    assert ids(extract, extract.read(START, END)) == sorted(inside)
    assert ids(extract, extract.read(END, END + timedelta(days=1))) == after


@pytest.mark.parametrize("pages", [0, 1, 2.5, 9.5])
def test_all_pages_are_read(partner: PartnerCase, extract: Any, pages: float) -> None:
    count = round(partner.page_size * pages)
    stored = partner.add_many(count) if count else []

    assert ids(extract, extract.read(START, END)) == sorted(stored)


def moving(partner: PartnerCase, stored: list[str], part: str, to: datetime) -> Callable[[int], None]:
    """After each page six more records of a part change; each one once, so that the reading comes to an end."""
    order = {"oldest": stored, "newest": stored[::-1]}
    order["both"] = [one for pair in zip(*order.values(), strict=True) for one in pair]
    left = iter(dict.fromkeys(order[part]))

    def move(page: int) -> None:
        for external_id in itertools.islice(left, 6):
            partner.touch(external_id, to + timedelta(seconds=page))

    return move


@pytest.mark.parametrize("part", ["oldest", "newest", "both"])
def test_changes_inside_the_window_while_it_is_read(
    partner: PartnerCase, extract: Any, between_pages: Any, part: str
) -> None:
    """Records move to other pages between two requests: each is there once."""
    stored = partner.add_many(round(2.5 * partner.page_size), last=NOON)
    between_pages(moving(partner, stored, part, NOON + timedelta(hours=1)))

    assert ids(extract, extract.read(START, END)) == sorted(stored)


@pytest.mark.parametrize("part", ["oldest", "newest", "both"])
def test_changes_beyond_the_window_while_it_is_read(
    partner: PartnerCase, extract: Any, between_pages: Any, part: str
) -> None:
    """Records that leave pull the others to other pages: what stays is read here, what left by the next window."""
    stored = partner.add_many(round(2.5 * partner.page_size))
    between_pages(moving(partner, stored, part, END + timedelta(hours=1)))
    here = ids(extract, extract.read(START, END))
    extract.hook.session.hooks["response"].clear()
    next_window = ids(extract, extract.read(END, END + timedelta(days=1)))

    assert len(next_window) >= 12
    assert set(stored) - set(next_window) <= set(here)
    assert set(here) | set(next_window) == set(stored)


def test_more_records_of_one_instant_than_a_page_holds(partner: PartnerCase, extract: Any) -> None:
    stored = [partner.add(NOON) for _ in range(round(2.2 * partner.page_size))]

    assert ids(extract, extract.read(START, END)) == sorted(stored)


LAST_MINUTE = END - timedelta(minutes=1)


def changing(partner: PartnerCase, external_ids: set[str]) -> Callable[[int], None]:
    """After the first page these records change."""

    def change(page: int) -> None:
        for external_id in external_ids if page == 1 else ():
            partner.touch(external_id, LAST_MINUTE)

    return change


def test_a_change_during_the_reading_brings_the_newest_version(
    partner: PartnerCase, extract: Any, between_pages: Any
) -> None:
    stored = partner.add_many(round(1.5 * partner.page_size), last=NOON)
    changed = {stored[0], stored[-1]}
    between_pages(changing(partner, changed))
    reads = list(extract.read(START, END))

    assert ids(extract, reads) == sorted(stored)
    prospects = [read.result for read in reads]
    assert {one.external_id for one in prospects if one.updated_at == LAST_MINUTE} == changed


def test_the_newest_version_is_staged_although_the_older_one_was_mapped_too(
    partner: PartnerCase, extract: Any, run: Any, between_pages: Any
) -> None:
    """Each page is mapped where it was fetched; what turns out to be old is dropped with its mapping."""
    stored = partner.add_many(round(1.5 * partner.page_size), last=NOON)
    changed = {stored[0], stored[-1]}
    between_pages(changing(partner, changed))
    staged = run(task=extract)

    assert staged.ids == sorted(stored)
    rows = {row["external_id"]: row for row in staged.rows("extracted")}
    assert {external_id for external_id, row in rows.items() if row["updated_at"] == LAST_MINUTE} == changed


def test_a_fault_in_the_mapping_ends_the_task(
    partner: PartnerCase, extract: Any, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it happens in a thread that fetches pages: nothing may be staged as if it were all."""
    partner.add_many(3)

    def broken(record: Any, today: date) -> Prospect:
        raise ZeroDivisionError

    monkeypatch.setattr(extract, "to_prospect", broken)

    with pytest.raises(ZeroDivisionError):
        run(task=extract)


def test_the_overlap_reads_what_came_late(partner: PartnerCase, run: Any) -> None:
    late = partner.add(START - timedelta(minutes=4))

    assert run(timing=Timing(overlap=timedelta(minutes=5))).ids == [late]
    assert run().ids == []


# --- mapping -----------------------------------------------------------------------------------------------


def test_a_person_arrives(partner: PartnerCase, run: Any) -> None:
    external_id = partner.add(NOON, unit="1/02/3/004")
    (row,) = run().rows("extracted")

    assert (row["external_id"], row["unit"], row["updated_at"]) == (external_id, "1/02/3/004", NOON)
    assert (row["first_name"], row["last_name"]) == (PERSON["first"], PERSON["last"])
    assert (str(row["birth_date"]), row["email"]) == (PERSON["born"], PERSON["mail"])
    assert row["chosen"] is (partner.selection == "partner")
    assert row["withdrawn"] is False


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=80)
    | st.sampled_from(["", "\x00", "\ud800", "\u200f", "\u200b", "👩‍👩‍👧", "x" * 5000, "0000-01-01", "9999-12-31T23:59:59-23:59"])
    | st.sampled_from(["[1]", '"a"', "null", '{"address": 1}', '{"lastName": {}}', "NaN"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


def places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The ways to all places of a record."""
    yield way
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, below in inner:
        yield from places(below, (*way, step))


def changed(record: Any, way: tuple[Any, ...], value: Any) -> Any:
    """The record with something else at one place."""
    if not way:
        return value
    record = copy.deepcopy(record)
    place = record
    for step in way[:-1]:
        place = place[step]
    place[way[-1]] = value
    return record


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_json_gives_a_prospect_or_a_refusal(partner: PartnerCase, extract: Any, data: Any) -> None:
    """Anything at any place of a real record, up to the record itself; the record is read once and not changed."""
    if not hasattr(extract, "sample"):
        partner.add(NOON)
        ((extract.sample, *_),) = extract.read(START, END)
    way = data.draw(st.sampled_from(list(places(extract.sample))))
    record = changed(extract.sample, way, data.draw(ANYTHING))

    with suppress(RefuseRecord):
        assert isinstance(extract.to_prospect(record, TODAY), Prospect)
    json.loads(extract.raw(record))
    assert all(isinstance(name, str) for name in extract.lacking_fields(record))
    external_id = extract.external_id_of(record)
    assert external_id is None or (isinstance(external_id, str) and external_id)


def test_every_refusal_has_words(partner: PartnerCase, extract: Any) -> None:
    """Whatever stands at whatever place, the console and the alerts can say in words why the record is refused."""
    partner.add(NOON)
    (sample,) = [read.record for read in extract.read(START, END)]
    reasons = set()
    for way, odd in itertools.product(
        places(sample), (None, [], [7], 7, {"x": []}, "x" * 3000, "\ud800", " ")
    ):
        try:
            extract.to_prospect(changed(sample, way, odd), TODAY)
        except RefuseRecord as refusal:
            reasons.add(refusal.reason)

    assert len(reasons) > 10
    assert reasons - reason_words.of("en").keys() == set()


def test_a_refused_record_holds_up_no_other(partner: PartnerCase, run: Any) -> None:
    good = partner.add(NOON)
    bad = partner.add(NOON, unit="1/2/3")
    staged = run()

    assert staged.ids == [good]
    assert staged.reasons == {bad: "unit_not_four_parts"}
    (row,) = staged.rows("quarantine_extract")
    assert PERSON["last"] in json.loads(row["raw"]).__str__(), "a person can see whom it is about"


def test_what_is_not_ours_is_staged_nowhere(partner: PartnerCase, run: Any) -> None:
    """Self-disclosure and other people are dropped at the door, from quarantine too."""
    partner.add(NOON)
    partner.add(NOON, unit="1/2/3")
    partner.add(NOON, person=PERSON | {"born": "unreadable"})
    partner.add(NOON, stage="withdrawn")

    assert NOT_OURS not in run().everything


def test_a_refusal_does_not_quote_the_record(partner: PartnerCase, run: Any) -> None:
    partner.add(NOON, person=PERSON | {"born": "Ottokar 1990"})
    (row,) = run().rows("quarantine_extract")

    assert row["reason"] == "unreadable_birth_date"
    assert "Ottokar" not in row["detail"]


# --- who is handed over ------------------------------------------------------------------------------------


def test_only_chosen_ones_are_handed_over(partner: PartnerCase, run: Any) -> None:
    """Where prospects are chosen in the ERP all are, and none of them as chosen."""
    chosen, applied = partner.add(NOON), partner.add(NOON, stage="applied")
    partner.add(NOON, stage="withdrawn")
    staged = run()

    assert staged.ids == ([chosen] if partner.selection == "partner" else sorted([chosen, applied]))
    assert {row["chosen"] for row in staged.rows("extracted")} == {partner.selection == "partner"}


def test_clients_that_are_not_transferred_are_left_out(partner: PartnerCase, run: Any) -> None:
    ours, other = partner.add(NOON, unit="1/2/3/4"), partner.add(NOON, unit="01/2/3/4")
    staged = run(clients=("1",))

    assert staged.ids == [ours]
    assert staged.reasons == {other: "client_excluded"}


def test_of_the_withdrawn_only_ids_come_along(partner: PartnerCase, run: Any) -> None:
    partner.add(NOON)
    gone = partner.add(NOON, stage="withdrawn", person=PERSON | {"last": "Niemand", "mail": "n@example.org"})
    partner.add(START - timedelta(days=1), stage="withdrawn")
    staged = run()

    assert staged.withdrawn == [gone]
    assert gone not in staged.ids
    assert not {word for word in ("Niemand", "n@example.org") if word in staged.everything}


# --- replay ------------------------------------------------------------------------------------------------


def test_records_are_found_by_their_ids_whatever_their_time(partner: PartnerCase, extract: Any) -> None:
    early = partner.add(START - timedelta(days=300))
    partner.add_many(partner.page_size)
    late = partner.add(END + timedelta(days=3))

    assert ids(extract, extract.read_by_id([late, "unknown", "no such/id?", early])) == sorted([early, late])
    assert ids(extract, extract.read_by_id([])) == []


def test_a_replay_stages_just_those(partner: PartnerCase, run: Any) -> None:
    wanted = partner.add(START - timedelta(days=300))
    applied, withdrawn = partner.add(NOON, stage="applied"), partner.add(NOON, stage="withdrawn")
    partner.add(NOON)
    staged = run(params={"external_ids": [wanted, applied, withdrawn]})

    assert withdrawn not in staged.ids
    assert set(staged.ids) - {applied} == {wanted}
    assert (applied in staged.ids) is (partner.selection == "erp")


def test_the_same_window_again_stages_the_same(partner: PartnerCase, run: Any) -> None:
    partner.add_many(3)
    partner.add(NOON, unit="1/2/3")
    first = run().everything

    assert run().everything == first


# --- trouble -----------------------------------------------------------------------------------------------


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


# --- what it leaves behind, and what it costs ---------------------------------------------------------------


def test_nothing_personal_reaches_the_log(
    partner: PartnerCase, run: Any, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    partner.add_many(3)
    partner.add(NOON, unit="1/2/3")
    partner.system.faults.once("500_after", path=partner.list_request[1])
    partner.system.faults.once("malformed_json", path=partner.list_request[1])
    run()

    told = caplog.text + capsys.readouterr().out  # Airflow's own loggers write past the root logger
    assert "4 records" in told
    extra = partner.system.connection_extra().values()
    secrets = {partner.system.password, *(value for value in extra if "secret" in str(value))}
    for word in {*PERSON.values(), NOT_OURS, *secrets}:
        assert word not in told


def test_a_dag_file_may_import_it_cheaply(partner: PartnerCase) -> None:
    """Airflow reads DAG files all day: neither the hook nor pandas is loaded before a task runs."""
    operators = partner.partner.extract.__module__
    hook = operators.replace(".operators", ".hook")
    code = f"import sys; import {operators}; print([name for name in ('pandas', '{hook}') if name in sys.modules])"
    environment = {"PYTHONPATH": ":".join(sys.path), "AIRFLOW_HOME": str(Path.home() / "none")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)

    assert done.stdout.splitlines()[-1:] == ["[]"], done.stderr
