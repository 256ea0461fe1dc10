"""What a quiet hour costs: a run with an empty window and one with 20 prospects, beside an empty DAG of the same five tasks.

All of Airflow as the demo starts it (LocalExecutor, SQLite). Processor time is user and system time of the whole process
tree (api-server, scheduler, dag-processor, triggerer and every task), less what the same tree takes while nothing runs.
The kinds of runs take turns, so that all of them meet the same machine; the sandbox and this process are not counted. Memory
is watched in runs of its own, as the most that a task's process has: what a task costs the machine (its proportional set size, in
which a page that n processes share counts as 1/n), what is its own alone, and all that is resident, which counts the modules that
were loaded before the fork once more for each process.

    python -m benchmarks.bench_quiet_hour
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, timedelta
from functools import reduce
from math import inf
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import psutil

from benchmarks.bench_run import ANCHOR, SEPARATORS, Served, home, table
from benchmarks.bench_scheduler import EMPTY_TASKS, Scheduler, window_of
from benchmarks.served import in_a_process, until_closed

PROSPECTS = 20
EMPTY_WINDOW, ORDINARY, NOTHING = "a pair, empty window", f"a pair, {PROSPECTS} prospects", "empty DAG"
AIMS: dict[str, dict[str, float]] = {
    "CPU / empty DAG": {EMPTY_WINDOW: 0.6, ORDINARY: 2.5},
    "wall / empty DAG": {ORDINARY: 1.3},
    "peak MiB of a task": {EMPTY_WINDOW: 200, ORDINARY: 200},
}
"""The most that a column may show."""
SETTLE_SECONDS, IDLE_SECONDS = 3.0, 20.0
PARTS = ("scheduler", "tasks", "api-server")
HEADS = (
    "one run",
    "CPU s",
    "CPU / empty DAG",
    *(f"of it {part}" for part in PARTS),
    "wall s",
    "wall / empty DAG",
    "peak MiB of a task",
    "its own alone",
    "with all that is shared",
)
TASK_TITLE = "airflow worker -- "
"""How the process of a task is called, before its id; Airflow's own name for it."""
EMPTY_FILE = f"""
import pendulum
from airflow.sdk import dag, task

@dag(schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="Europe/Berlin"))
def empty():
{EMPTY_TASKS}
empty()
"""
PAIR_FILE = '''
"""A pair as its DAG file has it; it starts in the future, so that nothing runs by itself. Airflow looks for the word "airflow"."""
import pendulum
from letting_sync.pipeline.dag import letting_dag
from letting_sync.pipeline.pair import Pair
from letting_sync.systems.everreal import EVERREAL
from letting_sync.systems.yuneo import YUNEO

dag = letting_dag(
    Pair(
        dag_id="pair",
        partner=EVERREAL.at("everreal"),
        erp=YUNEO.at("yuneo", exchange="EverReal"),
        start_date=pendulum.datetime(2099, 1, 1, tz="Europe/Berlin"),
    )
)
'''


def serve(days: int, line: Connection) -> None:
    """A sandbox with as many new prospects on each of the days before the anchor, each on a unit of their own."""
    from include.sandbox import Sandbox
    from include.sandbox.world import candidates, unit

    with Sandbox(populate=False, anchor=ANCHOR) as box:
        for number in range(days):
            units = [unit(number * PROSPECTS + one) for one in range(PROSPECTS)]
            found, contracts = candidates(PROSPECTS, number + 1, _anchor(number), units=units)
            for candidate in found:
                box.everreal.add_candidate(candidate)
            for contract in contracts:
                box.everreal.add_contract(contract)
            for one in units:
                box.yuneo.add_unit(SEPARATORS["yuneo"].join(one))
        until_closed(box, line)


def _anchor(number: int) -> date:
    """End of the day on which the prospects of this number changed; between two such days is one with none."""
    return ANCHOR - timedelta(days=2 * number)


@dataclass(frozen=True)
class Cost:
    """What one run took, in seconds.

    :param parts: processor time of Airflow's parts; ``tasks``: all that the scheduler has started.
    """

    parts: Mapping[str, float]
    wall: float

    @property
    def cpu(self) -> float:
        return sum(self.parts.values())


class Peak(NamedTuple):
    """The most memory that a task's process has held, in KiB.

    :param share: its own pages, and its share of those that it has in common with other processes (PSS).
    :param own: its own pages (USS).
    :param resident: all pages, those in common too (RSS).
    """

    share: int = 0
    own: int = 0
    resident: int = 0

    def most(self, other: Peak) -> Peak:
        return Peak(*map(max, self, other))


