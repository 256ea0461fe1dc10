"""
EverReal, as in its contract (``docs/contracts.md``). The GraphQL part is in ``everreal_schema.py``.

Published: a refused log-in is 403 ``invalid_grant``. Assumed beyond the contract:

* A wrong password and a refresh token that has ended are refused like an unknown user.
* A wrong client is 401 ``invalid_client``, a malformed request for a token 400 ``invalid_request`` (RFC 6749).
* A refresh returns the same refresh token; the option ``rotate_refresh_tokens`` makes it return a new one.
* Errors outside of GraphQL and log-in are ``{"statusCode", "message"}``.
* A GraphQL request that is rejected as a whole returns HTTP 400; the option ``refused_query_status`` changes it to 200.
* ``take`` is 100 and ``skip`` 0 unless given. Without a ``sort`` records come in the order of their arrival.
* Candidates and contracts are sorted by ``updatedAt`` or ``createdAt``, units cannot be sorted.
* ``from`` and ``to`` are days in UTC and are compared with ``updatedAt``.
* A contract's ``units`` are those of its candidate's listing unless given.
* ``units`` lists the units of all listings and contracts.
* The fields of ``CandidateStatuses`` and ``CandidateDisabledReason`` are null, because none is published.
"""

import uuid
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal

from fastapi import APIRouter, Request, Security
from fastapi.security import HTTPBearer
from pydantic import Field
from starlette.responses import JSONResponse, Response

from include.sandbox.common import Refused, now, own_fault
from include.sandbox.everreal_models import (
    GraphQLIn,
    GraphQLOut,
    GraphQLRefused,
    OAuthProblem,
    PasswordGrant,
    Problem,
    RefreshGrant,
    TokenIn,
    TokenOut,
    errors,
    whole_applications,
    whole_candidate,
    whole_contract,
)
from include.sandbox.everreal_schema import INTERNAL_ERROR, ListRequest, Refusal, respond
from include.sandbox.pages import partner_page
from include.sandbox.partner import Partner, PartnerOptions, Record, Records, When, given

MOST_REFRESH_TOKENS = 50


