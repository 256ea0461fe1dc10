"""The error table: maps an error response to an action and to a sentence for the person on call.

A message never contains a body, a query, or the text of an exception of ``requests``, which contains the URL.
"""

from __future__ import annotations

import math
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Any

import requests
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from letting_sync.errors import RefuseRecord, StopRun
from letting_sync.http.retry import RetryableError, TokenRefused
from letting_sync.locales.errors import error_of
from letting_sync.reasons import Reason


class Action(Enum):
    """What to do with a response that is not a success."""

    REPEAT = "the system refused before it did anything: wait and repeat"
    UNCERTAIN = "it may or may not have taken effect: repeat only what may be repeated"
    RENEW = "the token ran out: fetch a new one and repeat"
    REFUSE = "this record cannot be accepted: quarantine it and continue"
    STOP = "a retry cannot succeed: fail the run at once"


@dataclass(frozen=True)
class Rule:
    """One row of a hook's error table.

    :param sentence: what the error means, for the person on call.
    :param reason: the reason in the quarantine table; required with ``Action.REFUSE``, ``None`` with any other action.
    """

    action: Action
    sentence: str
    reason: Reason | None = None


COMMON_RULES: dict[int | str, Rule] = {
    400: Rule(Action.STOP, "the request as a whole was refused as malformed; the interface may have changed"),
    401: Rule(Action.RENEW, "the token ran out"),
    403: Rule(Action.STOP, "the technical user lacks a right it needs"),
    404: Rule(Action.STOP, "the address is unknown; check the connection's host and the interface's version"),
    408: Rule(Action.UNCERTAIN, "the system gave up waiting"),
    413: Rule(Action.STOP, "the batch is larger than the system accepts"),
    429: Rule(Action.REPEAT, "the rate limit is reached"),
    500: Rule(Action.UNCERTAIN, "the system reports an internal error"),
    502: Rule(Action.UNCERTAIN, "a gateway in front of the system got no response"),
    503: Rule(Action.REPEAT, "the system is not available, perhaps under maintenance"),
    504: Rule(Action.UNCERTAIN, "a gateway in front of the system got no response in time"),
}


CHANGED_MEANWHILE: dict[int | str, Rule] = dict.fromkeys(
    (409, 410, 412, 422, 423),
    Rule(Action.REFUSE, "the record is not in the state the call needs", Reason.OFFER_CHANGED),
)
"""Rows for a call that changes one offer. Whatever the body of these statuses is, also a proxy's error page without the
system's own code, the offer is read again and the decision is made again."""


def rule_for(rules: Mapping[int | str, Rule], code: str | None, status: int) -> Rule:
    """Return the row for a response.

    The system's own code has precedence over the HTTP status, and the hook's table over :data:`COMMON_RULES`.
    """
    for key in (code, status):
        rule = rules.get(key) or COMMON_RULES.get(key) if key is not None else None
        if rule:
            return rule
    if status >= 500:
        return Rule(Action.UNCERTAIN, "the system reports an internal error")
    return Rule(Action.STOP, "the system refuses the request")


def failed_response(
    response: requests.Response,
    code: str | None,
    rule: Rule,
    system: str,
    what: str,
    hint: str = "",
    text: str | None = None,
) -> Exception:
    """Return the exception for an error response.

    :param code: the system's own error code, if the response has one.
    :param what: the call in plain words.
    :param hint: a further sentence with a leading blank; used only by exceptions that end the call.
    :param text: the system's own sentence in the response. It is in no message; only ``RefuseRecord`` carries it.
    """
    status = response.status_code
    # A system may send free text with personal data in the field of the code.
    sentence = f"{rule.sentence} ({code if code and _A_CODE.fullmatch(code) else status})"
    if rule.action is Action.RENEW:
        return TokenRefused(sentence, hint)
    if rule.action is Action.REPEAT:
        wait = _retry_after(response)
        if wait is None and status == 429:
            # Without a readable time it is a limit all the same: the pauses grow from the least wait.
            wait = header_seconds(response.headers.get("X-RateLimit-Reset")) or 0.0
        # A 503 without Retry-After may come from a proxy in front of the system: the request may have taken effect.
        return RetryableError(sentence, uncertain=status == 503 and wait is None, wait=wait)
    if rule.action is Action.UNCERTAIN:
        return RetryableError(sentence, uncertain=True, wait=_retry_after(response))
    if rule.action is Action.REFUSE and rule.reason:
        return RefuseRecord(rule.reason, f"{system}: {rule.sentence}.", text)
    return error_of(StopRun, "request_refused", system=system, what=what, sentence=sentence, hint=hint)


def no_response(error: requests.exceptions.RequestException, system: str, connection: str) -> Exception:
    """Return the exception for a request without a response.

    :param connection: id of the Airflow connection.
    """
    if _is_unverified(error):
        return error_of(StopRun, "certificate", system=system, connection=repr(connection))
    if isinstance(error, _NO_ADDRESS):
        return error_of(StopRun, "no_address", connection=repr(connection))
    return RetryableError(f"no response ({_in_words(error)})", uncertain=not _never_sent(error))


_NO_ADDRESS = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
)
_A_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,59}")


def _is_unverified(error: requests.exceptions.RequestException) -> bool:
    """Return whether the verification of the certificate failed, so that nothing was sent.

    Any other TLS error counts as a broken connection: it may occur during the handshake or after the request was sent.
    """
    return any(
        isinstance(cause, ssl.SSLCertVerificationError) for cause in getattr(_reason(error), "args", ())
    )


def _never_sent(error: requests.exceptions.RequestException) -> bool:
    """Return whether the connection was never established, so that nothing can have taken effect."""
    if isinstance(error, requests.exceptions.ConnectTimeout | requests.exceptions.ProxyError):
        return True
    return isinstance(_reason(error), NewConnectionError | ConnectTimeoutError)


def _in_words(error: requests.exceptions.RequestException) -> str:
    """Return what somebody has to know who looks for the fault: DNS, a firewall, a proxy, or the system itself."""
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy does not let the request through"
    if isinstance(_reason(error), NameResolutionError):
        return "the host's name cannot be resolved"
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return "no connection in time"
    if _never_sent(error):
        return "the connection is refused, or there is no route to the host"
    if isinstance(error, requests.exceptions.Timeout):
        return "connected, but nothing came in time"
    return f"the connection was lost, {type(error).__name__}"


def _reason(error: requests.exceptions.RequestException) -> Any:
    """Return the error of urllib3 that caused it, if there is one."""
    return getattr(error.args[0], "reason", None) if error.args else None


def header_seconds(value: str | None) -> float | None:
    """Parse a header as seconds: 0 for a negative number, ``None`` if it is not a finite number."""
    try:
        seconds = float(value) if value is not None else math.nan
    except ValueError:
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _retry_after(response: requests.Response) -> float | None:
    """Parse ``Retry-After`` as seconds; 0 for a date in the past.

    Published (RFC 9110, 10.2.3): a whole number of seconds or a date. The minimum wait is applied by
    :meth:`letting_sync.http.retry.RetryPolicy.pause`.
    """
    value = response.headers.get("Retry-After")
    wait = header_seconds(value)
    if wait is not None or value is None:
        return wait
    try:
        date = parsedate_to_datetime(value)
        # "-0000" makes a time without a zone; the header is always UTC.
        date = date if date.tzinfo else date.replace(tzinfo=UTC)
        return max(0.0, (date - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError, OverflowError):
        return None
