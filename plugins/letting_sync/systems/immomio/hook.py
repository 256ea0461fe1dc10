"""Immomio's API: paths, rate limits and error codes.

Published: log-in with user and password, and that accepted tenants are provided. Assumed: every path below
(``docs/contracts.md``). If a customer's interface differs, only this module and ``mapping.py`` change.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from letting_sync.errors import RefuseRecord, StopRun
from letting_sync.http.errors import Action, Rule
from letting_sync.http.hook import ApiHook
from letting_sync.http.pagination.by_time import ListByTime, Page
from letting_sync.http.token import TokenFields, token_lifetime
from letting_sync.parsing.responses import Row
from letting_sync.reasons import Reason
from letting_sync.systems.immomio.mapping import VERSIONS

LARGEST_PAGE = 200
"""Maximum number of applications per page (assumed)."""
_TOKEN_FIELDS = TokenFields("accessToken", "tokenType")
_UNKNOWN_APPLICATION = "APPLICATION_UNKNOWN"


class ImmomioHook(ApiHook):
    """
    Interact with Immomio.

    :param http_conn_id: Airflow connection; host, and the API user's name and password as login and password.
    """

    conn_type = "immomio"
    hook_name = "Immomio"
    default_conn_name = "immomio"
    documented_at = "docs/contracts.md#immomio"
    requests_per_minute = 120
    system = "Immomio"
    rules = {
        400: Rule(Action.STOP, "the request was refused as malformed; the interface may have changed"),
        403: Rule(
            Action.STOP, "the API user lacks a right; create a new one under Konfiguration, API Benutzer"
        ),
        429: Rule(Action.REPEAT, "more than 120 requests in a minute"),
        _UNKNOWN_APPLICATION: Rule(
            Action.REFUSE, "the application no longer exists", Reason.APPLICATION_UNKNOWN
        ),
    }

    def fetch_token(self) -> tuple[str, float]:
        """Log in; return the token and its lifetime in seconds.

        A token is valid for 15 minutes, so a long run logs in more than once.

        :raises StopRun: the password is wrong or has expired.
        """
        response = self.call(
            "POST",
            "/auth/token",
            what="log in",
            log_in=True,
            json={"username": self.connection.login, "password": self.connection.password},
        )
        return self.access_token(response, _TOKEN_FIELDS), token_lifetime(response.get("expiresIn"))

    def error_code(self, body: Any) -> str | None:
        """Distinguish Immomio's 404 for an application from the 404 of a wrong address or of a gateway."""
        if not isinstance(body, dict):
            return None
        unknown = body.get("status") == 404 and "/applications/" in str(body.get("path"))
        return _UNKNOWN_APPLICATION if unknown else None

    def applications(self, status: str) -> ListByTime[Any]:
        """Return the list of applications in a status, to be read by window.

        :mod:`letting_sync.http.pagination.by_time` describes why no record is missed.
        """

        def fetch(since: datetime, until: datetime, number: int) -> Page:
            return self._page(status, since, until, number)

        return ListByTime(self.system, fetch, VERSIONS, self.concurrently)

    def application(self, application_id: str) -> dict[str, Any] | None:
        """Fetch one application by its id, ``None`` if it does not exist."""
        path = f"/v1/applications/{quote(application_id, safe='')}"
        try:
            found: dict[str, Any] = self.call("GET", path, what="read one application")
        except RefuseRecord:
            return None
        return found

    def count(self, status: str | None, start: datetime, end: datetime) -> int:
        """Count the applications changed in ``[start, end)``, in one status or, with ``None``, in any."""
        asked = {"updatedFrom": _written(start), "updatedTo": _written(end)}
        return self._list(asked | ({"status": status} if status else {}), number=0, size=1).total

    def some(self, status: str, start: datetime, end: datetime) -> list[Any]:
        """The first page of the applications in a status that changed in ``[start, end)``."""
        return self._page(status, start, end, 0).records

    def newest_application(self, status: str) -> dict[str, Any] | None:
        """Fetch the application in a status that changed last, at any time; ``None`` if there is none."""
        page = self._list({"status": status}, number=0, size=1)
        if page.total > 1:
            page = self._list({"status": status}, number=page.total - 1, size=1)
        return page.records[0] if page.records else None

    def _page(self, status: str, since: datetime, until: datetime, number: int) -> Page:
        asked = {"status": status, "updatedFrom": _written(since), "updatedTo": _written(until)}
        return self._list(asked, number, LARGEST_PAGE)

    def _list(self, asked: dict[str, str], number: int, size: int) -> Page:
        params = asked | {"page": number, "size": size, "sort": "updatedAt,asc"}
        response = self.call("GET", "/v1/applications", what="read applications", params=params)
        records = response.get("content") if isinstance(response, dict) else None
        if not isinstance(records, list):
            raise StopRun(
                "Immomio's page has no content; the interface may have changed. Compare it with docs/contracts.md."
            )
        return Page(records, Row("Immomio", response.get("page")).count("totalElements"))


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
