"""A PostgreSQL for tests: data in a folder of its own, a Unix socket instead of a port."""

from __future__ import annotations

import json
import os
import pwd
import random
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

PROGRAMS = max(
    Path("/usr/lib/postgresql").glob("*/bin"), default=None, key=lambda path: int(path.parent.name)
)
ABSENT = "no PostgreSQL is installed under /usr/lib/postgresql (apt-get install postgresql)"


class PostgresServer:
    """A server that runs from its making until :meth:`remove`."""

    def __init__(self) -> None:
        # A Unix socket's path may have about 100 characters, fewer than pytest's folders have.
        self.home = Path(tempfile.mkdtemp(prefix="ledger-", dir="/tmp"))
        # PostgreSQL refuses to run as root.
        self._user = "nobody" if os.getuid() == 0 else None
        if self._user:
            os.chown(self.home, pwd.getpwnam(self._user).pw_uid, -1)
        self._run("initdb", "-U", "ledger", "--auth", "trust", "--no-sync")
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        # Not in UTC, as a customer's server may be: a time that is written without its zone is off by hours.
        own = f"-c listen_addresses='' -c unix_socket_directories='{self.home}'"
        options = f"{own} -c fsync=off -c timezone=Europe/Berlin"
        self._run("pg_ctl", "-w", "-l", f"{self.home}/log", "-o", options, "start")

    def stop_at_once(self) -> None:
        """End it in the middle of whatever it does; the next start has to recover."""
        self._run("pg_ctl", "-m", "immediate", "stop")

    def remove(self) -> None:
        """Stop it and remove its data."""
        self.stop_at_once()
        shutil.rmtree(self.home)

    def new_database(self) -> sa.URL:
        """An empty database."""
        name = f"test_{random.getrandbits(40)}"
        with sa.create_engine(self._url("postgres"), isolation_level="AUTOCOMMIT").connect() as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name}"))
        return self._url(name)

    def connection(self, database: sa.URL | None = None) -> str:
        """An Airflow connection to a database, by default an empty one, for the ledger."""
        content = {
            "conn_type": "postgres",
            "host": str(self.home),
            "login": "ledger",
            "schema": (database or self.new_database()).database,
            "extra": {"hash_key": "0123456789abcdef"},
        }
        return json.dumps(content)

    def _url(self, database: str) -> sa.URL:
        where = {"host": str(self.home)}
        return sa.URL.create("postgresql+psycopg2", username="ledger", database=database, query=where)

    def _run(self, program: str, *arguments: str) -> None:
        command = [f"{PROGRAMS}/{program}", "-D", f"{self.home}/data", *arguments]
        subprocess.run(command, check=True, user=self._user, cwd=self.home, stdout=subprocess.DEVNULL)


@contextmanager
def airflow_on_postgres() -> Iterator[dict[str, str]]:
    """Settings that give Airflow a PostgreSQL for its database; none where no PostgreSQL is installed.

    SQLite lets one of Airflow's processes write at a time: on a busy machine the others fail, and a backfill is refused.
    """
    if not PROGRAMS:
        yield {}
        return
    server = PostgresServer()
    try:
        yield {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": server.new_database().render_as_string()}
    finally:
        server.remove()
