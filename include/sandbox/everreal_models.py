"""EverReal's types as GraphQL shows them, and the bodies of its requests and answers."""

from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

MOST_TAKEN = 100

FLAGS = (
    "isNewCandidate",
    "isNewApplicant",
    "isSharedApplicant",
    "isToDo",
    "isInvited",
    "isScheduled",
    "isApplicant",
    "isDisabled",
    "isPendingCandidate",
)


def _scalars(names: str) -> dict[str, str | None]:
    return dict.fromkeys(names.split())


SCHEMA: dict[str, dict[str, str | None]] = {
    "Candidate": _scalars(
        "id email firstName lastName fullName companyContactId listingId rating notes candidateSource "
        "disabledReason statuses createdAt updatedAt " + " ".join(FLAGS)
    )
    | {"applications": "Application", "listing": "Listing"},
    "Application": _scalars("id candidateId email userId isMainCandidate applicationDataString")
    | {"applicationData": "applicationData"},
    "applicationData": _scalars(
        "email dateOfBirth phoneNumber cellPhoneNumber salutation desiredStartDate firstName lastName"
    )
    | {"address": "address"},
    "address": _scalars("streetName streetNumber zip city country"),
    "Listing": _scalars("id title") | {"unit": "Unit", "property": "Property"},
    "Unit": _scalars("id objectId name"),
    "Property": _scalars("id objectId name"),
    "Contract": _scalars(
        "id startDate endDate contractFlowType status tenantFullNames contractData createdAt updatedAt"
    )
    | {"candidate": "Candidate", "units": "Unit", "tenants": "Tenant"},
    "Tenant": _scalars("id email firstName lastName"),
}
ROOTS = {"candidates": "Candidate", "contracts": "Contract"}


class _Input(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Paging(_Input):
    take: int = Field(default=MOST_TAKEN, ge=1)
    skip: int = Field(default=0, ge=0)


class Sort(_Input):
    field: str = Field(pattern="^(updatedAt|createdAt)$")
    direction: str = Field(default="ASC", pattern="^(ASC|DESC)$")


class ContractFilter(_Input):
    id: str | None = None
    companyId: str | None = None
    propertyGroupId: str | None = None
    propertyId: str | None = None
    status: str | None = None
    from_: date | None = Field(default=None, alias="from")
    to: date | None = None


class CandidatesInput(_Input):
    paging: Paging = Field(default_factory=Paging)
    sort: Sort | None = None


class ContractsInput(CandidatesInput):
    filter: ContractFilter = Field(default_factory=ContractFilter)


class TokenIn(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    client_id: str
    client_secret: str
    grant_type: str
    username: str | None = None
    password: str | None = None
    scope: str | None = None
    refresh_token: str | None = None


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


class GraphQLOut(BaseModel):
    data: dict[str, list[dict[str, Any] | None]] | None = None
    errors: list[dict[str, Any]] = []


class OAuthProblem(BaseModel):
    error: str
    error_description: str


class Problem(BaseModel):
    statusCode: int
    message: str


def errors(model: type[BaseModel], *codes: int) -> dict[int | str, dict[str, Any]]:
    return {code: {"model": model} for code in codes}
