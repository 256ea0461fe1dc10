"""One person behind several records, because the partner says so: records with the same contact.

A partner that keeps contacts names the contact behind each record (EverReal: ``companyContactId``, published: contacts are
unique by e-mail address). One contact is stronger evidence than the spelling of a name: it joins records whose names
differ by a slip, or of which one lacks the first name or the date of birth.

It is not stronger than what tells two people apart. A family can share an e-mail address, and so a contact: records
whose dates of birth contradict each other, or whose first names are different names, stay two persons.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from rapidfuzz.distance import JaroWinkler

from letting_sync.matching.columns import NO_DAY, column, days, rows_where, text_codes
from letting_sync.matching.keys import folded

ALIKE: Final = 0.88
"""Jaro-Winkler similarity from which on two names count as one name with a slip. Assumed."""
MOST_PERSONS: Final = 10
"""A contact behind more different persons is nobody's own. Assumed."""
_SHORTEST_PREFIX: Final = 3


class _Row(NamedTuple):
    person: int
    first: str | None
    last: str | None
    born: int


def join_by_contact(frame: pd.DataFrame, persons: np.ndarray) -> np.ndarray:
    """Give the persons of one contact one number where nothing speaks against it.

    :param frame: cleaned prospects with ``contact_id``, names and ``birth_date``; without contacts nothing changes.
    :param persons: the number of each row's person.
    :returns: the numbers after the joining, in the same order.
    """
    contacts = text_codes(column(frame, "contact_id"))
    shared = (np.bincount(contacts + 1, minlength=1)[contacts + 1] > 1) & (contacts >= 0)
    if not shared.any():
        return persons
    by_contact = _rows_by_contact(rows_where(frame, shared), contacts[shared], persons[shared])
    groups = ([row.person for row in group] for rows in by_contact for group in _one_persons_rows(rows))
    return joined(persons, groups)


def joined(persons: np.ndarray, groups: Iterable[Iterable[int]]) -> np.ndarray:
    """The persons, where all numbers of a group, and of groups that share a number, become one number.

    :param groups: person numbers that are one person.
    """
    parent: dict[int, int] = {}

    def root(person: int) -> int:
        while (above := parent.get(person, person)) != person:
            person = above
        return person

    for group in groups:
        first, *rest = {root(int(person)) for person in group}
        parent |= dict.fromkeys(rest, first)
    return np.array([root(person) for person in persons.tolist()]) if parent else persons


def _rows_by_contact(
    frame: pd.DataFrame, contacts: np.ndarray, persons: np.ndarray
) -> Iterator[Sequence[_Row]]:
    """The rows of each contact with several persons, each person once for each way it is written."""
    several = pd.Series(persons).groupby(contacts).transform("nunique").to_numpy() > 1
    columns = (folded(frame, "first_name").to_pylist(), folded(frame, "last_name").to_pylist())
    born = days(frame, "birth_date").tolist()
    by_contact: dict[int, dict[_Row, None]] = {}
    for at in np.flatnonzero(several):
        row = _Row(int(persons[at]), columns[0][at], columns[1][at], born[at])
        by_contact.setdefault(int(contacts[at]), {})[row] = None
    yield from (list(rows) for rows in by_contact.values() if len(rows) <= MOST_PERSONS)


def _one_persons_rows(rows: Sequence[_Row]) -> Iterator[Sequence[_Row]]:
    """Groups of at least two rows that are one person: each fits every other one of its group.

    Where the contact has several dates of birth, a row without one could be either: it stays alone.
    """
    dates = {row.born for row in rows} - {NO_DAY}
    candidates = [row for row in rows if row.born != NO_DAY] if len(dates) > 1 else rows
    while candidates:
        first, *rest = candidates
        group = [first, *(row for row in rest if _may_be_one(first, row))]
        if len(group) > 1 and all(_may_be_one(one, other) for one, other in combinations(group, 2)):
            yield group
        candidates = [row for row in rest if row not in group]


def _may_be_one(one: _Row, other: _Row) -> bool:
    if NO_DAY not in (one.born, other.born) and one.born != other.born:
        return False
    if one.first and other.first:
        swapped = one.first == other.last and one.last == other.first
        return swapped or _alike(one.first, other.first)
    return bool(one.last and other.last) and _alike(one.last or "", other.last or "")


def _alike(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    if len(short) >= _SHORTEST_PREFIX and long.startswith(short):
        return True
    return JaroWinkler.similarity(one, other) >= ALIKE
