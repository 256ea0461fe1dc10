"""Mietblick as a local server, on the sandbox's base, which brings tokens, limits and faults.

Its interface: ``POST /api/anmeldung`` gives a token for ten minutes; ``GET /api/bewerbungen?stand=…&ab=…&vor=…&seite=0``
gives a hundred applications of those that changed in ``[ab, vor)``, oldest change first, and how many there are;
``GET /api/bewerbungen/{nr}`` gives one. Errors are ``{"fehler": CODE}``. At most 60 requests a minute.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query
from pydantic import AwareDatetime, Field
from starlette.responses import JSONResponse, Response

from include.sandbox.common import Refused
from include.sandbox.partner import Partner, PartnerOptions, Record, Records

PAGE_SIZE = 100


class MietblickOptions(PartnerOptions):
    token_seconds: float = Field(default=600, ge=0)
    per_minute: int | None = Field(default=60, ge=0)


# guide: system
class Mietblick(Partner):
    """The letting platform Mietblick."""

    name = "mietblick"
    login, password = "verwalter", "sandbox-mietblick"
    token_path = "/api/anmeldung"
    options: MietblickOptions

    def __init__(self) -> None:
        super().__init__(MietblickOptions())
        self.clear_records()
        self.app.include_router(_routes(self))

    def clear_records(self) -> None:
        self._applications = Records()

    def error(self, refused: Refused, path: str) -> Response:
        return JSONResponse({"fehler": refused.code}, refused.status, headers=refused.headers)

    def add(self, updated: datetime, **application: Any) -> str:
        """Store an application that changed at this time; returns its number."""
        with self.lock:
            record = {"id": str(uuid.uuid4()), "createdAt": updated, "updatedAt": updated, **application}
            return str(self._applications.put(record)["id"])

    def touch(self, number: str, updated: datetime) -> None:
        """Change an application at this time."""
        with self.lock:
            self._applications.change(number, {"updatedAt": updated})
            # guide: end

    def find(self, status: str, since: datetime, until: datetime, number: int) -> tuple[list[Record], int]:
        """A page of the applications, and how many there are."""

        def fits(record: Record, updated: datetime) -> bool:
            return record["stand"] == status and since <= updated < until

        with self.lock:
            found = self._applications.select(fits, "updatedAt")
        return [_written(one) for one in found[number * PAGE_SIZE :][:PAGE_SIZE]], len(found)

    def one(self, number: str) -> Record:
        with self.lock:
            if number not in self._applications:
                raise Refused(404, "UNBEKANNT")
            return _written(self._applications[number])


def _written(record: Record) -> Record:
    """A record in Mietblick's own words."""
    own = {name: value for name, value in record.items() if name not in ("id", "createdAt", "updatedAt")}
    return {"nr": record["id"], "geaendert": record["updatedAt"], **own}


def _routes(mietblick: Mietblick) -> APIRouter:
    router = APIRouter(prefix="/api")

    @router.post("/anmeldung")
    async def log_in(who: Annotated[dict[str, Any], Body()]) -> Response:
        if who != {"benutzer": mietblick.login, "kennwort": mietblick.password}:
            raise Refused(401, "KENNWORT")
        seconds = mietblick.options.token_seconds
        return JSONResponse({"token": mietblick.tokens.issue(seconds), "sekunden": seconds})

    @router.get("/bewerbungen")
    async def applications(
        stand: str, ab: AwareDatetime, vor: AwareDatetime, seite: Annotated[int, Query(ge=0)]
    ) -> Response:
        found, count = mietblick.find(stand, ab, vor, seite)
        return JSONResponse({"bewerbungen": found, "anzahl": count})

    @router.get("/bewerbungen/{number:path}")
    async def application(number: str) -> Response:
        return JSONResponse(mietblick.one(number))

    return router
