"""GraphQL errors in responses with partial data: errors of single records, and the decisive code of all others.

Published by the GraphQL specification: an error about the request has no ``path``; an error in the data has one, and
the field that it names is ``null`` in the data. EverReal can send errors with HTTP 200 (published).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

ERRORS = "__errors"
"""Key of a record's failed fields. GraphQL reserves names that begin with ``__``, so no field has this name."""
PLACE = "__place"
"""Key of the place in the list, set on a record that failed as a whole and has nothing else."""

REQUEST_ERROR = "REQUEST_ERROR"
"""Code used for an error about the query itself, if EverReal sends none."""
_QUERY_IS_WRONG = re.compile(
    r"Syntax Error|Cannot query field|Unknown (argument|type|fragment|directive|operation)|Variable \"?\$"
    r"|must have a selection|must not have a selection|is not defined by type|Must provide|Expected value of type"
)
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")


def errors_of(body: Any) -> list[dict[str, Any]]:
    """Return the errors of a response; an empty list if there are none or they are unreadable."""
    errors = body.get("errors") if isinstance(body, Mapping) else None
    return [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []


def is_about_one_record(error: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    """Return whether the error's path names an element of a list in the data: ``["contracts", 1, …]``."""
    return _place_of(error, body) is not None


def is_about_every_record(body: Any) -> bool:
    """Return whether every record of the response has an error, so that the records are probably not the cause."""
    places = {place[:2] for place in (_place_of(error, body) for error in errors_of(body)) if place}
    data = body.get("data") if isinstance(body, Mapping) else None
    lists = data.values() if isinstance(data, Mapping) else ()
    return bool(places) and len(places) >= sum(len(records) for records in lists if isinstance(records, list))


def _place_of(error: Mapping[str, Any], body: Mapping[str, Any]) -> tuple[str, int, list[str]] | None:
    """Return list, index and fields that an error's path names, if it leads to a record of the response.

    Published (GraphQL, 7.1.2): a list of names and indexes that begins with the list's name. Assumed: some servers
    write it as a string (``contracts[1].candidate``), an index as a string or ``1.0``, or with a leading ``data``.
    """
    path, data = error.get("path"), body.get("data")
    steps = re.findall(r"[^\s.\[\]/$]+", path) if isinstance(path, str) else path
    if not isinstance(steps, list) or not isinstance(data, Mapping):
        return None
    steps = [_step(step) for step in steps]
    name, index, *fields = (*steps[steps[:1] == ["data"] :], None, None)
    records = data.get(name) if isinstance(name, str) else None
    if not isinstance(records, list) or not isinstance(index, int) or not 0 <= index < len(records):
        return None
    return str(name), index, [field for field in fields if isinstance(field, str)]


def _step(step: Any) -> str | int | None:
    """Parse a step of a path: a field's name, or an index in any notation."""
    written = str(int(step)) if isinstance(step, float) and step.is_integer() else str(step)
    if written.isascii() and written.isdigit():
        return int(written) if len(written) < 10 else None
    return step if isinstance(step, str) else None


def broken_fields(body: Mapping[str, Any], name: str) -> dict[int, list[str]]:
    """Map the index of each record with an error to the names of its failed fields.

    An empty list of names means that the record failed as a whole.
    """
    found: defaultdict[int, list[str]] = defaultdict(list)
    for error in errors_of(body):
        place = _place_of(error, body)
        if place and place[0] == name:
            found[place[1]] += [field for field in place[2][:1] if _FIELD.fullmatch(field)]
    return dict(found)


def mark_broken(
    records: Sequence[Any], broken: Mapping[int, Sequence[str]], first_place: int, time_field: str
) -> list[Any]:
    """Return the records; those with an error have the names of the failed fields under :data:`ERRORS`.

    A record that failed as a whole has neither id nor time. It gets the time of the record before it, which in a list
    sorted newest first is the next later one, so that only one window reports it.

    :param first_place: place of the first record in the whole list, from 0.
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
    """Return the code of the error that decides what to do.

    :param order: sets of codes in the order of their precedence.
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
