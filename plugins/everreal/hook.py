"""EverReal's interface: log-in, GraphQL, limits and codes; not a word about prospects or policy.

Published: log-in, limits, GraphQL with ``take`` and ``skip``, the fields. Assumed: the sort, the meaning of ``from``
and ``to``, the name of the contracts' input type (``docs/contracts.md``). Where a customer's interface differs, this
module and ``mapping.py`` change, nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from everreal.reading import Fetch, read_all, read_window
from include.prospects.api import ApiHook
from include.prospects.api_answers import COMMON_RULES, Action, Rule
from include.prospects.errors import StopRun
from include.prospects.reading import OnPage, ignore_page
from include.prospects.window import TIMEZONE

_PERSON_FIELDS = """
    id email firstName lastName isDisabled createdAt updatedAt
    applications { id email isMainCandidate applicationData applicationDataString }
    listing { unit { objectId } }
"""
_CANDIDATES = f"""
query Candidates($input: CandidatesFilterListPaging) {{
  candidates(input: $input) {{ {_PERSON_FIELDS} }}
}}"""
_CONTRACTS = f"""
query Contracts($input: ContractsFilterListPaging) {{
  contracts(input: $input) {{
    id status startDate createdAt updatedAt
    units {{ id objectId }}
    candidate {{ {_PERSON_FIELDS} }}
  }}
}}"""

_REQUEST_ERROR = "REQUEST_ERROR"
"""Our word for an error about the query as such, where EverReal gives none."""
_QUERY_IS_WRONG = re.compile(
    r"Syntax Error|Cannot query field|Unknown (argument|type|fragment|directive)|Variable \"?\$|must have a selection"
)
_LOG_IN_REFUSED = Rule(Action.RENEW, "the log-in is refused")
_WRONG_QUERY = Rule(Action.STOP, "the query is refused as wrong; the interface may have changed")
_FAULT = Rule(Action.REPEAT, "an error came instead of all the data")


class EverRealHook(ApiHook):
    """
    Talk to EverReal.

    :param http_conn_id: Airflow connection; host ``https://{subdomain}.everreal.co``, login and password, and the
        extras ``client_id`` and ``client_secret``.
    """

    default_conn_name = "everreal"
    system = "EverReal"
    rules = {
        429: Rule(Action.REPEAT, "more than 300 requests in a minute"),
        # OAuth (RFC 6749): at the token's address these come as 400 or 401.
        "invalid_grant": _LOG_IN_REFUSED,
        "invalid_client": _LOG_IN_REFUSED,
        "unauthorized_client": _LOG_IN_REFUSED,
        # GraphQL: the codes that its common servers write into ``extensions.code``.
        "UNAUTHENTICATED": Rule(Action.RENEW, "the token ran out"),
        "FORBIDDEN": COMMON_RULES[403],
        "GRAPHQL_PARSE_FAILED": _WRONG_QUERY,
        "GRAPHQL_VALIDATION_FAILED": _WRONG_QUERY,
        "BAD_USER_INPUT": _WRONG_QUERY,
        "BAD_REQUEST": _WRONG_QUERY,
        _REQUEST_ERROR: _WRONG_QUERY,
    }

    def __init__(self, http_conn_id: str | None = None, **kwargs: Any) -> None:
        super().__init__(http_conn_id, **kwargs)
        self._refresh_token: str | None = None

    # --- log-in -------------------------------------------------------------------------------------------

    def fetch_token(self) -> tuple[str, float]:
        """Fetch an access token, with the refresh token if one is held.

        EverReal keeps at most 50 refresh tokens for a user (published) and deletes the oldest; so the password,
        which brings a new one, is used once, and again only if the one held is refused.

        :raises StopRun: the log-in is refused.
        """
        if self._refresh_token:
            try:
                return self._grant(grant_type="refresh_token", refresh_token=self._refresh_token)
            except StopRun:
                self._refresh_token = None
                self.log.info("EverReal does not take the refresh token any more; logging in anew")
        return self._grant(
            grant_type="password",
            username=self.connection.login,
            password=self.connection.password,
            scope="offline_access *",
        )

    def _grant(self, **grant: Any) -> tuple[str, float]:
        extra = self.connection.extra_dejson
        client = {name: extra.get(name) for name in ("client_id", "client_secret")}
        if not all(client.values()):
            raise StopRun(f"Connection {self.http_conn_id!r} lacks client_id or client_secret in its extra.")
        answer = self.call(
            "POST", "/accounts/oauth/token", what="log in", log_in=True, json={**client, **grant}
        )
        # A refresh may hand out a new refresh token in place of the one held, or none.
        self._refresh_token = answer.get("refresh_token") or self._refresh_token
        return self.field(answer, "access_token", str), float(self.field(answer, "expires_in", (int, float)))

    # --- answers ------------------------------------------------------------------------------------------

    def error_code(self, body: Any) -> str | None:
        """The code of an OAuth or GraphQL error; never its text, which may quote data."""
        if not isinstance(body, dict):
            return None
        code = body.get("error")
        return code if isinstance(code, str) and code in self.rules else _gravest_code(body)

    def check_success(self, body: Any) -> None:
        """Raise for GraphQL errors, which EverReal sends as HTTP 200 beside partial data (published).

        Partial data is not used: which record is missing from it, nobody could say.
        """
        if not isinstance(body, dict) or not body.get("errors"):
            return
        code = _gravest_code(body)
        rule = self.rules.get(code or "", _FAULT)
        told = f"{rule.sentence} ({code or 'no code'})"
        if rule.action is Action.RENEW:
            raise self.token_refused_in_success(told)
        if rule.action is Action.STOP:
            raise StopRun(f"EverReal: {told}. Repeating does not help; mend this, then clear the task.")
        raise self.trouble_in_success(told)

    # --- reading ------------------------------------------------------------------------------------------

    def candidates(
        self, start: datetime, end: datetime, on_page: OnPage = ignore_page
    ) -> Iterator[dict[str, Any]]:
        """Yield the candidates that changed in ``[start, end)``, each once, newest version.

        How nothing is missed while records move: see :mod:`everreal.reading`.

        :param on_page: is told of each page's records as they come.
        """
        yield from read_window(self._list("candidates", _CANDIDATES, on_page), start, end, self.concurrently)

    def contracts(
        self, start: datetime, end: datetime, on_page: OnPage = ignore_page
    ) -> Iterator[dict[str, Any]]:
        """As :meth:`candidates`, the contracts, with their candidates."""
        days = _days_touched(start, end)
        fetch = self._list("contracts", _CONTRACTS, on_page, filter=days)
        yield from read_window(fetch, start, end, self.concurrently)

    def all_candidates(self) -> Iterator[dict[str, Any]]:
        """Yield the candidates of all times, newest first, some twice; stop taking them to stop the reading."""
        yield from read_all(self._list("candidates", _CANDIDATES))

    def all_contracts(self) -> Iterator[dict[str, Any]]:
        """Yield the contracts of all times, newest first, some twice; stop taking them to stop the reading."""
        yield from read_all(self._list("contracts", _CONTRACTS))

    def _list(self, name: str, query: str, on_page: OnPage = ignore_page, **extra: Any) -> Fetch:
        def fetch(skip: int, take: int, direction: str = "DESC") -> list[Any]:
            sort = {"field": "updatedAt", "direction": direction}
            order = {**extra, "paging": {"take": take, "skip": skip}, "sort": sort}
            body = self.call(
                "POST",
                "/api/reporting/graphql",
                what=f"read {name}",
                json={"query": query, "variables": {"input": order}},
            )
            data = body.get("data") if isinstance(body, dict) else None
            records = data.get(name) if isinstance(data, dict) else None
            if not isinstance(records, list):
                raise StopRun(f"EverReal's answer has no list of {name}; the interface may have changed.")
            on_page(records)
            return records

        return fetch


def _gravest_code(body: dict[str, Any]) -> str | None:
    """The one code to act on: a renewal before a stop before anything else."""
    errors = body.get("errors")
    codes = [_code(error) for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
    order = [Action.RENEW, Action.STOP]
    known = [code for code in codes if code in EverRealHook.rules]
    for action in order:
        for code in known:
            if EverRealHook.rules[code].action is action:
                return code
    return next((code for code in codes if code), None)


def _code(error: dict[str, Any]) -> str:
    """An error's code. GraphQL's rule: an error in the query has no ``path``, one in a record's data has."""
    extensions = error.get("extensions")
    code = extensions.get("code") if isinstance(extensions, dict) else None
    if isinstance(code, str) and re.fullmatch(r"[A-Z_]{1,60}", code):
        return code
    wrong = not error.get("path") and (
        error.get("locations") or _QUERY_IS_WRONG.search(str(error.get("message")))
    )
    return _REQUEST_ERROR if wrong else ""


def _days_touched(start: datetime, end: datetime) -> dict[str, str]:
    """The days of a window, whether EverReal means days in UTC or in Berlin (nothing is published)."""
    last = end - timedelta(microseconds=1)
    days: list[date] = [
        moment.astimezone(zone).date() for moment in (start, last) for zone in (UTC, ZoneInfo(TIMEZONE))
    ]
    return {"from": min(days).isoformat(), "to": max(days).isoformat()}
