"""Loading 10,000 offers at 50 ms a call: the task ``load_offers`` against the ideal, the floor and one call per prospect.

The ideal: the calls that the guarantee needs (look before sending, look persons up, send, read the results), four at a
time, and one import's own time. Sigma serves four requests at a time by its contract; Yuneo's names no number, and we take
four there too. The floor makes the same kinds of calls with a bare session, in the same way four at a time, and throws
the answers away: what is above the ideal there is the sandbox's own time and the transport's. All prospects are one
chunk here; how chunks share a large run is ``bench_burst``'s.

    python -m benchmarks.bench_load
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks.bench_run import Pair, Place, Served, home, peer, sandbox, table

LATENCY, AT_A_TIME, IMPORT_SECONDS = 0.05, 4, 0.2
SCALED_FROM = 300
HEADS = (
    "load, {count:,} offers",
    "calls",
    "seconds",
    "/ ideal",
    "/ floor",
    "offers a second",
    "processor s",
    "peak MiB",
)


def rows(folder: Path, served: Served, erp: str, count: int) -> list[list[Any]]:
    """The rows of one ERP."""
    one_chunk = {"letting_sync.tasks.dedup.operator.PROSPECTS_PER_CHUNK": 10 * count}
    pair = Pair(f"everreal_{erp}", folder, served, {"poll": timedelta(seconds=IMPORT_SECONDS)}, one_chunk)
    chunks = pair.task("dedup", pair.task("extract").value).value
    ours = pair.task("load_offers", chunks)
    ours.print(erp)
    ideal = ours.calls * LATENCY / AT_A_TIME + IMPORT_SECONDS
    floor = peer(served, "load", erp, count) or 0
    one = (peer(served, "one", erp, SCALED_FROM) or 0) * count / SCALED_FROM
    return [
        [f"{erp}: ideal", ours.calls, ideal, 1.0, ideal / floor, count / ideal, "", ""],
        [f"{erp}: floor", "", floor, floor / ideal, 1.0, count / floor, "", ""],
        [
            f"{erp}: this project",
            ours.calls,
            ours.seconds,
            ours.seconds / ideal,
            ours.seconds / floor,
            count / ours.seconds,
            ours.processor,
            ours.peak,
        ],
        [
            f"{erp}: one call each, scaled from {SCALED_FROM}",
            count,
            one,
            one / ideal,
            one / floor,
            count / one,
            "",
            "",
        ],
    ]


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench_load", description=__doc__)
    parser.add_argument("--prospects", type=int, default=10_000)
    parser.add_argument("--erps", default="yuneo,sigma")
    arguments = parser.parse_args(given)
    slow = {"latency_seconds": LATENCY}
    # The peer makes more than 600 calls a minute; for it, the limit is lifted for all.
    options = {"yuneo": {**slow, "per_minute": None}, "sigma": slow, "everreal": {"per_minute": None}}
    found: list[list[Any]] = []
    with home() as folder, sandbox(Place({"everreal": arguments.prospects}, options=options)) as served:
        for erp in arguments.erps.split(","):
            found += rows(folder, served, erp, arguments.prospects)
    print("\n" + table([head.format(count=arguments.prospects) for head in HEADS], found))


if __name__ == "__main__":
    main()
