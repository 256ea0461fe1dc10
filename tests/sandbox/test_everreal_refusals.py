"""EverReal refuses what its published types do not know; messages are compared with those of graphql-core."""

from typing import Any

import pytest
from graphql import build_client_schema, get_introspection_query, print_schema

from include.sandbox import Sandbox
from include.sandbox.everreal_schema import LONGEST_QUERY, schema

from .clients import GRAPHQL, Client, ask

VARIABLE = "query($input:ContractsFilterListPaging!){contracts(input:$input){id}}"


def refused(everreal: Client, query: str, **variables: Any) -> list[dict[str, Any]]:
    """The errors of a request that is refused as a whole."""
    response = everreal("POST", GRAPHQL, json={"query": query, "variables": variables})
    assert response.status_code == 400
    assert set(response.json()) == {"errors"}
    errors: list[dict[str, Any]] = response.json()["errors"]
    return errors


@pytest.mark.parametrize(
    ("query", "column", "message"),
    [
        ("{candidates{id nope}}", 16, "Cannot query field 'nope' on type 'Candidate'. Did you mean 'notes'?"),
        ("{people{id}}", 2, "Cannot query field 'people' on type 'Query'."),
        (
            "{candidates{listing}}",
            13,
            "Field 'listing' of type 'Listing' must have a selection of subfields. Did you mean 'listing { ... }'?",
        ),
        (
            "{candidates{applications{applicationData}}}",
            26,
            "Field 'applicationData' of type 'ApplicationData' must have a selection of subfields."
            " Did you mean 'applicationData { ... }'?",
        ),
        (
            "{candidates{applications{applicationData{dateOfBirth}}}}",
            42,
            "Cannot query field 'dateOfBirth' on type 'ApplicationData'.",
        ),
        (
            "{candidates{id{x}}}",
            15,
            "Field 'id' must not have a selection since type 'String' has no subfields.",
        ),
        ("{candidates{}}", 13, "Syntax Error: Expected Name, found '}'."),
        (
            "{candidates(input:{filter:{from:1}}){id}}",
            20,
            "Expected value of type 'CandidatesFilterListPaging' not to include unknown field 'filter',"
            " found: { filter: { from: 1 } }.",
        ),
        (
            '{contracts(input:{sort:{field:"updatedAt"}}){id}}',
            25,
            "Expected value of type 'GraphSorting' not to include unknown field 'field', found:"
            ' { field: "updatedAt" }.',
        ),
        (
            '{contracts(input:{paging:{take:"x"}}){id}}',
            32,
            'Int cannot represent non-integer value: "x"',
        ),
        (
            "{contracts(input:{sort:{direction:DESC}}){id}}",
            35,
            "String cannot represent a non string value: DESC",
        ),
        ("{contracts(filter:{id:1}){id}}", 12, "Unknown argument 'filter' on field 'Query.contracts'."),
        ("query($input:X!){candidates(input:$input){id}}", 14, "Unknown type 'X'."),
        (
            "query($input:ContractsFilterListPaging){candidates(input:$input){id}}",
            7,
            "Variable '$input' of type 'ContractsFilterListPaging' used in position expecting type"
            " 'CandidatesFilterListPaging'.",
        ),
        ("query{contracts(input:$input){id}}", 23, "Variable '$input' is not defined."),
        ("{contracts{...Nobody}}", 15, "Unknown fragment 'Nobody'."),
        ("{contracts{id @nothing}}", 15, "Unknown directive '@nothing'."),
        ("{candidates{id}", 16, "Syntax Error: Expected Name, found <EOF>."),
        ("", 1, "Syntax Error: Unexpected <EOF>."),
        ("mutation{x}", 1, "The mutation operation is not supported by the schema."),
        ("subscription{x}", 1, "The subscription operation is not supported by the schema."),
        ("{candidates" * 300, 2201, "Syntax Error: Document is nested too deeply. Parsing aborted."),
        (
            "{candidates{" + "id " * 2_000 + "}}",
            6004,
            "Syntax Error: Document contains more than 2000 tokens. Parsing aborted.",
        ),
        (
            "#" + "x" * LONGEST_QUERY,
            20_001,
            "Syntax Error: Source contains more than 20000 code points. Parsing aborted.",
        ),
    ],
)
def test_a_query_that_is_not_valid(everreal: Client, query: str, column: int, message: str) -> None:
    error, *_ = refused(everreal, query)

    assert error["message"] == message
    assert error["locations"][0] == {"line": 1, "column": column}
    assert "path" not in error


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"sort": {"field": "updatedAt"}}, " at .sort: Expected value of type 'GraphSorting' not to include unknown field 'field', found: {'field': 'updatedAt'}."),
        ({"paging": {"take": "100"}}, " at .paging.take: Int cannot represent non-integer value: '100'"),
        ({"paging": {"take": 1.5}}, " at .paging.take: Int cannot represent non-integer value: 1.5"),
        ({"filter": {"from": "01.02.2026"}}, " at .filter.from: Date cannot represent a value that is not an ISO 8601 day: '01.02.2026'"),
        ({"filter": {"from": "2026-02-30"}}, " at .filter.from: Date cannot represent a value that is not an ISO 8601 day: '2026-02-30'"),
        ({"filter": {"to": "2026-02-01T00:00:00Z"}}, " at .filter.to: Date cannot represent a value that is not an ISO 8601 day: '2026-02-01T00:00:00Z'"),
        ({"filter": {"to": 20260201}}, " at .filter.to: Date cannot represent a value that is not an ISO 8601 day: 20260201"),
        ([], ": Expected value of type 'ContractsFilterListPaging' to be an object, found: []."),
        (None, ": Expected value of non-null type 'ContractsFilterListPaging!' not to be None."),
    ],
)  # fmt: skip
def test_a_variable_that_does_not_fit(everreal: Client, value: Any, message: str) -> None:
    errors = refused(everreal, VARIABLE, input=value)

    assert errors == [
        {
            "message": f"Variable '$input' has invalid value{message}",
            "locations": [{"line": 1, "column": 7}],
        }
    ]


