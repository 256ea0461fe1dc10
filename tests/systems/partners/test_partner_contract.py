"""What every partner must do behind :class:`ExtractOperator`. A new partner is done when it passes.

It joins by one class: a subclass of ``PartnerCase`` (``cases.py``) that says how a record gets into the partner's
system, and its name in ``PARTNERS`` (``conftest.py``); ``tests/examples/mietblick_case.py`` is one. The system is a
small server with the sandbox's ``Partner`` as its base, which brings tokens, limits and faults. What is special to a
partner (its codes, its fields, the cost of a reading) is tested beside the other tests of its package.
"""

from __future__ import annotations

import itertools
import logging
import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from letting_sync.model import Prospect
from letting_sync.settings import Timing
from tests.systems.partners.cases import END, NOT_OURS, PERSON, START, PartnerCase, ids

TODAY = date(2024, 11, 12)
NOON = START + timedelta(hours=12)


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
