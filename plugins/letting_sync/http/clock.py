"""Difference between this machine's clock and a server's, computed from a response's ``Date`` header.

A signed assertion is valid for a few minutes. With a wrong clock the server refuses it with the same code as a wrong
secret, so the error message names the clock as a possible cause.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import requests

NORMAL_DIFFERENCE = 30.0
"""Seconds. A smaller difference between the two clocks is not reported as a possible cause.

``Date`` has whole seconds and is written before the response is sent, so a difference of a few seconds is normal.
Servers tolerate 15 to 60 seconds (Keycloak: 15), and a machine that uses NTP is off by far less than one.
"""


def seconds_ahead(response: requests.Response) -> float | None:
    """Return by how many seconds this machine's clock is ahead of the server's; negative if it is behind.

    Call it immediately after the response has arrived.

    :returns: ``None`` if the response has no readable ``Date`` (published: RFC 9110, 6.6.1) or comes from a cache,
        whose ``Date`` is that of the stored response.
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
    """Return a sentence for the error message if the clocks differ by more than :data:`NORMAL_DIFFERENCE`, else ``""``.

    :returns: the sentence with a leading blank, to be appended to another sentence.
    """
    ahead = seconds_ahead(response)
    if ahead is None or abs(ahead) <= NORMAL_DIFFERENCE:
        return ""
    direction = "ahead of" if ahead > 0 else "behind"
    return f" This machine's clock is {abs(ahead):.0f} s {direction} the server's: correct it (NTP)."
