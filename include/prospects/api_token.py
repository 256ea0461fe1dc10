"""What a token end point's answer holds, read tolerantly where a wrong value does no harm."""

from __future__ import annotations

import math
from typing import Any

DEFAULT_LIFETIME = 300.0
"""Seconds a token is used for where its answer names no usable lifetime: Keycloak's default, the shortest we know of.

Too long does no harm, since a refused token (401) is renewed; too short costs one more log-in.
"""
LONGEST_LIFETIME = 86_400.0
"""Seconds. No task takes longer; a larger number is a slip, e.g. milliseconds or a point in time."""


def token_lifetime(answer_field: Any) -> float:
    """The lifetime of an access token in seconds, from the field ``expires_in`` of its answer (or its counterpart).

    RFC 6749, section 5.1 (published): a number of seconds, and the field may be missing. Assumed: some servers send
    the number as text, ``null`` or a number that is no duration. None of that is a reason to stop a run.

    :param answer_field: the value as it came, ``None`` if it is missing.
    :returns: more than 0 and at most :data:`LONGEST_LIFETIME`; :data:`DEFAULT_LIFETIME` for anything that is not a
        finite number above 0 or the text of one.
    """
    if isinstance(answer_field, bool) or not isinstance(answer_field, int | float | str):
        return DEFAULT_LIFETIME
    try:
        seconds = float(answer_field)
    except (ValueError, OverflowError):
        return DEFAULT_LIFETIME
    return min(seconds, LONGEST_LIFETIME) if math.isfinite(seconds) and seconds > 0 else DEFAULT_LIFETIME
