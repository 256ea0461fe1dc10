"""What the benchmarks share: the sandbox in a process of its own, and the real tasks, each measured in its own process."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.chaos import prepare
from benchmarks.served import Served, in_a_process, until_closed
from tests.harness.task_process import ROOT, Run, Try, server

ANCHOR = date(2026, 11, 10)
"""All records changed on the day before it."""
PARTNERS = {"immomio": "Immomio", "everreal": "EverReal"}
SEPARATORS = {"yuneo": "/", "sigma": "."}


@dataclass(frozen=True)
class Place:
    """What the sandbox holds and how it answers.

    :param prospects: how many the partners have, on the day before the anchor; by partner.
    :param units: how many units they want; 0: each their own.
    :param options: options of the systems, by system; whatever is not named keeps the contract's default.
    """

    prospects: Mapping[str, int]
    units: int = 0
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def sandbox(place: Place) -> AbstractContextManager[Served]:
    """The four systems in a process of their own."""
    return in_a_process(_serve, place)


def _serve(place: Place, line: Connection) -> None:
    """Run the sandbox until the line is closed; the first message tells where."""
    from include.sandbox import Sandbox
    from include.sandbox.world import applications, candidates, unit

    most = max(place.prospects.values())
    units = [unit(number % place.units if place.units else number) for number in range(most)]
    with Sandbox(populate=False, anchor=ANCHOR) as box:
        for application in applications(place.prospects.get("immomio", 0), 1, ANCHOR, units=units):
            box.immomio.add(application)
        found, contracts = candidates(place.prospects.get("everreal", 0), 1, ANCHOR, units=units)
        for candidate in found:
            box.everreal.add_candidate(candidate)
        for contract in contracts:
            box.everreal.add_contract(contract)
        for name, separator in SEPARATORS.items():
            for one in dict.fromkeys(units):
                getattr(box, name).add_unit(separator.join(one))
        for name, options in place.options.items():
            for option, value in options.items():
                setattr(getattr(box, name).options, option, value)
        until_closed(box, line)


@dataclass(frozen=True)
class Measured:
    """What one task took.

    :param value: what it handed on.
    :param peak: most memory it held at a time, in MiB.
    :param processor: seconds of processor time, to a twentieth.
    :param calls: requests to outside systems.
    :param waited: seconds for which it waited because a limit was used up.
    """

    value: Any
    seconds: float
    peak: int
    processor: float
    calls: int = 0
    waited: int = 0

    def print(self, name: str) -> None:
        """Print a line while the benchmark goes on."""
        print(
            f"  {name} ours: {self.calls} calls, {self.seconds:.2f} s, {self.processor:.2f} s of processor",
            flush=True,
        )


@contextmanager
def home() -> Iterator[Path]:
    """A directory with an Airflow of its own, before anything imports Airflow."""
    path = Path(tempfile.mkdtemp(prefix="bench-"))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # whoever stops it stops what it started, too
    os.environ["BENCH_HOME"] = str(path)
    prepare(path)
    # The fork server loads everything once, as a worker's image has it; no task pays for that.
    process = server().Process(target=os.getpid)
    process.start()
    process.join()
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@dataclass
class Pair:
    """One pair's tasks against a sandbox, each in a process of its own, as a worker runs them.

    :param operator: settings of the operators that the pair's file would set, by attribute.
    :param modules: module attributes to set in the processes.
    """

    pair: str
    home: Path
    served: Served
    operator: Mapping[str, Any] = field(default_factory=dict)
    modules: Mapping[str, Any] = field(default_factory=dict)
    run_id: str = "scheduled"

    def task(self, name: str, handed_on: Any = None) -> Measured:
        """Let a process do one task to its end.

        :raises RuntimeError: it failed.
        """
        notes = self.home / f"{self.run_id}-{name}-{threading.get_ident()}-{time.monotonic_ns()}.json"
        run = self._run({**self.modules, "letting_sync.compat.Stats": Notes(notes)})
        started = time.monotonic()
        attempt = Try(run, (name,), handed_on)
        usage = _Usage(attempt.process.pid or 0)
        ended = attempt.end()
        seconds = time.monotonic() - started
        if ended.how != "done":
            raise RuntimeError(
                f"{self.pair} {name}: {ended.how}: {ended.error}\n{self.log.read_text()[-3000:]}"
            )
        noted = _sums(notes)
        usage.end()
        return Measured(
            ended.value,
            seconds,
            usage.kib // 1024,
            usage.ticks / os.sysconf("SC_CLK_TCK"),
            noted.get("prospects.api_calls", 0),
            noted.get("prospects.seconds_waited_for_limits", 0),
        )

    @property
    def log(self) -> Path:
        return self.home / f"{self.pair}.log"

    def _run(self, modules: Mapping[str, Any]) -> Run:
        from include.sandbox.world import midnight

        return Run(
            pair=self.pair,
            run_id=self.run_id,
            start=midnight(ANCHOR - timedelta(days=1)),
            end=midnight(ANCHOR),
            environment={
                f"AIRFLOW_CONN_{name.upper()}": json.dumps(one)
                for name, one in self.served.connections.items()
            }
            | {
                "AIRFLOW__PROSPECTS__LEDGER": str(self.home / "ledger.db"),
                "AIRFLOW__PROSPECTS__STAGING": f"file://{self.home}/staging",
            },
            log=self.log,
            operator=self.operator,
            modules=modules,
        )


@dataclass(frozen=True)
class Notes:
    """Stands where Airflow's metrics stand, and writes the hooks' counters into a file."""

    path: Path

    def incr(self, name: str, count: int = 1, **_: Any) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps([name, count]) + "\n")


def _sums(path: Path) -> dict[str, int]:
    sums: dict[str, int] = {}
    for line in path.read_text().splitlines() if path.exists() else ():
        name, count = json.loads(line)
        sums[name] = sums.get(name, 0) + count
    return sums


class _Usage:
    """The most memory that a process has held, and its processor time, as Linux counts them; looked at until it ends."""

    def __init__(self, pid: int) -> None:
        self.pid, self.kib, self.ticks = pid, 0, 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._over.wait(0.05):
            try:
                status = Path(f"/proc/{self.pid}/status").read_text()
                # Behind the name in brackets: state, and then what ``man proc_pid_stat`` lists from 4 on.
                fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                return
            for line in status.splitlines():
                if line.startswith("VmHWM:"):
                    self.kib = int(line.split()[1])
            self.ticks = max(self.ticks, int(fields[11]) + int(fields[12]))

    def end(self) -> None:
        self._over.set()
        self._thread.join()


def peer(served: Served, way: str, system: str, count: int = 0) -> float | None:
    """Seconds that one way of ``bench_peers`` takes; ``None`` if it is not installed.

    :raises RuntimeError: it failed.
    """
    python = os.environ.get("BENCH_PEERS", "") if way == "dlt" else sys.executable
    if not Path(python).is_file():
        print(f"  {way} is not installed (BENCH_PEERS), left out")
        return None
    environment = {
        **os.environ,
        "BENCH_CONNECTIONS": json.dumps(served.connections),
        "BENCH_COUNT": str(count),
    }
    command = [python, "-m", "benchmarks.bench_peers", way, system]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{way} {system}: {done.stderr[-3000:]}")
    told = json.loads(done.stdout.splitlines()[-1])
    print(f"  {system} {way}: {told['records']} records, {told['seconds']:.2f} s", flush=True)
    return float(told["seconds"])


def table(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A Markdown table, as it goes into docs/benchmarks.md."""
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    lines += ["| " + " | ".join(map(_cell, row)) + " |" for row in rows]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)
