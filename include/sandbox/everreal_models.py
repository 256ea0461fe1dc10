"""The bodies of EverReal's requests and responses, and its stored records with all published fields."""

import json
import uuid
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from include.sandbox.everreal_schema import boolean_fields, field_names
from include.sandbox.partner import Record
from include.sandbox.render import contact_id


class _Grant(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    client_id: str
    client_secret: str


class PasswordGrant(_Grant):
    """The first log-in. All fields are needed."""

    grant_type: Literal["password"]
    username: str
    password: str
    scope: Literal["offline_access *"]


class RefreshGrant(_Grant):
    """A new access token; the scope may be left out (RFC 6749)."""

    grant_type: Literal["refresh_token"]
    refresh_token: str
    scope: Literal["offline_access *"] = "offline_access *"


def _grant_type(body: Any) -> str:
    return str(body.get("grant_type") if isinstance(body, dict) else getattr(body, "grant_type", None))


TokenIn = Annotated[
    Annotated[PasswordGrant, Tag("password")] | Annotated[RefreshGrant, Tag("refresh_token")],
    Discriminator(
        _grant_type,
        custom_error_type="unsupported_grant_type",
        custom_error_message="grant_type is password or refresh_token",
    ),
]


class TokenOut(BaseModel):
    access_token: str
    refresh_token: str
    expires_in: int
    token_type: str


class GraphQLIn(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    query: str
    variables: dict[str, Any] | None = None
    operationName: str | None = None


class GraphQLIssue(BaseModel):
    """One entry of ``errors``."""

    message: str
    locations: list[dict[str, int]] | None = None
    path: list[str | int] | None = None
    extensions: dict[str, Any] | None = None


class GraphQLOut(BaseModel):
    """``data``, with ``errors`` where fields failed; ``errors`` alone where the request is refused."""

    data: dict[str, Any] | None = None
    errors: list[GraphQLIssue] = Field(default=[])


class GraphQLRefused(BaseModel):
    """A query that cannot be parsed or validated, or variables that do not fit."""

    errors: list[GraphQLIssue] = Field(min_length=1)


class OAuthProblem(BaseModel):
    error: str
    error_description: str


class Problem(BaseModel):
    statusCode: int
    message: str


def errors(model: Any, *codes: int) -> dict[int | str, dict[str, Any]]:
    """Describe the error answers of an operation."""
    return {code: {"model": model} for code in codes}


# --- stored records --------------------------------------------------------------------------------------------


def whole_candidate(given: Record, moment: Any) -> Record:
    """Return a candidate with all published fields; missing ones get plain values."""
    listing = given.get("listing") or {}
    record: Record = {
        **dict.fromkeys(field_names("Candidate")),
        **dict.fromkeys(boolean_fields("Candidate"), False),
        "id": str(uuid.uuid4()),
        "statuses": {},
        "applications": [],
        "listingId": listing.get("id"),
        "companyContactId": contact_id(given.get("email")),
        "updatedAt": moment,
        **given,
    }
    record["createdAt"] = record["createdAt"] or record["updatedAt"]
    record["fullName"] = record["fullName"] or f"{record['firstName']} {record['lastName']}"
    return record | whole_applications(record["id"], record)


def whole_applications(candidate_id: str, record: Record) -> Record:
    """The field ``applications`` of a candidate, if it has one, with all published fields in each application."""
    if not isinstance(record.get("applications"), list):
        return {}
    return {"applications": [_application(candidate_id, one) for one in record["applications"]]}


def _application(candidate_id: str, given: Any) -> Any:
    """An application; ``applicationDataString`` is written from ``applicationData`` unless it is given."""
    if not isinstance(given, dict):
        return given
    data = given.get("applicationData")
    return {
        "id": str(uuid.uuid5(uuid.UUID(int=0), candidate_id)),
        "candidateId": candidate_id,
        "email": None,
        "userId": None,
        "isMainCandidate": True,
        "applicationDataString": None if data is None else json.dumps(data, ensure_ascii=False),
        **given,
    }


def whole_contract(given: Record, candidate_id: str | None, moment: Any) -> Record:
    """Return a contract with all published fields; missing ones get plain values."""
    record: Record = {
        **dict.fromkeys(field_names("Contract")),
        "id": str(uuid.uuid4()),
        "status": "SIGNED",
        "contractFlowType": "ELECTRONIC_SIGNATURE_V2",
        "updatedAt": moment,
        **given,
        "candidate": candidate_id,
    }
    record["createdAt"] = record["createdAt"] or record["updatedAt"]
    return record
