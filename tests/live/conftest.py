"""All of Airflow with the sandbox and a receiver of alerts, started once for the tests of this folder."""

from __future__ import annotations

import pytest

from tests.harness.live_airflow import LiveAirflow


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory):
    with LiveAirflow(tmp_path_factory.mktemp("live")) as started:
        yield started
