"""Wodis Yuneo's API: paths, limits and error codes.

Assumed contract, version 1 (``docs/contracts.md``); the steps and rules on which it is based, and the log-in at the
gateway, are published.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, ClassVar
from urllib.parse import quote

from letting_sync.errors import RefuseRecord
from letting_sync.http.errors import CHANGED_MEANWHILE, Action, Rule
from letting_sync.http.hook import ApiHook
from letting_sync.http.pagination.numbered import in_parts, list_pages, search
from letting_sync.parsing.responses import sentence
from letting_sync.reasons import Reason
from letting_sync.systems.yuneo.gateway import gateway_log_in, is_configured

PROSPECTS_PER_IMPORT = 200
IDS_PER_LOOK_UP = 100
OFFERS_PER_PAGE = 200
VALUES_PER_SEARCH = 200
_CLIENT_REFUSED: dict[int | str, Rule] = dict.fromkeys(
    ("invalid_client", "unauthorized_client"), Rule(Action.RENEW, "the log-in is refused")
)
"""Codes of RFC 6749, 5.2, which may come with status 400 (published)."""


class YuneoHook(ApiHook):
    """Interact with one Wodis Yuneo.

    :param http_conn_id: Airflow connection; host, and client id and client secret of the technical user as login and
        password. With the extras ``token_url``, ``audience`` and ``scope`` the host is Aareon's API gateway, with the
        log-in of :mod:`letting_sync.systems.yuneo.gateway` (published). Without them the host is the customer's own
        server (assumed).
    """

    conn_type = "wodisyuneo"
    hook_name = "Wodis Yuneo"
    default_conn_name = "yuneo"
    documented_at = "docs/contracts.md#wodis-yuneo-and-wodis-sigma"
    requests_per_minute = 600
    system: ClassVar[str] = "Wodis Yuneo"
    credentials: ClassVar[Mapping[str, str]] = {"login": "client id", "password": "client secret"}

    rules: ClassVar[Mapping[int | str, Rule]] = {
        "TOKEN_EXPIRED": Rule(Action.RENEW, "the token ran out"),
        "MALFORMED": Rule(Action.REFUSE, "the import refuses the request as malformed", Reason.MALFORMED),
        "UNKNOWN_EXCHANGE": Rule(
            Action.STOP, "the exchange is unknown there; correct the pair's setting 'exchange'"
        ),
        "TOO_MANY": Rule(Action.STOP, "the import accepts fewer prospects at once than the contract says"),
        "OFFER_NOT_OPEN": Rule(Action.REFUSE, "the offer is no longer open", Reason.OFFER_CHANGED),
        "UNIT_LET": Rule(Action.REFUSE, "a lease runs on the unit at that date", Reason.UNIT_LET),
        "OFFER_EXPIRED": Rule(Action.REFUSE, "the offer has expired", Reason.EXPIRED),
        404: Rule(Action.REFUSE, "nothing is known under that id", Reason.NOT_FOUND),
    }

    def error_code(self, body: Any) -> str | None:
        """Return ``code`` of a problem+json body, or ``error`` of a token endpoint (RFC 6749, 5.2)."""
        if not isinstance(body, dict):
            return None
        return next((code for code in (body.get("code"), body.get("error")) if isinstance(code, str)), None)

    def error_text(self, body: Any) -> str | None:
        """The ``detail`` of a problem+json body."""
        return sentence(body.get("detail")) if isinstance(body, dict) else None

    @property
    def log_in_settings(self) -> str:
        """What to correct in the connection when its log-in is refused, for the person on call."""
        if is_configured(self.connection.extra_dejson):
            return "client id (login), client secret (password) and its extras 'audience' and 'scope'"
        return super().log_in_settings

    def fetch_token(self) -> tuple[str, float]:
        """Log in with the client credentials grant; return the token and its lifetime in seconds.

        :raises StopRun: the log-in is refused, or the connection's settings for it are inconsistent.
        """
        gateway = gateway_log_in(str(self.http_conn_id), self.connection)
        if gateway:
            response = self.call(
                "POST",
                gateway.token_url,
                what="log in at the gateway",
                log_in=True,
                rules=gateway.rules,
                new_for_each_try=lambda: {"data": gateway.form()},
            )
            return self.oauth_token(response)
        form = {
            "grant_type": "client_credentials",
            "client_id": self.connection.login,
            "client_secret": self.connection.password,
        }
        response = self.call(
            "POST", "/connect/token", what="fetch a token", log_in=True, rules=_CLIENT_REFUSED, data=form
        )
        return self.oauth_token(response)

    def import_prospects(
        self,
        exchange: str,
        prospects: Sequence[Mapping[str, Any]],
        before_send: Callable[[], None] | None = None,
    ) -> str:
        """Start an import (Interessenten Import) of 1 to 200 prospects; return the work order's id.

        The call is not idempotent, so it is not repeated if its effect is uncertain.

        :param before_send: called before each attempt, see :meth:`call`.
        :raises ResponseLost: the import may have been accepted.
        :raises RefuseRecord: ``malformed``: nothing of the request was accepted.
        """
        body = {"exchange": exchange, "prospects": list(prospects)}
        response = self.call(
            "POST",
            "/api/v1/prospect-imports",
            what="import prospects",
            repeatable=False,
            before_send=before_send,
            refusals=(Reason.MALFORMED,),
            json=body,
        )
        return self.text_field(response, "workOrderId", repeatable=False)

    def work_order(self, work_order_id: str) -> Any:
        """Return the raw work order (Arbeitsauftrag) with its results so far; ``None`` if it is unknown."""
        path = f"/api/v1/work-orders/{quote(work_order_id, safe='')}"
        try:
            return self.call("GET", path, what="read a work order", refusals=(Reason.NOT_FOUND,))
        except RefuseRecord:
            return None

    def offers(self, external_ids: Collection[str]) -> Iterator[dict[str, Any]]:
        """Yield the offers with one of these external ids, 100 ids per look-up."""
        return in_parts(self, lambda some: self._all_offers(externalId=some), external_ids, IDS_PER_LOOK_UP)

    def offers_on_unit(self, unit_number: str) -> Iterator[dict[str, Any]]:
        """Yield all offers for one unit."""
        yield from self._all_offers(unitNumber=unit_number)

    def accept(self, offer_id: str, lease_start: str | None) -> Any:
        """Accept the offer and create the lease ("Annehmen und Mietvertrag erstellen"); return the raw response.

        The call may be repeated: it is refused the second time.

        :param lease_start: ISO 8601 date; ``None`` for no date.
        :raises RefuseRecord: ``offer_changed``, ``unit_let``, ``expired`` or ``not_found``.
        """
        return self.call(
            "POST",
            f"/api/v1/offers/{quote(offer_id, safe='')}/accept",
            what="accept an offer",
            refusals=(Reason.OFFER_CHANGED, Reason.UNIT_LET, Reason.EXPIRED, Reason.NOT_FOUND),
            rules=CHANGED_MEANWHILE,
            json={"leaseStart": lease_start},
        )

    def business_partners(self, birth_dates: Collection[date]) -> Iterator[dict[str, Any]]:
        """Yield the stored business partners born on one of these days, 200 days per search."""
        return self._search("birthDates", [day.isoformat() for day in birth_dates])

    def business_partners_by_email(self, emails: Collection[str]) -> Iterator[dict[str, Any]]:
        """Yield the stored business partners with one of these e-mail addresses."""
        return self._search("emails", emails)

    def _search(self, field: str, values: Collection[str]) -> Iterator[dict[str, Any]]:
        def find(some: list[str]) -> list[Any]:
            path = "/api/v1/business-partners/search"
            return search(self, path, {field: some}, what="search business partners", items="items")

        return in_parts(self, find, values, VALUES_PER_SEARCH)

    def _all_offers(self, **query: Any) -> list[dict[str, Any]]:
        return list_pages(
            self,
            "/api/v1/offers",
            lambda number: query | {"page": number, "size": OFFERS_PER_PAGE},
            what="look offers up",
            items="items",
            total="total",
            identity="id",
        )