class EverRealOptions(PartnerOptions):
    """A token lives for an hour, 300 requests a minute."""

    per_minute: int | None = Field(default=300, ge=0)
    refused_query_status: Literal[200, 400] = Field(
        default=400, description="HTTP status of a GraphQL request that is refused as a whole"
    )
    introspection: bool = Field(default=True, description="whether the schema can be asked for")
    rotate_refresh_tokens: bool = Field(
        default=False, description="each refresh returns a new refresh token and ends the old one"
    )
    broken_records: dict[str, str | None] = Field(
        default={}, description="id -> the field that fails; null: the whole record fails"
    )


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
        """Store a candidate in the form of the contract; missing fields get plain values. Return its id."""
        with self.lock:
            return str(self._candidates.put(whole_candidate(candidate, now()))["id"])

    def add_contract(self, contract: Record) -> str:
        """Store a contract; its ``candidate`` is a stored candidate's id or a dict with that ``id``."""
        candidate = contract.get("candidate")
        candidate_id = candidate.get("id") if isinstance(candidate, dict) else candidate
        with self.lock:
            if candidate_id is not None and candidate_id not in self._candidates:
                raise ValueError("the contract's candidate is not stored")
            return str(self._contracts.put(whole_contract(contract, candidate_id, now()))["id"])

    def update_candidate(self, candidate_id: str, **changes: Any) -> None:
        """Change fields of a candidate; ``updatedAt`` is now unless given."""
        with self.lock:
            self._candidates.change(candidate_id, changes | whole_applications(candidate_id, changes))

    def update_contract(self, contract_id: str, **changes: Any) -> None:
        """Change fields of a contract; ``updatedAt`` is now unless given."""
        with self.lock:
            self._contracts.change(contract_id, changes)

    def sign_contract(self, contract_id: str, updated_at: When = None) -> None:
        """Let both sides sign the contract."""
        self._set_status(contract_id, "SIGNED", updated_at)

    def cancel_contract(self, contract_id: str, updated_at: When = None) -> None:
        """Cancel the contract; it stays in the lists."""
        self._set_status(contract_id, "CANCELLED", updated_at)

    def redraw_contract(self, contract_id: str, status: str = "SIGNED", updated_at: When = None) -> str:
        """Add a contract for the same candidate and units; the old one does not change. Return the new id."""
        with self.lock:
            old = self._stored(self._contracts, contract_id)
            kept = {name: old[name] for name in old if name not in ("id", "createdAt", "updatedAt")}
            return self.add_contract({**kept, "status": status, **given(updated_at)})

    def change_units(self, contract_id: str, units: list[str], updated_at: When = None) -> None:
        """Change the units of a contract; ``units``: their numbers as in EverReal."""
        with self.lock:
            self._stored(self._contracts, contract_id)
            listed = [{"id": str(uuid.uuid5(uuid.NAMESPACE_URL, one)), "objectId": one} for one in units]
            self.update_contract(contract_id, units=listed, **given(updated_at))

    def remove_contract(self, contract_id: str) -> None:
        """Remove a contract as ``removeContract`` does: it is in no list any more (published)."""
        with self.lock:
            self._stored(self._contracts, contract_id)
            self._contracts.delete(contract_id)

    def disable_candidate(self, candidate_id: str, updated_at: When = None) -> None:
        """Disable the candidate; the ``updatedAt`` of its contracts does not change (assumed)."""
        with self.lock:
            self._stored(self._candidates, candidate_id)
            self.update_candidate(candidate_id, isDisabled=True, **given(updated_at))

    def actions(self) -> dict[str, Callable[..., Any]]:
        contracts = (self.sign_contract, self.cancel_contract, self.redraw_contract, self.change_units)
        return {one.__name__: one for one in (*contracts, self.remove_contract, self.disable_candidate)}

    def _set_status(self, contract_id: str, status: str, updated_at: When) -> None:
        with self.lock:
            self._stored(self._contracts, contract_id)
            self.update_contract(contract_id, status=status, **given(updated_at))

    def _stored(self, records: Records, record_id: str) -> Record:
        if record_id not in records:
            raise Refused(404, "unknown_record", "there is no such record")
        return records[record_id]

    def break_record(self, record_id: str, field: str | None = None) -> None:
        """Let a field of a record fail in every answer, or the whole record; its id is that of any stored object."""
        self.options.broken_records = {**self.options.broken_records, record_id: field}

    def restore_records(self) -> None:
        """Remove all errors of records."""
        self.options.broken_records = {}

    def revoke_refresh_tokens(self) -> None:
        """End all refresh tokens."""
        with self.lock:
            self._refresh_tokens.clear()

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
        """Return the valid refresh tokens, oldest first."""
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
            code = "invalid_request" if refused.code == self.malformed[1] else refused.code.lower()
            body = {"error": code, "error_description": refused.text}
        else:
            body = {"statusCode": refused.status, "message": refused.text}
        return JSONResponse(body, refused.status, headers=refused.headers)

    def limit_reached(self, seconds: int) -> Refused:
        # The contract names no Retry-After: the answer's X-RateLimit-Reset says how long to wait.
        headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(seconds)}
        return Refused(429, "TOO_MANY_REQUESTS", "limit reached", headers)

    def response_headers(self) -> dict[str, str]:
        if self.options.per_minute is None:
            return {}
        with self.lock:
            left, seconds = self.limit_state()
        return {
            "X-RateLimit-Limit": str(self.options.per_minute),
            "X-RateLimit-Remaining": str(left),
            "X-RateLimit-Reset": str(seconds),
        }

    def grant(self, order: PasswordGrant | RefreshGrant) -> TokenOut:
        """Respond to a request for a token."""
        if (order.client_id, order.client_secret) != self.client:
            raise Refused(401, "invalid_client", "unknown client")
        with self.lock:
            refresh_token = self._log_in(order) if isinstance(order, PasswordGrant) else self._refresh(order)
        seconds = self.options.token_seconds
        return TokenOut(
            access_token=self.tokens.issue(seconds),
            refresh_token=refresh_token,
            expires_in=int(seconds),
            token_type="Bearer",  # noqa: S106 - the word, not a token
        )

    def _log_in(self, order: PasswordGrant) -> str:
        if (order.username, order.password) != (self.login, self.password):
            raise _log_in_refused()
        return self._new_refresh_token()

    def _refresh(self, order: RefreshGrant) -> str:
        if order.refresh_token not in self._refresh_tokens:
            raise _log_in_refused()
        if not self.options.rotate_refresh_tokens:
            return order.refresh_token
        self._refresh_tokens.remove(order.refresh_token)
        return self._new_refresh_token()

    def _new_refresh_token(self) -> str:
        self._refresh_tokens.append(str(uuid.uuid4()))  # at most 50; the oldest one is removed
        return self._refresh_tokens[-1]

    def response(self, order: GraphQLIn, partial: bool = False) -> dict[str, Any]:
        """Return the body for a GraphQL request; ``partial``: every second record is missing, with an error."""
        with self.lock:
            body = respond(
                self, order.query, order.variables, order.operationName, self.options.introspection
            )
        if not partial or isinstance(body, Refusal):
            return body
        for key, rows in body["data"].items():
            if isinstance(rows, list):
                rows[1::2] = [None] * len(rows[1::2])
                body.setdefault("errors", []).append({"message": INTERNAL_ERROR, "path": [key]})
        return body

    def broken_records(self) -> Mapping[str, str | None]:
        return self.options.broken_records

    def list_records(self, request: ListRequest) -> list[Any]:
        if request.name == "units":
            return self._units()[request.skip :][: request.take]
        records = self._contracts if request.name == "contracts" else self._candidates
        fits = _chosen(request.filter)
        page, _ = self.page(
            records,
            lambda: records.select(fits, request.by, request.descending),
            request.skip,
            request.take,
        )
        return [self._whole(row) for row in page] if request.name == "contracts" else page

    def _units(self) -> list[Any]:
        """All units, each once."""
        units = [(one.get("listing") or {}).get("unit") for one in self._candidates]
        units += [unit for contract in self._contracts for unit in contract["units"] or ()]
        return list({unit.get("id"): unit for unit in units if isinstance(unit, dict)}.values())

    def _whole(self, contract: Record) -> Record:
        """A contract with its candidate in full, and the units of its listing."""
        candidate = self._candidates[contract["candidate"]] if contract["candidate"] else None
        unit = ((candidate or {}).get("listing") or {}).get("unit")
        units = contract["units"] if contract["units"] is not None else [unit] if unit else []
        return {**contract, "candidate": candidate, "units": units}


