"""A setting in a customer's file, and what is wrong in a line of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

NOTHING = ("", "~", "null")

Value = str | list[str | None] | None
Groups = Mapping[str, Collection[str]]
"""Name of a group -> names of its settings."""


class Setting(NamedTuple):
    """The value of a setting, and the line of its name (from 1)."""

    value: Value
    line: int


class WrongLine(Exception):
    """A line of a file is wrong; the message says why."""

    def __init__(self, line: int, rule: str) -> None:
        super().__init__(rule)
        self.line = line


def text_of(scalar: Any) -> str | None:
    """Return the text of a single value, a scalar node of either library; ``None`` if it says that there is none."""
    quoted = bool(scalar.style)
    return None if not quoted and scalar.value in NOTHING else str(scalar.value)
