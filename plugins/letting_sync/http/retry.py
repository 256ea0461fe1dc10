"""How long one call is tried, and what a failed try must tell for it."""

from __future__ import annotations

from dataclasses import dataclass

import tenacity

from letting_sync.errors import WaitAndRepeat

FAILURES_IN_A_ROW = 6
"""Tries of one call on a broken line before Airflow's retry of the task takes over (about half a minute)."""
LONGEST_WAIT = 300.0
"""Seconds. A system that asks for a longer wait gets it from Airflow's retry, not from a worker slot."""
LONGEST_WAITS_TOGETHER = 900.0
"""Seconds that one call may wait in all because the system asked it to."""
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


@dataclass
class RetryPolicy:
    """How long one call is tried; ``tenacity`` asks it after each failed try whether to stop."""

    failures: int = 0
    renewals: int = 0
    waited: float = 0.0

    def __call__(self, state: tenacity.RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, TokenRefused):
            self.renewals += 1
            return self.renewals > RENEWALS_IN_A_ROW
        if isinstance(error, RetryableError) and error.wait is not None:
            # A system that always says "now" is waited for no longer than one that says "in a second".
            self.waited += max(error.wait, 1.0)
            return error.wait > LONGEST_WAIT or self.waited > LONGEST_WAITS_TOGETHER
        self.failures += 1
        return self.failures >= FAILURES_IN_A_ROW


BACKOFF = tenacity.wait_exponential_jitter(initial=0.25, max=15, jitter=0.5)


def pause(state: tenacity.RetryCallState) -> float:
    """Seconds until the next try: what the system asked for, else a backoff with jitter."""
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, TokenRefused):
        return 0.0
    asked = getattr(error, "wait", None)
    return float(BACKOFF(state)) if asked is None else asked
