"""
EverReal's GraphQL: graphql-core validates and executes queries against the published types.

The types are read from ``plugins/letting_sync/systems/everreal/everreal.graphql`` as a data file; the sandbox imports nothing of the product.
Error messages, ``locations`` and ``path`` are those of graphql-core. Its rules are extended in three places: a selection
set must not be empty, a list can be sorted by certain fields only, and ``skip`` and ``take`` must not be negative.

The types do not refer to each other in a circle, so the depth of a query is limited by them; graphql-core limits the
depth of introspection and of nesting.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Protocol, cast

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLScalarType,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    build_schema,
    execute_sync,
    get_named_type,
    parse,
    specified_rules,
    validate,
)

SCHEMA_FILE = (
    Path(__file__).resolve().parents[2]
    / "plugins"
    / "letting_sync"
    / "systems"
    / "everreal"
    / "everreal.graphql"
)

MOST_TAKEN = 100
LONGEST_QUERY = 20_000
"""Characters of a query (assumed; the query of a standard introspection has about 2,000)."""
MOST_TOKENS = 2_000

SORTED_BY: Mapping[str, tuple[str, ...]] = {
    "candidates": ("updatedAt", "createdAt"),
    "contracts": ("updatedAt", "createdAt"),
    "units": (),
}
DIRECTIONS = ("ASC", "DESC")

INTERNAL_ERROR = "Internal error while resolving"


class Refusal(dict[str, Any]):
    """A response that has ``errors`` and no ``data``: the request is refused as a whole."""


@dataclass
class ListRequest:
    """One field of ``Query`` with its arguments, checked."""

    name: str
    skip: int = 0
    take: int = MOST_TAKEN
    by: str | None = None
    descending: bool = False
    filter: dict[str, Any] = field(default_factory=dict)


class Source(Protocol):
    """Where the records come from."""

    def list_records(self, request: ListRequest) -> list[Any]:
        """Return the records of one page, related records included."""

    def broken_records(self) -> Mapping[str, str | None]:
        """Return the records that fail: id -> the field that fails, None for the whole record."""


def respond(
    source: Source,
    query: str,
    variables: Mapping[str, Any] | None = None,
    operation_name: str | None = None,
    introspection: bool = True,
) -> dict[str, Any]:
    """
    Execute a GraphQL request and return the body of the response.

    A query that cannot be parsed or validated, an unknown operation and variables that cannot be coerced
    give a :class:`Refusal`.
    """
    prepared = _prepared(query, introspection)
    if not isinstance(prepared, DocumentNode):
        return Refusal(errors=[error.formatted for error in prepared])
    result = execute_sync(
        schema(),
        prepared,
        context_value=source,
        variable_values=dict(variables or {}),
        operation_name=operation_name,
        field_resolver=_resolver(source.broken_records()),
    )
    errors = [error.formatted for error in result.errors or ()]
    if result.data is None:  # all fields of Query are nullable: only a refused request has no data
        return Refusal(errors=errors)
    return {"data": result.data, "errors": errors} if errors else {"data": result.data}


def field_names(type_name: str) -> list[str]:
    """The published fields of a type."""
    return list(_object_type(type_name).fields)


def boolean_fields(type_name: str) -> list[str]:
    """The published fields of a type that are Boolean."""
    fields = _object_type(type_name).fields.items()
    return [name for name, one in fields if get_named_type(one.type).name == "Boolean"]


@cache
def schema() -> GraphQLSchema:
    """The published types with resolvers for the lists and with coercion for the scalars; built once."""
    built = build_schema(SCHEMA_FILE.read_text(encoding="utf-8"))
    for name, (from_client, to_client) in _SCALARS.items():
        scalar = cast("GraphQLScalarType", built.type_map[name])
        for attribute in ("parse_value", "coerce_input_value"):
            setattr(scalar, attribute, from_client)
        for attribute in ("serialize", "coerce_output_value"):
            setattr(scalar, attribute, to_client)
    for name, one in cast("GraphQLObjectType", built.query_type).fields.items():
        one.resolve = _list_resolver(name)
    return built


def _object_type(name: str) -> GraphQLObjectType:
    return cast("GraphQLObjectType", schema().type_map[name])


@lru_cache(maxsize=256)
def _prepared(query: str, introspection: bool) -> DocumentNode | tuple[GraphQLError, ...]:
    """Parse and validate a query; kept by its text, because a reader sends the same query for each page."""
    # The draft of the specification allows `{ }`; EverReal's server is taken to follow the released one.
    strict = {"allow_empty_selection_sets": False}
    try:
        document = parse(query, max_lexical_tokens=MOST_TOKENS, max_source_length=LONGEST_QUERY, **strict)
    except GraphQLError as error:
        return (error,)
    rules = list(specified_rules) + ([] if introspection else [NoSchemaIntrospectionCustomRule])
    return tuple(validate(schema(), document, rules, **strict)) or document


# --- lists -----------------------------------------------------------------------------------------------------


def _list_resolver(name: str) -> Callable[..., list[Any]]:
    def resolve(_: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> list[Any]:
        source: Source = info.context
        records = source.list_records(_list_request(name, arguments.get("input") or {}))
        broken = source.broken_records()
        return [_fails(record, broken) or record for record in records] if broken else records

    return resolve


def _list_request(name: str, given: Mapping[str, Any]) -> ListRequest:
    """Check what the types cannot say. A null counts as not given."""
    request = ListRequest(
        name, filter={key: v for key, v in (given.get("filter") or {}).items() if v is not None}
    )
    for bound in ("skip", "take"):
        number = (given.get("paging") or {}).get(bound)
        if number is not None:
            if number < 0:
                raise _invalid(f"paging.{bound}", "a number that is not negative", number)
            setattr(request, bound, min(number, MOST_TAKEN) if bound == "take" else number)
    sort = given.get("sort")
    if sort is not None:
        names = SORTED_BY[name]
        request.by = _one_of("sort.fieldName", names, sort.get("fieldName"))
        request.descending = _one_of("sort.direction", DIRECTIONS, sort.get("direction")) == "DESC"
    return request


def _one_of(where: str, allowed: tuple[str, ...], value: str | None) -> str:
    if value not in allowed:
        raise _invalid(where, " or ".join(map(repr, allowed)) or "no sort", value)
    return value


def _invalid(where: str, expected: str, value: object) -> GraphQLError:
    found = "null" if value is None else repr(value)
    return GraphQLError(
        f"Argument 'input' has invalid value at .{where}: Expected {expected}, found: {found}."
    )


# --- fields ----------------------------------------------------------------------------------------------------


def _plain_field(source: Any, info: GraphQLResolveInfo[Any]) -> Any:
    return source.get(info.field_name) if isinstance(source, dict) else None


def _resolver(broken: Mapping[str, str | None]) -> Callable[..., Any]:
    """The resolver of all fields but the lists of ``Query``; broken records raise where the option says so."""
    if not broken:
        return _plain_field

    def resolve(source: Any, info: GraphQLResolveInfo[Any]) -> Any:
        if isinstance(source, dict) and broken.get(str(source.get("id"))) == info.field_name:
            raise GraphQLError(INTERNAL_ERROR)
        value = _plain_field(source, info)
        if isinstance(value, list):
            return [_fails(one, broken) or one for one in value]
        return _fails(value, broken) or value

    return resolve


def _fails(value: Any, broken: Mapping[str, str | None]) -> GraphQLError | None:
    """An error in place of a record that is broken as a whole; graphql-core raises it where the record stands."""
    key = str(value.get("id")) if isinstance(value, dict) else ""
    return GraphQLError(INTERNAL_ERROR) if key in broken and broken[key] is None else None


# --- scalars ---------------------------------------------------------------------------------------------------


def _day_from_client(value: Any) -> date:
    """An ISO day, nothing else."""
    try:
        if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise GraphQLError(f"Date cannot represent a value that is not an ISO 8601 day: {value!r}")


def _day_to_client(value: Any) -> str:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    return _day_from_client(value).isoformat()


def _moment_from_client(value: Any) -> datetime:
    """An ISO 8601 time with an offset."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) and "T" in value else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise GraphQLError(f"DateTime cannot represent a value that is not an ISO 8601 time: {value!r}")
    return moment


def _moment_to_client(value: Any) -> str:
    moment = value if isinstance(value, datetime) and value.tzinfo else _moment_from_client(value)
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _unchanged(value: Any) -> Any:
    return value


_SCALARS: Mapping[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "Date": (_day_from_client, _day_to_client),
    "DateTime": (_moment_from_client, _moment_to_client),
    "JSON": (_unchanged, _unchanged),
}
