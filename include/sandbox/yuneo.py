"""
Wodis Yuneo, as in its contract (``docs/contracts.md``).

Assumed beyond the contract (for both ERPs see ``erp.py``):

* Wrong client or secret: 401 ``INVALID_CLIENT``. The gateway's log-in (``yuneo_gateway.py``) has a client and a path of its own on
  this server and OAuth's errors; its tokens are good for the same routes.
* An unknown query parameter returns 400 ``MALFORMED``; a body of another type than JSON (at ``/connect/token``: a form) returns
  415 ``UNSUPPORTED_MEDIA_TYPE`` (``strict.py``).
* A body that is not JSON, lacks a required key, or has an unknown key or a value of the wrong type returns 400 ``MALFORMED``, and
  nothing of it is stored. The work order checks the content of fields (length, date, country, salutation, e-mail, empty name):
  ``INVALID_FIELD``, for that prospect only. It also notices a ``businessPartnerNumber`` that does not exist.
* A work order waits for a quarter of ``work_order_seconds`` (QUEUED); results appear while it runs. A failed work order has results
  for the prospects that it reached, and none for the rest. Several work orders run concurrently.
* An offer past its last day has the status ``EXPIRED``; accepting it returns 422 ``OFFER_EXPIRED``, not 409.
* Without ``leaseStart`` a lease starts on the offer's date, else today. An accepted offer has the lease's start.
* ``size`` is 50 unless given, above 200 or more than 100 ``externalId`` are 400; a search needs one of its two lists.
* ``OFFER_NOT_OPEN`` carries the offer's status as ``offerStatus``: ``status`` is the HTTP status in a problem+json.
* Lists are in the order of creation.
"""

import asyncio
import uuid
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, Security
from fastapi.security import HTTPBearer
from pydantic import Field
from starlette.responses import JSONResponse, Response

from include.sandbox.common import BERLIN, Refused, own_fault
from include.sandbox.erp import Erp, ErpOptions
from include.sandbox.erp_records import BusinessPartner, Job, Lease, Offer, Prospect, Result
from include.sandbox.pages import erp_page
from include.sandbox.yuneo_gateway import Gateway
from include.sandbox.yuneo_models import (
    AcceptIn,
    AcceptOut,
    ImportIn,
    ImportOut,
    OfferOut,
    OfferPage,
    OffersQuery,
    PartnerPage,
    SearchIn,
    TokenIn,
    TokenOut,
    WorkOrderOut,
    problems,
    read_prospect,
)

MOST_PROSPECTS = 200


class YuneoOptions(ErpOptions):
    """A token lives for an hour, 600 requests a minute, offers are valid for a year."""

    per_minute: int | None = Field(default=600, ge=0)
    work_order_seconds: float = Field(
        default=0.2, ge=0, description="from the request to the end of the work order"
    )


