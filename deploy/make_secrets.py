"""Write the secrets of a deployment: ``python3 -m deploy.make_secrets [--sandbox] [FOLDER]``.

Each secret is random and in a file of its own; existing files are never overwritten. Needs only Python's standard library,
since a host of containers may have nothing else. All users may read the files, because the containers have their own
users; only the owner may open the folder.
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
    """Addresses of the services; the defaults are the services' names in docker-compose.yaml."""

    postgres: str = "postgres:5432"
    redis: str = "redis:6379"
    object_store: str = "http://object-store:8333"


def main(given: list[str] | None = None) -> int:
    """Write the missing secrets and print their names."""
    parser = argparse.ArgumentParser(prog="python3 -m deploy.make_secrets", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("secrets"))
    parser.add_argument("--sandbox", action="store_true", help="connect to the sandbox, not to real systems")
    parser.add_argument(
        "--postgres", default=Places.postgres, metavar="HOST:PORT", help="default: %(default)s"
    )
    parser.add_argument("--redis", default=Places.redis, metavar="HOST:PORT", help="default: %(default)s")
    parser.add_argument(
        "--object-store", default=Places.object_store, metavar="URL", help="default: %(default)s"
    )
    options = parser.parse_args(given)
    places = Places(options.postgres, options.redis, options.object_store)
    systems = json.loads(SANDBOX.read_text()) if options.sandbox else placeholders()
    made = make(options.folder, places, systems)
    print(f"{options.folder}: wrote {', '.join(made) or 'nothing, since all files exist'}")
    if "connections.json" in made and not options.sandbox:
        print(
            f"Now enter the addresses and log-ins of partners and ERPs in {options.folder}/connections.json."
        )
    return 0


def placeholders() -> dict[str, Any]:
    """Connections to complete. Their hosts do not resolve, so a forgotten one fails at once and without harm."""
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
    """Write the missing files.

    :param systems: Airflow connections of partners and ERPs by their ids.
    :return: the names of the files written.
    :raises SystemExit: some files of a group exist and some are missing.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = []
    for group in _groups(places, systems):
        missing = [name for name in group if not (folder / name).exists()]
        if missing and len(missing) < len(group):
            raise SystemExit(
                f"{folder}: {', '.join(missing)} missing. The files {', '.join(group)} contain the same passwords. Restore "
                "the missing files, or remove all of these and set the new passwords in the services that use them."
            )
        for name in missing:
            _write(folder / name, group[name])
        made += missing
    return made


def _groups(places: Places, systems: dict[str, Any]) -> list[dict[str, str]]:
    """Files and their contents; the files of one group contain the same passwords."""
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
    """Write a new file that all users may read: containers have their own users, and the folder is private."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    with os.fdopen(descriptor, "w") as file:
        os.fchmod(descriptor, 0o644)
        file.write(text)


if __name__ == "__main__":
    raise SystemExit(main())
