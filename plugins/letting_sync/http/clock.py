"""How far this machine's clock is from a server's, by the ``Date`` header of an answer.

A log-in with a signed assertion holds for minutes; a wrong clock has it refused with the same code as a wrong secret.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import requests

NORMAL_DIFFERENCE = 30.0
"""Seconds by which the two clocks may differ without being named as a cause.

``Date`` has whole seconds and is written before the answer travels, so a few seconds say nothing. Servers allow 15 to
60 seconds themselves (Keycloak: 15), and a machine that uses NTP is off by far less than one.
"""


def seconds_ahead(response: requests.Response) -> float | None:
    """How many seconds this machine's clock is ahead of the server's; below 0: behind.

    Call it when the answer has just arrived.

    :returns: ``None`` where the answer has no readable ``Date`` (published: RFC 9110, 6.6.1) or comes from a cache,
        whose ``Date`` is that of the stored answer.
    """
    date = response.headers.get("Date")
    if date is None or "Age" in response.headers:
        return None
    try:
        written = parsedate_to_datetime(date)
    except (TypeError, ValueError):
        return None
    # "-0000" makes a time without a zone; the header is always UTC.
    written = written if written.tzinfo else written.replace(tzinfo=UTC)
    return (datetime.now(UTC) - written).total_seconds()


def clock_hint(response: requests.Response) -> str:
    """A sentence for the person on call if the two clocks differ by more than :data:`NORMAL_DIFFERENCE`, else ``""``.

    :returns: starts with a blank, so that it can follow another sentence.
    """
    ahead = seconds_ahead(response)
    if ahead is None or abs(ahead) <= NORMAL_DIFFERENCE:
        return ""
    direction = "ahead of" if ahead > 0 else "behind"
    return f" This machine's clock is {abs(ahead):.0f} s {direction} the server's: correct it (NTP)."
