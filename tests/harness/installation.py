"""One ERP of the sandbox and a pair whose tasks run in their own processes, for the tests of recovery.

The operators are those of the real DAG files. The records in the ERP are checked at the end.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from include.sandbox import Sandbox, world
from letting_sync.ledger.ledger import Ledger
from letting_sync.ledger.records import Entry
from letting_sync.staging import folders
from letting_sync.staging.chunks import Chunk
from tests.harness.task_process import TASKS, Death, Ended, Run, Try, operator_settings

PROSPECTS = 4
LOAD = ("load_offers",)
UP_TO_LOAD = TASKS[:3]
AFTER_LOAD = TASKS[3:]


@dataclass(frozen=True)
class Names:
    """Names of one ERP that these tests need."""

    imports: str
    """Path of the call that starts an import."""
    deliveries: str
    accepts: tuple[str, str]
    send: str
    accept: str
    import_fails: str
    separator: str


NAMES = {
    "yuneo": Names(
        imports="/api/v1/prospect-imports",
        deliveries="/api/v1/prospect-imports",
        accepts=("POST", "/api/v1/offers/*/accept"),
        send="letting_sync.systems.yuneo.hook.YuneoHook.import_prospects",
        accept="letting_sync.systems.yuneo.hook.YuneoHook.accept",
        import_fails="work_order_fails",
        separator="/",
    ),
    "sigma": Names(
        imports="/wodis/rest/verarbeitung/interessenten-import",
        deliveries="/wodis/rest/immobilienboersen/*/eingang",
        accepts=("PUT", "/wodis/rest/stammdaten/angebote/*"),
        send="letting_sync.systems.sigma.hook.SigmaHook.deliver",
        accept="letting_sync.systems.sigma.hook.SigmaHook.set_accepted",
        import_fails="run_aborts",
        separator=".",
    ),
}


SHORT_SETTLING = {"letting_sync.http.limits.MARGIN": -100.0}
"""Allows a ``settle_seconds`` shorter than a request may take, since requests and imports are fast here."""


class Installation:
    """One ERP, one pair that loads into it, and the prospects of one window."""

    def __init__(self, box: Sandbox, erp: str, home: Path) -> None:
        self.box, self.erp, self.names, self.home = box, erp, NAMES[erp], home
        self.system: Any = getattr(box, erp)
        today = box.world.anchor
        self.run = Run(
            pair=f"immomio_{erp}",
            run_id="scheduled",
            start=world.midnight(today - timedelta(days=1)),
            end=world.midnight(today),
            environment=self.environment(),
            log=home / "tasks.log",
            operator=operator_settings(),
        )
        self.ids: list[str] = []

    def environment(self, settle_seconds: float = 1) -> dict[str, str]:
        """Return connections with a short settle window."""
        extra = {"extra": {"settle_seconds": max(settle_seconds, 0.01)}}
        found = {f"AIRFLOW_CONN_{name.upper()}": text for name, text in self.box.connections().items()}
        found[f"AIRFLOW_CONN_{self.erp.upper()}"] = json.dumps(self.system.connection() | extra)
        return found | {
            "AIRFLOW__PROSPECTS__LEDGER": str(self.home / "ledger.db"),
            "AIRFLOW__PROSPECTS__STAGING": f"file://{self.home}/staging",
        }

    # --- prospects ----------------------------------------------------------------------------------------

    def add(self, count: int = PROSPECTS, unit: int = 0) -> None:
        """Chosen applicants of Immomio in the run's window, each on a unit of their own."""
        units = [world.unit(number) for number in range(unit, unit + count)]
        for application in world.applications(count, unit, self.box.world.anchor, units=units):
            self.ids.append(self.box.immomio.add(application))

    def unit(self, number: int) -> str:
        return self.names.separator.join(world.unit(number))

    def folder(self, run: Run) -> str:
        return str(folders.path_of(run.pair, run.run_id))

    # --- tasks --------------------------------------------------------------------------------------------

    def does(self, tasks: Sequence[str] = TASKS, run: Run | None = None, **how: Any) -> Ended:
        """Run these tasks in a process and wait for its end."""
        return self.begins(tasks, run, **how).end()

    def begins(self, tasks: Sequence[str], run: Run | None = None, death: Death | None = None) -> Try:
        run = run or self.run
        run = replace(run, modules=SHORT_SETTLING | dict(run.modules))
        return Try(run, tasks, self._handed_on(tasks[0], run), death)

    def _handed_on(self, task: str, run: Run) -> Any:
        """Return the result of the preceding task."""
        folder = self.folder(run)
        return {"extract": None, "dedup": folder}.get(task, [Chunk(folder).handed_on])

    def succeeds(self, tasks: Sequence[str] = TASKS, run: Run | None = None) -> Any:
        """Repeat the tasks after each retryable failure, as Airflow would."""
        for _ in range(7):
            ended = self.does(tasks, run)
            if ended.how != "failed":
                break
        assert ended.how == "done", f"{ended.how}: {ended.error}\n{(self.home / 'tasks.log').read_text()}"
        return ended.value

    def another_run(self, name: str = "backfill") -> Run:
        """Return another run of the same window, which takes over expired claims after half a second, not ten minutes."""
        soon = {"letting_sync.ledger.ledger.CLAIM_EXPIRES": timedelta(seconds=0.5)}
        return replace(self.run, run_id=name, modules=soon)

    # --- what the world looks like ------------------------------------------------------------------------

    @property
    def ledger(self) -> Ledger:
        return Ledger()

    def entries(self) -> list[Entry]:
        return list(self.ledger.find(self.run.pair, self.ids).values())

    def offers(self) -> Counter[str]:
        return Counter(offer.external_id for offer in self.system.offers)

    def leases(self) -> Counter[str]:
        return Counter(lease.unit for lease in self.system.leases)

    def count(self, method: str, path: str) -> int:
        return self.system.requests.count(method, path)

    def nothing_is_doubled(self) -> None:
        assert max(self.offers().values(), default=0) <= 1
        assert max(self.leases().values(), default=0) <= 1

    def all_is_well(self) -> None:
        """One offer for each prospect, one lease for each unit, and nothing open in the ledger."""
        assert self.offers() == Counter(self.ids)
        assert len(self.leases()) == len(self.ids)
        assert set(self.leases().values()) == {1}
        assert {(entry.state, entry.acceptance) for entry in self.entries()} == {("loaded", "leased")}


def until(what: Callable[[], bool], seconds: float = 30) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.01)


def dies(
    installation: Installation, tasks: Sequence[str], at: str, when: Any = "before", nth: int = 1
) -> None:
    ended = installation.does(tasks, death=Death(at, when, nth))
    assert ended.how == "killed", ended


def retry(installation: Installation, at: str) -> None:
    """The same task of the same run once more, and what follows it."""
    installation.succeeds(TASKS[TASKS.index(at) :])


def clear(installation: Installation, at: str) -> None:
    """Somebody clears the whole run in the UI."""
    installation.succeeds()


def backfill(installation: Installation, at: str) -> None:
    """Another run reads the same window; the first one is never repeated."""
    installation.succeeds(run=installation.another_run())
