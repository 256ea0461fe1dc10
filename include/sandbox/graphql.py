"""
Enough of GraphQL for EverReal's two queries: fields, aliases, arguments, variables with defaults, selections.

No fragments and no directives; whoever sends one is told so.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


class GraphQLError(Exception):
    """The query cannot be read or asks for what is not there."""


@dataclass
class Selection:
    """One selected field."""

    name: str
    key: str
    """Its name in the answer: the alias where there is one."""
    arguments: dict[str, Any] = field(default_factory=dict)
    fields: list["Selection"] = field(default_factory=list)


_TOKEN = re.compile(
    r"""(?P<skip>[\s,\ufeff]+|\#[^\n\r]*)
      | (?P<name>[_A-Za-z][_0-9A-Za-z]*)
      | (?P<number>-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)
      | (?P<string>"(?:[^"\\\n]|\\.)*")
      | (?P<mark>\.\.\.|[!$()\[\]{}:=@|&])""",
    re.VERBOSE,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_WORDS = {"true": True, "false": False, "null": None}
_DEEPEST = 20  # no sane query of the two goes beyond ten levels


def parse(query: str, variables: Mapping[str, Any]) -> list[Selection]:
    """Read one query operation; variables are put in."""
    return _Parser(_tokens(query), variables).document()


def _tokens(query: str) -> list[str]:
    tokens, at = [], 0
    while at < len(query):
        match = _TOKEN.match(query, at)
        if match is None:
            raise GraphQLError(f"Syntax Error: unexpected character at {at}")
        if match.lastgroup != "skip":
            tokens.append(match.group())
        at = match.end()
    return tokens


class _Parser:
    def __init__(self, tokens: list[str], variables: Mapping[str, Any]) -> None:
        self.tokens, self.at = tokens, 0
        self.given = variables
        self.variables: dict[str, Any] = {}

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, wanted: str | None = None) -> str:
        token = self.peek()
        if not token or (wanted is not None and token != wanted):
            raise GraphQLError(
                f"Syntax Error: expected {wanted or 'more'}, found {token or 'the end of the query'}"
            )
        self.at += 1
        return token

    def name(self) -> str:
        token = self.take()
        if not re.fullmatch(r"[_A-Za-z][_0-9A-Za-z]*", token):
            raise GraphQLError(f"Syntax Error: expected a name, found {token}")
        return token

    def document(self) -> list[Selection]:
        if self.peek() != "{":
            if self.take() != "query":
                raise GraphQLError("Only query operations are supported")
            if self.peek() not in ("{", "("):
                self.name()
            if self.peek() == "(":
                self.variable_definitions()
        selections = self.selections(1)
        if self.peek():
            raise GraphQLError("Only one operation and no fragments are supported")
        return selections

    def variable_definitions(self) -> None:
        self.take("(")
        while self.peek() != ")":
            self.take("$")
            name = self.name()
            self.take(":")
            required = self.type()
            if self.peek() == "=":
                self.take()
                self.variables[name] = self.value(1)
            if name in self.given:
                self.variables[name] = self.given[name]
            if required and self.variables.get(name) is None:
                raise GraphQLError(f"Variable ${name} is required")
        self.take(")")

    def type(self) -> bool:
        """Read a type; say whether it ends with ``!``."""
        if self.peek() == "[":
            self.take()
            self.type()
            self.take("]")
        else:
            self.name()
        if self.peek() == "!":
            self.take()
            return True
        return False

    def selections(self, depth: int) -> list[Selection]:
        if depth > _DEEPEST:
            raise GraphQLError("Query is too deep")
        self.take("{")
        found = []
        while self.peek() != "}":
            found.append(self.selection(depth))
        self.take("}")
        if not found:
            raise GraphQLError("Syntax Error: empty selection")
        return found

    def selection(self, depth: int) -> Selection:
        if self.peek() in ("...", "@"):
            raise GraphQLError("Fragments and directives are not supported")
        key = name = self.name()
        if self.peek() == ":":
            self.take()
            name = self.name()
        selection = Selection(name, key)
        if self.peek() == "(":
            selection.arguments = self.pairs("(", ")", depth)
        if self.peek() == "{":
            selection.fields = self.selections(depth + 1)
        return selection

    def pairs(self, first: str, last: str, depth: int) -> dict[str, Any]:
        self.take(first)
        found: dict[str, Any] = {}
        while self.peek() != last:
            name = self.name()
            self.take(":")
            found[name] = self.value(depth + 1)
        self.take(last)
        return found

    def value(self, depth: int) -> Any:
        if depth > _DEEPEST:
            raise GraphQLError("Query is too deep")
        word = self.peek()
        if word == "{":
            return self.pairs("{", "}", depth)
        if word == "[":
            return self.list_value(depth)
        self.take()
        if word == "$":
            return self.variables.get(self.name())
        if word.startswith('"'):
            return re.sub(
                r"\\(u[0-9a-fA-F]{4}|.)",
                lambda m: chr(int(m[1][1:], 16)) if len(m[1]) > 1 else _ESCAPES.get(m[1], m[1]),
                word[1:-1],
            )
        if re.match(r"-?\d", word):
            return float(word) if re.search(r"[.eE]", word) else int(word)
        if word[0].isalpha() or word[0] == "_":
            return _WORDS.get(word, word)  # a word that is none of the three is an enum's value
        raise GraphQLError(f"Syntax Error: unexpected {word}")

    def list_value(self, depth: int) -> list[Any]:
        self.take("[")
        found = []
        while self.peek() != "]":
            found.append(self.value(depth + 1))
        self.take("]")
        return found


Schema = Mapping[str, Mapping[str, str | None]]
"""Type -> its fields; a field's value is the type of what it holds, or None for a scalar."""


def project(schema: Schema, type_name: str, fields: list[Selection], value: Any) -> Any:
    """Cut the selected fields out of a value, or out of each one of a list."""
    if value is None:
        return None
    if isinstance(value, list):
        return [project(schema, type_name, fields, one) for one in value]
    result = {}
    for selection in fields:
        if selection.name == "__typename":
            result[selection.key] = type_name
            continue
        inner = schema[type_name][selection.name]
        held = value.get(selection.name)
        result[selection.key] = (
            project(schema, inner, selection.fields, held) if inner and selection.fields else held
        )
    return result


def check(schema: Schema, type_name: str, fields: list[Selection]) -> None:
    """Refuse fields that a type does not have, and objects or scalars selected in the wrong way."""
    for selection in fields:
        if selection.name == "__typename":
            continue
        known = schema[type_name]
        if selection.name not in known:
            raise GraphQLError(f'Cannot query field "{selection.name}" on type "{type_name}"')
        inner = known[selection.name]
        if inner is None and selection.fields:
            raise GraphQLError(f'Field "{selection.name}" has no fields to select')
        # A type in lower case is JSON: it may be taken as a whole or by its fields.
        if inner is not None and inner[0].isupper() and not selection.fields:
            raise GraphQLError(f'Field "{selection.name}" needs a selection of fields')
        if inner is not None:
            check(schema, inner, selection.fields)
