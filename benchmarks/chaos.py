"""``make chaos``: thousands of prospects through a storm, and what the ERPs hold afterwards.

Each pair's five tasks run as Airflow would run them, each try in a process of its own. A part of all requests to
the four systems gets faults, and tries are killed (SIGKILL) at random moments; a try that fails or dies is
followed by the next. Where PostgreSQL is installed it holds the ledger, and the clock of each try's machine is wrong. When the storm is over the window is run once more, as a cleared run would. Then the ERPs'
own records are held against what must be there.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks.served import in_a_process
from tests.harness.postgres_server import ABSENT, PROGRAMS, PostgresServer
from tests.harness.task_process import ROOT, TASKS, Death, Ended, Run, Try, operator_settings

PAIRS = ("immomio_yuneo", "immomio_sigma", "everreal_yuneo", "everreal_sigma")
MOST_TRIES = 60
KILLS_A_TASK = 8
"""After so many deaths a task is let live; Airflow's operator would have gone to look by then."""
SETTLE_FACTOR = 8
"""The connection's ``settle_seconds`` in lengths of an import, for a machine that is busy with the storm."""

SHORT_TIMEOUTS = {"connect_timeout": 2, "timeout": 8, "total_timeout": 10}
"""What a request may take here, in seconds; ``settle_seconds`` may not be shorter."""
LEAST_SETTLE = 16.0


@dataclass
class Tally:
    """What happened to one pair's tasks."""

    tries: int = 0
    killed: int = 0
    failed: int = 0
    stopped: list[str] = field(default_factory=list)
    seconds: float = 0.0
    counts: dict[str, Any] = field(default_factory=dict)


class Storm:
    """One storm over some pairs.

    :param kills: whether tries are killed.
    :param home: folder for staging and logs.
    :param ledger: where the ledger is, as settings of the environment.
    """

    def __init__(
        self,
        weather: Any,
        pairs: Sequence[str],
        kills: bool,
        home: Path,
        served: Any,
        ledger: Mapping[str, str],
    ) -> None:
        self.weather, self.pairs, self.kills, self.home, self.served = weather, pairs, kills, home, served
        self.ledger = ledger
        self.tallies = {pair: Tally() for pair in pairs}
        self._all_loaded = threading.Barrier(len(pairs))

    def run(self) -> None:
        """All pairs at the same time, as at midnight; nobody accepts before all have loaded."""
        with ThreadPoolExecutor(len(self.pairs)) as pool:
            list(pool.map(self._pair, self.pairs))

    def run_once_more(self) -> None:
        """The same window in fair weather, by a new run."""
        for pair in self.pairs:
            ended = Try(self._run(pair, "after the storm"), TASKS).end()
            if ended.how != "done":
                self.tallies[pair].stopped.append(f"in fair weather: {ended.error}")
            self.tallies[pair].counts = ended.value or {}

    def _pair(self, pair: str) -> None:
        started = time.monotonic()
        try:
            folder = None
            for task in TASKS:
                if task == "auto_accept":
                    self._all_loaded.wait()
                folder = self._task(pair, task, folder)
        except Exception as error:
            self.tallies[pair].stopped.append(str(error))
            self._all_loaded.abort()
        self.tallies[pair].seconds = time.monotonic() - started

    def _task(self, pair: str, task: str, folder: Any) -> Any:
        """One task, try after try, until it succeeds."""
        run, tally = self._run(pair, "scheduled"), self.tallies[pair]
        for number in range(MOST_TRIES):
            tally.tries += 1
            ended = self._try(run, task, folder, number)
            if ended.how == "done":
                return ended.value
            tally.killed += ended.how == "killed"
            tally.failed += ended.how == "failed"
            if ended.how == "stopped":
                tally.stopped.append(f"{task}: {ended.error}")
        raise RuntimeError(f"{task}: no end after {MOST_TRIES} tries")

    def _try(self, run: Run, task: str, folder: Any, number: int) -> Ended:
        rng = random.Random(f"{self.weather.seed}/{run.pair}/{task}/{number}")
        skew = self.weather.clock_skew
        run = replace(run, clock_ahead=timedelta(minutes=rng.uniform(-skew, skew)))
        if not self.kills or number >= KILLS_A_TASK or rng.random() < 0.1:
            return Try(run, (task,), folder).end()
        seconds, moments = _extent(task, self.weather.prospects)
        # Early moments are as likely as late ones.
        if moments and rng.random() < 0.6:
            moment = round(math.exp(rng.uniform(0, math.log(moments))))
            return Try(run, (task,), folder, Death("moment", nth=moment)).end()
        return Try(run, (task,), folder).end(
            kill_after=math.exp(rng.uniform(math.log(0.05), math.log(seconds)))
        )

    def _run(self, pair: str, run_id: str) -> Run:
        from include.sandbox.world import midnight

        end = midnight(self.weather.anchor)
        return Run(
            pair=pair,
            run_id=run_id,
            start=midnight(date.fromordinal(self.weather.anchor.toordinal() - 1)),
            end=end,
            environment=self._environment(),
            log=self.home / f"{pair}.log",
            operator=operator_settings(),
            modules=_short_waits(),
        )

    def _environment(self) -> dict[str, str]:
        settle = max(SETTLE_FACTOR * self.weather.import_seconds, LEAST_SETTLE)
        settings = SHORT_TIMEOUTS | {"settle_seconds": settle}
        connections = {
            name: connection | {"extra": connection["extra"] | settings}
            for name, connection in self.served.connections.items()
        }
        return {f"AIRFLOW_CONN_{name.upper()}": json.dumps(one) for name, one in connections.items()} | {
            **self.ledger,
            "AIRFLOW__PROSPECTS__STAGING": f"file://{self.home}/staging",
        }


