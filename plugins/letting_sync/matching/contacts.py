"""Records of one person by the partner's contact.

A partner may store contacts and return the contact of each record (EverReal: ``companyContactId``; published: contacts are
unique by e-mail address). Together with the same date of birth, a common contact is stronger evidence than the spelling of a
last name: it joins records with a maiden name, without a second first name, or with swapped names.

It does not outweigh what distinguishes two people. A family may share an e-mail address and therefore a contact: twins have
the same birthday, and a father's record without a date of birth looks like his son's. Records of one contact are therefore
one person only if date of birth and first name are equal, or if no record of the contact has a date and both names
are equal. Records that differ by a typing error are possible duplicates.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from letting_sync.matching.columns import NO_DAY, column, days, rows_where, text_codes
from letting_sync.matching.keys import normalise, normalised

MOST_PERSONS: Final = 10
"""A contact of more different persons belongs to none of them. Assumed."""


class _Row(NamedTuple):
    person: int
    first: frozenset[str]
    """Return the words of the first name, normalised; empty if it is missing."""
    whole_first: str | None
    last: str | None
    born: int


def join_by_contact(frame: pd.DataFrame, persons: np.ndarray) -> np.ndarray:
    """Give the persons of one contact one number, unless their data contradict.

    :param frame: cleaned prospects with ``contact_id``, names and ``birth_date``; without contacts nothing changes.
    :param persons: the number of each row's person.
    :returns: the numbers after joining, in the same order.
    """
    contacts = text_codes(column(frame, "contact_id"))
    shared = (np.bincount(contacts + 1, minlength=1)[contacts + 1] > 1) & (contacts >= 0)
    if not shared.any():
        return persons
    by_contact = _rows_by_contact(rows_where(frame, shared), contacts[shared], persons[shared])
    groups = ([row.person for row in group] for rows in by_contact for group in _one_persons_rows(rows))
    return joined(persons, groups)


def joined(persons: np.ndarray, groups: Iterable[Iterable[int]]) -> np.ndarray:
    """Replace the numbers of each group, and of groups with a common number, by one number.

    :param groups: groups of person numbers that are one person.
    """
    parent: dict[int, int] = {}

    def root(person: int) -> int:
        while (above := parent.get(person, person)) != person:
            person = above
        return person

    for group in groups:
        first, *rest = {root(int(person)) for person in group}
        parent |= dict.fromkeys(rest, first)
    if not parent:
        return persons
    moved, result = np.isin(persons, list(parent)), persons.copy()
    result[moved] = [root(person) for person in persons[moved].tolist()]
    return result


def _rows_by_contact(
    frame: pd.DataFrame, contacts: np.ndarray, persons: np.ndarray
) -> Iterator[Sequence[_Row]]:
    """Yield the rows of each contact with several persons: one row per person and spelling."""
    several = pd.Series(persons).groupby(contacts).transform("nunique").to_numpy() > 1
    written = column(frame, "first_name").to_pylist()
    first, last = normalised(frame, "first_name").to_pylist(), normalised(frame, "last_name").to_pylist()
    born = days(frame, "birth_date").tolist()
    by_contact: dict[int, dict[_Row, None]] = {}
    for at in np.flatnonzero(several):
        row = _Row(int(persons[at]), _words(written[at]), first[at], last[at], born[at])
        by_contact.setdefault(int(contacts[at]), {})[row] = None
    yield from (list(rows) for rows in by_contact.values() if len(rows) <= MOST_PERSONS)


def _words(name: str | None) -> frozenset[str]:
    parts = (normalise(part) for part in re.split(r"[\s-]+", name or ""))
    return frozenset(part for part in parts if part)


def _one_persons_rows(rows: Sequence[_Row]) -> Iterator[Sequence[_Row]]:
    """Yield groups of at least two rows that are one person: each row matches every other row of its group."""
    candidates = [row for row in rows if row.born != NO_DAY] or rows
    while candidates:
        first, *rest = candidates
        group = [first, *(row for row in rest if _is_one(first, row))]
        if len(group) > 1 and all(_is_one(one, other) for one, other in combinations(group, 2)):
            yield group
        candidates = [row for row in rest if row not in group]


def _is_one(one: _Row, other: _Row) -> bool:
    if one.born != other.born:
        return False
    if one.born == NO_DAY:
        return bool(one.whole_first and one.last) and (one.whole_first, one.last) == (
            other.whole_first,
            other.last,
        )
    if not one.first or not other.first:
        return bool(one.last) and one.last == other.last
    swapped = one.whole_first == other.last and one.last == other.whole_first
    return swapped or one.first <= other.first or other.first <= one.first
