"""How an ERP's answer is read: each value of its kind, or a sentence that names the field and never the value.

An answer that cannot be read is no fault of a record: the interface has changed. Guessing on would make a second
offer of one that was overlooked, so the run stops.
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
    """One object of an answer.

    A field that is missing, ``null`` or an empty text is nothing. Numbers may come as text and texts as numbers.

    :param system: whose answer it is, for the person on call.
    :raises StopRun: if it is no object; so do the methods for a value that they cannot read.
    """

    def __init__(self, system: str, row: Any) -> None:
        self.system = system
        if not isinstance(row, Mapping):
            raise StopRun(f"{system}: an answer has something else where an object should be.{_ADVICE}")
        self._row = row

    def text(self, name: str) -> str | None:
        """A text as it stands, a number as text; ``None`` for nothing."""
        value = self._row.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, float) and value.is_integer() and abs(value) <= LARGEST_EXACT_FLOAT:
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise self._unreadable(name)
        return str(value)

    def required(self, name: str) -> str:
        """Like :meth:`text`, for a field that no answer may lack."""
        value = self.text(name)
        if value is None:
            raise self._unreadable(name)
        return value

    def number(self, name: str) -> str:
        """Like :meth:`required`, for a whole number."""
        value = self.required(name)
        if not (value.isascii() and value.isdigit()):
            raise self._unreadable(name)
        return value

    def count(self, name: str) -> int:
        """A number of things: whole, not negative, also as text or as ``3.0``."""
        return int(self.number(name))

    def word(self, name: str) -> str:
        """A status word or code; whatever is none is an unknown one."""
        value = self._row.get(name)
        return value if isinstance(value, str) else ""

    def sentence(self, name: str) -> str | None:
        """A text for a person, see :func:`sentence`."""
        return sentence(self._row.get(name))

    def flag(self, name: str) -> bool | None:
        """Yes, no or nothing said."""
        value = self._row.get(name)
        return value if isinstance(value, bool) else None

    def day(self, name: str, *, strict: bool = True) -> date | None:
        """A day, ``YYYY-MM-DD`` or ``TT.MM.JJJJ``; a time with an offset stands for the day that it is in Berlin.

        :param strict: otherwise what cannot be read is nothing.
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
        """A list of objects, empty for nothing."""
        value = self._row.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self._unreadable(name)
        return [Row(self.system, row) for row in value]

    def _unreadable(self, name: str) -> StopRun:
        return StopRun(f"{self.system}: the field {name!r} of an answer is missing or unreadable.{_ADVICE}")


def sentence(value: Any) -> str | None:
    """What a system says in its own words: one line of up to 500 characters, each printable; ``None`` if it is no text.

    It may quote the record, so it belongs where the record itself may be.
    """
    if not isinstance(value, str):
        return None
    line = " ".join("".join(char if char.isprintable() else " " for char in value[:_LONGEST_READ]).split())
    return (line if len(line) <= LONGEST_SENTENCE else line[: LONGEST_SENTENCE - 1] + "…") or None


LONGEST_SENTENCE = 500
_LONGEST_READ = 4 * LONGEST_SENTENCE
_ADVICE = " The interface may have changed; nothing is guessed. Mend the mapping, then clear the task."


def _day(written: str) -> date:
    if match := _GERMAN.fullmatch(written):
        day, month, year = map(int, match.groups())
        return date(year, month, day)
    moment = datetime.fromisoformat(written)
    return (moment.astimezone(_BERLIN) if moment.tzinfo else moment).date()
