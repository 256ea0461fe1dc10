"""A letting campaign: thousands of applicants in one window, chosen in the ERP, none of them accepted by us.

Every task runs in a process of its own with the operators of the real DAG file, a chunk at a time, as many at a time as
the ERP's pool lets in. Limits, page sizes and lengths of imports are the contracts' own.

    python -m benchmarks.bench_burst --erp yuneo
    python -m benchmarks.bench_burst --erp sigma
    python -m benchmarks.bench_burst --erp yuneo --accept 5000
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.bench_run import Measured, Pair, Place, Served, home, sandbox, table

PROSPECTS, UNITS = 23_000, 230
HEADS = ("task", "processes", "seconds", "calls", "seconds waited for limits", "peak MiB")


def slots(erp: str) -> int:
    """How many chunks the ERP's pool lets in at a time."""
    from letting_sync.customers.systems import erp_named
    from letting_sync.pools.listener import SLOTS

    return SLOTS // erp_named(erp).pool_slots


def run(pair: Pair, at_a_time: int) -> tuple[list[list[Any]], dict[str, Any]]:
    """The five tasks; returns a row for each, and the counts of ``reconcile``."""
    rows: list[list[Any]] = []

    def done(name: str, parts: Sequence[Measured], seconds: float) -> None:
        row = [name, len(parts), seconds, sum(p.calls for p in parts), sum(p.waited for p in parts)]
        rows.append([*row, max(part.peak for part in parts)])
        print(
            "|",
            *(f"{cell:.1f} |" if isinstance(cell, float) else f"{cell} |" for cell in rows[-1]),
            flush=True,
        )

    extract = pair.task("extract")
    done("extract", [extract], extract.seconds)
    dedup = pair.task("dedup", extract.value)
    done("dedup", [dedup], dedup.seconds)
    for name in ("load_offers", "auto_accept"):
        started = time.monotonic()
        with ThreadPoolExecutor(at_a_time) as pool:
            parts = list(pool.map(lambda chunk: pair.task(name, [chunk]), dedup.value))  # noqa: B023
        done(name, parts, time.monotonic() - started)
    reconcile = pair.task("reconcile", dedup.value)
    done("reconcile", [reconcile], reconcile.seconds)
    return rows, reconcile.value


def burst(folder: Path, served: Served, erp: str, accept: int) -> tuple[list[list[Any]], dict[str, Any]]:
    """One window into one ERP."""
    from letting_sync.settings import AcceptancePolicy
    from letting_sync.systems.everreal import EVERREAL

    settings = {
        "partner": EVERREAL.at("everreal", selection="partner" if accept else "erp"),
        "policy": AcceptancePolicy(accept="auto" if accept else "off", max_accepts_per_run=10_000),
    }
    pair = Pair(f"everreal_{erp}", folder, served, settings)
    return run(pair, slots(erp))


def _kept(folder: Path) -> str:
    """What stays of the run: rows and bytes of the ledger, bytes in the staging folder."""
    with sqlite3.connect(folder / "ledger.db") as ledger:
        ledger.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        rows = [
            ledger.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
            for name in ("prospect_ledger", "prospect_ledger_event")
        ]
    size = (folder / "ledger.db").stat().st_size
    staged = sum(path.stat().st_size for path in (folder / "staging").rglob("*") if path.is_file())
    return f"ledger: {rows[0]} entries, {rows[1]} lines of history, {size / 1e6:.2f} MB; staged: {staged / 1e6:.2f} MB"


def main(given: Sequence[str] | None = None) -> int:
    """0 if the window was reconciled within an hour and below 1 GiB a task."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench_burst", description=__doc__)
    parser.add_argument("--erp", choices=("yuneo", "sigma"), default="yuneo")
    parser.add_argument("--prospects", type=int, default=PROSPECTS)
    parser.add_argument("--units", type=int, default=UNITS, help="flats of the campaign")
    parser.add_argument(
        "--accept",
        type=int,
        default=0,
        help="instead: so many chosen ones, each on a flat of their own, accepted",
    )
    arguments = parser.parse_args(given)
    place = Place(
        {"everreal": arguments.accept or arguments.prospects}, 0 if arguments.accept else arguments.units
    )
    with home() as folder, sandbox(place) as served:
        started = time.monotonic()
        rows, counts = burst(folder, served, arguments.erp, arguments.accept)
        seconds = time.monotonic() - started
        print("\n" + table(HEADS, rows) + "\n\n" + _kept(folder))
    print(f"\n{arguments.erp}: {seconds / 60:.1f} minutes; {counts}")
    return 0 if seconds < 3600 and max(row[-1] for row in rows) <= 1024 else 1


if __name__ == "__main__":
    sys.exit(main())
