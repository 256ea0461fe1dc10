"""``letting-sync retention --dry-run``: what the DAG ``prospect_retention`` would delete now."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TextIO

from letting_sync.ledger.ledger import Ledger
from letting_sync.privacy.retention import delete_ledger_rows, delete_staged, keeping_times
from letting_sync.staging import folders


def main(arguments: Sequence[str] | None = None, out: TextIO | None = None, prog: str | None = None) -> int:
    """Print as JSON how many staged tables and rows of the ledger the retention would delete now. Nothing is deleted.

    Tables of runs that go on are counted here, and left alone by the DAG. To delete, trigger the DAG prospect_retention: it
    knows which runs go on.
    """
    parser = argparse.ArgumentParser(prog, description=main.__doc__)
    parser.add_argument(
        "--dry-run", action="store_true", required=True, help="count only; the DAG prospect_retention deletes"
    )
    parser.parse_args(arguments)
    times, at = keeping_times(), datetime.now(UTC)
    counts = {
        "staged": delete_staged(folders.base(), times, at, lambda *_: 0, dry_run=True),
        "ledger": delete_ledger_rows(Ledger().engine, times, at, dry_run=True),
    }
    print(json.dumps(counts, indent=2), file=out)
    return 0
