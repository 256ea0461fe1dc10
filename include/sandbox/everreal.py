"""
EverReal, as its contract has it (``docs/contracts.md``).

Assumed beyond the contract: OAuth errors as in RFC 6749 (wrong client: 401 ``invalid_client``; wrong password or a
refresh token that is gone: 400 ``invalid_grant``); a refresh hands the same refresh token back; other errors are
``{"statusCode", "message"}``; a query that cannot be answered is HTTP 200 with ``errors`` and ``data: null``; ``take`` is 100
and ``skip`` 0 unless given; days of ``from`` and ``to`` are days in UTC; without a ``sort`` records come in the order of
their arrival; a contract's ``units`` are those of its candidate's listing unless given; ``applicationData`` may be taken
as a whole (JSON) or by its fields; a ``property``'s ``objectId`` has the unit's first three parts.
"""

import json
import uuid
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any

from fastapi import APIRouter, Request, Security
from fastapi.security import HTTPBearer
from pydantic import Field
from starlette.responses import JSONResponse, Response

from include.sandbox.common import Refused, now, own_fault
from include.sandbox.everreal_models import (
    FLAGS,
    MOST_TAKEN,
    ROOTS,
    SCHEMA,
    CandidatesInput,
    ContractFilter,
    ContractsInput,
    GraphQLIn,
    GraphQLOut,
    OAuthProblem,
    Problem,
    TokenIn,
    TokenOut,
    errors,
)
from include.sandbox.graphql import GraphQLError, Selection, check, parse, project
from include.sandbox.pages import partner_page
from include.sandbox.partner import Partner, PartnerOptions, Record, Records

MOST_REFRESH_TOKENS = 50


class EverRealOptions(PartnerOptions):
    """A token lives for an hour, 300 requests a minute."""

    per_minute: int | None = Field(default=300, ge=0)


