"""EverReal's API: log-in, GraphQL, rate limits and error codes.

Published: log-in, limits, GraphQL with ``take`` and ``skip``, the types (``everreal.graphql``). Assumed: the sort is
honoured, and ``take`` above 100 returns 100 (``docs/contracts.md``). If a customer's interface differs, only this
package changes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from airflow.sdk.log import mask_secret

from letting_sync.errors import StopRun
from letting_sync.http.errors import COMMON_RULES, Action, Rule
from letting_sync.http.hook import ApiHook
from letting_sync.parsing.records import readable_identifier
from letting_sync.systems.everreal.graphql_errors import (
    REQUEST_ERROR,
    broken_fields,
    decisive_code,
    errors_of,
    is_about_every_record,
    is_about_one_record,
    mark_broken,
)
from letting_sync.systems.everreal.pagination import ListByPlace
from letting_sync.systems.everreal.queries import (
    CANDIDATES,
    CONTRACTS,
    Direction,
    ListQuery,
    by_id_variables,
    page_variables,
)
from letting_sync.systems.everreal.refresh_tokens import HeldToken, RefreshTokenStore, VariableStore

RECORD_ERROR_PAUSES = (0.5, 1.0)
"""Seconds before a page with failed records is requested again; records that still fail go to quarantine. Assumed."""
ROTATION_PAUSE = 1.0
"""Seconds after which a refused refresh token is read from the store once more, since another task may just have
replaced it. Assumed: a refresh and writing the Variable take less."""

_LOG_IN_REFUSED = Rule(Action.RENEW, "the log-in is refused")
_WRONG_QUERY = Rule(Action.STOP, "the query is refused as wrong; the interface may have changed")
_FAULT = Rule(Action.REPEAT, "the response has an error and incomplete data")


class EverRealHook(ApiHook):
    """
    Interact with EverReal.

    :param http_conn_id: Airflow connection; host ``https://{subdomain}.everreal.co``, login and password, and the
        extras ``client_id`` and ``client_secret``.
    :param refresh_tokens: store of the refresh token; by default an Airflow Variable per log-in.
    """

    conn_type = "everreal"
    hook_name = "EverReal"
    default_conn_name = "everreal"
    documented_at = "docs/contracts.md#everreal"
    requests_per_minute = 300
    system = "EverReal"
    rules = {
        429: Rule(Action.REPEAT, "more than 300 requests in a minute"),
        # OAuth (RFC 6749): a refused log-in is 403 with ``invalid_grant`` (published); the others are assumed.
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
        REQUEST_ERROR: _WRONG_QUERY,
    }

    def __init__(
        self,
        http_conn_id: str | None = None,
        *,
        refresh_tokens: RefreshTokenStore | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(http_conn_id, **kwargs)
        self._refresh_token: str | None = None
        self._store = refresh_tokens

    # --- log-in -------------------------------------------------------------------------------------------

    @property
    def log_in_settings(self) -> str:
        """What to correct in the connection when its log-in is refused, for the person on call."""
        return "login and password, or the extras 'client_id' and 'client_secret'"

    def fetch_token(self) -> tuple[str, float]:
        """Fetch an access token with a known refresh token, else with the password.

        EverReal keeps at most 50 refresh tokens for a user (published) and deletes the oldest. A log-in with the
        password creates a new one, so it is used only if no refresh token is known or all known ones are refused.

        :raises StopRun: the log-in is refused.
        """
        for refresh_token in self._known_refresh_tokens():
            try:
                return self._grant(grant_type="refresh_token", refresh_token=refresh_token)
            except StopRun:
                self._refresh_token = None
                self.log.info("EverReal no longer accepts the refresh token")
        return self._log_in_with_password()

    def remember_nothing(self) -> None:
        """Neither take a stored refresh token nor store a new one."""
        self._store = self._store or HeldToken()

    def check_log_in(self) -> None:
        """Log in with the password, even if a refresh token is known, since the password may have changed."""
        self._log_in_with_password()

    def _log_in_with_password(self) -> tuple[str, float]:
        return self._grant(
            grant_type="password",
            username=self.connection.login,
            password=self.connection.password,
            scope="offline_access *",
        )

    def _known_refresh_tokens(self) -> Iterator[str]:
        """Yield the refresh tokens to try, each once: this hook's, the stored one, one stored by another task since."""
        held = self._refresh_token
        if held:
            yield held
        stored = self.refresh_tokens.read()
        if stored and stored != held:
            yield stored
        if stored:  # it was refused; another task may just have replaced it
            time.sleep(ROTATION_PAUSE)
            again = self.refresh_tokens.read()
            if again and again not in (held, stored):
                yield again

    @property
    def refresh_tokens(self) -> RefreshTokenStore:
        """Store of this log-in's refresh token.

        :raises StopRun: the connection's extra has no ``client_id`` or ``client_secret``.
        """
        if self._store is None:
            who = (self.base_url, self.connection.login, self.connection.extra_dejson.get("client_id"))
            self._store = VariableStore(str(self.http_conn_id), *who)
        return self._store

    def _grant(self, **grant: Any) -> tuple[str, float]:
        extra = self.connection.extra_dejson
        client = {name: extra.get(name) for name in ("client_id", "client_secret")}
        if not all(client.values()):
            raise StopRun(
                f"Connection {self.http_conn_id!r} lacks client_id or client_secret in its extra. Add both, then clear the task."
            )
        response = self.call(
            "POST", "/accounts/oauth/token", what="log in", log_in=True, json={**client, **grant}
        )
        access_token = self.oauth_token(response)
        self._keep_refresh_token(response.get("refresh_token"), grant.get("refresh_token"))
        return access_token

    def _keep_refresh_token(self, new: Any, used: str | None) -> None:
        """Store a response's refresh token, which may be a new one, the one used, or missing."""
        token = new if isinstance(new, str) and new else used
        if token and token != self._refresh_token:
            mask_secret(token)
            self._refresh_token = token
            if token != used:
                self.refresh_tokens.write(token)

    # --- responses ----------------------------------------------------------------------------------------

    def error_code(self, body: Any) -> str | None:
        """Return the code of an OAuth or GraphQL error; never its text, which may quote data."""
        code = body.get("error") if isinstance(body, dict) else None
        return code if isinstance(code, str) and code in self.rules else _code_of(errors_of(body))

    def check_success(self, body: Any) -> None:
        """Raise for GraphQL errors, which EverReal sends with HTTP 200 and partial data (published).

        Errors of single records are handled by the pagination: those records go to quarantine. With any other error
        the data is not used, since records may be missing from it.
        """
        errors = errors_of(body)
        others = [error for error in errors if not is_about_one_record(error, body)]
        if not others and is_about_every_record(body):
            others = [error for error in errors if self._says_renew(error)]
        if not others:
            return
        code = _code_of(others)
        if code and self._says_renew(*others):
            raise self.token_refused_in_success(f"{self.rules[code].sentence} ({code})")
        rule = self.rules.get(code or "", _FAULT)
        cause = f"{rule.sentence} ({code or 'no code'})"
        if rule.action is Action.STOP:
            raise StopRun(f"EverReal: {cause}. Retrying does not help: fix this, then clear the task.")
        raise self.retryable_in_success(cause)

    def _says_renew(self, *errors: dict[str, Any]) -> bool:
        return self.rules.get(_code_of(list(errors)) or "", _FAULT).action is Action.RENEW

    # --- reading ------------------------------------------------------------------------------------------

    def candidates(self) -> ListByPlace[Any]:
        """Return the list of candidates, to be read completely or by window.

        :mod:`letting_sync.systems.everreal.pagination` describes why no record is missed. A record with an error has
        the names of its failed fields under ``graphql_errors.ERRORS``.
        """
        return self._list(CANDIDATES)

    def contracts(self) -> ListByPlace[Any]:
        """Return the list of contracts with their candidates, as :meth:`candidates`."""
        return self._list(CONTRACTS)

    def contract(self, contract_id: str) -> Any | None:
        """Fetch one contract by its id, ``None`` if it does not exist; failed fields are marked as in a list.

        :raises StopRun: EverReal returns other contracts than the requested one.
        """
        variables = by_id_variables(contract_id)
        found = self._whole_page(CONTRACTS, variables, 0)
        if not found:
            return None
        if len(found) > 1 or not _has_id(found[0], contract_id):
            raise StopRun(
                "EverReal returns other contracts than the one requested by its id: the filter does not work as "
                "published. No lease was made. Compare docs/contracts.md with the customer's interface."
            )
        return found[0]

    def newest(self, query: ListQuery, count: int) -> list[Any]:
        """The records of a list that changed last, so many at most."""
        return self._page(query, 0, count, "DESC")

    def introspection(self, document: str) -> Any | None:
        """What EverReal says of its own schema; ``None`` if it does not say it.

        :param document: the query for it.
        """
        try:
            body = self.call(
                "POST", "/api/reporting/graphql", what="ask for the schema", json={"query": document}
            )
        except StopRun:
            return None
        return body.get("data") if isinstance(body, dict) else None

    def _list(self, query: ListQuery) -> ListByPlace[Any]:
        def fetch(skip: int, take: int, direction: Direction = "DESC") -> list[Any]:
            return self._page(query, skip, take, direction)

        return ListByPlace(fetch, self.executor)

    def _page(self, query: ListQuery, skip: int, take: int, direction: Direction) -> list[Any]:
        return self._whole_page(query, page_variables(skip, take, direction), skip)

    def _whole_page(self, query: ListQuery, variables: dict[str, Any], skip: int) -> list[Any]:
        """Fetch the records of a page; failed records are requested again a few times, and then marked.

        :param skip: number of records of the list before the page.
        """
        for pause in RECORD_ERROR_PAUSES:
            records, broken = self._try_page(query, variables)
            if not broken:
                return records
            time.sleep(pause)
        records, broken = self._try_page(query, variables)
        if broken:
            self.log.warning("%d of %d %s have an error", len(broken), len(records), query.name)
        return mark_broken(records, broken, skip, "updatedAt")

    def _try_page(
        self, query: ListQuery, variables: dict[str, Any]
    ) -> tuple[list[Any], dict[int, list[str]]]:
        """Fetch a page once; return the raw records, and the failed fields by the record's index."""
        body = self.call(
            "POST",
            "/api/reporting/graphql",
            what=f"read {query.name}",
            json={"query": query.document, "variables": variables},
        )
        data = body.get("data") if isinstance(body, dict) else None
        records = data.get(query.name) if isinstance(data, dict) else None
        if not isinstance(records, list):
            raise StopRun(
                f"EverReal's response has no list of {query.name}; the interface may have changed. Compare it with docs/contracts.md."
            )
        return records, broken_fields(body, query.name)


def _has_id(record: Any, contract_id: str) -> bool:
    """Return whether a record may be the requested contract; one that failed as a whole has no id and may be."""
    if not isinstance(record, dict) or record.get("id") is None:
        return True
    return readable_identifier(record, "id") == contract_id


def _code_of(errors: list[dict[str, Any]]) -> str | None:
    """Return the decisive code: token renewal before stop before any other."""
    order = [
        frozenset(str(code) for code, rule in EverRealHook.rules.items() if rule.action is action)
        for action in (Action.RENEW, Action.STOP)
    ]
    return decisive_code(errors, order)
