"""How long one call is tried, and what a failed try must tell for it."""

from __future__ import annotations

from dataclasses import dataclass

import tenacity

from letting_sync.errors import WaitAndRepeat

FAILURES_IN_A_ROW = 6
"""Tries of one call on a broken line before Airflow's retry of the task takes over (about half a minute)."""
LONGEST_WAIT = 300.0
"""Seconds. A system that asks for a longer wait gets it from Airflow's retry, not from a worker slot."""
LEAST_WAIT = 1.0
"""Seconds. A system that asks for a shorter wait, or for one that is over, is not asked again sooner; each further time
in a row the least wait doubles, up to :data:`LONGEST_LEAST_WAIT`."""
LONGEST_LEAST_WAIT = 60.0
LONGEST_WAITS_TOGETHER = 900.0
"""Seconds that one call may wait in all because the system asked it to."""
LONGEST_CALL = 1800.0
"""Seconds after which no further try of one call is made, whatever the reason."""
RENEWALS_IN_A_ROW = 4
"""A token that is refused this often, although fresh, is a right that is missing."""


class RetryableError(WaitAndRepeat):
    """One failed try of a call, with what the retry loop has to know about it.

    :param uncertain: it may have taken effect.
    :param wait: seconds the system asked for; such a wait is ordinary and does not count as a failure.
    """

    def __init__(self, message: str, *, uncertain: bool, wait: float | None = None) -> None:
        super().__init__(message)
        self.uncertain = uncertain
        self.wait = wait


class TokenRefused(Exception):
    """401: the token ran out on the way, or the log-in itself was refused.

    :param hint: a further sentence for the person on call, starting with a blank.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


BACKOFF = tenacity.wait_exponential_jitter(initial=0.25, max=15, jitter=0.5)


@dataclass
class RetryPolicy:
    """How long one call is tried; after each failed try ``tenacity`` asks :meth:`pause`, then :meth:`stop`."""

    failures: int = 0
    renewals: int = 0
    limits: int = 0
    waited: float = 0.0

    def pause(self, state: tenacity.RetryCallState) -> float:
        """Seconds until the next try: what the system asked for and at least the least wait, else a backoff with jitter."""
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
        """Whether the call is given up."""
        if (state.seconds_since_start or 0.0) > LONGEST_CALL:
            return True
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, TokenRefused):
            self.renewals += 1
            return self.renewals > RENEWALS_IN_A_ROW
        if isinstance(error, RetryableError) and error.wait is not None:
            self.waited += state.upcoming_sleep
            return error.wait > LONGEST_WAIT or self.waited > LONGEST_WAITS_TOGETHER
        self.failures += 1
        return self.failures >= FAILURES_IN_A_ROW