class EverReal(Partner):
    """The letting platform EverReal."""

    name = "everreal"
    login = "api@sandbox.example"
    password = "sandbox-everreal"  # noqa: S105 - the sandbox's own
    client = ("sandbox-client", "sandbox-client-secret")
    token_path = "/accounts/oauth/token"  # noqa: S105 - a path
    special_faults = {"graphql_partial": ("POST", "/api/reporting/graphql")}
    options: EverRealOptions

    def __init__(self) -> None:
        super().__init__(EverRealOptions())
        self._candidates, self._contracts = Records(), Records()
        self._refresh_tokens: deque[str] = deque(maxlen=MOST_REFRESH_TOKENS)
        self.app.include_router(_routes(self))

    def connection_extra(self) -> dict[str, Any]:
        return {"client_id": self.client[0], "client_secret": self.client[1]}

    def clear_records(self) -> None:
        self._candidates, self._contracts = Records(), Records()
        self._refresh_tokens.clear()

    def load(self, world: Any) -> None:
        for candidate in world.everreal_candidates:
            self.add_candidate(candidate)
        for contract in world.everreal_contracts:
            self.add_contract(contract)

    # --- records -------------------------------------------------------------------------------------------

    def add_candidate(self, candidate: Record) -> str:
        """Store a candidate in the contract's shape; what is missing gets a plain value. Returns its id."""
        listing = candidate.get("listing") or {}
        record: Record = {
            **dict.fromkeys(SCHEMA["Candidate"]),
            **dict.fromkeys(FLAGS, False),
            "id": str(uuid.uuid4()),
            "statuses": [],
            "applications": [],
            "listingId": listing.get("id"),
            "updatedAt": now(),
            **candidate,
        }
        record["createdAt"] = record["createdAt"] or record["updatedAt"]
        record["fullName"] = record["fullName"] or f"{record['firstName']} {record['lastName']}"
        record["applications"] = [_application(record["id"], one) for one in record["applications"]]
        with self.lock:
            return str(self._candidates.put(record)["id"])

    def add_contract(self, contract: Record) -> str:
        """Store a contract; its ``candidate`` is a stored candidate's id or a dict with that ``id``."""
        candidate = contract.get("candidate")
        candidate_id = candidate.get("id") if isinstance(candidate, dict) else candidate
        with self.lock:
            if candidate_id is not None and candidate_id not in self._candidates:
                raise ValueError("the contract's candidate is not stored")
            record: Record = {
                **dict.fromkeys(SCHEMA["Contract"]),
                "id": str(uuid.uuid4()),
                "status": "SIGNED",
                "contractFlowType": "DIGITAL",
                "updatedAt": now(),
                **contract,
                "candidate": candidate_id,
            }
            record["createdAt"] = record["createdAt"] or record["updatedAt"]
            return str(self._contracts.put(record)["id"])

    def update_candidate(self, candidate_id: str, **changes: Any) -> None:
        """Change fields of a candidate; ``updatedAt`` is now unless given."""
        with self.lock:
            self._candidates.change(candidate_id, changes)

    def update_contract(self, contract_id: str, **changes: Any) -> None:
        """Change fields of a contract; ``updatedAt`` is now unless given."""
        with self.lock:
            self._contracts.change(contract_id, changes)

    @property
    def candidates(self) -> list[Record]:
        """All candidates, as copies."""
        with self.lock:
            return self._candidates.copies()

    @property
    def contracts(self) -> list[Record]:
        """All contracts, as copies; ``candidate`` is the candidate's id."""
        with self.lock:
            return self._contracts.copies()

    @property
    def refresh_tokens(self) -> list[str]:
        """The refresh tokens that are still good, oldest first."""
        return list(self._refresh_tokens)

    def counts(self) -> dict[str, Any]:
        by_status: dict[str, int] = {}
        with self.lock:
            for contract in self._contracts:
                by_status[contract["status"]] = by_status.get(contract["status"], 0) + 1
            return {
                "candidates": len(self._candidates),
                "disabled": sum(bool(one["isDisabled"]) for one in self._candidates),
                "contracts": len(self._contracts),
                "by_status": by_status,
                "refresh_tokens": len(self._refresh_tokens),
            }

    # --- answers -------------------------------------------------------------------------------------------

    def error(self, refused: Refused, path: str) -> Response:
        body: dict[str, Any]
        if path == self.token_path:
            body = {"error": refused.code.lower(), "error_description": refused.text}
        else:
            body = {"statusCode": refused.status, "message": refused.text}
        return JSONResponse(body, refused.status, headers=refused.headers)

    def limit_reached(self, seconds: int) -> Refused:
        # The contract names no Retry-After: the answer's X-RateLimit-Reset says how long to wait.
        headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(seconds)}
        return Refused(429, "TOO_MANY_REQUESTS", "limit reached", headers)

    def answer_headers(self) -> dict[str, str]:
        if self.options.per_minute is None:
            return {}
        with self.lock:
            left, seconds = self.limit_state()
        return {
            "X-RateLimit-Limit": str(self.options.per_minute),
            "X-RateLimit-Remaining": str(left),
            "X-RateLimit-Reset": str(seconds),
        }

    def grant(self, order: TokenIn) -> TokenOut:
        """Answer a request for a token."""
        if (order.client_id, order.client_secret) != self.client:
            raise Refused(401, "invalid_client", "unknown client")
        with self.lock:
            if order.grant_type == "password":
                if (order.username, order.password) != (self.login, self.password):
                    raise Refused(400, "invalid_grant", "wrong user or password")
                refresh_token = str(uuid.uuid4())
                self._refresh_tokens.append(refresh_token)  # beyond 50 the oldest one falls out
            elif order.grant_type == "refresh_token":
                if order.refresh_token not in self._refresh_tokens:
                    raise Refused(400, "invalid_grant", "refresh token is not known")
                refresh_token = order.refresh_token or ""
            else:
                raise Refused(400, "unsupported_grant_type", "password or refresh_token")
        seconds = self.options.token_seconds
        return TokenOut(
            access_token=self.tokens.issue(seconds),
            refresh_token=refresh_token,
            expires_in=int(seconds),
            token_type="Bearer",  # noqa: S106 - the word, not a token
        )

    def answer(self, order: GraphQLIn, partial: bool = False) -> dict[str, Any]:
        """Answer a GraphQL request; ``partial``: every second record is missing, with an error beside it."""
        data: dict[str, Any] = {}
        errors: list[dict[str, Any]] = []
        try:
            for selection in parse(order.query, order.variables or {}):
                rows = data[selection.key] = self._root(selection)
                for at in range(1, len(rows), 2) if partial else ():
                    rows[at] = None
                if partial:
                    errors.append({"message": "Internal error while resolving", "path": [selection.key]})
        except GraphQLError as error:
            return {"data": None, "errors": [{"message": str(error)}]}
        return {"data": data, "errors": errors} if errors else {"data": data}

    def _root(self, selection: Selection) -> list[Any]:
        type_name = ROOTS.get(selection.name)
        if type_name is None:
            raise GraphQLError(f'Cannot query field "{selection.name}" on type "Query"')
        if not selection.fields or set(selection.arguments) - {"input"}:
            raise GraphQLError(f'"{selection.name}" needs a selection of fields and knows the argument input')
        check(SCHEMA, type_name, selection.fields)
        model = CandidatesInput if type_name == "Candidate" else ContractsInput
        try:
            order = model.model_validate(selection.arguments.get("input") or {})
        except ValueError as error:
            raise GraphQLError(f"input: {error}") from error
        with self.lock:
            if isinstance(order, ContractsInput):
                rows = [self._whole(row) for row in self._rows(self._contracts, order, _chosen(order.filter))]
            else:
                rows = self._rows(self._candidates, order, lambda *_: True)
            return list(project(SCHEMA, type_name, selection.fields, rows))

    def _rows(
        self, records: Records, order: CandidatesInput, fits: Callable[[Record, datetime], bool]
    ) -> list[Record]:
        by = order.sort.field if order.sort else None
        descending = order.sort is not None and order.sort.direction == "DESC"
        take = min(order.paging.take, MOST_TAKEN)
        page, _ = self.page(records, lambda: records.select(fits, by, descending), order.paging.skip, take)
        return page

    def _whole(self, contract: Record) -> Record:
        """A contract with its candidate in full, and the units of its listing."""
        candidate = self._candidates[contract["candidate"]] if contract["candidate"] else None
        unit = ((candidate or {}).get("listing") or {}).get("unit")
        units = contract["units"] if contract["units"] is not None else [unit] if unit else []
        return {**contract, "candidate": candidate, "units": units}


