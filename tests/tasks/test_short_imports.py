"""An ERP's import of a few seconds does not cost the run the half minute that Airflow takes to defer a task."""

from __future__ import annotations

import pytest

from letting_sync.systems.sigma import hook as sigma_hook
from tests.harness.days import Days


def test_an_import_of_a_few_seconds_is_waited_for_in_the_task(
    days: Days, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sigma_hook, "START_TIMEOUT", 0.05)
    days.box.yuneo.options.work_order_seconds = days.box.sigma.options.run_seconds = 3
    anna = days.platform.apply(0)

    run = days.does(days.night(), wait=False)

    assert run.deferred is None
    assert len(days.offers(anna)) == 1
