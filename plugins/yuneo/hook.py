"""The interface of Wodis Yuneo: paths, limits, codes, and not a word about prospects or policy.

Assumed contract, version 1 (``docs/contracts.md``); the steps and rules behind it are published.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, ClassVar
from urllib.parse import quote

from include.prospects.api import ApiHook
from include.prospects.api_answers import Action, Rule
from include.prospects.errors import RefuseRecord
from include.prospects.listing import in_parts, list_pages, search

PROSPECTS_PER_IMPORT = 200
IDS_PER_LOOK_UP = 100
OFFERS_PER_PAGE = 200
VALUES_PER_SEARCH = 200


class YuneoHook(ApiHook):
    """Talk to one Wodis Yuneo.

    The connection's login and password are client id and client secret of the technical user.
    """

    default_conn_name = "yuneo"
    system: ClassVar[str] = "Wodis Yuneo"

    rules: ClassVar[Mapping[int | str, Rule]] = {
        "TOKEN_EXPIRED": Rule(Action.RENEW, "the token ran out"),
        "MALFORMED": Rule(Action.REFUSE, "the import refuses the request as malformed", "malformed"),
        "UNKNOWN_EXCHANGE": Rule(
            Action.STOP, "the exchange is unknown there; correct the pair's setting 'exchange'"
        ),
        "TOO_MANY": Rule(Action.STOP, "the import takes fewer prospects at once than the contract says"),
        "OFFER_NOT_OPEN": Rule(Action.REFUSE, "the offer is no longer open", "offer_changed"),
        "UNIT_LET": Rule(Action.REFUSE, "a lease runs on the unit at that date", "unit_let"),
        "OFFER_EXPIRED": Rule(Action.REFUSE, "the offer has expired", "expired"),
        404: Rule(Action.REFUSE, "nothing is known under that id", "not_found"),
    }

    def error_code(self, body: Any) -> str | None:
        """The ``code`` of a problem+json body."""
        code = body.get("code") if isinstance(body, dict) else None
        return code if isinstance(code, str) else None

    def fetch_token(self) -> tuple[str, float]:
        """Client credentials grant; lives for an hour by the contract."""
        form = {
            "grant_type": "client_credentials",
            "client_id": self.connection.login,
            "client_secret": self.connection.password,
        }
        answer = self.call("POST", "/connect/token", what="fetch a token", log_in=True, data=form)
        return self.field(answer, "access_token", str), float(self.field(answer, "expires_in", (int, float)))

    def import_prospects(
        self,
        exchange: str,
        prospects: Sequence[Mapping[str, Any]],
        going_out: Callable[[], None] | None = None,
    ) -> str:
        """Start an import (Interessenten Import) of 1 to 200 prospects; returns the work order's id.

        Not idempotent, so it is never repeated on a doubt.

        :param going_out: called before each try, see :meth:`call`.
        :raises AnswerLost: the import may have been taken.
        :raises RefuseRecord: ``malformed``: nothing of the request was taken.
        """
        body = {"exchange": exchange, "prospects": list(prospects)}
        answer = self.call(
            "POST",
            "/api/v1/prospect-imports",
            what="import prospects",
            repeatable=False,
            going_out=going_out,
            refusals=("malformed",),
            json=body,
        )
        return self.field(answer, "workOrderId", str, repeatable=False)

    def work_order(self, work_order_id: str) -> Any:
        """A work order (Arbeitsauftrag) as it came, with its results so far; ``None`` if it is unknown."""
        path = f"/api/v1/work-orders/{quote(work_order_id, safe='')}"
        try:
            return self.call("GET", path, what="read a work order", refusals=("not_found",))
        except RefuseRecord:
            return None

    def offers(self, external_ids: Collection[str]) -> Iterator[dict[str, Any]]:
        """Yield the offers that carry one of these ids, 100 ids a look-up, page by page."""
        return in_parts(self, lambda some: self._all_offers(externalId=some), external_ids, IDS_PER_LOOK_UP)

    def offers_on_unit(self, unit_number: str) -> Iterator[dict[str, Any]]:
        """Yield all offers for one unit."""
        yield from self._all_offers(unitNumber=unit_number)

    def accept(self, offer_id: str, lease_start: str | None) -> Any:
        """Accept and create the lease ("Annehmen und Mietvertrag erstellen"); returns the answer as it came.

        May be repeated: an offer that has been accepted is refused the second time.

        :raises RefuseRecord: ``offer_changed``, ``unit_let``, ``expired`` or ``not_found``.
        """
        return self.call(
            "POST",
            f"/api/v1/offers/{quote(offer_id, safe='')}/accept",
            what="accept an offer",
            refusals=("offer_changed", "unit_let", "expired", "not_found"),
            json={"leaseStart": lease_start},
        )

    def business_partners(self, birth_dates: Collection[date]) -> Iterator[dict[str, Any]]:
        """Yield the stored business partners born on one of these days, 200 days a search."""
        return self._search("birthDates", [day.isoformat() for day in birth_dates])

    def business_partners_by_email(self, emails: Collection[str]) -> Iterator[dict[str, Any]]:
        """Yield the stored business partners with one of these addresses."""
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
