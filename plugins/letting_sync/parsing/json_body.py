"""Parsing of external JSON, with a strict encoding and with limits that are checked before parsing.

Published (RFC 8259, 8.1): JSON between systems is UTF-8, whatever the ``Content-Type`` says, and a byte order mark may
be ignored. A parser may limit depth and length of numbers (section 9).
"""

from __future__ import annotations

import json
import re
from itertools import accumulate
from typing import Any

DEEPEST = 100
"""Maximum levels of nesting; none of the systems' contracts has more than ten."""
_MOST_CUT = 100_000
"""Maximum brackets in a text that is nested too deeply; with more it is an attack or an error, not a valid response."""

_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_NEITHER_QUOTE_NOR_BRACKET = bytes(code for code in range(256) if code not in {*_STEP, ord('"')})
_QUOTED = re.compile(rb'"[^"]*+"?')
_STRING_OR_BRACKET = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)


class UnreadableJson(ValueError):
    """A body or a string is not JSON; the message gives the cause and quotes nothing of it."""


def read_json(data: bytes | str) -> Any:
    """Parse JSON.

    A value nested more deeply than :data:`DEEPEST` becomes ``null``, and a whole number with more digits than Python
    converts (4300) becomes a string. So only the record with such a value is refused, if its mapping uses the field;
    the other records of the page are processed.

    :param data: a body, or the string of a field.
    :raises UnreadableJson: the data is not UTF-8 or not JSON.
    """
    text = _decoded(data) if isinstance(data, bytes) else data
    if _is_too_deep(text):
        text = _cut(text)
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        raise UnreadableJson("not JSON") from None
    except ValueError:  # a number with more digits than Python converts
        return _with_long_numbers_as_text(text)


def _decoded(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableJson(f"not UTF-8 (byte {error.start})") from None


def _with_long_numbers_as_text(text: str) -> Any:
    def number(digits: str) -> int | str:
        try:
            return int(digits)
        except ValueError:
            return digits

    try:
        return json.loads(text, parse_int=number)
    except json.JSONDecodeError:
        raise UnreadableJson("not JSON") from None


def _is_too_deep(text: str) -> bool:
    """Return whether the text is nested more deeply than :data:`DEEPEST`, counting brackets outside of strings."""
    if text.count("[") + text.count("{") <= DEEPEST:
        return False
    plain = text.encode("ascii", "ignore").replace(b"\\\\", b"").replace(b'\\"', b"")
    # Most strings have no brackets. Without their quotes each bracket has as many quotes before it, even or odd, as with them.
    marks = plain.translate(None, _NEITHER_QUOTE_NOR_BRACKET).replace(b'""', b"")
    brackets = _QUOTED.sub(b"", marks)
    return max(accumulate(map(_STEP.__getitem__, brackets)), default=0) > DEEPEST


def _cut(text: str) -> str:
    """Replace every value below :data:`DEEPEST` by ``null``."""
    parts, depth, kept_from, brackets = [], 0, 0, 0
    for token in _STRING_OR_BRACKET.finditer(text):
        bracket = token[0]
        if len(bracket) != 1:
            continue
        brackets += 1
        if brackets > _MOST_CUT:
            raise UnreadableJson("nested too deeply")
        if bracket in "[{":
            depth += 1
            if depth == DEEPEST + 1:
                parts += [text[kept_from : token.start()], "null"]
        else:
            if depth == DEEPEST + 1:
                kept_from = token.end()
            depth -= 1
    if depth > DEEPEST:
        raise UnreadableJson("not JSON")
    return "".join([*parts, text[kept_from:]])