def _extent(task: str, prospects: int) -> tuple[float, float]:
    """About how many seconds a task takes here, and how many requests and writes it makes."""
    return {
        "extract": (3, 2 + prospects / 40),
        "load_offers": (5 + prospects / 50, prospects / 2),
        "auto_accept": (5 + prospects / 10, 10 * prospects),
    }.get(task, (1.0, 0))


def _short_waits() -> dict[str, Any]:
    """The pauses between two tries of a call, a tenth of their length; nothing else of the product is touched."""
    import tenacity

    return {
        "letting_sync.http.retry.BACKOFF": tenacity.wait_exponential_jitter(
            multiplier=0.025, max=1.5, jitter=0.05
        )
    }


@contextmanager
def new_ledger(weather: Any, home: Path) -> Iterator[tuple[dict[str, str], sa.URL]]:
    """An empty ledger: settings that name it, and its address. Where clocks differ it needs a clock of its own."""
    if not weather.clock_skew:
        file = home / "ledger.db"
        yield {"AIRFLOW__PROSPECTS__LEDGER": str(file)}, sa.URL.create("sqlite", database=str(file))
        return
    server = PostgresServer()
    try:
        url = server.new_database()
        yield {"AIRFLOW_CONN_PROSPECT_LEDGER": server.connection(url)}, url
    finally:
        server.remove()


def left_open(ledger: sa.URL) -> int:
    """Entries of the ledger whose outcome is not known, neither of the offer nor of the lease."""
    query = (
        "SELECT count(*) FROM prospect_ledger WHERE state IN ('claimed', 'sent') OR acceptance = 'accepting'"
    )
    with sa.create_engine(ledger).connect() as connection:
        return int(connection.execute(sa.text(query)).scalar_one())


def sandbox(weather: Any) -> AbstractContextManager[Any]:
    """The four systems in a process of their own."""
    from benchmarks.chaos_world import serve

    return in_a_process(serve, weather)


def blow(weather: Any, pairs: Sequence[str], kills: bool, home: Path) -> dict[str, Any]:
    """One storm from its beginning to the count afterwards."""
    from benchmarks.chaos_world import CERTAIN, compare, make, storm
    from include.sandbox import SandboxClient

    _, expected = make(weather.seed, weather.prospects, weather.anchor)
    with sandbox(weather) as served, new_ledger(weather, home) as (ledger, url):
        clients = {name: SandboxClient(url) for name, url in served.urls.items()}
        for client in clients.values():
            storm(client, weather)
        over = Storm(weather, pairs, kills, home, served, ledger)
        over.run()
        struck = {
            name: Counter(one["kind"] for one in client.fault_log()) for name, client in clients.items()
        }
        for client in clients.values():
            client.clear_faults()
        over.run_once_more()
        states = {name: clients[name].state() for name in ("yuneo", "sigma")}
        still_open = left_open(url)
    involved = {name for pair in pairs for name in pair.split("_")}
    result: dict[str, Any] = {
        "faults": {name: sum(struck[name].values()) for name in sorted(involved)},
        "never_struck": sorted(
            f"{name}: {kind}" for name in involved for kind in CERTAIN - set(struck[name])
        ),
        "open_in_ledger": still_open,
        "pairs": {},
    }
    for pair, tally in over.tallies.items():
        partner, erp = pair.split("_")
        alone = sum(other.endswith(erp) for other in pairs) == 1
        found = compare(expected[partner], erp, states[erp], alone)
        result["pairs"][pair] = {"prospects": expected[partner].records, **asdict(found), **_told(tally)}
    result["persons_doubled"] = {
        erp: states[erp]["business_partners"]
        - sum(expected[pair.split("_")[0]].persons for pair in pairs if pair.endswith(erp))
        for erp in {pair.split("_")[1] for pair in pairs}
    }
    return result


