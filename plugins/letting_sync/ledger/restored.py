"""Say which windows to read again after the ledger was restored from a backup: the command letting-sync ledger restored.

Entries that the backup does not know are found again in the ERP when their windows are read once more: the load looks every
prospect up by its external id before it sends anything. What must be read again is everything since the backup was made.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TextIO

import sqlalchemy as sa

from letting_sync.ledger.database import HASH_KEY
from letting_sync.ledger.ledger import Ledger
from letting_sync.ledger.migrate import open_engine
from letting_sync.ledger.records import UNKNOWN_HASH
from letting_sync.ledger.schema import entries, locate, properties, retractions

MARGIN = timedelta(hours=1)
"""Read so much further back: the last write before the backup may have been made by a run that was still under way."""


def windows_to_read(engine: sa.Engine, until: datetime) -> dict[str, tuple[datetime, datetime]]:
    """Return for each pair of the ledger the window from its newest write, minus a margin, to ``until``.

    :param until: end of all windows.
    """
    newest = dict[str, datetime]()
    with engine.connect() as connection:
        for table, time in ((entries, entries.c.updated_at), (retractions, retractions.c.noted_at)):
            query = sa.select(table.c.pair, sa.func.max(time, type_=time.type)).group_by(table.c.pair)
            for pair, found in connection.execute(query):
                newest[pair] = max(found, newest.get(pair, found))
    return {pair: (time - MARGIN, until) for pair, time in sorted(newest.items())}


def forget_hashes(engine: sa.Engine) -> int:
    """Make the current hash key that of the ledger; hashes computed with another one are marked as unknown.

    :return: number of entries whose hashes were marked.
    """
    unknown = {"content_hash": UNKNOWN_HASH, "person_hash": None, "source_hash": None}
    with engine.begin() as connection:
        changed = connection.execute(sa.update(entries).values(**unknown)).rowcount
        connection.execute(sa.delete(properties).where(properties.c.name == HASH_KEY))
    Ledger()  # writes the fingerprint of the present key
    return int(changed)


def main(arguments: Sequence[str] | None = None, out: TextIO | None = None, prog: str | None = None) -> int:
    """Print what to do; with ``--new-hash-key`` use the current hash key from now on."""
    parser = argparse.ArgumentParser(prog, description=__doc__)
    parser.add_argument(
        "--new-hash-key",
        action="store_true",
        help="the old hash key is lost: take the present one, and forget the hashes made with the old one",
    )
    chosen = parser.parse_args(arguments)
    engine = open_engine(locate())
    if chosen.new_hash_key:
        print(
            f"{forget_hashes(engine)} entries: hashes forgotten, the present hash key is the ledger's now",
            file=out,
        )
        return 0
    windows = windows_to_read(Ledger().engine, datetime.now(UTC).replace(microsecond=0))
    if not windows:
        print(
            "The ledger is empty: read every window again that is still of interest, with airflow backfill create.",
            file=out,
        )
        return 1
    print("Read these windows again, then look at what is held:", file=out)
    for pair, (start, end) in windows.items():
        conf = json.dumps({"window_start": start.isoformat(), "window_end": end.isoformat()})
        print(f"  airflow dags trigger {pair} --conf '{conf}'", file=out)
    return 0