class Yuneo(Erp):
    """The housing ERP Wodis Yuneo."""

    name = "yuneo"
    login = "sandbox-client"
    password = "sandbox-yuneo"  # noqa: S105 - the sandbox's own
    token_path = "/connect/token"  # noqa: S105 - a path
    other_token_paths = (Gateway.path,)
    special_faults = {"work_order_fails": ("POST", "/api/v1/prospect-imports")}
    separator = "/"
    offered, accepted, rejected = "OFFERED", "ACCEPTED", "REJECTED"
    options: YuneoOptions

    def __init__(self) -> None:
        self.gateway = Gateway()
        super().__init__(YuneoOptions())
        self.app.include_router(_routes(self))

    def clear_records(self) -> None:
        super().clear_records()
        self.gateway.clear()
        self._work_orders: dict[str, Job] = {}

    def load(self, world: Any) -> None:
        self.load_basis(world, world.yuneo_partners)

    @property
    def work_orders(self) -> list[Job]:
        """All work orders, oldest first."""
        with self.lock:
            return list(self._work_orders.values())

    def counts(self) -> dict[str, Any]:
        return {**super().counts(), "work_orders": len(self._work_orders)}

    def error(self, refused: Refused, path: str) -> Response:
        if path == Gateway.path:
            oauth = {"error": refused.code.lower(), "error_description": refused.text}
            return JSONResponse(oauth, refused.status, headers=refused.headers)
        body = {
            "type": f"urn:sandbox:{refused.code.lower()}",
            "title": refused.code.replace("_", " ").capitalize(),
            "status": refused.status,
            "detail": refused.text,
            "code": refused.code,
            **refused.extra,
        }
        return JSONResponse(
            body, refused.status, headers=refused.headers, media_type="application/problem+json"
        )

    def gateway_connection(self) -> dict[str, Any]:
        """As :meth:`connection`, with the gateway's log-in."""
        gateway = self.gateway
        extra = {"token_url": self.url + gateway.path, "audience": gateway.audience, "scope": gateway.scope}
        log_in = {"login": gateway.client_id, "password": gateway.client_secret}
        return {**self.connection(), **log_in, "extra": {**self.connection_extra(), **extra}}

    def new_token(self) -> TokenOut:
        """Return a token as both log-ins issue it."""
        seconds = self.options.token_seconds
        return TokenOut(
            access_token=self.tokens.issue(seconds),
            token_type="Bearer",  # noqa: S106 - the word, not a token
            expires_in=int(seconds),
        )

    def token_refused(self) -> Refused:
        return Refused(401, "TOKEN_EXPIRED", "token is missing, wrong or expired")

    def lease_extra(self, lease: Lease) -> dict[str, Any]:
        return {"leaseNumber": lease.number}

    # --- what the routes do --------------------------------------------------------------------------------

    async def take_import(self, order: ImportIn, fail_after: float | None) -> str:
        """Start a work order; return its id."""
        if len(order.prospects) > MOST_PROSPECTS:
            raise Refused(413, "TOO_MANY", f"at most {MOST_PROSPECTS} prospects")
        if order.exchange not in self.options.exchanges:
            raise Refused(404, "UNKNOWN_EXCHANGE", "there is no such exchange")
        prospects = [read_prospect(one) for one in order.prospects]
        with self.lock:
            job = Job(str(uuid.uuid4()), order.exchange, len(prospects), "QUEUED")
            self._work_orders[job.id] = job
            self.batches.append(len(prospects))
        work = self._work(job, prospects, None if fail_after is None else int(len(prospects) * fail_after))
        if self.options.work_order_seconds:
            self.in_background(work)
        else:
            await work
        return job.id

    async def _work(self, job: Job, prospects: list[Prospect], stop_after: int | None) -> None:
        seconds = self.options.work_order_seconds
        try:
            await asyncio.sleep(seconds / 4)
        except asyncio.CancelledError:
            job.status = "FAILED"
            raise
        job.status = "RUNNING"
        await self.work_off(job, prospects, seconds * 3 / 4, stop_after, ("COMPLETED", "FAILED"))

    def work_order(self, order_id: str) -> dict[str, Any]:
        with self.lock:
            job = self._work_orders.get(order_id)
            if job is None:
                raise Refused(404, "NOT_FOUND", "there is no such work order")
            return {
                "id": job.id,
                "type": "PROSPECT_IMPORT",
                "status": job.status,
                "createdAt": _time(job.created_at),
                "finishedAt": None if job.finished_at is None else _time(job.finished_at),
                "results": [_result(one) for one in job.results],
            }

    def find_offers(self, query: OffersQuery) -> dict[str, Any]:
        wanted = set(query.externalId)
        with self.lock:
            found = [
                offer
                for offer in self.offers_to_look_at(wanted, query.unitNumber)
                if (not wanted or offer.external_id in wanted)
                and query.status in (None, _status(offer))
                and query.unitNumber in (None, offer.unit)
            ]
            page = found[query.page * query.size :][: query.size]
            items = [self._offer_json(offer) for offer in page]
        return {"items": items, "page": query.page, "size": query.size, "total": len(found)}

    def stored_offer(self, offer_id: str) -> Offer:
        with self.lock:
            if offer_id not in self._offer_numbers:
                raise Refused(404, "NOT_FOUND", "there is no such offer")
            return self._offers[self._offer_numbers[offer_id]]

    def offer_json(self, offer_id: str) -> dict[str, Any]:
        with self.lock:
            return self._offer_json(self.stored_offer(offer_id))

    def accept_offer(self, offer_id: str, lease_start: date | None) -> dict[str, Any]:
        with self.lock:
            offer = self.stored_offer(offer_id)
            if offer.status != self.offered:
                raise Refused(
                    409,
                    "OFFER_NOT_OPEN",
                    "the offer is no longer open",
                    offerStatus=offer.status,
                    leaseNumber=offer.lease_number,
                )
            lease = self.accept(offer, lease_start, ("OFFER_EXPIRED", "UNIT_LET"))
            return {
                "leaseNumber": lease.number,
                "offerId": offer.id,
                "unitNumber": offer.unit,
                "leaseStart": lease.start.isoformat(),
            }

    def search(self, order: SearchIn) -> dict[str, Any]:
        dates = {date.fromisoformat(one) for one in order.birthDates or ()}
        emails = set(order.emails or ())
        with self.lock:
            return {
                "items": [
                    _partner_json(one)
                    for one in self.partners_to_look_at((*dates, *emails))
                    if one.person.birth_date in dates or one.person.email in emails
                ]
            }

    def _offer_json(self, offer: Offer) -> dict[str, Any]:
        person = self._partners[offer.business_partner].person
        return {
            "id": offer.id,
            "number": offer.number,
            "externalId": offer.external_id or None,
            "exchange": offer.exchange,
            "createdAt": _time(offer.created_at),
            "validFrom": offer.valid_from.isoformat(),
            "validUntil": offer.valid_until.isoformat(),
            "leaseStart": offer.lease_start.isoformat() if offer.lease_start else None,
            "kind": "NORMAL",
            "status": _status(offer),
            "interestExpressed": True,
            "searchProfileNumber": offer.number + 600_000,
            "clerk": offer.clerk,
            "businessPartnerNumber": offer.business_partner,
            "firstName": person.first_name,
            "lastName": person.last_name,
            "unitNumber": offer.unit,
            "leaseNumber": offer.lease_number,
            "version": offer.version,
        }


