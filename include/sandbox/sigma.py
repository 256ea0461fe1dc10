"""
Wodis Sigma, as in its contract (``docs/contracts.md``).

Assumed beyond the contract (for both ERPs see ``erp.py``):

* More than 50 prospects or ids, an unknown key or one of the wrong type, an unknown, repeated or empty query parameter, an
  ``If-Match`` that is not a number in quotes: 400 ``UNGUELTIG``. A body that is not JSON: 415. Wrong login: 401 ``ANMELDUNG``.
* The inbox checks lengths and empty names only (``abgewiesen``, ``FELD_UNGUELTIG``); the import checks everything else.
* A run imports what is in the inbox when it begins; later deliveries wait for the next run. A prospect
  leaves the inbox when the run reaches it, so an aborted run leaves the rest in the inbox. The request that started the run still
  returns 200 with the results so far; only the state of the run is ``abgebrochen``.
* A run of an empty inbox ends at once with an empty protocol. ``letzter`` must be ``true``; a portal without any run
  returns 404 ``LAUF_UNBEKANNT``.
* Fault ``run_active``: a clerk has just started a run of an inbox that was still empty. It ends after ``run_seconds``, and
  what was delivered is still in the inbox.
* ``zum`` is the lease's start once the offer is accepted; ``veAngebotenZum`` the wished start, else the day of creation.
* An offer past its last day stays ``offeriert`` and is refused with 422 when one accepts it. A PUT knows ``angenommen`` only.
"""

import asyncio
import base64
import binascii
from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request, Security
from fastapi.security import HTTPBasic
from pydantic import Field
from starlette.responses import JSONResponse, Response

from include.sandbox.common import BERLIN, Refused, own_fault
from include.sandbox.erp import Erp, ErpOptions
from include.sandbox.erp_records import Job, Lease, Offer, Prospect, Result
from include.sandbox.faults import Fault
from include.sandbox.pages import erp_page
from include.sandbox.sigma_models import (
    Angebot,
    AngeboteOut,
    AngeboteQuery,
    AngebotIn,
    EingangIn,
    EingangOut,
    LaufIn,
    LaufOut,
    LaufStandOut,
    LetzterQuery,
    SucheIn,
    SucheOut,
    day,
    fehler,
    read_prospect,
    too_long_or_empty,
)
from include.sandbox.strict import WholeNumber

REASONS = {
    "unknown_unit": "VE_UNBEKANNT",
    "unit_not_vacant": "VE_NICHT_FREI",
    "unknown_business_partner": "GP_UNBEKANNT",
    "invalid_field": "FELD_UNGUELTIG",
}


class SigmaOptions(ErpOptions):
    """Four requests at a time, offers are valid for 14 days."""

    max_parallel: int | None = Field(default=4, ge=1)
    offer_valid_days: int = 14
    run_seconds: float = Field(default=0.2, ge=0, description="how long a run of the import takes")


