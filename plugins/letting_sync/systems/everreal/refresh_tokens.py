"""Where EverReal's refresh token is kept between runs: an encrypted Airflow Variable that all tasks share.

EverReal asks that the password is used once and the refresh token is kept in a safe store that all processes share
(published); it keeps at most 50 of them for a user and deletes the oldest without a word. A connection cannot be written
from a task in Airflow 3, a Variable can. It is plain text and its key contains "token", so Airflow masks it in logs and
in the UI. Without a Variable, or with one that is refused, the hook logs in with the password: the store
only saves log-ins, no run depends on it. Why, and what happens to tasks that refresh at the same moment:
``docs/decisions/0014-everreal-refresh-token.md``.
"""

from __future__ import annotations

import hashlib
import logging
from typing import Protocol

log = logging.getLogger(__name__)


class RefreshTokenStore(Protocol):
    """Keeps one refresh token for one log-in."""

    def read(self) -> str | None:
        """The stored token, or ``None`` if there is none."""

    def write(self, token: str) -> None:
        """Store a token in place of the last one."""


class VariableStore:
    """Keeps the token in an Airflow Variable.

    :param connection_id: id of the Airflow connection.
    :param identity: what the token belongs to (address, user, client). It is part of the key as a hash: a connection
        that is given another user must not go on as the old one.
    """

    def __init__(self, connection_id: str, *identity: str | None) -> None:
        digest = hashlib.sha256("\0".join(part or "" for part in identity).encode()).hexdigest()
        self.key = f"everreal_refresh_token_{connection_id}_{digest[:12]}"

    def read(self) -> str | None:
        """The Variable's value; ``None`` if there is no Variable or it cannot be read."""
        from airflow.sdk import Variable

        try:
            value = Variable.get(self.key, default=None)
        except Exception as error:  # whatever is wrong with the store, the password still works
            log.warning("The Airflow Variable %r cannot be read (%s).", self.key, type(error).__name__)
            return None
        return value if isinstance(value, str) and value.strip() else None

    def write(self, token: str) -> None:
        """Set the Variable; a failure is logged, and the next run logs in with the password."""
        from airflow.sdk import Variable

        try:
            Variable.set(self.key, token, description="EverReal refresh token; written by the extract task")
        except Exception as error:  # as above
            log.warning("The Airflow Variable %r cannot be written (%s).", self.key, type(error).__name__)
