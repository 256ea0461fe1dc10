"""Each partner behind its own words, for tests that know only :class:`letting_sync.tasks.extract.operator.ExtractOperator`."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
import tenacity
from mietblick_case import MietblickCase

from letting_sync.http import retry
from letting_sync.staging import tables
from letting_sync.tasks.extract.operator import ExtractOperator
from tests.systems.partners.cases import (
    END,
    START,
    EverRealCandidatesCase,
    EverRealContractsCase,
    ImmomioCase,
    PartnerCase,
)

PARTNERS = (ImmomioCase, EverRealContractsCase, EverRealCandidatesCase, MietblickCase)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two tries on a broken line; what a system asks for is waited in full."""
    monkeypatch.setattr(retry, "BACKOFF", tenacity.wait_fixed(0.005))
    monkeypatch.setattr(retry, "LEAST_WAIT", 0.01)


@pytest.fixture(scope="session", params=PARTNERS, ids=lambda case: case.__name__.removesuffix("Case"))
def _running(request: pytest.FixtureRequest) -> Iterator[PartnerCase]:
    case = request.param(request.param.system_type())
    case.system.start()
    yield case
    case.system.stop()


@pytest.fixture
def partner(_running: PartnerCase, monkeypatch: pytest.MonkeyPatch) -> PartnerCase:
    """Each partner of the suite, empty and without faults."""
    _running.empty()
    monkeypatch.setenv(f"AIRFLOW_CONN_{_running.package.upper()}", _running.connection())
    return _running


@pytest.fixture
def extract(partner: PartnerCase) -> Iterator[ExtractOperator]:
    """The partner's extract task."""
    operator = partner.make_operator()
    yield operator
    operator.close()


@pytest.fixture
def asked(partner: PartnerCase) -> Callable[..., int]:
    """Count requests as ``requests.count`` does, once the log has caught up: it is written behind the answer."""

    def asked(*args: Any, **filters: Any) -> int:
        while partner.system.asgi.active:
            time.sleep(0.001)
        return partner.system.requests.count(*args, **filters)

    return asked


@pytest.fixture
def between_pages(partner: PartnerCase, extract: Any) -> Callable[[Callable[[int], None]], None]:
    """Have something done in the partner after each page that was read: ``action(number of the page, from 1)``."""

    def arrange(action: Callable[[int], None]) -> None:
        pages = itertools.count(1)

        def after(response: requests.Response, **_: Any) -> None:
            if response.ok and partner.list_request[1] in response.url:
                action(next(pages))

        extract.hook.session.hooks["response"].append(after)

    return arrange


class Staged:
    """The tables that a run of the task has left."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def rows(self, table: str) -> list[dict[str, Any]]:
        return tables.rows(self.folder, table)

    @property
    def ids(self) -> list[str]:
        """External ids of those who go on to the ERP."""
        return sorted(row["external_id"] for row in self.rows("extracted"))

    @property
    def withdrawn(self) -> list[str]:
        return [row["external_id"] for row in self.rows("withdrawn")]

    @property
    def reasons(self) -> dict[str | None, str]:
        """Why the others do not, by external id."""
        return {row["external_id"]: row["reason"] for row in self.rows("outcomes_extract")}

    @property
    def everything(self) -> str:
        """All that is in the tables."""
        return str([self.rows(path.stem) for path in Path(self.folder.removeprefix("file://")).iterdir()])


@pytest.fixture
def run(own_ledger: Path, partner: PartnerCase) -> Callable[..., Staged]:
    """Run the whole task for a window, as Airflow would, and look at what it has staged.

    It is a task made with the settings, unless one is given (``task``).
    """

    def run(
        start: datetime = START, end: datetime = END, params: Any = None, task: Any = None, **settings: Any
    ) -> Staged:
        context = {
            "dag_run": SimpleNamespace(dag_id="suite", run_id="run"),
            "data_interval_start": start,
            "data_interval_end": end,
            "params": params or {},
        }
        return Staged((task or partner.make_operator(**settings)).execute(context))

    return run
