"""The state of incidents, as pure functions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from alert_receiver import NOON, run
from hypothesis import given
from hypothesis import strategies as st

from letting_sync.alerts.incidents import Incident, opened, still_there, went_well
from letting_sync.alerts.messages import facts_of


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), max_size=30))
def test_openings_and_closings_alternate(steps):
    """Whatever the order of good and bad scheduled runs: never told twice what is known, never hidden what is new."""
    incident, told = Incident(), []
    for bad, number in steps:
        end = f"{number}"
        if bad:
            change = opened("failed", incident, f"r{number}", end, NOON)
        else:
            change = went_well(incident, f"r{number}", end, scheduled=True)
        incident = change.after
        if change.notify:
            told.append(change.notify)
            if change.notify == "opened":
                incident = Incident(incident.subjects, incident.since, NOON)
        assert bool(incident.subjects) is (told[-1:] == ["opened"])
    assert told == ["opened", "closed"] * (len(told) // 2) + ["opened"] * (len(told) % 2)


def test_a_notification_that_died_is_made_up_for():
    died = opened("failed", Incident(), "r1", "1", NOON).after
    assert opened("failed", died, "r2", "2", NOON + timedelta(minutes=1)).notify is None
    assert opened("failed", died, "r2", "2", NOON + timedelta(minutes=6)).notify == "opened"
    waits = still_there(Incident(), ["1"], NOON).after
    assert still_there(waits, ["1"], NOON + timedelta(minutes=6)).notify == "opened"


def test_a_run_by_hand_has_the_window_of_its_params_or_its_own_time():
    asked = {"window_start": "2026-11-01T00:00:00+01:00", "window_end": "2026-11-02T00:00:00+01:00"}
    assert facts_of(run() | {"conf": asked}).end == datetime(2026, 11, 1, 23, tzinfo=UTC)
    by_hand = facts_of({"dag_id": "d", "run_id": "r", "run_after": NOON, "run_type": "manual"})
    assert (by_hand.start, by_hand.end, by_hand.scheduled) == (None, NOON, False), "no schedule is known"
