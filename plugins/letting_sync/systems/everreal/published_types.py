"""A customer's EverReal schema beside the published types (``everreal.graphql``), as far as our queries use them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from graphql import (
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    build_client_schema,
    build_schema,
    get_introspection_query,
    is_input_object_type,
    is_object_type,
    parse,
    validate,
)
from graphql.execution.values import get_variable_values

from letting_sync.systems.everreal.queries import (
    CANDIDATES,
    CONTRACTS,
    ListQuery,
    by_id_variables,
    page_variables,
)

PUBLISHED = Path(__file__).with_name("everreal.graphql")
INTROSPECTION = get_introspection_query(descriptions=False)


def differences(introspection: Any) -> list[str]:
    """Say where a schema would refuse or answer otherwise what we ask; a sentence each, none if it would not.

    :param introspection: ``data`` of the response to :data:`INTROSPECTION`.
    """
    try:
        theirs = build_client_schema(introspection)
    except (TypeError, KeyError, ValueError, AttributeError, GraphQLError):
        return ["the description of the schema cannot be read"]
    asked = (
        (CANDIDATES, page_variables(0, 1, "DESC")),
        (CONTRACTS, page_variables(0, 1, "DESC")),
        (CONTRACTS, by_id_variables("1")),
    )
    found = [sentence for query, variables in asked for sentence in _refusals(theirs, query, variables)]
    published = build_schema(PUBLISHED.read_text(encoding="utf-8"))
    return list(dict.fromkeys(found)) or list(_other_types(published, theirs))


def _refusals(schema: GraphQLSchema, query: ListQuery, variables: dict[str, Any]) -> Iterator[str]:
    """What the schema has against a query with its variables."""
    document = parse(query.document)
    errors = validate(schema, document)
    if not errors:
        (operation,) = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
        values = get_variable_values(schema, operation.variable_definitions or (), variables)
        errors = values if isinstance(values, list) else []
    yield from (f"{query.name}: {error.message}" for error in errors)


def _other_types(published: GraphQLSchema, theirs: GraphQLSchema) -> Iterator[str]:
    """Fields that our queries ask for and that have another type than published."""
    asked = set(f"{CANDIDATES.document} {CONTRACTS.document}".replace("{", " ").replace("}", " ").split())
    for name, ours in published.type_map.items():
        other = theirs.type_map.get(name)
        if name.startswith("__") or not (is_object_type(ours) or is_input_object_type(ours)) or other is None:
            continue
        for field, expected in ours.fields.items():
            found = getattr(other, "fields", {}).get(field)
            if field in asked and found and _shape(found.type) != _shape(expected.type):
                yield f"{name}.{field} is {found.type} instead of {expected.type}"


def _shape(of_type: Any) -> str:
    """A type as it is written, whether or not it may be null."""
    return str(of_type).replace("!", "")
