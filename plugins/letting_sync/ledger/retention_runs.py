"""When personal data was last deleted: noted by the retention, read by alerts and console."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa

from letting_sync.ledger.schema import UtcDateTime, entries, metadata

LONGEST_PAUSE = timedelta(days=2)
"""The retention runs every night; later than this it is overdue."""

retention_runs = sa.Table(
    "prospect_retention",
    metadata,
    sa.Column("ended_at", UtcDateTime, primary_key=True, comment="when it had deleted what was due"),
)


class RetentionState(NamedTuple):
    """What the ledger knows of the retention.

    :param last: when it last deleted what was due; ``None``: never.
    :param oldest: when the oldest entry of the ledger was made; ``None``: there is none.
    """

    last: datetime | None
    oldest: datetime | None

    def overdue(self, at: datetime) -> bool:
        """Whether it should have run meanwhile. A ledger that is younger than the pause needs none yet."""
        since = self.last or self.oldest
        return since is not None and at - since > LONGEST_PAUSE


def note_end(engine: sa.Engine, at: datetime) -> None:
    """Note that the retention has deleted what was due."""
    with engine.begin() as connection:
        connection.execute(sa.insert(retention_runs).values(ended_at=at))


def find_state(engine: sa.Engine) -> RetentionState:
    """Read when the retention last ended, and since when there is anything to delete."""
    with engine.connect() as connection:
        last = connection.execute(sa.select(sa.func.max(retention_runs.c.ended_at))).scalar_one()
        oldest = connection.execute(sa.select(sa.func.min(entries.c.created_at))).scalar_one()
    return RetentionState(last, oldest)
