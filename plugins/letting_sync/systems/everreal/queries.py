"""The GraphQL queries that this package sends, and their variables: the one place where they are written.

Both validate against ``everreal.graphql`` (published), and so do the variables; a test sees to it.
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
    """Variables that ask the list of contracts for one of them (published: the filter has ``id``).

    Two are asked for, so that a server that passes over the filter is noticed.
    """
    return {"input": {"filter": {"id": contract_id}, "paging": {"skip": 0, "take": 2}}}


def page_variables(skip: int, take: int, direction: Direction) -> dict[str, Any]:
    """Variables of a page of a list, sorted by the time of the last change.

    The contracts' filter by ``from`` and ``to`` is not used: what the two compare with is not published, and a filter
    that means something else would return an empty list without an error.

    :param skip: records to leave out at the beginning.
    :param take: records of the page at most; above 100 EverReal returns 100 (assumed).
    """
    return {
        "input": {
            "paging": {"skip": skip, "take": take},
            "sort": {"fieldName": "updatedAt", "direction": direction},
        }
    }
