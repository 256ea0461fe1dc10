"""Make the secrets of a deployment: ``python3 -m deploy.make_secrets [--sandbox] [FOLDER]``.

Random, each in a file of its own, never overwriting one that is there. Needs Python's standard library only, so
that it runs on a host that has nothing but Docker. Users in the containers must be able to read the files; on the
host the folder keeps others out: it is open to its owner only.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SANDBOX = Path(__file__).with_name("sandbox-connections.json")
SYSTEMS = ("immomio", "everreal", "yuneo", "sigma")


@dataclass(frozen=True)
class Places:
    """Where the services find each other; the defaults are the services' names in docker-compose.yaml."""

    postgres: str = "postgres:5432"
    redis: str = "redis:6379"
    object_store: str = "http://object-store:8333"


def main(given: list[str] | None = None) -> int:
    """Make what is missing and say what was made."""
    parser = argparse.ArgumentParser(prog="python3 -m deploy.make_secrets", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("secrets"))
    parser.add_argument("--sandbox", action="store_true", help="connect to the sandbox, not to real systems")
    options = parser.parse_args(given)
    systems = json.loads(SANDBOX.read_text()) if options.sandbox else placeholders()
    made = make(options.folder, Places(), systems)
    print(f"{options.folder}: made {', '.join(made) or 'nothing, all of them are there'}")
    if "connections.json" in made and not options.sandbox:
        print(
            f"Now write the addresses and log-ins of partners and ERPs into {options.folder}/connections.json."
        )
    return 0


def placeholders() -> dict[str, Any]:
    """Connections to fill in; nothing resolves the hosts, so that a forgotten one fails at once and harmlessly."""
    return {
        name: {
            "conn_type": "http",
            "host": f"https://{name}.invalid",
            "login": "",
            "password": "",
            "extra": {},
        }
        for name in SYSTEMS
    }


def make(folder: Path, places: Places, systems: dict[str, Any]) -> list[str]:
    """Write the files that are missing.

    :param systems: Airflow connections of partners and ERPs by their ids.
    :return: the names of the files made.
    :raises SystemExit: if some files of those that belong together are there and some are not.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = []
    for group in _groups(places, systems):
        missing = [name for name in group if not (folder / name).exists()]
        if missing and len(missing) < len(group):
            raise SystemExit(
                f"{folder}: {', '.join(missing)} missing, but made together with {', '.join(group)}: put the old files "
                "back, or remove all of these and give the new passwords to the services that know the old ones."
            )
        for name in missing:
            _write(folder / name, group[name])
        made += missing
    return made


def _groups(places: Places, systems: dict[str, Any]) -> list[dict[str, str]]:
    """Files and their contents; those in one group hold the same passwords."""
    return [
        {"fernet_key": base64.urlsafe_b64encode(os.urandom(32)).decode()},
        {"jwt_secret": secrets.token_urlsafe(48)},
        {"api_secret_key": secrets.token_urlsafe(48)},
        {"admin_password": secrets.token_urlsafe(18)},
        _broker(places),
        _databases_and_staging(places, systems),
    ]


def _broker(places: Places) -> dict[str, str]:
    password = secrets.token_urlsafe(32)
    return {
        "redis_conf": f"requirepass {password}\n",
        "broker": f"redis://:{password}@{places.redis}/0",
        "celery_results": f"redis://:{password}@{places.redis}/1",
    }


def _databases_and_staging(places: Places, systems: dict[str, Any]) -> dict[str, str]:
    airflow_password = secrets.token_urlsafe(32)
    ledger = {"prospect_ledger": _ledger(places)}
    user, reader, admin = _key_pair("prospects"), _key_pair("console"), _key_pair("init")
    identities = [
        _identity(user, ("Read", "Write", "List", "Tagging"), "prospects"),
        _identity(reader, ("Read", "List"), "prospects"),
        _identity(admin, ("Admin", "Read", "Write", "List", "Tagging")),
    ]
    return {
        "postgres_password": secrets.token_urlsafe(32),
        "database_airflow": f"postgresql+psycopg2://airflow:{airflow_password}@{places.postgres}/airflow",
        "object_store.json": _json({"identities": identities}),
        "connections.json": _json({**systems, **ledger, "aws_default": _store_connection(places, user)}),
        "connections-console.json": _json({**ledger, "aws_default": _store_connection(places, reader)}),
        "connections-init.json": _json({**ledger, "aws_default": _store_connection(places, admin)}),
    }


def _ledger(places: Places) -> dict[str, Any]:
    host, port = places.postgres.rsplit(":", 1)
    return {
        "conn_type": "postgres",
        "host": host,
        "port": int(port),
        "schema": "prospects",
        "login": "prospects",
        "password": secrets.token_urlsafe(32),
        "extra": {"hash_key": secrets.token_hex(32)},
    }


def _key_pair(name: str) -> dict[str, str]:
    return {"name": name, "accessKey": secrets.token_hex(10), "secretKey": secrets.token_urlsafe(32)}


def _identity(keys: dict[str, str], rights: Sequence[str], bucket: str | None = None) -> dict[str, Any]:
    """A user of the object store, with rights on one bucket or on all."""
    return {
        "name": keys["name"],
        "credentials": [{"accessKey": keys["accessKey"], "secretKey": keys["secretKey"]}],
        "actions": [f"{right}:{bucket}" if bucket else right for right in rights],
    }


def _store_connection(places: Places, keys: dict[str, str]) -> dict[str, Any]:
    return {
        "conn_type": "aws",
        "login": keys["accessKey"],
        "password": keys["secretKey"],
        "extra": {
            "endpoint_url": places.object_store,
            "region_name": "us-east-1",
            "config_kwargs": {"s3": {"addressing_style": "path"}},
        },
    }


def _json(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=2) + "\n"


def _write(path: Path, text: str) -> None:
    """Write a new file, for all to read: containers have users of their own, the folder keeps others out."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    with os.fdopen(descriptor, "w") as file:
        os.fchmod(descriptor, 0o644)
        file.write(text)


if __name__ == "__main__":
    raise SystemExit(main())