class Meter:
    """The processor time and the memory of all processes that were started, and of what they have started."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler
        self.idle: dict[str, float] = {}
        """Share of one core that each part takes while nothing runs."""

    def measure_idle(self) -> None:
        before, began = self._cpu(), time.monotonic()
        time.sleep(IDLE_SECONDS)
        seconds = time.monotonic() - began
        self.idle = {part: (now - before[part]) / seconds for part, now in self._cpu().items()}

    def cost(self, dag: str, conf: Mapping[str, str]) -> Cost:
        """Let a DAG run once; the ends of its processes belong to it."""
        before, began = self._cpu(), time.monotonic()
        ((start, end),) = self.scheduler.run([dag], conf)
        time.sleep(SETTLE_SECONDS)
        seconds = time.monotonic() - began
        parts = {part: now - before[part] - self.idle[part] * seconds for part, now in self._cpu().items()}
        return Cost(parts, end - start)

    def peak(self, dag: str, conf: Mapping[str, str]) -> Peak:
        """Let a DAG run once; returns the most memory that any of its tasks' processes has held."""
        with _watching(self._tree) as most:
            self.scheduler.run([dag], conf)
        return reduce(Peak.most, most.values())

    def _cpu(self) -> dict[str, float]:
        """Seconds of user and system time up to now by part, of processes that have ended too."""
        found: dict[str, float] = defaultdict(float)
        roots = {process.pid: name for name, process in self.scheduler.processes.running.items()}
        for root, process in self._tree():
            with suppress(psutil.NoSuchProcess):
                user, system, *of_ended = process.cpu_times()[:4]
                name = roots[root]
                found[name if name != "scheduler" or process.pid == root else "tasks"] += user + system
                found["tasks" if name == "scheduler" else name] += sum(of_ended)
        return found

    def _tree(self) -> Iterator[tuple[int, psutil.Process]]:
        """The processes, each with the id of the one that was started first."""
        for process in self.scheduler.processes.running.values():
            with suppress(psutil.NoSuchProcess):
                root = psutil.Process(process.pid)
                yield from ((root.pid, one) for one in (root, *root.children(recursive=True)))


@contextmanager
def _watching(tree: Callable[[], Iterable[tuple[int, psutil.Process]]]) -> Iterator[dict[int, Peak]]:
    """Look again and again at the tasks' processes; yields the most that each has held."""
    most: dict[int, Peak] = defaultdict(Peak)
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            for _, process in tree():
                with suppress(psutil.Error, OSError, IndexError):
                    if process.cmdline()[0].startswith(TASK_TITLE):
                        memory = process.memory_full_info()
                        now = Peak(*(size // 1024 for size in (memory.pss, memory.uss, memory.rss)))
                        most[process.pid] = most[process.pid].most(now)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield most
    finally:
        over.set()
        thread.join()


def rows(meter: Meter, rounds: int) -> list[list[Any]]:
    """The kinds of runs in turn; the first of each, which loads what stays loaded, does not count."""
    costs: dict[str, list[Cost]] = {NOTHING: [], EMPTY_WINDOW: [], ORDINARY: []}
    for number in range(rounds + 1):
        for kind, conf in _runs(number).items():
            cost = meter.cost("empty" if kind == NOTHING else "pair", conf)
            print(f"  {kind}: CPU {cost.cpu:.2f} s, wall {cost.wall:.2f} s", flush=True)
            if number:
                costs[kind].append(cost)
    peaks = {
        kind: meter.peak("empty" if kind == NOTHING else "pair", conf)
        for kind, conf in _runs(rounds + 1).items()
    }
    cpu = {kind: median(one.cpu for one in some) for kind, some in costs.items()}
    wall = {kind: median(one.wall for one in some) for kind, some in costs.items()}
    return [
        [
            kind,
            cpu[kind],
            cpu[kind] / cpu[NOTHING],
            *(median(one.parts[part] for one in some) for part in PARTS),
            wall[kind],
            wall[kind] / wall[NOTHING],
            peaks[kind].share // 1024,
            peaks[kind].own // 1024,
            peaks[kind].resident // 1024,
        ]
        for kind, some in costs.items()
    ]


def _runs(number: int) -> dict[str, dict[str, str]]:
    """Params of one run of each kind."""
    day = _anchor(number) - timedelta(days=1)
    return {NOTHING: {}, EMPTY_WINDOW: window_of(day - timedelta(days=1)), ORDINARY: window_of(day)}


def main(given: Sequence[str] | None = None) -> int:
    """0 if all aims were met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench_quiet_hour", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--airflow-port", type=int, default=18080)
    arguments = parser.parse_args(given)
    with home() as folder, in_a_process(serve, arguments.rounds + 2) as served:
        found = _measure(folder, served, arguments)
    print("\n" + table(HEADS, found))
    missed = [
        f"{head} of {row[0]}: more than {most[row[0]]}"
        for head, most in AIMS.items()
        for row in found
        if row[HEADS.index(head)] > most.get(row[0], inf)
    ]
    print("\n".join(["", *missed] if missed else ["", "all aims are met"]))
    return 1 if missed else 0


def _measure(folder: Path, served: Served, arguments: argparse.Namespace) -> list[list[Any]]:
    files = {"empty.py": EMPTY_FILE, "pair.py": PAIR_FILE}
    scheduler = Scheduler(folder, arguments.airflow_port, served, files, len(files))
    with scheduler.processes:
        scheduler.start()
        meter = Meter(scheduler)
        meter.measure_idle()
        idle = sum(meter.idle.values())
        print(f"  idle: {idle:.3f} of a core; load of the machine: {os.getloadavg()[0]:.1f}", flush=True)
        return rows(meter, arguments.rounds)


if __name__ == "__main__":
    sys.exit(main())
