"""How a partner's loose JSON becomes typed fields: the same few rules for every partner.

Each function takes whatever stood in the record and returns a clean value or ``None`` for "nothing there";
what is there and cannot be read raises :class:`RefuseRecord` with a reason code, and nothing else.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from include.prospects.errors import RefuseRecord

EARLIEST_YEAR = 1900
"""No living tenant was born earlier; an ERP date field takes no year below 1753 anyway."""

_GERMAN_DATE = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")
_ISO_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:T.*)?")
LONGEST_TEXT = 2000
"""The longest field that an ERP takes (the message); anything above is cut there or refused."""


def text(value: Any, field: str) -> str | None:
    """Return the text without control characters, or ``None`` if nothing visible stands in it.

    Numbers count as text (a house number may come as ``12``). Blanks stay: cleaning is the dedup task's.

    :raises RefuseRecord: ``unreadable_text`` for another type or for lone surrogates, which no ERP can store.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise RefuseRecord("unreadable_text", f"{field} is neither text nor a number.")
    result = str(value)
    if any("\ud800" <= char <= "\udfff" for char in result):
        raise RefuseRecord("unreadable_text", f"{field} holds broken Unicode.")
    result = "".join(" " if unicodedata.category(char) == "Cc" else char for char in result)
    return result if _something_visible(result) else None


def _something_visible(value: str) -> bool:
    return any(unicodedata.category(char)[0] not in "ZC" for char in value)


def required_text(value: Any, field: str, longest: int) -> str:
    """Like :func:`text`, for a field no record may lack.

    :raises RefuseRecord: ``<field>_missing`` or ``<field>_too_long``.
    """
    result = text(value, field)
    if result is None:
        raise RefuseRecord(f"{field}_missing", f"The record has no {field.replace('_', ' ')}.")
    if len(result.strip()) > longest:
        raise RefuseRecord(f"{field}_too_long", f"{field} is longer than the {longest} characters allowed.")
    return result


def identifier(value: Any, field: str = "external_id") -> str:
    """Read an id as it stands: up to 64 visible characters, no blanks around it.

    :raises RefuseRecord: ``external_id_missing``, ``external_id_too_long`` or ``external_id_unreadable``.
    """
    result = required_text(value, field, 64).strip()
    if any(unicodedata.category(char)[0] in "ZC" for char in result):
        raise RefuseRecord(f"{field}_unreadable", f"{field} holds blanks or invisible characters.")
    return result


def day(value: Any, field: str) -> date | None:
    """Read ``YYYY-MM-DD`` (with or without a time behind it) or ``TT.MM.JJJJ``.

    :raises RefuseRecord: ``unreadable_<field>`` for anything else; a wrong date is never dropped silently,
        since the ERP's duplicate check hangs on it.
    """
    written = text(value, field)
    if written is None:
        return None
    written = written.strip()
    try:
        if match := _ISO_DATE.fullmatch(written):
            year, month, day_of_month = (int(part) for part in match.groups())
        elif match := _GERMAN_DATE.fullmatch(written):
            day_of_month, month, year = (int(part) for part in match.groups())
        else:
            raise ValueError
        return date(year, month, day_of_month)
    except ValueError:
        raise RefuseRecord(f"unreadable_{field}", f"{field} is not a date.") from None


def birth_date(value: Any, today: date) -> date | None:
    """Read a date of birth that a tenant can have.

    :raises RefuseRecord: ``unreadable_birth_date`` or ``implausible_birth_date``.
    """
    born = day(value, "birth_date")
    if born is not None and not (born.year >= EARLIEST_YEAR and born <= today):
        raise RefuseRecord("implausible_birth_date", f"Born before {EARLIEST_YEAR} or after today.")
    return born


def moment(value: Any, field: str) -> datetime:
    """Read an ISO 8601 time; without an offset it is UTC.

    :raises RefuseRecord: ``unreadable_<field>`` if it is missing or no time.
    """
    try:
        written = text(value, field)
        result = datetime.fromisoformat((written or "").strip())
        return (result if result.tzinfo else result.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise RefuseRecord(f"unreadable_{field}", f"{field} is missing or no ISO 8601 time.") from None


def mapping(value: Any, field: str) -> Mapping[str, Any]:
    """Return a nested object, an empty one for ``None``.

    :raises RefuseRecord: ``unreadable_<field>`` for anything that is no object.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise RefuseRecord(f"unreadable_{field}", f"{field} is not an object.")
    return value


def as_raw(record: Any, known: Mapping[str, Any]) -> str:
    """The record as JSON for the quarantine table, cut to the fields of the contract.

    :param known: the contract's fields; a nested mapping says which of a nested object's fields stay. What is
        not named (income, profession, …) is dropped at the door, from quarantine too.
    """
    return json.dumps(_cut(record, known), ensure_ascii=True, default=str)[:100_000]


def _cut(value: Any, known: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_cut(item, known) for item in value]
    if not isinstance(value, Mapping):
        return value if not known else f"<{type(value).__name__}>"
    return {key: _cut(value[key], inner) for key, inner in known.items() if key in value}
