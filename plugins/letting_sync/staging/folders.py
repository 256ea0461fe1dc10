"""Where runs are staged: a folder for each pair and in it one for each run, readable by their owner only.

The folders are below ``[prospects] staging`` of the Airflow configuration (``AIRFLOW__PROSPECTS__STAGING``), any address
that ``ObjectStoragePath`` takes; by default ``prospect_staging`` in ``AIRFLOW_HOME``. On a local disk folders have the
mode 0700 and files 0600, whatever the umask is; an object store has access rules of its own.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from typing import IO, Any, NamedTuple

from airflow.sdk import ObjectStoragePath
from airflow.sdk.exceptions import AirflowNotFoundException

from letting_sync import config
from letting_sync.errors import StopRun

_NAME_LENGTH = 180
"""Characters of a run id in its folder's name; file systems take 255 bytes for all of it."""


def base() -> ObjectStoragePath:
    """Address under which all runs are staged.

    :raises StopRun: it cannot be opened: its protocol needs a package that is not installed, or its connection does not exist.
    """
    address = config.staging_address()
    try:
        path = ObjectStoragePath(address)
        path.fs  # noqa: B018  # fetches connection and file system
    except (ValueError, ImportError, AirflowNotFoundException) as error:
        raise StopRun(
            f"[prospects] staging = {address!r} cannot be opened: {error}. Correct it, or install the "
            "Airflow provider of its protocol, then clear the task."
        ) from None
    return path


def path_of(dag_id: str, run_id: str) -> ObjectStoragePath:
    """Where a run is staged; nothing is made.

    The name ends with a hash of the run id: ``nach:1`` and ``nach+1``, or ``Nach_1`` on a disk that ignores case, do not
    share a folder.

    :raises StopRun: the DAG's id cannot be the name of a folder, or there is no run id.
    """
    if not run_id or not re.fullmatch(r"[\w.-]+", dag_id) or not dag_id.strip("."):
        raise StopRun(
            f"The run {run_id!r} of the DAG {dag_id!r} cannot have a staging folder: rename the DAG."
        )
    digest = hashlib.sha256(run_id.encode()).hexdigest()[:12]
    return base() / dag_id / f"{_readable(run_id)[:_NAME_LENGTH]}-{digest}"


def existing(dag_id: str, run_id: str) -> ObjectStoragePath:
    """Where a run was staged: its folder, or the one that releases up to 2026-11 would have made for it."""
    path = path_of(dag_id, run_id)
    earlier = re.sub(r"[^\w.-]", "_", run_id)
    if not earlier.strip(".") or path.exists():
        return path
    old = base() / dag_id / earlier
    return old if old.exists() else path


def _readable(run_id: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "_", run_id)


class RunFolder(NamedTuple):
    """A folder with staged tables.

    :param path: its address.
    :param dag_id: the pair; ``None`` if the folder does not tell it.
    """

    path: ObjectStoragePath
    dag_id: str | None


def run_folders(root: ObjectStoragePath) -> Iterator[RunFolder]:
    """All folders that may hold staged tables.

    Those of runs, and the two above them: earlier releases staged a run called ``.`` or ``..`` there.
    """
    if not root.exists():
        return
    if _has_tables(root):
        yield RunFolder(root, None)
    for of_pair in _folders_in(root):
        if _has_tables(of_pair):
            yield RunFolder(of_pair, of_pair.name)
        yield from (RunFolder(folder, of_pair.name) for folder in _folders_in(of_pair))


def _folders_in(folder: ObjectStoragePath) -> list[ObjectStoragePath]:
    return [path for path in sorted(folder.iterdir(), key=str) if path.is_dir()]


def _has_tables(folder: ObjectStoragePath) -> bool:
    """Whether a run was staged here; a mistaken address must not make somebody's own files ours."""
    return any(path.name in ("extent.parquet", "extracted.parquet") for path in folder.iterdir())


# --- rights -----------------------------------------------------------------------------------------------


def make_private(path: ObjectStoragePath) -> None:
    """Make a run's folder, and those above it. The one of all runs keeps its rights if it is there already."""
    root, of_pair = path.parent.parent, path.parent
    kept = (root,) if root.exists() else ()
    for folder in (root, of_pair, path):
        folder.mkdir(parents=True, exist_ok=True)
        if path.protocol in config.LOCAL_PROTOCOLS and folder not in kept and _is_ours(os.stat(folder.path)):
            os.chmod(folder.path, 0o700)


def open_private(path: ObjectStoragePath) -> IO[Any]:
    """Open a file to be written anew; of a new one nobody else can read a byte."""
    if path.protocol in config.LOCAL_PROTOCOLS:
        file = os.open(path.path, os.O_WRONLY | os.O_CREAT, 0o600)
        if _is_ours(os.fstat(file)):
            os.fchmod(file, 0o600)
        os.close(file)
    opened: IO[Any] = path.open("wb")
    return opened


def _is_ours(about: os.stat_result) -> bool:
    return about.st_uid == os.geteuid()
