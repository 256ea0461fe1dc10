"""Where EverReal's refresh token is kept between runs: an encrypted Airflow Variable that all tasks share.

EverReal requires clients to use the password once and to keep the refresh token in a safe store shared by all processes
(published). It keeps at most 50 refresh tokens per user and silently deletes the oldest. In Airflow 3 a task cannot
write a connection, but it can write a Variable. Its key contains "token", so Airflow masks the value in logs and in the
UI. Without a Variable, or with a refused token, the hook logs in with the password: the store only saves log-ins, no
run depends on it. Reasons, and tasks that refresh at the same time: ``docs/decisions/0014-everreal-refresh-token.md``.
"""

from __future__ import annotations

import hashlib
import logging
from typing import Protocol

log = logging.getLogger(__name__)


class RefreshTokenStore(Protocol):
    """Keeps one refresh token for one log-in."""

    def read(self) -> str | None:
        """Return the stored token, or ``None`` if there is none."""

    def write(self, token: str) -> None:
        """Replace the stored token."""


class HeldToken:
    """Keeps the token in this process alone, for a check of the connection that leaves nothing behind."""

    def __init__(self) -> None:
        self._token: str | None = None

    def read(self) -> str | None:
        """The token of this process."""
        return self._token

    def write(self, token: str) -> None:
        """Keep it as long as this process lives."""
        self._token = token


class VariableStore:
    """Keeps the token in an Airflow Variable.

    :param connection_id: id of the Airflow connection.
    :param identity: log-in that the token belongs to (address, user, client). Its hash is part of the Variable's key,
        so that a connection whose user has changed does not use the old user's token.
    """

    def __init__(self, connection_id: str, *identity: str | None) -> None:
        digest = hashlib.sha256("\0".join(part or "" for part in identity).encode()).hexdigest()
        self.key = f"everreal_refresh_token_{connection_id}_{digest[:12]}"

    def read(self) -> str | None:
        """Return the Variable's value; ``None`` if it does not exist or cannot be read."""
        from airflow.sdk import Variable

        try:
            value = Variable.get(self.key, default=None)
        except Exception as error:  # any failure of the store is harmless: the password still works
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