class Sigma(Erp):
    """The housing ERP Wodis Sigma."""

    name = "sigma"
    login = "SANDBOX"
    password = "sandbox-sigma"  # noqa: S105 - the sandbox's own
    scheme = "basic"
    malformed = (400, "UNGUELTIG")
    special_faults = {
        "run_aborts": ("POST", "/wodis/rest/verarbeitung/interessenten-import"),
        "run_active": ("POST", "/wodis/rest/verarbeitung/interessenten-import"),
        "stale": ("PUT", "/wodis/rest/stammdaten/angebote/*"),
    }
    separator = "."
    offered, accepted, rejected = "offeriert", "angenommen", "abgelehnt"
    options: SigmaOptions

    def __init__(self) -> None:
        super().__init__(SigmaOptions())
        self.app.include_router(_routes(self))

    def clear_records(self) -> None:
        super().clear_records()
        self._inbox: dict[str, dict[str, Prospect]] = {}
        self._runs: list[Job] = []

    def load(self, world: Any) -> None:
        self.load_basis(world, world.sigma_partners)

    @property
    def runs(self) -> list[Job]:
        """All runs of the import, oldest first."""
        with self.lock:
            return list(self._runs)

    def inbox(self, portal: str) -> list[Prospect]:
        """What is in a portal's inbox."""
        with self.lock:
            return list(self._inbox.get(portal, {}).values())

    def counts(self) -> dict[str, Any]:
        inboxes = {portal: len(prospects) for portal, prospects in self._inbox.items()}
        return {**super().counts(), "runs": len(self._runs), "inbox": inboxes}

    def error(self, refused: Refused, path: str) -> Response:  # noqa: ARG002 - EverReal's needs it
        body = {"fehler": refused.code, "meldung": refused.text, **refused.extra}
        return JSONResponse(body, refused.status, headers=refused.headers)

    def authorise(self, headers: Mapping[str, str]) -> None:
        scheme, _, value = headers.get("authorization", "").partition(" ")
        try:
            given = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            given = ""
        if scheme.lower() != self.scheme or given != f"{self.login}:{self.password}":
            raise self.token_refused()

    def token_refused(self) -> Refused:
        challenge = {"WWW-Authenticate": 'Basic realm="Wodis"'}
        return Refused(401, "ANMELDUNG", "Anmeldung fehlt oder ist falsch", challenge)

    def lease_extra(self, lease: Lease) -> dict[str, Any]:
        return {"mietvertragNr": lease.number}

    # --- inbox and runs ------------------------------------------------------------------------------------

    def known_portal(self, portal: str) -> None:
        if portal not in self.options.exchanges:
            raise Refused(404, "PORTAL_UNBEKANNT", "Portal ist nicht angelegt")

    def deliver(self, portal: str, order: EingangIn) -> dict[str, Any]:
        self.known_portal(portal)
        refused = []
        with self.lock:
            inbox = self._inbox.setdefault(portal, {})
            self.batches.append(len(order.interessenten))
            for one in order.interessenten:
                wrong = too_long_or_empty(one)
                if wrong:
                    refused.append(
                        {"externeId": one.externeId, "fehler": "FELD_UNGUELTIG", "meldung": ", ".join(wrong)}
                    )
                else:
                    _put(inbox, read_prospect(one))
        return {"angenommen": len(order.interessenten) - len(refused), "abgewiesen": refused}

    async def run(self, portal: str, fault: Fault | None) -> dict[str, Any]:
        """Run the import of one portal and wait for its end; the run continues if the request is aborted."""
        self.known_portal(portal)
        with self.lock:
            running = [job for job in self._runs if job.exchange == portal and job.status == "laeuft"]
            if running:
                raise self._run_active(running[0])
            job = Job(str(len(self._runs) + 1), portal, 0, "laeuft")
            self._runs.append(job)
            clerks = fault is not None and fault.kind == "run_active"
            prospects = [] if clerks else self.inbox(portal)
            job.total = len(prospects)
        stop_after = int(len(prospects) * fault.part) if fault is not None and not clerks else None
        seconds = self.options.run_seconds if prospects or clerks else 0
        work = self.work_off(
            job, prospects, seconds, stop_after, ("beendet", "abgebrochen"), self._leave_inbox(portal)
        )
        if clerks:
            self.in_background(work)
            raise self._run_active(job)
        if seconds:
            await asyncio.shield(self.in_background(work))
        else:
            await work
        return _run_json(job)

    def _leave_inbox(self, portal: str) -> Any:
        def leave(prospect: Prospect) -> None:
            inbox = self._inbox.get(portal, {})
            if inbox.get(prospect.external_id) is prospect:
                del inbox[prospect.external_id]

        return leave

    def _run_active(self, job: Job) -> Refused:
        return Refused(409, "LAUF_AKTIV", "ein anderer Lauf dieses Portals ist aktiv", laufNr=int(job.id))

    def run_state(self, number: int) -> dict[str, Any]:
        with self.lock:
            if not 1 <= number <= len(self._runs):
                raise Refused(404, "LAUF_UNBEKANNT", "diesen Lauf gibt es nicht")
            job = self._runs[number - 1]
            return {**_run_json(job), "status": job.status}

    def latest_run(self, portal: str) -> dict[str, Any]:
        self.known_portal(portal)
        with self.lock:
            numbers = [int(job.id) for job in self._runs if job.exchange == portal]
            return self.run_state(numbers[-1] if numbers else 0)

    # --- offers and partners -------------------------------------------------------------------------------

    def find_offers(self, query: AngeboteQuery) -> dict[str, Any]:
        wanted = set(query.externeId)
        with self.lock:
            found = [
                offer
                for offer in self.offers_to_look_at(wanted, query.ve)
                if (not wanted or offer.external_id in wanted)
                and query.status in (None, offer.status)
                and query.ve in (None, offer.unit)
            ]
            page = found[(query.seite - 1) * query.anzahl :][: query.anzahl]
            return {"angebote": [self._offer_json(offer) for offer in page], "gesamt": len(found)}

    def stored_offer(self, number: int) -> Offer:
        if number not in self._offers:
            raise Refused(404, "ANGEBOT_UNBEKANNT", "dieses Angebot gibt es nicht")
        return self._offers[number]

    def offer_response(self, number: int) -> Response:
        with self.lock:
            body = self._offer_json(self.stored_offer(number))
        return JSONResponse(body, headers={"ETag": f'"{body["aenderungsstand"]}"'})

    def save_offer(self, number: int, if_match: str | None, fault: Fault | None) -> Response:
        with self.lock:
            offer = self.stored_offer(number)
            if if_match is None:
                raise Refused(428, "IF_MATCH_FEHLT", "If-Match wird gebraucht")
            if fault is not None:
                offer = self.clerk_edits(number)
            if if_match != f'"{offer.version}"':
                raise Refused(412, "GEAENDERT", "das Angebot wurde inzwischen gespeichert")
            if offer.status != self.offered:
                raise Refused(409, "STATUS_NICHT_ERLAUBT", f"das Angebot ist {offer.status}")
            self.accept(offer, None, ("ABGELAUFEN", "VE_VERMIETET"))
            return self.offer_response(number)

    def search(self, order: SucheIn) -> dict[str, Any]:
        days, emails = set(order.geburtsdaten), set(order.emails)
        with self.lock:
            found = [
                {
                    "gpNr": one.number,
                    "vorname": one.person.first_name,
                    "name": one.person.last_name,
                    "geburtsdatum": day(one.person.birth_date),
                    "email": one.person.email,
                }
                for one in self.partners_to_look_at((*filter(None, map(_day, days)), *emails))
                if day(one.person.birth_date) in days or one.person.email in emails
            ]
        return {"geschaeftspartner": found}

    def _offer_json(self, offer: Offer) -> dict[str, Any]:
        person = self._partners[offer.business_partner].person
        created = offer.created_at.astimezone(BERLIN).date()
        return {
            "angebotNr": offer.number,
            "angebotsgruppe": f"IMP{offer.number // 1000}",
            "externeId": offer.external_id or None,
            "portal": offer.exchange,
            "art": "normal",
            "status": offer.status,
            "interesseBekundet": True,
            "internetimport": True,
            "erstelltAm": day(created),
            "gueltigBis": day(offer.valid_until),
            "zum": day(offer.lease_start) if offer.lease_number else None,
            "veAngebotenZum": day(offer.lease_start or created),
            "ve": offer.unit,
            "gpNr": offer.business_partner,
            "name": person.last_name,
            "vorname": person.first_name,
            "plz": person.postal_code,
            "ort": person.city,
            "mietvertragNr": offer.lease_number,
            "aenderungsstand": offer.version,
        }


