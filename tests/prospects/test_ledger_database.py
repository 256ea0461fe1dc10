"""How the ledger's database is opened: what its errors show, and how long a host that is gone is waited for."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from include.prospects import migrate
from include.prospects.ledger import Ledger
from include.prospects.ledger_schema import Store, entries


def test_an_error_of_the_database_shows_no_values(own_ledger: Path) -> None:
    """It ends in a task's log, and ids and hashes of prospects have no business there."""
    ledger = Ledger()
    with ledger.engine.begin() as connection:
        connection.execute(sa.text(f"ALTER TABLE {entries.name} RENAME TO gone"))
    with pytest.raises(sa.exc.OperationalError, match="no such table") as error:
        ledger.find("immomio_yuneo", ["A-4711"])
    assert "A-4711" not in str(error.value)


def test_a_postgresql_that_is_gone_is_not_waited_for_endlessly() -> None:
    """TCP itself would take two minutes to give a connection up, and two hours to notice that its other end is lost."""
    engine = migrate.open_engine(
        Store(sa.make_url("postgresql+psycopg2://ledger@database/prospects"), b"key")
    )
    asked: dict[str, object] = {}

    @sa.event.listens_for(engine, "do_connect")
    def _look(_dialect, _record, _arguments, parameters):  # type: ignore[no-untyped-def]
        asked.update(parameters)
        raise ConnectionError("looked")

    with pytest.raises(ConnectionError, match="looked"):
        engine.connect()
    assert 0 < int(str(asked["connect_timeout"])) <= 30
    lost_after = int(str(asked["keepalives_idle"])) + int(str(asked["keepalives_interval"])) * int(
        str(asked["keepalives_count"])
    )
    assert lost_after <= 120
