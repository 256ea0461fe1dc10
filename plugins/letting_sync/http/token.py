"""What a token end point's answer holds, read tolerantly where a wrong value does no harm."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

DEFAULT_LIFETIME = 300.0
"""Seconds a token is used for where its answer names no usable lifetime: Keycloak's default, the shortest we know of.

Too long does no harm, since a refused token (401) is renewed; too short costs one more log-in.
"""
LONGEST_LIFETIME = 86_400.0
"""Seconds. No task takes longer; a larger number is a slip, e.g. milliseconds or a point in time."""
_TOKEN = re.compile(r"[\x21-\x7e]+")
"""What a token may consist of in a header: RFC 6749, A.12, without the blank."""


def token_lifetime(response_field: Any) -> float:
    """The lifetime of an access token in seconds, from the field ``expires_in`` of its answer (or its counterpart).

    RFC 6749, section 5.1 (published): a number of seconds, and the field may be missing. Assumed: some servers send
    the number as text, ``null`` or a number that is no duration. None of that is a reason to stop a run.

    :param answer_field: the value as it came, ``None`` if it is missing.
    :returns: more than 0 and at most :data:`LONGEST_LIFETIME`; :data:`DEFAULT_LIFETIME` for anything that is not a
        finite number above 0 or the text of one.
    """
    if isinstance(response_field, bool) or not isinstance(response_field, int | float | str):
        return DEFAULT_LIFETIME
    try:
        seconds = float(response_field)
    except (ValueError, OverflowError):
        return DEFAULT_LIFETIME
    return min(seconds, LONGEST_LIFETIME) if math.isfinite(seconds) and seconds > 0 else DEFAULT_LIFETIME


class TokenFields(NamedTuple):
    """Names of the fields in which an answer has a token and its type."""

    token: str
    kind: str


OAUTH_FIELDS = TokenFields("access_token", "token_type")
"""RFC 6749, 5.1 (published)."""


def bearer_token(response: Any, fields: TokenFields = OAUTH_FIELDS) -> tuple[str | None, str]:
    """The access token of an answer, or what is wrong with it.

    Published (RFC 6749, 5.1 and 7.1): ``access_token`` and ``token_type``, in any case of letters; a client does not
    use a token of a type it does not know. Assumed: an answer without ``token_type`` means Bearer.

    :param fields: where the answer has them.
    :returns: the token and ``""``, or ``None`` and a clause for an error message, without any value of the answer.
    """
    token = response.get(fields.token) if isinstance(response, Mapping) else None
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        return None, f"its answer has no usable {fields.token!r}"
    kind = response.get(fields.kind)
    if kind is not None and (not isinstance(kind, str) or kind.lower() != "bearer"):
        return None, f"its answer holds a token of another {fields.kind!r} than Bearer"
    return token, ""
