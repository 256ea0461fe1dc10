"""The table of answers: what to do with a call that did not succeed, and the sentence for the person on call.

Neither a body nor a query nor the text of an exception of ``requests``, which holds the address, gets into a message.
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

import requests
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from letting_sync.errors import RefuseRecord, StopRun
from letting_sync.http.retry import RetryableError, TokenRefused
from letting_sync.reasons import Reason


class Action(Enum):
    """What to do with an answer that is not a success."""

    REPEAT = "the system refused before it did anything: wait and repeat"
    UNCERTAIN = "it may or may not have taken effect: repeat only what may be repeated"
    RENEW = "the token ran out: fetch a new one and repeat"
    REFUSE = "this record cannot be taken: quarantine it, go on"
    STOP = "nothing that repeating mends: fail the run at once"


@dataclass(frozen=True)
class Rule:
    """One row of a hook's table of answers.

    :param sentence: what it means, for the person on call.
    :param reason: what the quarantine table says; with ``Action.REFUSE`` and only there.
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
    413: Rule(Action.STOP, "the batch is larger than the system takes"),
    429: Rule(Action.REPEAT, "the limit of requests is reached"),
    500: Rule(Action.UNCERTAIN, "the system reports a fault of its own"),
    502: Rule(Action.UNCERTAIN, "a gateway in front of the system got no answer"),
    503: Rule(Action.REPEAT, "the system is not available, perhaps under maintenance"),
    504: Rule(Action.UNCERTAIN, "a gateway in front of the system got no answer in time"),
}


CHANGED_MEANWHILE: dict[int | str, Rule] = dict.fromkeys(
    (409, 410, 412, 422, 423),
    Rule(Action.REFUSE, "the record is not in the state the call needs", Reason.OFFER_CHANGED),
)
"""Rows for a call that changes one offer: whatever these statuses come with, also an error page of a proxy in place of
the system's own code, the offer is read again and decided on anew."""


def rule_for(rules: Mapping[int | str, Rule], code: str | None, status: int) -> Rule:
    """The row for an answer: by the system's own code before the status, by its own table before the common one."""
    for key in (code, status):
        rule = rules.get(key) or COMMON_RULES.get(key) if key is not None else None
        if rule:
            return rule
    if status >= 500:
        return Rule(Action.UNCERTAIN, "the system reports a fault of its own")
    return Rule(Action.STOP, "the system refuses the request")


def failed_response(
    response: requests.Response, code: str | None, rule: Rule, system: str, what: str, hint: str = ""
) -> Exception:
    """What a rule makes of an answer.

    :param code: the system's own code in it, if it has one.
    :param what: the call in plain words.
    :param hint: a further sentence for the person on call, starting with a blank; only where the call ends with it.
    """
    status = response.status_code
    # What stands where a code should be may be a sentence about somebody.
    sentence = f"{rule.sentence} ({code if code and _A_CODE.fullmatch(code) else status})"
    if rule.action is Action.RENEW:
        return TokenRefused(sentence, hint)
    if rule.action is Action.REPEAT:
        wait = _retry_after(response)
        if wait is None and status == 429:
            wait = header_seconds(response.headers.get("X-RateLimit-Reset"))
        # 503 without Retry-After comes from whatever stands in front of the system: it may be uncertain.
        return RetryableError(sentence, uncertain=status == 503 and wait is None, wait=wait)
    if rule.action is Action.UNCERTAIN:
        return RetryableError(sentence, uncertain=True, wait=_retry_after(response))
    if rule.action is Action.REFUSE and rule.reason:
        return RefuseRecord(rule.reason, f"{system}: {rule.sentence}.")
    return StopRun(
        f"{system}: {what}: {sentence}.{hint} Repeating does not help; mend this, then clear the task."
    )


def no_response(error: requests.exceptions.RequestException, system: str, connection: str) -> Exception:
    """Sort a request that brought no answer.

    :param connection: id of the Airflow connection.
    """
    if _is_unverified(error):
        return StopRun(
            f"{system} shows a certificate that cannot be verified; set the extra 'verify' of "
            f"connection {connection!r} to its CA file."
        )
    if isinstance(error, _NO_ADDRESS):
        return StopRun(f"The host of connection {connection!r} is no address of an HTTP server.")
    return RetryableError(f"no answer ({type(error).__name__})", uncertain=not _never_sent(error))


_NO_ADDRESS = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
)
_A_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,59}")


def _is_unverified(error: requests.exceptions.RequestException) -> bool:
    """Whether the certificate was looked at and found wanting: then nothing was sent.

    Any other trouble of TLS is a broken line, in the handshake or with the request already on its way.
    """
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return any(isinstance(cause, ssl.SSLCertVerificationError) for cause in getattr(reason, "args", ()))


def _never_sent(error: requests.exceptions.RequestException) -> bool:
    """Whether the connection was not even established, so that nothing can have taken effect."""
    if isinstance(error, requests.exceptions.ConnectTimeout | requests.exceptions.ProxyError):
        return True
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(reason, NewConnectionError | ConnectTimeoutError)


def header_seconds(value: str | None) -> float | None:
    """The seconds of a header, 0 for a negative number, or ``None`` where no finite number can be read."""
    try:
        seconds = float(value) if value is not None else math.nan
    except ValueError:
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _retry_after(response: requests.Response) -> float | None:
    """``Retry-After`` in seconds, whether it is given as a number or as a date; 0 for a date that has passed.

    Published (RFC 9110, 10.2.3): a whole number of seconds or a date. How long is waited at least, says
    :func:`letting_sync.http.retry.pause`.
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
