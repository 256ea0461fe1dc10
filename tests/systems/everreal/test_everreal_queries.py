"""Every query that is sent, with its variables, is valid by EverReal's published types (``everreal.graphql``)."""

from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLError, OperationDefinitionNode, build_schema, parse, validate
from graphql.execution.values import get_variable_values

from letting_sync.systems import everreal
from letting_sync.systems.everreal import mapping, queries
from letting_sync.systems.everreal.queries import ListQuery, page_variables

SCHEMA = build_schema((Path(everreal.__file__).parent / "everreal.graphql").read_text(encoding="utf-8"))
QUERIES = [value for value in vars(queries).values() if isinstance(value, ListQuery)]


def refusals(document: str, variables: dict[str, Any]) -> list[GraphQLError]:
    """What the reference implementation has against a request."""
    parsed = parse(document)
    if errors := validate(SCHEMA, parsed):
        return errors
    (operation,) = [node for node in parsed.definitions if isinstance(node, OperationDefinitionNode)]
    values = get_variable_values(SCHEMA, operation.variable_definitions or (), variables)
    return values if isinstance(values, list) else []


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)
@pytest.mark.parametrize("direction", ["ASC", "DESC"])
def test_what_is_sent_is_valid_by_the_published_types(query, direction):
    assert refusals(query.document, page_variables(200, 100, direction)) == []
    assert query.name in SCHEMA.query_type.fields


def test_the_check_itself_refuses_what_the_first_version_sent():
    """``sort.field`` and ``applicationData`` without a selection: this is what the vendor's server refuses."""
    document = queries.CONTRACTS.document
    old_sort = {"input": {"sort": {"field": "updatedAt", "direction": "DESC"}}}

    assert "'field'" in refusals(document, old_sort)[0].message
    old = document.replace("applicationDataString", "applicationData")
    assert "must have a selection of subfields" in refusals(old, page_variables(0, 1, "DESC"))[0].message


def test_every_field_that_the_mapping_reads_is_asked_for():
    """A field that is read and not asked for would be missing from every record, without an error."""
    asked = set(queries.CONTRACTS.document.replace("{", " ").replace("}", " ").split())

    def names(known: dict[str, Any]) -> set[str]:
        inner = [names(fields) for name, fields in known.items() if name != "applicationDataString"]
        return set(known).union(*inner)

    read = {name for name in names(mapping._CONTRACT) if not name.startswith("__")}
    assert read <= asked
