"""Reasons and states are types: one place for each code, words for each, and no text in its stead elsewhere."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from letting_sync.ledger.records import AcceptanceState, EntryState
from letting_sync.locales import reasons
from letting_sync.reasons import Field, Kind, Problem, Reason, field_reason

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "plugins" / "letting_sync"
PRODUCT = sorted(PACKAGE.rglob("*.py"))
CODES = {str(code) for codes in (EntryState, AcceptanceState, Reason) for code in codes}
WHERE_CODES_ARE = {"reasons.py", "ledger/records.py"}
OTHER_THINGS = {
    ("alerts/callbacks.py", "sent"): "what the test alert prints",
    ("alerts/messages.py", "held"): "a link to the console",
    ("matching/dedup.py", "withdrawn"): "a column of prospects",
    ("systems/everreal/client.py", "several_units"): "a partner's option",
    ("model.py", "withdrawn"): "a field of a prospect",
    ("tasks/auto_accept/review.py", "leased"): "a count",
    ("alerts/callbacks.py", "closed"): "a state of an incident",
    ("alerts/incidents.py", "closed"): "a state of an incident",
    ("tasks/extract/records.py", "withdrawn"): "a staged table",
    ("tasks/extract/records.py", "not_chosen"): "a staged table",
    ("tasks/auto_accept/dry_run.py", "withdrawn"): "a staged table",
    ("tasks/auto_accept/dry_run.py", "not_chosen"): "a staged table",
    ("tasks/load_offers/operator.py", "withdrawn"): "a staged table",
    ("tasks/load_offers/operator.py", "not_chosen"): "a staged table",
    ("staging/tables.py", "not_chosen"): "a staged table",
    ("staging/tables.py", "withdrawn"): "a column of prospects",
    ("model.py", "expired"): "the status of an offer in the ERP",
    ("ledger/deletion.py", "leased"): "a key of the retention's counts",
    ("counts.py", "held"): "a key of a run's counts",
    ("systems/everreal/__init__.py", "several_units"): "a setting",
    ("systems/everreal/operators.py", "several_units"): "a setting",
    ("console/app.py", "held"): "a key of a response",
    ("console/protocol.py", "sent"): "a column of a staged table",
    ("console/staged.py", "sent"): "a column of a staged table",
    ("console/app.py", "not_found"): "a response of the console",
    ("counts.py", "not_found"): "a count",
    ("tasks/extract/records.py", "not_found"): "a staged table",
    ("tasks/reconcile/operator.py", "not_found"): "a staged table",
    ("console/days.py", "loaded"): "the state of a day",
}


def _name(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def _texts(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_no_code_is_written_as_a_text_outside_its_module() -> None:
    found = {
        (_name(path), text)
        for path in PRODUCT
        if _name(path) not in WHERE_CODES_ARE and "migrations" not in path.parts
        for text in _texts(path)
        if text in CODES
    }

    assert PRODUCT
    assert found - OTHER_THINGS.keys() == set()
    assert OTHER_THINGS.keys() - found == set(), "an exemption that nobody needs"


def test_only_the_ledger_writes_sql_about_entries() -> None:
    importing = {
        _name(path)
        for path in PRODUCT
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and str(node.module).endswith("ledger.schema")
        if {"entries", "events"} & {alias.name for alias in node.names}
    }

    assert importing
    assert {name for name in importing if not name.startswith("ledger/")} == set()


@pytest.mark.parametrize("language", ["en", "de"])
def test_every_reason_has_words(language: reasons.Language) -> None:
    words = reasons.of(language)

    assert [reason for reason in Reason if not words.get(reason)] == []
    assert words.keys() == set(Reason)


def test_names_follow_the_stored_codes() -> None:
    """Who reads a code in a table finds its member."""
    assert [reason for reason in Reason if reason.name != reason.value.upper()] == []
    assert [reason for reason in Reason if not re.fullmatch("[a-z]+(_[a-z]+)*", reason)] == []
    assert [reason for reason in Reason if len(reason) > 60] == [], "longer than the ledger's column"


def test_a_field_and_what_is_wrong_with_it_make_a_reason() -> None:
    assert field_reason(Problem.MISSING, Field.LAST_NAME) == "last_name_missing"
    assert field_reason(Problem.TOO_LONG, Field.FIRST_NAME) == "first_name_too_long"
    assert field_reason(Problem.UNREADABLE, Field.BIRTH_DATE) == "unreadable_birth_date"
    assert field_reason(Problem.INVISIBLE_CHARACTERS, Field.UNIT) == "unit_unreadable"
    assert field_reason(Problem.MISSING, Field.UNIT) is Reason.UNIT_MISSING
    assert {field_reason(problem, field).kind for problem in Problem for field in Field} == {
        Kind.QUARANTINED,
        Kind.SUSPECT,  # the date of birth that one of two records lacks
    }


def test_a_code_of_another_version_is_kept_as_it_is() -> None:
    """Somebody must look at it, and it decides nothing."""
    stored = Reason.stored("code_of_tomorrow")

    assert (stored, str(stored), stored.kind) == ("code_of_tomorrow", "code_of_tomorrow", Kind.UNKNOWN)
    assert (stored.needs_a_person, stored.final) == (True, False)
    assert Reason.stored("expired") is Reason.EXPIRED


def test_held_offers_that_wait_for_nobody() -> None:
    held = [reason for reason in Reason if reason.kind is Kind.HELD]

    assert {reason for reason in held if not reason.needs_a_person} == {
        "accept_off", "not_chosen", "not_yet_valid", "offer_rejected", "offer_ignored", "rejected_by_approver",
    }  # fmt: skip
    assert {reason for reason in Reason if reason.final} == {"rejected_by_approver", "approval_timed_out"}
