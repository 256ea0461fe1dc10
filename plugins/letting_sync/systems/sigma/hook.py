"""Wodis Sigma's API: paths, limits and error codes.

Assumed contract, version 1 (``docs/contracts.md``); the masks, steps and rules on which it is based are published.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import quote

from letting_sync.erp import UNKNOWN_ID
from letting_sync.errors import RefuseRecord
from letting_sync.http.errors import CHANGED_MEANWHILE, Action, Rule
from letting_sync.http.hook import ApiHook
from letting_sync.http.pagination.numbered import in_parts, list_pages, search
from letting_sync.parsing.responses import sentence
from letting_sync.reasons import Reason

PROSPECTS_PER_DELIVERY = 50
IDS_PER_LOOK_UP = 50
OFFERS_PER_PAGE = 100
VALUES_PER_SEARCH = 50
START_TIMEOUT = 5.0
"""Seconds to wait for a short import; a longer one continues by itself, and the task is deferred."""

_IMPORT = "/verarbeitung/interessenten-import"


class SigmaHook(ApiHook):
    """Talk to one Wodis Sigma.

    The connection's login and password are those of a Sigma user; the extra ``verify`` names the file of the
    private CA where Sigma stands on the customer's own server.
    """

    conn_type = "wodissigma"
    hook_name = "Wodis Sigma"
    default_conn_name = "sigma"
    documented_at = "docs/contracts.md#wodis-yuneo-and-wodis-sigma"
    system: ClassVar[str] = "Wodis Sigma"
    base_path: ClassVar[str] = "/wodis/rest"
    uses_token: ClassVar[bool] = False
    concurrency: ClassVar[int] = 4  # requests that Sigma serves at a time (assumed contract)

    rules: ClassVar[Mapping[int | str, Rule]] = {
        "PORTAL_UNBEKANNT": Rule(
            Action.STOP, "the portal is unknown there; correct the pair's setting 'exchange'"
        ),
        "UNGUELTIG": Rule(Action.REFUSE, "the inbox refuses the delivery as invalid", Reason.MALFORMED),
        "LAUF_AKTIV": Rule(
            Action.REFUSE, "an import of this portal is running already", Reason.IMPORT_RUNNING
        ),
        "GEAENDERT": Rule(Action.REFUSE, "somebody saved the offer in between", Reason.OFFER_CHANGED),
        "STATUS_NICHT_ERLAUBT": Rule(Action.REFUSE, "the offer is no longer open", Reason.OFFER_CHANGED),
        "VE_VERMIETET": Rule(Action.REFUSE, "a lease runs on the unit at that date", Reason.UNIT_LET),
        "ABGELAUFEN": Rule(Action.REFUSE, "the offer has expired", Reason.EXPIRED),
        404: Rule(Action.REFUSE, "nothing is known under that number", Reason.NOT_FOUND),
    }

    def error_code(self, body: Any) -> str | None:
        """Return ``fehler`` of an error's body."""
        code = body.get("fehler") if isinstance(body, dict) else None
        return code if isinstance(code, str) else None

    def error_text(self, body: Any) -> str | None:
        """The ``meldung`` of an error's body."""
        return sentence(body.get("meldung")) if isinstance(body, dict) else None

    def check_log_in(self) -> None:
        """Look up an id that no offer has: the smallest call that needs the log-in and the permission to read offers.

        :raises StopRun: the log-in is refused, or the response is not one of Sigma.
        """
        self._all_offers(externeId=[UNKNOWN_ID])

    def deliver(
        self,
        portal: str,
        prospects: Sequence[Mapping[str, Any]],
        before_send: Callable[[], None] | None = None,
    ) -> Any:
        """Put 1 to 50 prospects into the portal's inbox (Eingang); return the raw response.

        A delivery replaces an earlier one of the same prospect that is still in the inbox. It is not repeated if its
        effect is uncertain: the repetition may arrive after an import has taken the first, and would make a second
        offer.

        :param before_send: called before each attempt, see :meth:`call`.
        :raises ResponseLost: the prospects may be in the inbox.
        """
        return self.call(
            "POST",
            f"/immobilienboersen/{quote(portal, safe='')}/eingang",
            what="deliver prospects",
            repeatable=False,
            before_send=before_send,
            refusals=(Reason.MALFORMED,),
            json={"interessenten": list(prospects)},
        )

    def start_import(self, portal: str) -> str:
        """Start the portal's import ("Ausführen"); return its number.

        :raises ResponseLost: the import may be running; check with :meth:`latest_import`.
        :raises RefuseRecord: ``import_running``: another import of this portal is running.
        """
        response = self.call(
            "POST",
            _IMPORT,
            what="run the import",
            repeatable=False,
            # Without a readable code the cause of the conflict is unknown: the latest import is read.
            rules={
                409: Rule(Action.UNCERTAIN, "the import did not start, and the response does not say why")
            },
            refusals=(Reason.IMPORT_RUNNING,),
            timeout=(self.limits.connect, START_TIMEOUT),
            json={"portal": portal},
        )
        return self.text_field(response, "laufNr", repeatable=False)

    def import_run(self, number: str) -> Any:
        """Return the raw import by its number (Laufnummer), with its protocol; ``None`` if it is unknown."""
        return self._one(f"{_IMPORT}/{quote(number, safe='')}", "read an import")

    def latest_import(self, portal: str) -> Any:
        """Return the portal's latest raw import; ``None`` if there was none."""
        return self._one(_IMPORT, "read the latest import", params={"portal": portal, "letzter": "true"})

    def offers(self, external_ids: Collection[str]) -> Iterator[dict[str, Any]]:
        """Yield the offers (Angebote, F6) with one of these external ids, 50 ids per look-up."""
        return in_parts(self, lambda some: self._all_offers(externeId=some), external_ids, IDS_PER_LOOK_UP)

    def offers_on_unit(self, unit: str) -> Iterator[dict[str, Any]]:
        """Yield all offers for one unit."""
        yield from self._all_offers(ve=unit)

    def set_accepted(self, offer_number: str, version: str) -> Any:
        """Set the offer to "angenommen" and save it, if it is still at ``version``; return the raw offer.

        The call may be repeated: the second time it is refused, since the offer is no longer open.

        :raises RefuseRecord: ``offer_changed``, ``unit_let``, ``expired`` or ``not_found``.
        """
        return self.call(
            "PUT",
            f"/stammdaten/angebote/{quote(offer_number, safe='')}",
            what="accept an offer",
            refusals=(Reason.OFFER_CHANGED, Reason.UNIT_LET, Reason.EXPIRED, Reason.NOT_FOUND),
            rules=CHANGED_MEANWHILE,
            headers={"If-Match": f'"{version}"'.encode()},
            json={"status": "angenommen"},
        )

    def business_partners(self, dates: Collection[str]) -> Iterator[dict[str, Any]]:
        """Yield the stored business partners born on one of these days, written ``TT.MM.JJJJ``."""
        return self._search("geburtsdaten", dates)

    def business_partners_by_email(self, emails: Collection[str]) -> Iterator[dict[str, Any]]:
        """Yield the stored business partners with one of these e-mail addresses."""
        return self._search("emails", emails)

    def _search(self, field: str, values: Collection[str]) -> Iterator[dict[str, Any]]:
        def find(some: list[str]) -> list[Any]:
            path = "/stammdaten/geschaeftspartner/suche"
            return search(
                self, path, {field: some}, what="search business partners", items="geschaeftspartner"
            )

        return in_parts(self, find, values, VALUES_PER_SEARCH)

    def _all_offers(self, **query: Any) -> list[dict[str, Any]]:
        return list_pages(
            self,
            "/stammdaten/angebote",
            lambda number: query | {"seite": number + 1, "anzahl": OFFERS_PER_PAGE},
            what="look offers up",
            items="angebote",
            total="gesamt",
            identity="angebotNr",
        )

    def _one(self, path: str, what: str, **request: Any) -> Any:
        try:
            return self.call("GET", path, what=what, refusals=(Reason.NOT_FOUND,), **request) or None
        except RefuseRecord:
            return None
