"""Mietblick's interface: paths, limits and codes; not a word about prospects or policy."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import quote

from letting_sync.errors import RefuseRecord
from letting_sync.http.errors import Action, Rule
from letting_sync.http.hook import ApiHook
from letting_sync.http.pagination.by_time import ListByTime, Page
from letting_sync.http.pagination.versions import Versions
from letting_sync.reasons import Reason


# guide: hook
class MietblickHook(ApiHook):
    """
    Talk to Mietblick.

    :param http_conn_id: Airflow connection; host, and the user's name and password as login and password.
    """

    default_conn_name = "mietblick"
    system = "Mietblick"
    rules = {
        429: Rule(Action.REPEAT, "more than 60 requests in a minute"),
        "UNBEKANNT": Rule(Action.REFUSE, "the application is not there any more", Reason.APPLICATION_UNKNOWN),
    }

    def fetch_token(self) -> tuple[str, float]:
        """Log in; a token lives for ten minutes."""
        body = {"benutzer": self.connection.login, "kennwort": self.connection.password}
        response = self.call("POST", "/api/anmeldung", what="log in", log_in=True, json=body)
        return self.field(response, "token", str), float(self.field(response, "sekunden", (int, float)))

    def error_code(self, body: Any) -> str | None:
        """Mietblick writes its own code beside the HTTP status."""
        code = body.get("fehler") if isinstance(body, dict) else None
        return code if isinstance(code, str) else None
        # guide: end

    # guide: reading
    def applications(self, status: str) -> ListByTime[Any]:
        """The list of applications in a status, to be read by a window: each once, newest version."""

        def fetch(since: datetime, until: datetime, number: int) -> Page:
            order = {"stand": status, "ab": since.isoformat(), "vor": until.isoformat(), "seite": number}
            response = self.call("GET", "/api/bewerbungen", what="read applications", params=order)
            return Page(self.field(response, "bewerbungen", list), self.field(response, "anzahl", int))

        return ListByTime(self.system, fetch, Versions("nr", "geaendert"), self.concurrently)
        # guide: end

    # guide: one
    def application(self, number: str) -> Any:
        """One application by its number, ``None`` if Mietblick does not know it."""
        try:
            path = f"/api/bewerbungen/{quote(number, safe='')}"
            return self.call("GET", path, what="read one application")
        except RefuseRecord:
            return None
            # guide: end
