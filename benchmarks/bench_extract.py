"""Reading 10,000 prospects at 50 ms a call: the task ``extract`` against the ideal, the floor, and others.

The contracts name no number of calls that the partners serve at a time. The ideal (log in, each page once), the floor
and the others make one call at a time; a second ideal makes four, as many as our hooks make. Neither limit is reached.
The floor reads the same pages and throws them away: what is above the ideal there is the sandbox's own time.

    python -m benchmarks.bench_extract
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from math import ceil
from pathlib import Path
from typing import Any

from benchmarks.bench_peers import SIZE
from benchmarks.bench_run import Pair, Place, Served, home, peer, sandbox, table

LATENCY, AT_A_TIME = 0.05, 4
HEADS = ("extract, {count:,} prospects", "calls", "seconds", "/ ideal", "/ floor", "processor s", "peak MiB")
PEERS = {"httphook": "a loop over `HttpHook.run`", "dlt": "dlt's REST API source"}


def rows(folder: Path, served: Served, system: str, count: int) -> list[list[Any]]:
    """The rows of one partner."""
    # A window of its own for each: whatever is done a first time is done before.
    floor = min(peer(served, "floor", system) or 0 for _ in range(2))
    ours = min((_ours(folder, served, system, number) for number in range(2)), key=lambda one: one.seconds)
    calls = 1 + ceil(count / SIZE[system])
    ideal = calls * LATENCY
    found: list[list[Any]] = [
        [f"{system}: ideal", calls, ideal, 1.0, ideal / floor, "", ""],
        [
            f"{system}: ideal, {AT_A_TIME} at a time",
            calls,
            ideal / AT_A_TIME,
            1 / AT_A_TIME,
            ideal / AT_A_TIME / floor,
            "",
            "",
        ],
        [f"{system}: floor", "", floor, floor / ideal, 1.0, "", ""],
        [
            f"{system}: this project",
            ours.calls,
            ours.seconds,
            ours.seconds / ideal,
            ours.seconds / floor,
            ours.processor,
            ours.peak,
        ],
    ]
    for way, name in PEERS.items():
        seconds = peer(served, way, system)
        if seconds:
            found.append([f"{system}: {name}", "", seconds, seconds / ideal, seconds / floor, "", ""])
    return found


def _ours(folder: Path, served: Served, system: str, number: int) -> Any:
    measured = Pair(f"{system}_yuneo", folder, served, run_id=f"extract {number}").task("extract")
    measured.print(system)
    return measured


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench_extract", description=__doc__)
    parser.add_argument("--prospects", type=int, default=10_000)
    count = parser.parse_args(given).prospects
    slow = {"latency_seconds": LATENCY, "per_minute": None}
    place = Place(
        dict.fromkeys(("immomio", "everreal"), count), options=dict.fromkeys(("immomio", "everreal"), slow)
    )
    with home() as folder, sandbox(place) as served:
        found = [row for system in ("immomio", "everreal") for row in rows(folder, served, system, count)]
    heads = [head.format(count=count) for head in HEADS]
    print("\n" + table(heads, found))


if __name__ == "__main__":
    main()
