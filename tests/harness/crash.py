"""Simulates the death of a task's process: from one moment on, nothing reaches a system or the ledger any more."""

from __future__ import annotations

import fnmatch
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import requests
import sqlalchemy as sa


class Killed(BaseException):
    """Raised at the death; code that runs while the stack unwinds has no effect."""


class Crash:
    """The moment of a death.

    :param nth: the nth moment: each request just before it goes and just after its response has come, each write into the ledger just
        before it is kept.
    :param after: instead: when the response to the first such request has come (a pattern such as ``POST /api/*``).
    :ivar happened: whether it came to that.
    """

    def __init__(self, nth: int | None = None, after: str | None = None) -> None:
        self.left, self.after = nth, after
        self.happened = False
        self._lock = threading.Lock()

    def moment(self, responded: str | None = None) -> None:
        """One moment has come."""
        with self._lock:
            if self.left is not None:
                self.left -= 1
                self.happened = self.happened or self.left == 0
            if self.after and responded and fnmatch.fnmatchcase(responded, self.after):
                self.happened = True
            if self.happened:
                raise Killed

    def __str__(self) -> str:
        return f"after {self.after}" if self.after else f"moment {self.left}"


@contextmanager
def crash(at: Crash) -> Iterator[Crash]:
    """While this lasts the process may die; :class:`Killed` does not get out of it."""
    original = requests.Session.send

    def send(session: requests.Session, request: requests.PreparedRequest, **how: Any) -> requests.Response:
        at.moment()
        response = original(session, request, **how)
        at.moment(responded=f"{request.method} {urlsplit(request.url or '').path}")
        return response

    def commit(_: sa.Connection) -> None:
        at.moment()

    requests.Session.send = send  # type: ignore[method-assign, assignment]
    sa.event.listen(sa.engine.Engine, "commit", commit)
    try:
        yield at
    except Killed:
        pass
    finally:
        sa.event.remove(sa.engine.Engine, "commit", commit)
        requests.Session.send = original  # type: ignore[method-assign]
