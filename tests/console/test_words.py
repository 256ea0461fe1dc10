"""The texts of the page: none is missing for what the product can report."""

from __future__ import annotations

import re
from pathlib import Path

from letting_sync.console import words
from letting_sync.console.days import State
from letting_sync.ledger.records import AcceptanceState, EntryState, Event
from letting_sync.model import OutcomeKind
from letting_sync.reasons import Reason

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "plugins" / "letting_sync" / "console" / "static"
ENGLISH = words.of("en")


def test_every_word_that_the_page_asks_for_is_there():
    asked = set()
    for script in STATIC.glob("*.js"):
        asked |= set(re.findall(r'\b(?:word|section|fact)\(\s*"([\w. ]+)"', script.read_text()))
    assert asked
    assert sorted(asked - ENGLISH.keys()) == []


def test_every_event_of_the_ledger_has_a_sentence():
    assert [event for event in Event if f"event.{event}" not in ENGLISH] == []


def test_every_reason_has_words():
    assert [reason for reason in Reason if f"reason.{reason}" not in ENGLISH] == []


def test_every_state_has_a_word():
    assert [state for state in State if f"day.{state}" not in ENGLISH] == []
    assert [state for state in EntryState if f"state.{state}" not in ENGLISH] == []
    assert [state for state in AcceptanceState if f"acceptance.{state}" not in ENGLISH] == []
    assert [kind for kind in OutcomeKind if f"outcome.{kind}" not in ENGLISH] == []


def test_the_page_names_no_foreign_host():
    for path in STATIC.iterdir():
        hosts = set(re.findall(r"(?:https?:)?//([\w.-]+\.\w+)", path.read_text()))
        assert hosts <= {"www.w3.org"}, "only as the name of SVG's vocabulary"


def test_the_scripts_write_no_markup():
    for path in STATIC.glob("*.js"):
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b", path.read_text()
        )
