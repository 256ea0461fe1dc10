"""``make bench``: every row of docs/benchmarks.md, each with its peers in one run, as ratios.

What is left out because a peer's environment is missing is said. All of it takes about half an hour on two cores.

    python -m benchmarks.bench                    # all
    python -m benchmarks.bench extract load       # some
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.harness.task_process import ROOT

MODULE = (sys.executable, "-m")
ROWS: Mapping[str, Sequence[Sequence[str]]] = {
    "extract": [(*MODULE, "benchmarks.bench_extract")],
    "load": [(*MODULE, "benchmarks.bench_load")],
    "burst": [
        (*MODULE, "benchmarks.bench_burst", "--erp", "yuneo"),
        (*MODULE, "benchmarks.bench_burst", "--erp", "sigma"),
    ],
    "accept": [(*MODULE, "benchmarks.bench_burst", "--erp", "yuneo", "--accept", "500")],
    "quiet": [(*MODULE, "benchmarks.bench_quiet_hour")],
    "scheduler": [(*MODULE, "benchmarks.bench_scheduler")],
    "parse": [(*MODULE, "benchmarks.bench_parse")],
    "store": [(*MODULE, "benchmarks.bench_store", "--customers", "1000")],
    "dedup": [(*MODULE, "benchmarks.bench_dedup", "--rows", "100000", "--suspects", "10000")],
    "suspects": [(os.environ.get("BENCH_DEDUP_PEERS", sys.executable), "-m", "benchmarks.bench_suspects")],
}


def run(name: str) -> bool:
    """All commands of a row; returns whether they succeeded."""
    well = True
    for command in ROWS[name]:
        shown = " ".join(("python" if part == command[0] else part) for part in command)
        print(f"\n## {name}: `{shown}`\n", flush=True)
        environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'plugins'}"}
        well &= subprocess.call(command, cwd=ROOT, env=environment) == 0
    return well


def main(given: Sequence[str] | None = None) -> int:
    """0 if every row succeeded."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench", description=__doc__)
    parser.add_argument("rows", nargs="*", choices=[*ROWS, []], help="default: all")
    names = parser.parse_args(given).rows or list(ROWS)
    print(
        f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, Python {sys.version.split()[0]}, {Path.cwd().name}"
    )
    failed = [name for name in names if not run(name)]
    if failed:
        print(f"\nnot as it should be: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
