"""Used by every module of the sandbox: clock, errors, options, request log, tokens."""

import fnmatch
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from include.sandbox.faults import Fault

BERLIN = ZoneInfo("Europe/Berlin")


def now() -> datetime:
    """The sandbox's clock: the real one, in UTC."""
    return datetime.now(UTC)


def today() -> date:
    """Today in the customer's time zone."""
    return datetime.now(BERLIN).date()


class Refused(Exception):
    """A request that gets an error by the contract; the system's ``error`` gives it its form."""

    def __init__(
        self, status: int, code: str, text: str = "", headers: Mapping[str, str] | None = None, **extra: Any
    ) -> None:
        super().__init__(code)
        self.status, self.code, self.text, self.extra = status, code, text or code, extra
        self.headers = dict(headers or {})


def own_fault(request: Request, *kinds: str) -> Fault | None:
    """Return this request's fault, if its kind is implemented by the handler itself."""
    fault: Fault | None = request.scope.get("sandbox.fault")
    return fault if fault is not None and fault.kind in kinds else None


class Options(BaseModel):
    """Options that can be changed while a system runs; an unknown name or a wrong type is rejected."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    latency_seconds: float = Field(
        default=0, ge=0, description="from a request to its answer at the least, the work on it included"
    )
    token_seconds: float = Field(default=3600, ge=0, description="how long a new token is good")
    per_minute: int | None = Field(default=None, ge=0, description="requests in one window; null: no limit")
    limit_window_seconds: float = Field(
        default=60, gt=0, description="the window's length; tests make it short"
    )
    max_parallel: int | None = Field(default=None, ge=1, description="requests at a time; null: no limit")


class Entry(NamedTuple):
    """One request of the log. ``status`` is 0 if the connection ended without a response."""

    method: str
    path: str
    status: int


class RequestLog:
    """The requests of the contract in the order of their responses, with their TCP connections."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: list[Entry] = []
        self._queries: list[str] = []
        self._connections: set[int] = set()

    def add(self, entry: Entry, query: str, connection: int | None) -> None:
        with self._lock:
            self._entries.append(entry)
            self._queries.append(query)
            if connection is not None:
                self._connections.add(connection)

    def __iter__(self) -> Iterator[Entry]:
        with self._lock:
            return iter(list(self._entries))

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def connections(self) -> int:
        """Return the number of TCP connections of these requests."""
        return len(self._connections)

    def count(self, method: str | None = None, path: str = "*", status: int | None = None) -> int:
        """Count requests; ``path`` is a pattern such as ``/api/v1/offers/*``."""
        return sum(
            method in (None, entry.method)
            and status in (None, entry.status)
            and fnmatch.fnmatchcase(entry.path, path)
            for entry in self
        )

    def queries(self, path: str = "*") -> list[str]:
        """The query strings of the requests to these paths."""
        with self._lock:
            pairs = list(zip(self._entries, self._queries, strict=True))
        return [query for entry, query in pairs if fnmatch.fnmatchcase(entry.path, path)]

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()
            self._queries.clear()
            self._connections.clear()


class Tokens:
    """Opaque tokens with their expiry."""

    def __init__(self) -> None:
        self._ends: dict[str, float] = {}

    def issue(self, seconds: float) -> str:
        token = secrets.token_urlsafe(24)
        self._ends[token] = time.monotonic() + seconds
        return token

    def good(self, token: str) -> bool:
        return self._ends.get(token, 0) > time.monotonic()

    def expire_all(self) -> None:
        """Let all tokens expire now."""
        self._ends.clear()
