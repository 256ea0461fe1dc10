"""The mark of the test that starts a whole cluster: ``pytest -m "not cluster"`` leaves it out."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "cluster: starts PostgreSQL, a broker and all of Airflow; takes minutes"
    )
