"""A database or a disk that fails ends a task with what cannot be used, not with a library's traceback."""

from __future__ import annotations

import errno
import json
import sqlite3
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
import sqlalchemy as sa
from botocore.exceptions import ClientError, EndpointConnectionError

from letting_sync.errors import StorageUnavailable
from letting_sync.ledger.ledger import Ledger
from letting_sync.privacy import retention
from letting_sync.storage_errors import storage_errors
from letting_sync.task_errors import ExpectedErrorsMixin
from tests.harness.postgres_server import PostgresServer


def full_disk(_: Path) -> None:
    with open("/dev/full", "wb") as file:
        file.write(b"a table")


def file_for_a_folder(folder: Path) -> None:
    (folder / "staging").write_text("")
    (folder / "staging" / "run").mkdir(parents=True)


def full_sqlite(folder: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{folder}/full.db")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE some (text)")
        connection.exec_driver_sql("PRAGMA max_page_count = 2")
        connection.exec_driver_sql("INSERT INTO some VALUES (?)", ("secret" * 10_000,))


def no_server(_: Path) -> None:
    sa.create_engine("postgresql+psycopg2://ledger:secret@127.0.0.1:9/ledger").connect()


@pytest.mark.parametrize(
    ("fails", "said"),
    [
        (full_disk, "A file cannot be used: No space left on device. Check"),
        (file_for_a_folder, "staging/run cannot be used: Not a directory. Check"),
        (full_sqlite, "The ledger's database cannot be used: database or disk is full. Check"),
        (no_server, "The ledger's database cannot be used: connection to server at"),
    ],
)
def test_a_task_says_what_cannot_be_used(tmp_path: Path, fails: Callable[[Path], None], said: str) -> None:
    class Stages(ExpectedErrorsMixin):
        def execute(self, context: Any) -> Any:
            return self.expecting_errors(context, "stage")

        def stage(self, context: Any) -> None:
            fails(tmp_path)

    with pytest.raises(StorageUnavailable) as failed:
        Stages(task_id="extract").execute({})

    assert said in str(failed.value)
    assert "secret" not in str(failed.value)
    assert fails.__name__ not in "".join(traceback.format_exception(failed.value))


def test_a_database_of_another_user_is_named_as_such(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Since PostgreSQL 15 only the owner of a database may create tables in it."""
    connection = json.loads(postgres.connection())
    url = sa.URL.create(
        "postgresql+psycopg2",
        username="ledger",
        database=connection["schema"],
        query={"host": connection["host"]},
    )
    with sa.create_engine(url).begin() as owner:
        owner.exec_driver_sql("CREATE ROLE guest LOGIN")
        owner.exec_driver_sql("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    monkeypatch.setenv("AIRFLOW_CONN_PROSPECT_LEDGER", json.dumps(connection | {"login": "guest"}))

    with pytest.raises(StorageUnavailable, match="permission denied for schema public"), storage_errors():
        Ledger()


def after(cause: Exception, error: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PermissionError("Forbidden"), "Forbidden"),  # s3fs
        (OSError(errno.EBUSY, "Service Unavailable"), "Service Unavailable"),  # s3fs
        (FileNotFoundError("The specified bucket does not exist"), "The specified bucket does not exist"),
        (OSError("Forbidden: prospects/staging\nThe account has no access."), "Forbidden: prospects/staging"),
        (
            ClientError({"Error": {"Code": "SlowDown", "Message": "Please wait."}}, "PutObject"),
            r"An error occurred \(SlowDown\) when calling the PutObject operation: Please wait",
        ),
        (
            EndpointConnectionError(endpoint_url="https://store.example/prospects?X-Amz-Signature=secret"),
            'Could not connect to the endpoint URL: "https://store.example/prospects"',
        ),
        (
            after(ClientError({}, "PutObject"), RuntimeError("Failed to upload block")),
            "Failed to upload block",
        ),
    ],
)
def test_an_object_store_is_named_with_its_address(
    monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    monkeypatch.setenv("AIRFLOW__PROSPECTS__STAGING", "s3://aws_default@prospects/staging")

    with (
        pytest.raises(
            StorageUnavailable,
            match=rf"s3://prospects/staging \(connection 'aws_default'\), cannot be used: {said}\. Check",
        ),
        storage_errors(),
    ):
        raise error


@pytest.mark.parametrize(
    "error",
    [
        requests.ConnectionError("the ERP"),
        ConnectionResetError(104, "Connection reset by peer"),
        sa.exc.ProgrammingError("SELECT 1", {}, sqlite3.OperationalError("no such table")),
        KeyError("unit"),
    ],
)
@pytest.mark.parametrize("staging", ["file:///staging", "s3://aws_default@prospects/staging"])
def test_other_errors_stay_as_they_are(
    monkeypatch: pytest.MonkeyPatch, staging: str, error: Exception
) -> None:
    monkeypatch.setenv("AIRFLOW__PROSPECTS__STAGING", staging)
    with pytest.raises(type(error)) as failed, storage_errors():
        raise error

    assert failed.value is error


def test_the_deletion_says_it_too(own_ledger: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Ledger()
    connection = '{"conn_type": "postgres", "host": "127.0.0.1", "port": 9, "login": "ledger", "password": "secret", "extra": {"hash_key": "long and random"}}'
    monkeypatch.setenv("AIRFLOW_CONN_PROSPECT_LEDGER", connection)

    with pytest.raises(StorageUnavailable, match="database cannot be used: connection to server"):
        retention.ledger_rows({"params": {}})