def _time(moment: datetime) -> str:
    return moment.astimezone(BERLIN).isoformat(timespec="seconds")


def _status(offer: Offer) -> str:
    return "EXPIRED" if offer.status == Yuneo.offered and offer.expired else offer.status


def _result(result: Result) -> dict[str, Any]:
    offer = result.offer
    if offer is None:
        found = {"outcome": "REJECTED", "code": (result.reason or "").upper(), "detail": result.detail}
        return {"externalId": result.external_id, **found}
    return {
        "externalId": result.external_id,
        "outcome": "CREATED",
        "offerId": offer.id,
        "offerNumber": offer.number,
        "businessPartnerNumber": offer.business_partner,
        "businessPartnerCreated": result.partner_created,
    }


def _partner_json(partner: BusinessPartner) -> dict[str, Any]:
    person = partner.person
    return {
        "number": partner.number,
        "firstName": person.first_name,
        "lastName": person.last_name,
        "birthDate": person.birth_date.isoformat() if person.birth_date else None,
        "email": person.email,
    }


def _token_routes(yuneo: Yuneo) -> APIRouter:
    router = APIRouter()

    @router.post("/connect/token", responses=problems(400, 401, 429, 503))
    async def token(order: Annotated[TokenIn, Form()]) -> TokenOut:
        if (order.client_id, order.client_secret) != (yuneo.login, yuneo.password):
            raise Refused(401, "INVALID_CLIENT", "unknown client or wrong secret")
        return yuneo.new_token()

    # Not described: what its form holds is signed and good once, which nobody who reads a description can make.
    @router.post(Gateway.path, include_in_schema=False)
    async def gateway_token(request: Request) -> TokenOut:
        await yuneo.gateway.check(request)
        return yuneo.new_token()

    return router


def _routes(yuneo: Yuneo) -> APIRouter:
    router = _token_routes(yuneo)
    api = APIRouter(
        prefix="/api/v1",
        dependencies=[Security(HTTPBearer(auto_error=False, description="checked before the handlers"))],
    )

    @api.post("/prospect-imports", status_code=202, responses=problems(400, 401, 404, 413, 429, 503))
    async def prospect_imports(order: ImportIn, request: Request) -> ImportOut:
        fault = own_fault(request, "work_order_fails")
        return ImportOut(workOrderId=await yuneo.take_import(order, None if fault is None else fault.part))

    @api.get(
        "/work-orders/{order_id}", response_model=WorkOrderOut, responses=problems(400, 401, 404, 429, 503)
    )
    async def work_order(order_id: str) -> Response:
        return JSONResponse(yuneo.work_order(order_id))

    @api.get("/offers", response_model=OfferPage, responses=problems(400, 401, 429, 503))
    async def offers(query: Annotated[OffersQuery, Query()]) -> Response:
        return JSONResponse(yuneo.find_offers(query))

    @api.get("/offers/{offer_id}", response_model=OfferOut, responses=problems(400, 401, 404, 429, 503))
    async def offer(offer_id: str) -> Response:
        return JSONResponse(yuneo.offer_json(offer_id))

    @api.post(
        "/offers/{offer_id}/accept",
        status_code=201,
        response_model=AcceptOut,
        responses=problems(400, 401, 404, 409, 422, 429, 503),
    )
    async def accept(offer_id: str, order: AcceptIn) -> Response:
        start = date.fromisoformat(order.leaseStart) if order.leaseStart else None
        return JSONResponse(yuneo.accept_offer(offer_id, start), 201)

    @api.post("/business-partners/search", response_model=PartnerPage, responses=problems(400, 401, 429, 503))
    async def search(order: SearchIn) -> Response:
        return JSONResponse(yuneo.search(order))

    @router.get("/", include_in_schema=False)
    async def page() -> Response:
        return erp_page("Wodis Yuneo", yuneo, yuneo.work_orders)

    router.include_router(api)
    return router
