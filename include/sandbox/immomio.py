"""
Immomio, as in its contract (``docs/contracts.md``).

Assumed beyond the contract:

* ``size`` is 50 unless given. Anything that is not in the contract returns 400: another ``sort`` or status word, a ``size`` above
  200, a time that is not in UTC, unknown, repeated or empty query parameters, unknown fields. A body that is not JSON returns 415.
* The request for a token counts against the limit too.
* Records with the same ``updatedAt`` keep the order of their arrival.
"""

import re
import uuid
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Security
from fastapi.security import HTTPBearer
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from include.sandbox.common import Refused, now
from include.sandbox.pages import partner_page
from include.sandbox.partner import Partner, PartnerOptions, Record, Records, When, given, iso
from include.sandbox.strict import WholeNumber


def _written_time(value: Any) -> Any:
    if not isinstance(value, str) or not re.fullmatch(
        r"[\d-]{10}T[\d:.]{5,15}(Z|[+-]00:00)", value, re.ASCII
    ):
        raise ValueError("a time in ISO 8601 and UTC is needed")
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_written_time)]
Status = Literal["NEW", "INVITED", "APPLIED", "ACCEPTED_AS_TENANT", "REJECTED", "WITHDRAWN"]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class TokenIn(Strict):
    username: str
    password: str


class TokenOut(BaseModel):
    accessToken: str
    tokenType: str
    expiresIn: int


class ApplicationsQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    status: Status | None = None
    updatedFrom: Moment | None = None
    updatedTo: Moment | None = None
    page: WholeNumber = Field(default=0, ge=0, le=1_000_000)
    size: WholeNumber = Field(default=50, ge=1, le=200)
    sort: Literal["updatedAt,asc"] = "updatedAt,asc"


class Open(BaseModel):
    """Responses may contain unknown fields."""

    model_config = ConfigDict(extra="allow")


class Person(Open):
    salutation: str | None = None
    firstname: str | None = None
    lastname: str | None = None
    dateOfBirth: str | None = None
    email: str | None = None
    phone: str | None = None
    mobile: str | None = None
    address: dict[str, Any] | None = None


class Property(Open):
    id: str
    externalId: str | None = None
    name: str | None = None
    address: dict[str, Any] | None = None


class Application(Open):
    id: str
    status: str
    createdAt: str
    updatedAt: str
    property: Property
    mainTenant: Person
    coTenants: list[Person]
    desiredMoveIn: str | None = None
    message: str | None = None
    customerAccount: str | int | None = None


class PageInfo(BaseModel):
    number: int
    size: int
    totalElements: int
    totalPages: int


class ApplicationPage(BaseModel):
    content: list[Application]
    page: PageInfo


class Problem(BaseModel):
    timestamp: str
    status: int
    error: str
    message: str
    path: str


def _errors(*codes: int) -> dict[int | str, dict[str, Any]]:
    return {code: {"model": Problem, "description": HTTPStatus(code).phrase} for code in codes}


class ImmomioOptions(PartnerOptions):
    """A token lives for 15 minutes, 120 requests a minute."""

    token_seconds: float = Field(default=900, ge=0)
    per_minute: int | None = Field(default=120, ge=0)


