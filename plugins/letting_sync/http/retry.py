"""Retry policy of a single call, and the exceptions that control it."""

from __future__ import annotations

from dataclasses import dataclass

import tenacity

from letting_sync.errors import WaitAndRepeat

FAILURES_IN_A_ROW = 6
"""Failed attempts of one call before Airflow's retry of the task takes over (after about half a minute)."""
LONGEST_WAIT = 60.0
"""Seconds. For a longer wait the task is deferred, so that it does not occupy a worker slot."""
LEAST_WAIT = 1.0
"""Seconds; the minimum wait even if the system asks for a shorter one. It doubles with each consecutive wait, up to
:data:`LONGEST_LEAST_WAIT`."""
LONGEST_LEAST_WAIT = 60.0
LONGEST_WAITS_TOGETHER = 120.0
"""Seconds that one call may wait in total at the system's request before the task is deferred: two windows of a rate
limit a minute (assumed to be the longest)."""
LONGEST_CALL = 1800.0
"""Seconds after which one call is not attempted again, whatever the reason."""
RENEWALS_IN_A_ROW = 4
"""Consecutive refusals of a new token after which the log-in counts as refused, e.g. since a permission is missing."""


class RetryableError(WaitAndRepeat):
    """A failed attempt of a call that may be retried.

    :param uncertain: whether the request may have taken effect.
    :param wait: seconds the system asked to wait; such an attempt does not count as a failure.
    """

    def __init__(self, message: str, *, uncertain: bool, wait: float | None = None) -> None:
        super().__init__(message)
        self.uncertain = uncertain
        self.wait = wait


class TokenRefused(Exception):
    """Status 401: the token has expired, or the log-in itself was refused.

    :param hint: a further sentence for the error message, with a leading blank.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


BACKOFF = tenacity.wait_exponential_jitter(initial=0.25, max=15, jitter=0.5)


@dataclass
class RetryPolicy:
    """Retry state of one call; after each failed attempt ``tenacity`` calls :meth:`pause`, then :meth:`stop`.

    :param once: only a refused token is renewed; nothing else is attempted again.
    """

    once: bool = False
    failures: int = 0
    renewals: int = 0
    limits: int = 0
    waited: float = 0.0

    def pause(self, state: tenacity.RetryCallState) -> float:
        """Return the seconds until the next attempt: at least what the system asked for, else a backoff with jitter."""
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, TokenRefused):
            return 0.0
        if not isinstance(error, RetryableError) or error.wait is None:
            self.limits = 0
            return float(BACKOFF(state))
        least = min(LEAST_WAIT * 2.0**self.limits, LONGEST_LEAST_WAIT)
        self.limits += 1
        return max(error.wait, least)

    def stop(self, state: tenacity.RetryCallState) -> bool:
        """Return whether the call is not attempted again."""
        if (state.seconds_since_start or 0.0) > LONGEST_CALL:
            return True
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, TokenRefused):
            self.renewals += 1
            return self.renewals > RENEWALS_IN_A_ROW
        if self.once:
            return True
        if isinstance(error, RetryableError) and error.wait is not None:
            self.waited += state.upcoming_sleep
            return error.wait > LONGEST_WAIT or self.waited > LONGEST_WAITS_TOGETHER
        self.failures += 1
        return self.failures >= FAILURES_IN_A_ROW
