"""Prepares what the services need: ``python -m deploy.init``, the service ``init``.

It creates databases with a user each, the bucket for staging, Airflow's tables, the ledger, roles that may see the page
*Prospects*, and the first user. It can be repeated at any time, for example after an upgrade or a change of passwords.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import psycopg2
import sqlalchemy as sa
from psycopg2 import sql
from psycopg2.extensions import connection as Connection


def main() -> int:
    """Do all steps in order; stop at the first error."""
    folder = secrets_folder()
    airflow = sa.make_url(_secret(folder, "database_airflow"))
    ledger = json.loads(_secret(folder, "connections.json"))["prospect_ledger"]
    superuser = psycopg2.connect(
        host=airflow.host,
        port=airflow.port,
        user="postgres",
        dbname="postgres",
        password=_secret(folder, "postgres_password"),
        connect_timeout=10,
    )
    superuser.autocommit = True
    make_database(superuser, airflow.username or "", airflow.password or "", airflow.database or "")
    make_database(superuser, ledger["login"], ledger["password"], ledger["schema"])
    superuser.close()
    make_bucket()
    make_ledger()
    _run("airflow", "db", "migrate")
    make_roles()
    make_user(_secret(folder, "admin_password"))
    print("init: all is ready", flush=True)
    return 0


def secrets_folder() -> Path:
    """Return the folder of the secrets: that of a container, or ``SECRETS_FOLDER``."""
    return Path(os.environ.get("SECRETS_FOLDER", "/run/secrets"))


def make_database(superuser: Connection, user: str, password: str, database: str) -> None:
    """Create a user and a database that no other user may use; the password is set each time."""
    role, name = sql.Identifier(user), sql.Identifier(database)
    with superuser.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (user,))
        verb = sql.SQL("ALTER" if cursor.fetchone() else "CREATE")
        cursor.execute(sql.SQL("{} ROLE {} LOGIN PASSWORD %s").format(verb, role), (password,))
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,))
        if not cursor.fetchone():
            cursor.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, role))
        cursor.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
    print(f"init: database {database} exists", flush=True)


def make_bucket() -> None:
    """Create the bucket of the staging address if it is in an object store."""
    import airflow  # noqa: F401 - puts the plugins folder on sys.path, as in every component

    from letting_sync.staging import folders

    base = folders.base()
    if base.protocol == "file":
        return
    if not base.fs.exists(base.bucket):
        base.fs.mkdir(base.bucket)
    print(f"init: bucket {base.bucket} exists", flush=True)


def make_ledger() -> None:
    """Create the ledger's tables or run pending migrations, as ``letting-sync migrate`` does."""
    import airflow  # noqa: F401

    from letting_sync.ledger import migrate, schema

    engine = migrate.open_engine(schema.locate())
    migrate.upgrade(engine)
    engine.dispose()
    print("init: the ledger exists", flush=True)


ROLE = "Prospects"
"""Rights that the page *Prospects* needs, without access to any DAG: for users whose own role reads single DAGs."""
ROLE_READS = ("Plugins", "Website", "XComs", "DAG Runs", "Task Instances", "Task Logs", "HITL Detail")


def make_roles() -> None:
    """Allow roles to see the page *Prospects*; FAB itself shows plugins to Op and Admin only.

    Viewer and User get the right to read plugins. The role ``Prospects`` is combined with a role of the deployment that
    reads single DAGs (``DAG:immomio_yuneo``).
    """
    _run("airflow", "roles", "create", ROLE)
    _run("airflow", "roles", "add-perms", "Viewer", "User", "--action", "can_read", "--resource", "Plugins")
    _run("airflow", "roles", "add-perms", ROLE, "--action", "can_read", "--resource", *ROLE_READS)


def make_user(password: str) -> None:
    """Create the first user, who may create others; do nothing if the name exists."""
    name = os.environ.get("ADMIN_USER", "admin")
    email = os.environ.get("ADMIN_EMAIL", "admin@example.com")
    who = (
        "--username",
        name,
        "--email",
        email,
        "--firstname",
        "Admin",
        "--lastname",
        "Admin",
        "--role",
        "Admin",
    )
    # The command asks twice. Standard input is used, since arguments are visible in the list of processes.
    _run("airflow", "users", "create", *who, responses=f"{password}\n{password}\n")


def _run(*command: str, responses: str = "") -> None:
    print(f"init: {' '.join(command[:4])}", flush=True)
    subprocess.run(command, input=responses, text=True, check=True, start_new_session=True)


def _secret(folder: Path, name: str) -> str:
    return (folder / name).read_text().strip()


if __name__ == "__main__":
    raise SystemExit(main())