def _told(tally: Tally) -> dict[str, Any]:
    told = asdict(tally)
    counts = told.pop("counts")
    return told | {"quarantined": counts.get("quarantined", -1), "held": counts.get("held", -1)}


def is_well(result: Mapping[str, Any]) -> bool:
    """Nothing lost, nothing doubled, nothing open, and each system had each fault that hardly ever comes by chance."""
    pairs = result["pairs"].values()
    broken = any(pair["lost"] or pair["doubled"] or pair["stopped"] for pair in pairs)
    left = result["open_in_ledger"] or result["never_struck"] or any(result["persons_doubled"].values())
    return not broken and not left


def table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """What is printed: one line a pair, or a peer."""
    columns = (
        "prospects",
        "offers",
        "leases",
        "lost",
        "doubled",
        "quarantined",
        "held",
        "tries",
        "killed",
        "seconds",
    )
    lines = [f"{'':28}" + "".join(f"{name:>12}" for name in columns)]
    for name, row in rows.items():
        cells = (row.get(column, "") for column in columns)
        lines.append(
            f"{name:28}"
            + "".join(f"{round(cell) if isinstance(cell, float) else cell:>12}" for cell in cells)
        )
    return "\n".join(lines)


def prepare(home: Path) -> None:
    """An Airflow of its own, before anything imports Airflow; the fork server inherits it."""
    for name in [name for name in os.environ if name.startswith("AIRFLOW")]:
        del os.environ[name]
    os.environ |= {
        "AIRFLOW_HOME": str(home / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(home / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    }
    sys.path[:0] = [str(ROOT), str(ROOT / "plugins")]


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos", description=__doc__)
    parser.add_argument(
        "--seed", type=int, default=random.randrange(10_000), help="default: another each time"
    )
    parser.add_argument("--prospects", type=int, default=2000, help="of each partner (default 2000)")
    parser.add_argument(
        "--rate", type=float, default=0.2, help="part of all requests with faults (default 0.2)"
    )
    parser.add_argument(
        "--day",
        type=date.fromisoformat,
        default=datetime.now(UTC).date() - timedelta(days=1),
        help="whose prospects are read, such as that of a change of the clocks (default yesterday)",
    )
    parser.add_argument(
        "--skew",
        type=float,
        default=10 if PROGRAMS else 0,
        help="minutes by which the clock of a try's machine is wrong at the most (default 10; without PostgreSQL 0)",
    )
    parser.add_argument("--pairs", default="all", help="all, or some, separated by commas")
    parser.add_argument("--kills", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--import-seconds", type=float, default=2.0, help="length of an import in the ERPs")
    parser.add_argument("--peers", action="store_true", help="the same storm over what others do")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    parser.add_argument("--keep", action="store_true", help="keep ledger, staging and logs, and say where")
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> int:
    """0 if nothing was lost, doubled or left open."""
    arguments = _arguments(given)
    home = Path(tempfile.mkdtemp(prefix="chaos-"))
    prepare(home)
    from benchmarks.chaos_world import Weather

    pairs = PAIRS if arguments.pairs == "all" else tuple(arguments.pairs.split(","))
    weather = Weather(
        arguments.seed,
        arguments.prospects,
        arguments.rate,
        arguments.day + timedelta(days=1),
        arguments.import_seconds,
        arguments.skew,
    )
    print(
        f"seed {weather.seed}: {weather.rate:.0%} of all requests with faults, kills {'on' if arguments.kills else 'off'}, "
        f"prospects of {arguments.day}, clocks wrong by up to {weather.clock_skew:g} min"
    )
    if not PROGRAMS:
        print(f"Clocks are right, and the ledger is SQLite: {ABSENT}.")
    started = time.monotonic()
    result = blow(weather, pairs, arguments.kills, home)
    print(table(result["pairs"]))
    for pair, row in result["pairs"].items():
        for error in row["stopped"]:
            print(f"{pair}: {error}")
    for missing in result["never_struck"]:
        print(f"never struck: {missing}")
    print(
        f"{sum(result['faults'].values())} faults {result['faults']}, {result['open_in_ledger']} entries open in the ledger, "
        f"persons doubled: {result['persons_doubled']}, {time.monotonic() - started:.0f} s"
    )
    if arguments.peers:
        from benchmarks.chaos_peers import run_peers

        # They make one request for 200 prospects: with fewer prospects than this luck decides.
        result["peers"] = run_peers(replace(weather, prospects=max(weather.prospects, 2000)), home)
        print(table(result["peers"]))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1))
    if arguments.keep:
        print(home)
    else:
        shutil.rmtree(home, ignore_errors=True)
    return 0 if is_well(result) else 1


if __name__ == "__main__":
    sys.exit(main())
