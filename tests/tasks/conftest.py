"""A pair over several days, whose people change their minds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import mkdtemp

import pytest
import tenacity

from include.sandbox import Sandbox
from letting_sync.http import retry
from tests.harness.days import Clock, Days, questions
from tests.harness.installation import SHORT_SETTLING


@pytest.fixture(params=[("immomio", "yuneo"), ("everreal", "sigma")], ids="_".join)
def days(
    request: pytest.FixtureRequest,
    running: Sandbox,
    airflow_db: None,
    own_ledger: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Days]:
    """Two of the four pairs, or those that a test names, at noon of the first day."""
    yield from _days(request.param, running, own_ledger, monkeypatch)


@pytest.fixture(params=["yuneo", "sigma"])
def everreal(
    request: pytest.FixtureRequest,
    running: Sandbox,
    airflow_db: None,
    own_ledger: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Days]:
    """The two pairs of EverReal, whose contracts say more than an application does."""
    yield from _days(("everreal", request.param), running, own_ledger, monkeypatch)


@pytest.fixture(params=[("immomio", "yuneo"), ("everreal", "sigma")], ids="_".join)
def fresh_days(
    request: pytest.FixtureRequest,
    running: Sandbox,
    airflow_db: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[[], Days]]:
    """The same pairs, made anew at each call: with nobody in the systems, and with an empty ledger."""
    with ExitStack() as open_days:

        def make() -> Days:
            open_days.close()
            home = Path(mkdtemp(dir=tmp_path))
            monkeypatch.setenv("AIRFLOW__PROSPECTS__LEDGER", str(home / "ledger.db"))
            monkeypatch.setenv("AIRFLOW__PROSPECTS__STAGING", f"file://{home}/staging")
            return open_days.enter_context(contextmanager(_days)(request.param, running, home, monkeypatch))

        yield make


def _days(pair: tuple[str, str], box: Sandbox, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Days]:
    # Between two tries on a broken line; what a system asks for is waited in full.
    monkeypatch.setattr(retry, "BACKOFF", tenacity.wait_fixed(0.005))
    for path, value in SHORT_SETTLING.items():
        monkeypatch.setattr(path, value)
    box.reset()
    for system in box.systems:
        system.options = type(system.options)(per_minute=None)
        connection = system.connection()
        extra = connection.get("extra", {}) | {"settle_seconds": 0.2}
        monkeypatch.setenv(f"AIRFLOW_CONN_{system.name.upper()}", json.dumps(connection | {"extra": extra}))
    box.yuneo.options.work_order_seconds = box.sigma.options.run_seconds = 0
    clock = Clock(box)
    try:
        with questions():
            yield Days(box, *pair, home, clock)
    finally:
        clock.stop()
