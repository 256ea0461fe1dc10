"""Where the ledger stands, and the key of its hashes."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from io import StringIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from letting_sync.errors import StopRun
from letting_sync.ledger import migrate
from letting_sync.ledger.ledger import Ledger
from letting_sync.ledger.schema import Store, UtcDateTime, locate
from tests.harness.postgres_server import PostgresServer


def connect(monkeypatch: pytest.MonkeyPatch, **connection: Any) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_PROSPECT_LEDGER", json.dumps(connection))


# "generic" is what `airflow connections add --conn-type postgres` stores where Airflow's provider is not installed.
@pytest.mark.parametrize("conn_type", ["postgres", "generic"])
def test_a_postgresql_is_taken_from_the_connection(monkeypatch: pytest.MonkeyPatch, conn_type: str) -> None:
    """Its settings for TLS go along; other extras are none of the driver's business."""
    extra = {"hash_key": "a long text", "sslmode": "verify-full", "sslrootcert": "/ca.pem", "comment": "ours"}
    connect(
        monkeypatch, conn_type=conn_type, login="ledger", password="secret", host="database", port=5433,
        schema="prospects", extra=extra,
    )  # fmt: skip

    assert locate() == Store(
        sa.URL.create(
            "postgresql+psycopg2",
            username="ledger",
            password="secret",
            host="database",
            port=5433,
            database="prospects",
            query={"sslmode": "verify-full", "sslrootcert": "/ca.pem"},
        ),
        b"a long text",
    )


def test_the_command_that_migrates_prints_no_setting_of_the_connection(
    monkeypatch: pytest.MonkeyPatch, postgres: PostgresServer
) -> None:
    """The password of a client's certificate is one of those for TLS."""
    stored = json.loads(postgres.connection())
    stored["extra"] |= {"sslmode": "prefer", "sslpassword": "hunter2"}
    monkeypatch.setenv("AIRFLOW_CONN_PROSPECT_LEDGER", json.dumps(stored | {"password": "hunter2"}))
    out = StringIO()

    assert migrate.main([], out) == 0

    assert f"/{stored['schema']}" in out.getvalue()
    assert "hunter2" not in out.getvalue()


def test_a_sqlite_file_may_be_named_by_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, conn_type="sqlite", host="/data/ledger.db", extra={"hash_key": "a long text"})

    assert locate() == Store(sa.URL.create("sqlite", database="/data/ledger.db"), b"a long text")


@pytest.mark.parametrize(
    ("connection", "names"),
    [
        ({"conn_type": "postgres", "host": "database"}, "hash_key"),
        ({"conn_type": "postgres", "host": "database", "extra": {"hash_key": ""}}, "hash_key"),
        ({"conn_type": "postgres", "host": "database", "extra": "[]"}, "not a JSON object"),
        ({"conn_type": "postgres", "host": "database", "extra": "{hash_key: key}"}, "not a JSON object"),
        ({"conn_type": "mysql", "host": "database", "extra": {"hash_key": "key"}}, "'mysql'"),
        ({"conn_type": "generic", "host": "database", "extra": {"hash_key": "key"}}, "'generic'"),
    ],
)
def test_a_connection_that_cannot_be_used_stops_the_run(
    monkeypatch: pytest.MonkeyPatch, connection: dict[str, Any], names: str
) -> None:
    connect(monkeypatch, **connection)

    with pytest.raises(StopRun, match=names):
        locate()


def test_without_a_connection_it_is_a_file_with_a_key_of_its_own(own_ledger: Path) -> None:
    """The key is made once, and only its owner may read it."""
    store = locate()

    assert store.url.database == str(own_ledger / "ledger.db")
    assert len(store.hash_key) == 64
    assert stat.S_IMODE((own_ledger / "ledger.key").stat().st_mode) == 0o600
    assert locate() == store


@pytest.mark.parametrize(
    ("kind", "complaint"),
    [("folder", "is a folder"), ("text", "is not a SQLite database"), ("nowhere", "cannot be used")],
)
def test_what_is_no_ledger_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, complaint: str
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o755)
    text = tmp_path / "text"
    text.write_text("somebody's own")
    text.chmod(0o644)
    monkeypatch.setenv(
        "AIRFLOW__PROSPECTS__LEDGER", str({"folder": folder, "text": text}.get(kind, text / "ledger.db"))
    )

    with pytest.raises(StopRun, match=complaint):
        locate()
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder, text)] == [0o755, 0o644]
    assert text.read_text() == "somebody's own"
    assert {path.name for path in tmp_path.iterdir()} == {"folder", "text"}


def test_looking_for_the_ledger_leaves_an_open_one_locked(own_ledger: Path) -> None:
    """Else another process that closes it believes to be the last one, and removes the log that is still in use."""
    ledger = Ledger()
    locate()
    other = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('CREATE TABLE other (id)'); c.close()"
    subprocess.run([sys.executable, "-c", other, str(own_ledger / "ledger.db")], check=True)

    assert (own_ledger / "ledger.db-wal").exists()
    with ledger.engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM other")).scalar_one() == 0


def test_of_two_keys_made_at_the_same_moment_the_first_counts(
    own_ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = locate().hash_key
    monkeypatch.setattr(Path, "exists", lambda _: False)

    assert locate().hash_key == first
    assert {path.name for path in own_ledger.iterdir()} == {"ledger.key", "ledger.db"}


def test_a_time_comes_back_as_it_went_in(tmp_path: Path) -> None:
    """SQLite itself would drop the zone."""
    engine = sa.create_engine(f"sqlite:///{tmp_path}/times.db")
    times = sa.Table("times", sa.MetaData(), sa.Column("at", UtcDateTime))
    times.create(engine)
    written = datetime(2026, 3, 1, 1, tzinfo=timezone(timedelta(hours=2)))
    with engine.begin() as connection:
        connection.execute(sa.insert(times), [{"at": written}, {"at": None}])
        read = connection.execute(sa.select(times)).scalars().all()

    assert read == [written, None]
    assert read[0].tzinfo == UTC


def test_the_two_hours_in_which_the_clocks_go_back_stay_two(tmp_path: Path) -> None:
    """Python calls these times equal, since both are half past two in Berlin."""
    engine = sa.create_engine(f"sqlite:///{tmp_path}/times.db")
    times = sa.Table("times", sa.MetaData(), sa.Column("at", UtcDateTime))
    times.create(engine)
    first, second = (
        datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=fold) for fold in (0, 1)
    )
    with engine.begin() as connection:
        connection.execute(sa.insert(times), [{"at": first}, {"at": second}])
        read = connection.execute(sa.select(times)).scalars().all()

    assert read[1] - read[0] == timedelta(hours=1)
