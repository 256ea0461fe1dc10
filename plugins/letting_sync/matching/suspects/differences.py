"""The differences of two similar records, as reason codes."""

from __future__ import annotations

from typing import Final

import numpy as np

from letting_sync.matching.suspects.comparison import Comparison, Date, Name, Order, Value
from letting_sync.reasons import Field, Problem, Reason, field_reason

_FIRST_NAME: Final = {
    int(Name.ONE_TYPO): Reason.FIRST_NAME_TYPO,
    int(Name.TWO_TYPOS): Reason.FIRST_NAME_TYPO,
    int(Name.PART): Reason.FIRST_NAME_PART,
    int(Name.INITIAL): Reason.FIRST_NAME_PART,
    int(Name.SHORT_FORM): Reason.FIRST_NAME_SHORT_FORM,
    int(Name.MISSING): field_reason(Problem.MISSING, Field.FIRST_NAME),
}
_LAST_NAME: Final = {
    int(Name.ONE_TYPO): Reason.LAST_NAME_TYPO,
    int(Name.TWO_TYPOS): Reason.LAST_NAME_TYPO,
    int(Name.PART): Reason.LAST_NAME_PART,
    int(Name.MISSING): field_reason(Problem.MISSING, Field.LAST_NAME),
    int(Name.DIFFERENT): Reason.LAST_NAME_DIFFERS,
}
_ORDER: Final = {
    int(Order.SWAPPED): Reason.NAMES_SWAPPED,
    int(Order.SPLIT): Reason.NAMES_SPLIT_DIFFERENTLY,
}
_DATE: Final = {
    int(Date.MISSING): Reason.BIRTH_DATE_MISSING,
    int(Date.SWAPPED): Reason.DAY_MONTH_SWAPPED,
    int(Date.DIFFERENT): Reason.BIRTH_DATE_DIFFERS,
}
_DATE_PARTS: Final = (Reason.BIRTH_YEAR_TYPO, Reason.BIRTH_MONTH_TYPO, Reason.BIRTH_DAY_TYPO)
"""Year, month, day."""


def differences(pairs: Comparison, which: np.ndarray) -> list[str]:
    """Return the differences of the chosen pairs as comma-separated codes; a field that one record lacks is no difference."""
    who, left, right = pairs.who, pairs.left[which], pairs.right[which]
    levels = [side[which].tolist() for side in (pairs.first, pairs.last, pairs.order, pairs.date)]
    missing = [((text.codes[left] < 0) != (text.codes[right] < 0)).tolist() for text in (who.first, who.last)]
    parts = [(one[left] != one[right]).tolist() for one in (who.year, who.month, who.day)]
    address = np.any([_differs(level[which]) for level in pairs.address()[:3]], axis=0)
    others = [
        (address.tolist(), Reason.ADDRESS_DIFFERS),
        (_differs(pairs.email[which]).tolist(), Reason.EMAIL_DIFFERS),
        (_differs(pairs.phone[which]).tolist(), Reason.PHONE_DIFFERS),
    ]
    named = [
        _of_name_and_date(level, lacks, part)
        for level, lacks, part in zip(
            zip(*levels, strict=True), zip(*missing, strict=True), zip(*parts, strict=True), strict=True
        )
    ]
    return [
        ",".join([*found, *(reason for differs, reason in others if differs[at])]) or Reason.NAME_SPELLING
        for at, found in enumerate(named)
    ]


def _differs(level: np.ndarray) -> np.ndarray:
    return np.asarray((level != Value.EQUAL) & (level != Value.MISSING))


def _of_name_and_date(levels: tuple[int, ...], lacks: tuple[bool, ...], parts: tuple[bool, ...]) -> list[str]:
    first, last, order, date = levels
    if order:
        found = [_ORDER[order]]
    else:
        found = [
            words[level]
            for words, level, lacking in ((_FIRST_NAME, first, lacks[0]), (_LAST_NAME, last, lacks[1]))
            if level in words and (lacking or level != Name.MISSING)
        ]
    if date in _DATE:
        found.append(_DATE[date])
    elif date:
        found += [reason for reason, differs in zip(_DATE_PARTS, parts, strict=True) if differs]
    return [str(reason) for reason in found]
