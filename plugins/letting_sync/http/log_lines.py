"""What ``urllib3`` logs of our calls, without queries and without what a server has sent.

Its lines contain whole URLs at the level DEBUG, and at WARNING, if a response has a header that it cannot read, besides a URL the rest
of the response's head.
"""

from __future__ import annotations

import logging
from typing import Any

from letting_sync.http.deadline import seconds_left

_LOGGERS = ("urllib3.connection", "urllib3.connectionpool")


def hide_data() -> None:
    """Have data left out of all lines about our calls from now on; lines about calls of others stay as they are."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_OF_OUR_CALLS)


class _OfOurCalls(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        is_ours = seconds_left() is not None  # each call of a hook has a deadline
        if is_ours and isinstance(record.args, tuple):
            record.args = tuple(map(_without_data, record.args))
            record.exc_info = None
        return True


_OF_OUR_CALLS = _OfOurCalls()


def _without_data(value: Any) -> Any:
    if isinstance(value, BaseException):
        return type(value).__name__
    return value.partition("?")[0] if isinstance(value, str) else value
