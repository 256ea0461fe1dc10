"""The GraphQL queries that this package sends, and their variables.

A test validates queries and variables against the published ``everreal.graphql``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Direction = Literal["ASC", "DESC"]

_CANDIDATE_FIELDS = """
    id email firstName lastName companyContactId isDisabled createdAt updatedAt
    applications { id email isMainCandidate applicationDataString }
    listing { unit { id objectId externalId } }
"""


@dataclass(frozen=True)
class ListQuery:
    """A query for one page of a list.

    :param name: the list's field of ``Query``, which is also its name in the response.
    :param document: the query with the one variable ``$input``.
    """

    name: str
    document: str


CANDIDATES = ListQuery(
    "candidates",
    f"""
query Candidates($input: CandidatesFilterListPaging) {{
  candidates(input: $input) {{ {_CANDIDATE_FIELDS} }}
}}""",
)
CONTRACTS = ListQuery(
    "contracts",
    f"""
query Contracts($input: ContractsFilterListPaging) {{
  contracts(input: $input) {{
    id status startDate createdAt updatedAt
    units {{ id objectId externalId }}
    candidate {{ {_CANDIDATE_FIELDS} }}
  }}
}}""",
)


def by_id_variables(contract_id: str) -> dict[str, Any]:
    """Return the variables that filter the list of contracts by id (published).

    Two records are requested, so that a server that ignores the filter is noticed.
    """
    return {"input": {"filter": {"id": contract_id}, "paging": {"skip": 0, "take": 2}}}


def page_variables(skip: int, take: int, direction: Direction) -> dict[str, Any]:
    """Return the variables of a page of a list, sorted by the time of the last change.

    The contracts' filter by ``from`` and ``to`` is not used: it is not published which field they compare, and a wrong
    assumption would return an empty list without an error.

    :param skip: number of records to skip.
    :param take: maximum number of records; above 100 EverReal returns 100 (assumed).
    """
    return {
        "input": {
            "paging": {"skip": skip, "take": take},
            "sort": {"fieldName": "updatedAt", "direction": direction},
        }
    }
