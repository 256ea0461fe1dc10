"""Staging in an object store: a server with the S3 protocol, through the file system that deployments use for it."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from airflow.sdk.io import attach
from moto.server import ThreadedMotoServer
from s3fs import S3FileSystem

from letting_sync.errors import StorageUnavailable
from letting_sync.staging import folders, tables
from letting_sync.task_errors import ExpectedErrorsMixin

PAIR = "immomio_yuneo"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    started = ThreadedMotoServer(port=0, verbose=False)
    started.start()
    _, port = started.get_host_and_port()
    yield f"http://127.0.0.1:{port}"
    started.stop()


class Stages(ExpectedErrorsMixin):
    """A task that writes a table of its run and reads it."""

    def execute(self, context: Any) -> Any:
        return self.expecting_errors(context, "stage")

    def stage(self, context: Any) -> int:
        folder = tables.folder_of(context)
        tables.write_extent(folder, tables.Extent(3, None))
        return tables.extent(folder).extracted


def stage(monkeypatch: pytest.MonkeyPatch, **settings: Any) -> int:
    """Stage in an object store with these settings of its file system."""
    conn_id = f"store_{uuid4().hex}"
    no_repetition = {"retries": {"max_attempts": 0}}
    store = S3FileSystem(**settings, config_kwargs=no_repetition, skip_instance_cache=True)
    attach("s3", conn_id=conn_id, fs=store)
    monkeypatch.setenv("AIRFLOW__PROSPECTS__STAGING", f"s3://{conn_id}@prospects/staging")
    run = SimpleNamespace(dag_id=PAIR, run_id="manual__2026-11-30T07:00:00+00:00")
    staged: int = Stages(task_id="extract").execute({"dag_run": run})
    return staged


def test_tables_are_written_read_and_found(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert stage(monkeypatch, key="key", secret="secret", endpoint_url=server) == 3
    assert [folder.dag_id for folder in folders.run_folders(folders.base())] == [PAIR]


def test_a_task_without_credentials_says_so(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    with pytest.raises(
        StorageUnavailable, match=r"s3://prospects/staging \(connection .*Unable to locate cred"
    ):
        stage(monkeypatch, endpoint_url=server)


def test_a_task_with_a_wrong_region_says_so(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """For Python that is an error about a value."""
    with pytest.raises(StorageUnavailable, match="cannot be used: Provided region_name 'eu central' doesn't"):
        stage(
            monkeypatch,
            key="key",
            secret="secret",
            endpoint_url=server,
            client_kwargs={"region_name": "eu central"},
        )


def test_a_task_that_does_not_reach_the_store_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StorageUnavailable, match="cannot be used: Could not connect to the endpoint URL"):
        stage(monkeypatch, key="key", secret="secret", endpoint_url="http://127.0.0.1:9")
