"""Errors about a value, whose text may quote a record: a wrong key, a text that is no number, a model that does not fit.

No such error is expected, and Airflow logs the text of each error that a task ends with and hands it on (OpenLineage). Which kind it
was and where it was raised is enough to find the cause.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from letting_sync.errors import UnexpectedError

_ABOUT_A_VALUE = (ValueError, TypeError, LookupError)
"""Those of pydantic, pandas, pyarrow and of decoding are subclasses."""


@contextmanager
def value_errors() -> Iterator[None]:
    """Raise :class:`UnexpectedError` for an error about a value, with its traceback but without its text."""
    try:
        yield
    except _ABOUT_A_VALUE as error:
        raise UnexpectedError(type(error).__name__).with_traceback(error.__traceback__) from None
