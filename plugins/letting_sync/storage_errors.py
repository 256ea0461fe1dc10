"""Errors of what the deployment provides: the ledger's database, and the disk or object store of the staging folder.

Libraries raise them in many places. A task and a command turn them into one kind, whose message says what to check.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

from letting_sync import config
from letting_sync.errors import StorageUnavailable
from letting_sync.locales.errors import error_of

_OF_A_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ESTALE, errno.EFBIG})
"""Numbers of errors that writing raises without the file's name."""
_NO_RIGHT = "42501"
"""PostgreSQL's SQLSTATE ``insufficient_privilege``, to SQLAlchemy an error of the program."""
_OF_STORES = frozenset(
    {"adlfs", "aiobotocore", "aiohttp", "azure", "botocore", "fsspec", "gcsfs", "google", "s3fs"}
)
"""Packages with which an object store is used. They are known by name: a deployment has one of them at the most."""
_OF_FILES = frozenset({OSError, PermissionError, FileNotFoundError, FileExistsError, NotADirectoryError})
"""What the file system of an object store raises itself, without the name of a file."""


@contextmanager
def storage_errors() -> Iterator[None]:
    """Raise :class:`StorageUnavailable` for an error of the ledger's database, a file or the object store. Also a decorator.

    Any other error is left as it is.
    """
    try:
        yield
    except Exception as error:
        found = _of_object_store(error) or _of_file(error) or _of_database(error)
        if found is None:
            raise
        raise found from None


def _of_object_store(error: Exception) -> StorageUnavailable | None:
    if config.staging_is_local() or not (_is_of_a_store(error) or _is_of_its_files(error)):
        return None
    # Further lines are advice; the query of an address may contain a signature.
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    first_line = next(iter(text.splitlines()), type(error).__name__)
    reason = re.sub(r"\?[^\s\"']*", "", first_line).strip().rstrip(".")
    protocol, _, place = config.staging_address().partition("://")
    connection, _, path = place.rpartition("@")
    address = f"{protocol}://{path}" + (f" (connection {connection!r})" if connection else "")
    return error_of(StorageUnavailable, "object_store", address=address, reason=reason)


def _is_of_a_store(error: BaseException | None) -> bool:
    """Whether it, or an error that caused it, is of the library of an object store."""
    while error is not None:
        if any(kind.__module__.partition(".")[0] in _OF_STORES for kind in type(error).__mro__):
            return True
        error = error.__cause__
    return False


def _is_of_its_files(error: Exception) -> bool:
    if not isinstance(error, OSError) or type(error) not in _OF_FILES:
        return False
    return not error.filename and error.errno not in _OF_A_DISK


def _of_file(error: Exception) -> StorageUnavailable | None:
    if not isinstance(error, OSError):
        return None
    # An error of a connection has neither a file's name nor one of these numbers.
    if not (error.filename or error.errno in _OF_A_DISK or isinstance(error, PermissionError)):
        return None
    reason = error.strerror or error
    if error.filename:
        return error_of(StorageUnavailable, "named_file", name=error.filename, reason=reason)
    return error_of(StorageUnavailable, "file", reason=reason)


def _of_database(error: Exception) -> StorageUnavailable | None:
    from sqlalchemy import exc

    if not isinstance(error, exc.DBAPIError):
        return None
    is_without_right = getattr(error.orig, "pgcode", None) == _NO_RIGHT
    if not (
        is_without_right or isinstance(error, exc.OperationalError | exc.InterfaceError | exc.InternalError)
    ):
        return None
    # Further lines are advice or a statement; the first names neither values nor a password.
    reason = next(iter(str(error.orig).splitlines()), "").strip().rstrip(".")
    return error_of(StorageUnavailable, "database", reason=reason)
