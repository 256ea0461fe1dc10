"""When a pair that used to bring prospects has brought none for suspiciously long."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import pairwise

LOOKED_BACK = timedelta(days=180)
"""How far back the pair's own habit is learned from the ledger."""
FEWEST_DAYS = 5
"""Days with prospects below which a pair has no habit yet (assumed)."""
LEAST_SILENCE = timedelta(days=7)
"""Holidays and quiet weeks are no silence (assumed)."""
TIMES_THE_LONGEST_GAP = 2


def silent_since(
    brought: Iterable[datetime], end: datetime, after: timedelta | None = None
) -> datetime | None:
    """The end of the last window that brought prospects, if the silence since then is longer than the pair's habit.

    A silence is suspicious from twice the longest gap between two days with prospects, and from a week at least.

    :param brought: ends of the windows that brought some.
    :param end: end of the window that brought none.
    :param after: from when on a silence is suspicious, whatever the habit; ``None``: the habit decides.
    """
    ends = sorted(moment for moment in brought if moment <= end)
    if after is not None:
        return ends[-1] if ends and end - ends[-1] >= after else None
    days = sorted({moment.date() for moment in ends})
    if len(days) < FEWEST_DAYS:
        return None
    longest = max(later - earlier for earlier, later in pairwise(days))
    suspicious = end - ends[-1] >= max(LEAST_SILENCE, TIMES_THE_LONGEST_GAP * longest)
    return ends[-1] if suspicious else None