def _log_in_refused() -> Refused:
    """Published for a user who does not exist; assumed for a wrong password and for a refresh token that ended."""
    return Refused(403, "invalid_grant", "heimdall.validation.user.does.not.exist")


def _chosen(wanted: Mapping[str, Any]) -> Callable[[Record, datetime], bool]:
    """Looked at once for each of thousands of records, so what is asked for is prepared before."""
    asked = [(name, value) for name, value in wanted.items() if not isinstance(value, date)]
    start = datetime.combine(wanted["from"], time(), UTC) if "from" in wanted else None
    end = datetime.combine(wanted["to"], time(), UTC) + timedelta(days=1) if "to" in wanted else None

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

    @router.post("/accounts/oauth/token", responses=errors(OAuthProblem, 400, 401, 403, 429))
    async def token(order: TokenIn) -> TokenOut:
        return everreal.grant(order)

    @router.post(
        "/api/reporting/graphql",
        response_model=GraphQLOut,
        responses=errors(GraphQLRefused | Problem, 400) | errors(Problem, 401, 429),
        dependencies=[bearer],
    )
    async def graphql(order: GraphQLIn, request: Request) -> Response:
        body = everreal.response(order, partial=own_fault(request, "graphql_partial") is not None)
        refused = everreal.options.refused_query_status if isinstance(body, Refusal) else 200
        return JSONResponse(body, refused)

    @router.get("/", include_in_schema=False)
    async def page() -> Response:
        return partner_page("EverReal", everreal.counts(), [_applicant(one) for one in everreal.candidates])

    return router


def _applicant(candidate: Record) -> dict[str, Any]:
    unit = (candidate.get("listing") or {}).get("unit") or {}
    return {
        "id": candidate["id"],
        "unit": unit.get("externalId"),
        "first name": candidate.get("firstName"),
        "last name": candidate.get("lastName"),
        "disabled": "yes" if candidate.get("isDisabled") else "",
        "updated": candidate.get("updatedAt"),
    }