def test_a_variable_or_an_operation_that_is_missing(everreal: Client) -> None:
    assert refused(everreal, VARIABLE)[0]["message"] == (
        "Variable '$input' has invalid value: Expected a value of non-null type"
        " 'ContractsFilterListPaging!' to be provided."
    )
    assert refused(everreal, "query A{__typename} query B{__typename}") == [
        {"message": "Must provide operation name if query contains multiple operations."}
    ]
    response = everreal("POST", GRAPHQL, json={"query": "query A{__typename}", "operationName": "B"})
    assert response.json() == {"errors": [{"message": "Unknown operation named 'B'."}]}


def test_a_day_in_the_query_is_checked_as_well(everreal: Client) -> None:
    (error,) = refused(everreal, '{contracts(input:{filter:{from:"1.2.2026"}}){id}}')

    assert error["message"] == ("Date cannot represent a value that is not an ISO 8601 day: '1.2.2026'")
    assert ask(everreal, '{contracts(input:{filter:{from:"2026-02-01"}}){id}}') == {"data": {"contracts": []}}


@pytest.mark.parametrize("status", [400, 200])
def test_the_status_of_a_refused_query_can_be_set(box: Sandbox, everreal: Client, status: int) -> None:
    """Both occur (published); there is no ``data`` either way."""
    box.everreal.options.refused_query_status = status  # type: ignore[assignment]

    response = everreal("POST", GRAPHQL, json={"query": "{candidates{nope}}"})

    assert response.status_code == status
    assert set(response.json()) == {"errors"}


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ('sort:{fieldName:"name",direction:"ASC"}', ".sort.fieldName: Expected 'updatedAt' or 'createdAt', found: 'name'."),
        ('sort:{direction:"ASC"}', ".sort.fieldName: Expected 'updatedAt' or 'createdAt', found: null."),
        ('sort:{fieldName:"updatedAt",direction:"desc"}', ".sort.direction: Expected 'ASC' or 'DESC', found: 'desc'."),
        ('sort:{fieldName:"updatedAt"}', ".sort.direction: Expected 'ASC' or 'DESC', found: null."),
        ("paging:{take:-1}", ".paging.take: Expected a number that is not negative, found: -1."),
        ("paging:{skip:-1}", ".paging.skip: Expected a number that is not negative, found: -1."),
    ],
)  # fmt: skip
def test_what_the_types_cannot_say_is_an_error_of_the_list(
    everreal: Client, argument: str, message: str
) -> None:
    """The query is valid, so its execution fails: ``data`` beside an error with a path."""
    response = ask(everreal, f"{{contracts(input:{{{argument}}}){{id}} candidates{{id}}}}")

    assert response["data"] == {"contracts": None, "candidates": []}
    assert response["errors"] == [
        {
            "message": f"Argument 'input' has invalid value at {message}",
            "locations": [{"line": 1, "column": 2}],
            "path": ["contracts"],
        }
    ]


def test_units_cannot_be_sorted(everreal: Client) -> None:
    response = ask(everreal, '{units(input:{sort:{fieldName:"name",direction:"ASC"}}){id}}')

    assert response["errors"][0]["path"] == ["units"]


def test_the_schema_can_be_asked_for(everreal: Client) -> None:
    """The answer is the published schema, whole."""
    found = build_client_schema(ask(everreal, get_introspection_query())["data"])

    assert print_schema(found) == print_schema(schema()).replace("\n\n\n", "\n\n")


def test_introspection_can_be_switched_off(box: Sandbox, everreal: Client) -> None:
    box.everreal.options.introspection = False

    errors = refused(everreal, "{__schema{queryType{name}}}")

    assert errors[0]["message"] == (
        "GraphQL introspection has been disabled, but the requested query contained the field '__schema'."
    )
    assert ask(everreal, "{__typename candidates{__typename}}")["data"] == {
        "__typename": "Query",
        "candidates": [],
    }


@pytest.mark.parametrize(
    "body",
    [
        {"query": 1},
        {"variables": {}},
        {"query": "{candidates{id}}", "extensions": {}},
        {"query": "{candidates{id}}", "variables": []},
        [],
    ],
)
def test_a_body_that_is_no_graphql_request(everreal: Client, body: Any) -> None:
    response = everreal("POST", GRAPHQL, json=body)

    assert response.status_code == 400
    assert set(response.json()) == {"statusCode", "message"}
