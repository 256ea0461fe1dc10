"""Typed access to an ERP's responses. An error message names the field and never its value.

An unreadable response is not the fault of a record: the interface has changed. Continuing could overlook an offer and
make a second one, so the run stops.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from letting_sync.errors import StopRun
from letting_sync.parsing.records import LARGEST_EXACT_FLOAT

_BERLIN = ZoneInfo("Europe/Berlin")
_GERMAN = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(?:[ T]\d{1,2}:\d{2}(?::\d{2})?)?")


class Row:
    """One JSON object of a response.

    A field that is missing, ``null`` or an empty string has no value. Numbers may be sent as strings, and vice versa.

    :param system: the system's name, for error messages.
    :raises StopRun: the value is not an object. All methods raise it for a value that they cannot read.
    """

    def __init__(self, system: str, row: Any) -> None:
        self.system = system
        if not isinstance(row, Mapping):
            raise StopRun(
                f"{system}: a response has a value of another type where an object is expected.{_ADVICE}"
            )
        self._row = row

    def text(self, name: str) -> str | None:
        """Return a string unchanged, or a number as a string; ``None`` without a value."""
        value = self._row.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, float) and value.is_integer() and abs(value) <= LARGEST_EXACT_FLOAT:
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise self._unreadable(name)
        return str(value)

    def required(self, name: str) -> str:
        """Like :meth:`text`, for a required field."""
        value = self.text(name)
        if value is None:
            raise self._unreadable(name)
        return value

    def number(self, name: str) -> str:
        """Like :meth:`required`, for a whole number, returned as a string."""
        value = self.required(name)
        if not (value.isascii() and value.isdigit()):
            raise self._unreadable(name)
        return value

    def count(self, name: str) -> int:
        """Return a non-negative whole number, also if sent as a string or as ``3.0``."""
        return int(self.number(name))

    def word(self, name: str) -> str:
        """Return a status word or code; any value that is not a string counts as an unknown word."""
        value = self._row.get(name)
        return value if isinstance(value, str) else ""

    def sentence(self, name: str) -> str | None:
        """A text for a person, see :func:`sentence`."""
        return sentence(self._row.get(name))

    def flag(self, name: str) -> bool | None:
        """Return a boolean; ``None`` without a value."""
        value = self._row.get(name)
        return value if isinstance(value, bool) else None

    def day(self, name: str, *, strict: bool = True) -> date | None:
        """Return a day from ``YYYY-MM-DD`` or ``TT.MM.JJJJ``; a time with an offset gives its day in Berlin.

        :param strict: raise for an unreadable value instead of returning ``None``.
        """
        value = self._row.get(name)
        if value is None or value == "":
            return None
        try:
            return _day(value.strip())
        except (AttributeError, ValueError, OverflowError):
            if strict:
                raise self._unreadable(name) from None
            return None

    def rows(self, name: str) -> list[Row]:
        """Return a list of objects, empty without a value."""
        value = self._row.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self._unreadable(name)
        return [Row(self.system, row) for row in value]

    def _unreadable(self, name: str) -> StopRun:
        return StopRun(f"{self.system}: the field {name!r} of a response is missing or unreadable.{_ADVICE}")


def sentence(value: Any) -> str | None:
    """Return a system's own message as one printable line of up to 500 characters; ``None`` if it is not a string.

    The message may contain personal data, so it may only be stored where the record itself may be.
    """
    if not isinstance(value, str):
        return None
    line = " ".join("".join(char if char.isprintable() else " " for char in value[:_LONGEST_READ]).split())
    return (line if len(line) <= LONGEST_SENTENCE else line[: LONGEST_SENTENCE - 1] + "…") or None


LONGEST_SENTENCE = 500
_LONGEST_READ = 4 * LONGEST_SENTENCE
_ADVICE = " The interface may have changed; nothing is guessed. Fix the mapping, then clear the task."


def _day(written: str) -> date:
    if match := _GERMAN.fullmatch(written):
        day, month, year = map(int, match.groups())
        return date(year, month, day)
    moment = datetime.fromisoformat(written)
    return (moment.astimezone(_BERLIN) if moment.tzinfo else moment).date()