def _application(candidate_id: str, application: Record) -> Record:
    data = application.get("applicationData")
    return {
        "id": str(uuid.uuid5(uuid.UUID(int=0), candidate_id)),
        "candidateId": candidate_id,
        "email": None,
        "userId": None,
        "isMainCandidate": True,
        "applicationDataString": None if data is None else json.dumps(data, ensure_ascii=False),
        **application,
    }


def _chosen(wanted: ContractFilter) -> Callable[[Record, datetime], bool]:
    """Looked at once for each of thousands of records, so what is asked for is prepared before."""
    names = ("id", "status", "companyId", "propertyGroupId", "propertyId")
    asked = [(name, getattr(wanted, name)) for name in names if getattr(wanted, name) is not None]
    start = datetime.combine(wanted.from_, time(), UTC) if wanted.from_ else None
    end = datetime.combine(wanted.to, time(), UTC) + timedelta(days=1) if wanted.to else None

    def fits(record: Record, updated: datetime) -> bool:
        return (
            (start is None or start <= updated)
            and (end is None or updated < end)
            and all(record.get(name) == value for name, value in asked)
        )

    return fits


def _routes(everreal: EverReal) -> APIRouter:
    router = APIRouter()
    bearer = Security(HTTPBearer(auto_error=False, description="checked before the handlers"))

    @router.post("/accounts/oauth/token", responses=errors(OAuthProblem, 400, 401, 429))
    async def token(order: TokenIn) -> TokenOut:
        return everreal.grant(order)

    @router.post(
        "/api/reporting/graphql",
        response_model=GraphQLOut,
        responses=errors(Problem, 400, 401, 429),
        dependencies=[bearer],
    )
    async def graphql(order: GraphQLIn, request: Request) -> Response:
        return JSONResponse(everreal.answer(order, partial=own_fault(request, "graphql_partial") is not None))

    @router.get("/", include_in_schema=False)
    async def page() -> Response:
        return partner_page("EverReal", everreal.counts())

    return router