def _day(written: str) -> date | None:
    try:
        return datetime.strptime(written, "%d.%m.%Y").date()
    except ValueError:
        return None


def _run_json(job: Job) -> dict[str, Any]:
    return {"laufNr": int(job.id), "protokoll": [_line(result) for result in job.results]}


def _line(result: Result) -> dict[str, Any]:
    if result.offer is None:
        word = REASONS[result.reason or "invalid_field"]
        return {
            "externeId": result.external_id,
            "ergebnis": "abgelehnt",
            "fehler": word,
            "meldung": result.detail,
        }
    return {
        "externeId": result.external_id,
        "ergebnis": "angelegt",
        "angebotNr": result.offer.number,
        "gpNr": result.offer.business_partner,
        "gpNeu": result.partner_created,
    }


def _put(inbox: dict[str, Prospect], new: Prospect) -> None:
    """Put a prospect in the inbox; one with the same id is replaced, also for a running import that has not reached it."""
    old = inbox.setdefault(new.external_id, new)
    vars(old).update(vars(new))


def _routes(sigma: Sigma) -> APIRouter:
    router = APIRouter()
    api = APIRouter(
        prefix="/wodis/rest",
        dependencies=[Security(HTTPBasic(auto_error=False, description="checked before the handlers"))],
    )

    @api.post(
        "/immobilienboersen/{portal}/eingang",
        status_code=202,
        response_model=EingangOut,
        responses=fehler(400, 401, 404, 503),
    )
    async def eingang(portal: str, order: EingangIn) -> Response:
        return JSONResponse(sigma.deliver(portal, order), 202)

    @api.post(
        "/verarbeitung/interessenten-import",
        response_model=LaufOut,
        responses=fehler(400, 401, 404, 409, 503),
    )
    async def ausfuehren(order: LaufIn, request: Request) -> Response:
        return JSONResponse(await sigma.run(order.portal, own_fault(request, "run_aborts", "run_active")))

    @api.get(
        "/verarbeitung/interessenten-import/{laufNr}",
        response_model=LaufStandOut,
        responses=fehler(400, 401, 404, 503),
    )
    async def lauf(number: Annotated[WholeNumber, Path(alias="laufNr")]) -> Response:
        return JSONResponse(sigma.run_state(number))

    @api.get(
        "/verarbeitung/interessenten-import",
        response_model=LaufStandOut,
        responses=fehler(400, 401, 404, 503),
    )
    async def letzter_lauf(query: Annotated[LetzterQuery, Query()]) -> Response:
        return JSONResponse(sigma.latest_run(query.portal))

    @api.get("/stammdaten/angebote", response_model=AngeboteOut, responses=fehler(400, 401, 503))
    async def angebote(query: Annotated[AngeboteQuery, Query()]) -> Response:
        return JSONResponse(sigma.find_offers(query))

    @api.get("/stammdaten/angebote/{angebotNr}", response_model=Angebot, responses=fehler(400, 401, 404, 503))
    async def angebot(number: Annotated[WholeNumber, Path(alias="angebotNr")]) -> Response:
        return sigma.offer_response(number)

    @api.put(
        "/stammdaten/angebote/{angebotNr}",
        response_model=Angebot,
        responses=fehler(400, 401, 404, 409, 412, 422, 428, 503),
    )
    async def speichern(
        number: Annotated[WholeNumber, Path(alias="angebotNr")],
        order: AngebotIn,  # noqa: ARG001 - its form is all that counts: only one status is allowed
        request: Request,
        if_match: Annotated[str | None, Header(pattern=r'^"(0|[1-9][0-9]*)"$')] = None,
    ) -> Response:
        return sigma.save_offer(number, if_match, own_fault(request, "stale"))

    @api.post("/stammdaten/geschaeftspartner/suche", response_model=SucheOut, responses=fehler(400, 401, 503))
    async def suche(order: SucheIn) -> Response:
        return JSONResponse(sigma.search(order))

    @router.get("/", include_in_schema=False)
    async def page() -> Response:
        return erp_page("Wodis Sigma", sigma, sigma.runs)

    router.include_router(api)
    return router
