"""Time and size limits from a connection's extra, validated before the first call."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from letting_sync.errors import StopRun

MARGIN = 5.0
"""Seconds that a system may continue to process a request after the client has given it up (assumed)."""
LONGEST_TIME = 86_400.0
"""Seconds; the upper limit of every setting here."""


_OTHER_EXTRAS = (
    ("verify", str | bool, "the path of the CA file"),
    ("verify_ssl", str | bool, "the path of the CA file"),
    ("cert", str | list, "the path of a file, or a list of two paths"),
    ("proxies", dict, "an object of addresses, by scheme"),
    ("proxy", dict, "an object of addresses, by scheme"),
)


@dataclass(frozen=True)
class Limits:
    """Timeouts of a request and the maximum size of its response.

    :param connect: seconds to wait for the connection.
    :param read: seconds to wait for the next data.
    :param total: seconds from the start of the wait for the response to its last byte.
    :param largest: maximum bytes of a response, decompressed.
    """

    connect: float
    read: float
    total: float
    largest: int


def limits_of(conn_id: str | None, extra: Mapping[str, Any]) -> Limits:
    """Read the extras ``connect_timeout`` (10 s), ``timeout`` (60 s), ``total_timeout`` (three times ``timeout``) and
    ``max_response_mb`` (50).

    :raises StopRun: one of them, or ``verify``, ``cert`` or a proxy, has an invalid value; the message names it.
    """
    # The libraries accept wrong types with another meaning: the number 1 is taken for the open file descriptor 1.
    for name, kinds, rule in _OTHER_EXTRAS:
        if not isinstance(extra.get(name), kinds | None):
            raise StopRun(
                f"The extra {name!r} of connection {conn_id!r} must be {rule}. Correct it, then clear the task."
            )
    read = _positive(conn_id, extra, "timeout", 60.0)
    megabytes = _positive(conn_id, extra, "max_response_mb", 50.0)
    return Limits(
        connect=_positive(conn_id, extra, "connect_timeout", 10.0),
        read=read,
        total=_positive(conn_id, extra, "total_timeout", 3 * read),
        largest=round(megabytes * 1_000_000),
    )


def settle_seconds(conn_id: str | None, extra: Mapping[str, Any], default: float) -> float:
    """Read the extra ``settle_seconds``: seconds in which a request whose response was lost may still take effect.

    :raises StopRun: the value is not a number of seconds, or is shorter than a request may take: then a prospect could
        be sent again while the first request is still in flight.
    """
    limits = limits_of(conn_id, extra)
    seconds = _positive(conn_id, extra, "settle_seconds", max(default, limits.connect + limits.read + MARGIN))
    least = limits.connect + limits.read + MARGIN
    if seconds < least:
        raise StopRun(
            f"The extra 'settle_seconds' of connection {conn_id!r} is {seconds:g}. It must be at least {least:g}: "
            f"'connect_timeout' ({limits.connect:g}) and 'timeout' ({limits.read:g}) together and {MARGIN:g} seconds "
            "more. Correct it, then clear the task."
        )
    return seconds


def _positive(conn_id: str | None, extra: Mapping[str, Any], name: str, default: float) -> float:
    """Read a number above 0, also one written as a string."""
    value = extra.get(name)
    if value is None:
        return default
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not 0 < number <= LONGEST_TIME:
        raise StopRun(
            f"The extra {name!r} of connection {conn_id!r} must be a number above 0. Correct it, then clear the task."
        )
    return number
