"""Whatever partner, clerk, operator and crashes do over several days: no wrong lease, no second one, nobody lost.

``SEQUENCES`` says how many sequences are tried; without it they are few and always the same. ``make chaos`` tries many.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from hypothesis import HealthCheck, Phase, given, note, settings

from tests.harness.days import Days
from tests.harness.sequences import Day, Week, days_of_a_week

SEQUENCES = os.environ.get("SEQUENCES")


@settings(
    max_examples=int(SEQUENCES or 8),
    derandomize=not SEQUENCES,
    database=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
    phases=[Phase.explicit, Phase.generate, *([Phase.shrink] if SEQUENCES else [])],
)
@given(week=days_of_a_week)
def test_any_week(fresh_days: Callable[[], Days], week: list[Day]) -> None:
    days = fresh_days()
    played = Week(days)

    played.play(week)

    note(f"leases: {played.leases}")
    played.holds()
