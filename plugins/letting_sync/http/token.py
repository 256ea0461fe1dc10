"""Parsing of a token endpoint's response, tolerant where a wrong value does no harm."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

DEFAULT_LIFETIME = 300.0
"""Seconds; lifetime of a token if its response has no usable one: Keycloak's default, the shortest known.

A value that is too long does no harm, since a refused token (401) is renewed; one too short costs one more log-in.
"""
LONGEST_LIFETIME = 86_400.0
"""Seconds. No task takes longer; a larger number is an error, e.g. milliseconds or a timestamp."""
_TOKEN = re.compile(r"[\x21-\x7e]+")
"""Characters of a token in a header: RFC 6749, A.12, without the blank."""


def token_lifetime(response_field: Any) -> float:
    """Parse the lifetime of an access token, from ``expires_in`` or a system's own field.

    Published (RFC 6749, 5.1): a number of seconds, and the field may be missing. Assumed: some servers send the number
    as a string, ``null``, or a number that is not a duration. None of these stops a run.

    :param response_field: the raw value, ``None`` if it is missing.
    :returns: seconds, more than 0 and at most :data:`LONGEST_LIFETIME`; :data:`DEFAULT_LIFETIME` for anything that is
        not a finite number above 0.
    """
    if isinstance(response_field, bool) or not isinstance(response_field, int | float | str):
        return DEFAULT_LIFETIME
    try:
        seconds = float(response_field)
    except (ValueError, OverflowError):
        return DEFAULT_LIFETIME
    return min(seconds, LONGEST_LIFETIME) if math.isfinite(seconds) and seconds > 0 else DEFAULT_LIFETIME


class TokenFields(NamedTuple):
    """Names of a response's fields with the token and its type."""

    token: str
    kind: str


OAUTH_FIELDS = TokenFields("access_token", "token_type")
"""RFC 6749, 5.1 (published)."""


def bearer_token(response: Any, fields: TokenFields = OAUTH_FIELDS) -> tuple[str | None, str]:
    """Return the access token of a response, or the reason why it cannot be used.

    Published (RFC 6749, 5.1 and 7.1): ``access_token`` and ``token_type``, which is case-insensitive; a client must not
    use a token of an unknown type. Assumed: a response without ``token_type`` means Bearer.

    :param fields: names of the two fields.
    :returns: the token and ``""``, or ``None`` and a clause for an error message, without any value of the response.
    """
    token = response.get(fields.token) if isinstance(response, Mapping) else None
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        return None, f"its response has no usable {fields.token!r}"
    kind = response.get(fields.kind)
    if kind is not None and (not isinstance(kind, str) or kind.lower() != "bearer"):
        return None, f"its response has a token of another {fields.kind!r} than Bearer"
    return token, ""
