"""Errors of what the deployment provides: the ledger's database, and the disk or object store of the staging folder.

Libraries raise them in many places. A task and a command turn them into one kind, whose message says what to check.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from letting_sync.errors import StorageUnavailable

_OF_A_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ESTALE, errno.EFBIG})
"""Numbers of errors that writing raises without the file's name."""


@contextmanager
def storage_errors() -> Iterator[None]:
    """Raise :class:`StorageUnavailable` for an error of the ledger's database or of a file. Also a decorator.

    Any other error is left as it is.
    """
    try:
        yield
    except Exception as error:
        sentence = _about_file(error) or _about_database(error)
        if sentence is None:
            raise
        raise StorageUnavailable(f"{sentence} Nothing is lost.") from None


def _about_file(error: Exception) -> str | None:
    if not isinstance(error, OSError):
        return None
    # Of an object store it may be the bare class; an error of a connection has neither.
    if not (error.filename or error.errno in _OF_A_DISK or isinstance(error, PermissionError)):
        return None
    what = f"The file {error.filename}" if error.filename else "A file"
    return (
        f"{what} cannot be used: {error.strerror or error}. Check that the staging folder (and a ledger in a file) can be "
        "written on this worker and that its disk is not full."
    )


def _about_database(error: Exception) -> str | None:
    from sqlalchemy import exc

    if not isinstance(error, exc.OperationalError | exc.InterfaceError | exc.InternalError):
        return None
    # Further lines are advice or a statement; the first names neither values nor a password.
    reason = next(iter(str(error.orig).splitlines()), "").strip().rstrip(".")
    return (
        f"The ledger's database cannot be used: {reason}. Check that it runs, that this worker reaches it, and its "
        "connection."
    )