class Immomio(Partner):
    """The letting platform Immomio."""

    name = "immomio"
    login = "sandbox-api-user"
    password = "sandbox-immomio"  # noqa: S105 - the sandbox's own
    token_path = "/auth/token"  # noqa: S105 - a path
    options: ImmomioOptions

    def __init__(self) -> None:
        super().__init__(ImmomioOptions())
        self._applications = Records()
        self.app.include_router(_routes(self))

    def clear_records(self) -> None:
        self._applications = Records()

    def load(self, world: Any) -> None:
        for application in world.immomio_applications:
            self.add(application)

    def add(self, application: Record) -> str:
        """Store an application in the form of the contract; missing fields get plain values. Return its id."""
        record = {
            "id": str(uuid.uuid4()),
            "status": "ACCEPTED_AS_TENANT",
            "updatedAt": now(),
            "property": {"id": str(uuid.uuid4()), "externalId": None, "name": "", "address": None},
            "mainTenant": {},
            "coTenants": [],
            "desiredMoveIn": None,
            "message": "",
            "customerAccount": None,
            **application,
        }
        record.setdefault("createdAt", record["updatedAt"])
        with self.lock:
            return str(self._applications.put(record)["id"])

    def update(self, application_id: str, **changes: Any) -> None:
        """Change fields of an application; ``updatedAt`` is now unless given."""
        with self.lock:
            self._applications.change(application_id, changes)

    def accept(self, application_id: str, updated_at: When = None) -> None:
        """Accept the applicant as the landlord does with "Als Mieter akzeptieren"; possible again."""
        self._set_status(application_id, "ACCEPTED_AS_TENANT", updated_at)

    def take_back(self, application_id: str, status: str = "APPLIED", updated_at: When = None) -> None:
        """Take the landlord's acceptance back: the application gets another status, which may be unknown."""
        self._set_status(application_id, status, updated_at)

    def withdraw(self, application_id: str, updated_at: When = None) -> None:
        """Withdraw the application."""
        self._set_status(application_id, "WITHDRAWN", updated_at)

    def reject(self, application_id: str, updated_at: When = None) -> None:
        """Reject the applicant."""
        self._set_status(application_id, "REJECTED", updated_at)

    def change_unit(self, application_id: str, unit: str, updated_at: When = None) -> None:
        """Change the unit of an application; ``unit``: its number as in Immomio."""
        with self.lock:
            known = self.one(application_id)["property"]
            self.update(application_id, property={**known, "externalId": unit}, **given(updated_at))

    def delete(self, application_id: str) -> None:
        """Delete an application: it is in no list any more, and its address returns 404."""
        with self.lock:
            self.one(application_id)
            self._applications.delete(application_id)

    def actions(self) -> dict[str, Callable[..., Any]]:
        known = (self.accept, self.take_back, self.withdraw, self.reject, self.change_unit, self.delete)
        return {one.__name__: one for one in known}

    def _set_status(self, application_id: str, status: str, updated_at: When) -> None:
        with self.lock:
            self.one(application_id)
            self.update(application_id, status=status, **given(updated_at))

    @property
    def applications(self) -> list[Record]:
        """All applications, as copies."""
        with self.lock:
            return self._applications.copies()

    def counts(self) -> dict[str, Any]:
        by_status: dict[str, int] = {}
        with self.lock:
            for application in self._applications:
                by_status[application["status"]] = by_status.get(application["status"], 0) + 1
            return {"applications": len(self._applications), "by_status": by_status}

    def error(self, refused: Refused, path: str) -> Response:
        body = {
            "timestamp": iso(now()),
            "status": refused.status,
            "error": HTTPStatus(refused.status).phrase,
            "message": refused.text,
            "path": path,
        }
        return JSONResponse(body, refused.status, headers=refused.headers)

    def find(self, query: ApplicationsQuery) -> tuple[list[Record], int]:
        """Return one page of the matching applications and the number of all that match."""

        def fits(record: Record, updated: datetime) -> bool:
            return (
                query.status in (None, record["status"])
                and (query.updatedFrom is None or query.updatedFrom <= updated)
                and (query.updatedTo is None or updated < query.updatedTo)
            )

        def listing() -> list[Record]:
            return self._applications.select(fits, "updatedAt")

        with self.lock:
            return self.page(self._applications, listing, query.page * query.size, query.size)

    def one(self, application_id: str) -> Record:
        with self.lock:
            if application_id not in self._applications:
                raise Refused(404, "NOT_FOUND", "no such application")
            return self._applications[application_id]


def _routes(immomio: Immomio) -> APIRouter:
    router = APIRouter()
    bearer = Security(HTTPBearer(auto_error=False, description="checked before the handlers"))

    @router.post("/auth/token", responses=_errors(400, 401, 429))
    async def token(credentials: TokenIn) -> TokenOut:
        if (credentials.username, credentials.password) != (immomio.login, immomio.password):
            raise Refused(401, "UNAUTHORIZED", "wrong user or password")
        seconds = immomio.options.token_seconds
        return TokenOut(accessToken=immomio.tokens.issue(seconds), tokenType="Bearer", expiresIn=int(seconds))

    @router.get(
        "/v1/applications",
        response_model=ApplicationPage,
        responses=_errors(400, 401, 429),
        dependencies=[bearer],
    )
    async def applications(query: Annotated[ApplicationsQuery, Query()]) -> Response:
        content, total = immomio.find(query)
        page = {
            "number": query.page,
            "size": query.size,
            "totalElements": total,
            "totalPages": -(-total // query.size),
        }
        return JSONResponse({"content": content, "page": page})

    @router.get(
        "/v1/applications/{application_id}",
        response_model=Application,
        responses=_errors(400, 401, 404, 429),
        dependencies=[bearer],
    )
    async def application(application_id: str) -> Response:
        return JSONResponse(immomio.one(application_id))

    @router.get("/", include_in_schema=False)
    async def page() -> Response:
        return partner_page("Immomio", immomio.counts(), [_applicant(one) for one in immomio.applications])

    return router


def _applicant(application: Record) -> dict[str, Any]:
    person = application["mainTenant"]
    return {
        "id": application["id"],
        "status": application["status"],
        "unit": application["property"]["externalId"],
        "first name": person["firstname"],
        "last name": person["lastname"],
        "updated": application["updatedAt"],
    }
