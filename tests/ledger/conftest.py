"""What tests of both databases share."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from letting_sync.ledger.schema import Store


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty ledger in a SQLite file, and in a PostgreSQL that is started for these tests where one is installed."""
    if request.param == "sqlite":
        return Store(sa.URL.create("sqlite", database=str(tmp_path / "ledger.db")), b"key")
    return Store(request.getfixturevalue("postgres").new_database(), b"key")
