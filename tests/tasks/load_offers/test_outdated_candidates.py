"""Which candidates are outdated, and which entries their versions change: the partner's time of each version decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from letting_sync.ledger.ledger import Ledger
from letting_sync.ledger.records import Entry, Intent, Key, Retraction
from letting_sync.reasons import Reason
from letting_sync.tasks.load_offers.partner_versions import moved, newer_than_known, overtaken
from tests.harness.ledger_entries import ANNA, PAIR, RUN, loaded

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
READ = replace(ANNA, partner_updated_at=NOON, source_id="contract 1")
THERE = replace(READ, unit="1/1/1/9")
CARLA = replace(READ, external_id="carla", unit="1/1/1/3")
WITHDRAWN = Retraction("anna", None, Reason.WITHDRAWN, NOON)


def _at(intent: Intent, hours: int | None) -> Intent:
    """Return the version of some hours after noon, or one without a time."""
    return replace(intent, partner_updated_at=None if hours is None else NOON + hours * HOUR)


def _known(ledger: Ledger, *intents: Intent) -> Mapping[Key, Entry]:
    return {intent.key: loaded(ledger, intent) for intent in intents}


def test_who_is_new_is_not_outdated(ledger: Ledger) -> None:
    assert overtaken([READ, CARLA], {}, []) == {}
    assert newer_than_known([READ], {}) == []
    assert moved([READ], {}) == []


@pytest.mark.parametrize(("hours", "outdated"), [(-1, True), (0, True), (1, False), (None, True)])
def test_a_withdrawal_outdates_what_is_not_newer(hours: int | None, outdated: bool) -> None:
    intent = _at(READ, hours)
    assert overtaken([intent, CARLA], {}, [WITHDRAWN]) == ({READ.key: Reason.WITHDRAWN} if outdated else {})


def test_the_newest_retraction_gives_the_reason() -> None:
    newest = replace(WITHDRAWN, reason=Reason.NOT_CHOSEN, partner_updated_at=NOON + 2 * HOUR)
    newer = replace(WITHDRAWN, reason=Reason.GONE_AT_PARTNER, partner_updated_at=NOON + HOUR)
    assert overtaken([READ], {}, [newer, newest, WITHDRAWN]) == {READ.key: Reason.NOT_CHOSEN}


def test_a_retraction_of_another_record_outdates_nothing() -> None:
    assert overtaken([READ], {}, [replace(WITHDRAWN, source_id="contract 2")]) == {}


@pytest.mark.parametrize(("hours", "outdated"), [(-1, True), (0, True), (1, False), (None, True)])
def test_what_an_entry_notes_outdates_what_is_not_newer(
    ledger: Ledger, hours: int | None, outdated: bool
) -> None:
    known, intent = _known(ledger, READ), _at(READ, hours)

    ledger.mark_moved([known[READ.key]], "run 2")
    expected = {READ.key: Reason.MOVED} if outdated else {}
    assert overtaken([intent, CARLA], ledger.find(PAIR, ["anna"]), []) == expected

    ledger.mark_retracted(RUN, [WITHDRAWN])
    expected = {READ.key: Reason.WITHDRAWN} if outdated else {}
    assert overtaken([intent, CARLA], ledger.find(PAIR, ["anna"]), []) == expected


@pytest.mark.parametrize(("hours", "outdated"), [(-1, True), (0, False), (1, False), (None, False)])
def test_a_newer_version_on_another_unit_outdates_this_one(
    ledger: Ledger, hours: int | None, outdated: bool
) -> None:
    known = _known(ledger, THERE)
    assert overtaken([_at(READ, hours), CARLA], known, []) == ({READ.key: Reason.MOVED} if outdated else {})


@pytest.mark.parametrize(("hours", "outdated"), [(-1, True), (0, False), (1, False)])
def test_the_newest_known_version_of_a_unit_counts(ledger: Ledger, hours: int, outdated: bool) -> None:
    """A cleared run brings an old version, or one without a time, of what the ledger knows better."""
    known = _known(ledger, THERE, _at(READ, hours))
    for old in (_at(READ, -2), _at(READ, None)):
        assert overtaken([old], known, []) == ({READ.key: Reason.MOVED} if outdated else {})


@pytest.mark.parametrize(("source", "outdated"), [("contract 2", False), (None, True), ("contract 1", True)])
def test_another_application_of_the_same_person_outdates_nothing(
    ledger: Ledger, source: str | None, outdated: bool
) -> None:
    """An entry of an earlier release does not name its record, and counts as the same."""
    known = _known(ledger, replace(THERE, source_id=source))
    assert bool(overtaken([_at(READ, -1)], known, [])) is outdated
    assert bool(moved([_at(READ, 1)], known)) is outdated


def test_an_entry_without_a_time_outdates_nothing(ledger: Ledger) -> None:
    assert overtaken([READ], _known(ledger, _at(THERE, None)), []) == {}


@pytest.mark.parametrize(
    ("stored", "read", "newer"),
    [(0, 1, True), (0, 0, False), (0, -1, False), (0, None, False), (None, 0, True), (None, None, False)],
)
def test_only_a_newer_version_changes_an_entry(
    ledger: Ledger, stored: int | None, read: int | None, newer: bool
) -> None:
    intent = _at(READ, read)
    known = _known(ledger, _at(READ, stored))
    assert newer_than_known([CARLA, intent], known) == ([(known[READ.key], intent)] if newer else [])

    there = replace(intent, unit=THERE.unit)
    assert moved([CARLA, there], known) == ([known[READ.key]] if newer else [])


def test_an_entry_whose_unit_the_application_still_includes_has_not_moved(ledger: Ledger) -> None:
    flat, parking = (replace(_at(one, 1), bundle_size=2) for one in (READ, THERE))
    assert moved([parking, flat], _known(ledger, READ)) == []


def test_a_bundle_of_which_a_unit_could_not_be_read_moves_nothing(ledger: Ledger) -> None:
    known = _known(ledger, READ)
    there, elsewhere = (replace(_at(THERE, 1), unit=unit, bundle_size=2) for unit in ("1/1/1/8", "1/1/1/9"))
    assert moved([there], known) == []
    assert moved([there, elsewhere], known) == [known[READ.key]]


def test_each_application_of_a_person_moves_its_own_entries(ledger: Ledger) -> None:
    mine, other = _known(ledger, READ, replace(THERE, source_id="contract 2")).values()
    known = {one.key: one for one in (mine, other)}
    to_third = replace(_at(READ, 1), unit="1/1/1/7")
    stays = replace(_at(THERE, 1), source_id="contract 2")
    assert moved([stays, to_third], known) == [mine]
    assert moved([to_third, stays], known) == [mine]


def test_who_has_a_lease_or_has_moved_before_does_not_move(ledger: Ledger) -> None:
    """The lease stays what it is, and a move is noted once."""
    leased, gone = _known(ledger, READ, CARLA).values()
    ledger.mark_leased(leased.id, "L-1", "run 2")
    ledger.mark_moved([gone], "run 2")
    known = ledger.find(PAIR, ["anna", "carla"])
    assert moved([_at(THERE, 1), replace(_at(CARLA, 1), unit="1/1/1/8")], known) == []
