"""GraphQL errors beside data: which one names a single record, and which code of the others decides.

Published by the GraphQL specification: an error about the request has no ``path``; an error in the data has one, and
the field that it names is ``null`` in the data. EverReal can send errors with HTTP 200 (published).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

ERRORS = "__errors"
"""Key under which a record carries the fields that came as an error. GraphQL reserves names that begin with ``__``,
so no field of a record is called so."""
PLACE = "__place"
"""Key of a record that failed as a whole: its place in the list, all that is known of it."""

REQUEST_ERROR = "REQUEST_ERROR"
"""Our code of an error about the query as such, where EverReal gives none."""
_QUERY_IS_WRONG = re.compile(
    r"Syntax Error|Cannot query field|Unknown (argument|type|fragment|directive|operation)|Variable \"?\$"
    r"|must have a selection|must not have a selection|is not defined by type|Must provide|Expected value of type"
)
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")


def errors_of(body: Any) -> list[dict[str, Any]]:
    """The errors of a response; an empty list where there are none or they cannot be read."""
    errors = body.get("errors") if isinstance(body, Mapping) else None
    return [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []


def is_about_one_record(error: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    """Whether the error's path leads into one element of a list that came: ``["contracts", 1, …]``."""
    path, data = error.get("path"), body.get("data")
    if not isinstance(path, list) or len(path) < 2 or not isinstance(data, Mapping):
        return False
    name, index = path[0], path[1]
    records = data.get(name) if isinstance(name, str) else None
    return isinstance(records, list) and type(index) is int and 0 <= index < len(records)


def broken_fields(body: Mapping[str, Any], name: str) -> dict[int, list[str]]:
    """Index of each record of the list that came with an error -> the names of the fields that failed.

    An empty list of names: the record as a whole failed.
    """
    found: defaultdict[int, list[str]] = defaultdict(list)
    for error in errors_of(body):
        if is_about_one_record(error, body) and error["path"][0] == name:
            _, index, *way = error["path"]
            found[index] += [step for step in way[:1] if isinstance(step, str) and _FIELD.fullmatch(step)]
    return dict(found)


def mark_broken(
    records: Sequence[Any], broken: Mapping[int, Sequence[str]], first_place: int, time_field: str
) -> list[Any]:
    """The records, those that came with an error carrying its fields under :data:`ERRORS`.

    A record that is missing as a whole has neither id nor time; it gets the time of the record above it, which
    in a list sorted newest first is the next later one, so that one window reports it and not every one.

    :param first_place: place of the first record in the whole list.
    :param time_field: the field by which the list is sorted.
    """
    marked = list(records)
    for index, names in broken.items():
        record = records[index]
        if isinstance(record, Mapping):
            marked[index] = {**record, ERRORS: sorted(set(names))}
            continue
        above = records[index - 1] if index else None
        time = above.get(time_field) if isinstance(above, Mapping) else None
        marked[index] = {ERRORS: [], PLACE: first_place + index} | ({time_field: time} if time else {})
    return marked


def decisive_code(errors: Iterable[Mapping[str, Any]], order: Sequence[frozenset[str]]) -> str | None:
    """The one code to act on.

    :param order: sets of codes, the ones that go before all others first.
    """
    codes = [_code(error) for error in errors]
    for some in order:
        for code in codes:
            if code in some:
                return code
    return next((code for code in codes if code), None)


def _code(error: Mapping[str, Any]) -> str:
    extensions = error.get("extensions")
    code = extensions.get("code") if isinstance(extensions, Mapping) else None
    if isinstance(code, str) and re.fullmatch(r"[A-Z_]{1,60}", code):
        return code
    wrong = not error.get("path") and (
        error.get("locations") or _QUERY_IS_WRONG.search(str(error.get("message")))
    )
    return REQUEST_ERROR if wrong else ""
