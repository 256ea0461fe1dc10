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
    return _place_of(error, body) is not None


def is_about_every_record(body: Any) -> bool:
    """Whether each record that came has an error of its own: then the fault is hardly the records'."""
    places = {place[:2] for place in (_place_of(error, body) for error in errors_of(body)) if place}
    data = body.get("data") if isinstance(body, Mapping) else None
    lists = data.values() if isinstance(data, Mapping) else ()
    return bool(places) and len(places) >= sum(len(records) for records in lists if isinstance(records, list))


def _place_of(error: Mapping[str, Any], body: Mapping[str, Any]) -> tuple[str, int, list[str]] | None:
    """The list, the index and the fields below it that an error's path names, if it leads to a record that came.

    Published (GraphQL, 7.1.2): a list of names and indexes that begins with the list's name. Assumed: some servers
    write it as one text (``contracts[1].candidate``), an index as text or ``1.0``, or ``data`` in front.
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
    """A step of a path: a field's name, or an index however it is written."""
    written = str(int(step)) if isinstance(step, float) and step.is_integer() else str(step)
    if written.isascii() and written.isdigit():
        return int(written) if len(written) < 10 else None
    return step if isinstance(step, str) else None


def broken_fields(body: Mapping[str, Any], name: str) -> dict[int, list[str]]:
    """Index of each record of the list that came with an error -> the names of the fields that failed.

    An empty list of names: the record as a whole failed.
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
