"""
Rejects requests that do not conform to the system's API description, before its handlers see them.

Rejected are: an unknown, repeated or empty query parameter, a repeated header, an unexpected body, and a body
of another type. The models reject wrong fields of bodies. Routes without a description check their requests themselves.
"""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple
from urllib.parse import parse_qsl

from pydantic import BeforeValidator
from starlette.datastructures import Headers
from starlette.routing import compile_path

METHODS_WITHOUT_BODY = ("GET", "DELETE")
HEADERS_SENT_ONCE = ("content-type", "if-match")


class NotNamed(Exception):
    """A request does not conform to the description; ``status`` is 400 or 415."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status, self.text = status, text


class Operation(NamedTuple):
    """One method of one path."""

    method: str
    path: re.Pattern[str]
    parameters: Mapping[str, bool]
    """Query parameter -> whether it may be repeated."""
    media_types: tuple[str, ...]

    def check(self, query: str, headers: Headers, body: bytes) -> None:
        """Raise :class:`NotNamed` for a query or a body that is not described."""
        self._check_query(query)
        for name in HEADERS_SENT_ONCE:
            if len(headers.getlist(name)) > 1:
                raise NotNamed(400, f"header.{name}: only one value is allowed")
        if self.method in METHODS_WITHOUT_BODY:
            if body or "transfer-encoding" in headers:
                raise NotNamed(400, "body: none is allowed here")
        elif self.media_types and body:
            self._check_type(headers)

    def _check_query(self, query: str) -> None:
        try:
            pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True) if query else []
        except ValueError:
            raise NotNamed(400, "query: a parameter has no value") from None
        for name, times in Counter(name for name, _ in pairs).items():
            if name not in self.parameters:
                raise NotNamed(400, "query: a parameter is unknown")
            if times > 1 and not self.parameters[name]:
                raise NotNamed(400, f"query.{name}: only one value is allowed")
        for name, value in pairs:
            if not value:
                raise NotNamed(400, f"query.{name}: a value is needed")

    def _check_type(self, headers: Headers) -> None:
        media_type, _, parameter = headers.get("content-type", "").partition(";")
        named = media_type.strip().lower() in self.media_types
        utf8 = parameter.strip().lower() in ("", "charset=utf-8", 'charset="utf-8"')
        plain = headers.get("content-encoding", "identity").lower() == "identity"
        if not (named and utf8 and plain):
            raise NotNamed(415, f"the body must be {' or '.join(self.media_types)} in UTF-8")


def operations(description: Mapping[str, Any]) -> list[Operation]:
    """Read an OpenAPI description as FastAPI writes it."""
    return [
        Operation(
            method.upper(),
            compile_path(path)[0],
            {
                one["name"]: _is_list(one["schema"])
                for one in operation.get("parameters", ())
                if one["in"] == "query"
            },
            tuple(operation.get("requestBody", {}).get("content", ())),
        )
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    ]


def _is_list(schema: Mapping[str, Any]) -> bool:
    return any(one.get("type") == "array" for one in (schema, *schema.get("anyOf", ())))


def add_unsupported_media_type(description: Mapping[str, Any]) -> None:
    """Describe the 415 of every operation that takes a body, in the shape of its 400."""
    for methods in description["paths"].values():
        for operation in methods.values():
            if "requestBody" in operation and "400" in operation["responses"]:
                described = {**operation["responses"]["400"], "description": "Unsupported Media Type"}
                operation["responses"].setdefault("415", described)


def _digits(value: Any) -> Any:
    if isinstance(value, str) and not re.fullmatch(r"0|[1-9]\d*", value, re.ASCII):
        raise ValueError("a whole number in digits is needed")
    return value


WholeNumber = Annotated[int, BeforeValidator(_digits)]
"""A number in a path or a query, without sign, blanks, leading zeros or a fraction."""
