"""Possible duplicates: near matches that a person has to check. They are never merged automatically.

The score is the estimated probability that both records are one person, see
:mod:`letting_sync.matching.suspects.scoring`. Two members of one family are not listed, whatever they have in common: twins,
couples, siblings, father and son of one name (:func:`letting_sync.matching.suspects.comparison.compare`).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from letting_sync.matching.dedup import same_persons
from letting_sync.matching.keys import DEFAULT_KEY
from letting_sync.matching.suspects import chances
from letting_sync.matching.suspects.blocking import candidate_pairs
from letting_sync.matching.suspects.comparison import Comparison, compare
from letting_sync.matching.suspects.differences import differences
from letting_sync.matching.suspects.estimation import Expected, probabilities
from letting_sync.matching.suspects.people import People, people
from letting_sync.matching.suspects.scoring import Population, odds

COMPARED: Final = (
    *("first_name", "last_name", "birth_date", "email", "phone", "mobile", "contact_id"),
    *("street", "house_number", "postal_code", "city"),
)
"""The fields that are compared, if present."""
THRESHOLD: Final = 0.4
"""Smallest probability of a listed pair. Assumed: a superfluous pair is better than a missed one."""
STORED: Final = 50_000
"""Number of an ERP's business partners from which some were fetched, unless more were fetched (assumed)."""


def suspects(prospects: pd.DataFrame) -> pd.DataFrame:
    """Find near matches among the prospects of a run.

    :param prospects: cleaned prospects with ``record`` and any columns of :data:`COMPARED`. Records of one ``person``
        (see :func:`~letting_sync.matching.dedup.merge_same_person`; by the default key if the column is missing) are not
        paired with each other; the smallest one represents all.
    :returns: ``record``, ``other_record``, ``score`` from :data:`THRESHOLD` to 1, ``reason``: what differs, reason codes
        of the kind :attr:`~letting_sync.reasons.Kind.SUSPECT` and the fields that one of them lacks, comma-separated.
        Highest score first; each pair once, the smaller record first.
    """
    ours = _one_for_each_person(prospects)
    who = people(ours)
    pairs = compare(who, *candidate_pairs(who))
    weighed = odds(pairs, Population(len(who), chances.dates(who)))
    score = probabilities(pairs, weighed, Expected(size=len(who), pairs_each=2, askers=len(who)))
    table = _table(pairs, score).rename(columns={"left": "record", "right": "other_record"})
    records = ours["record"].to_numpy(np.int64)
    table["record"], table["other_record"] = records[table["record"]], records[table["other_record"]]
    return _best_first(table)


def near_partners(prospects: pd.DataFrame, partners: pd.DataFrame) -> pd.DataFrame:
    """Find near matches between prospects and business partners that the ERP has stored.

    The partners were fetched for these prospects by date of birth, e-mail address or telephone number, so a value that they
    have in common with each other is no evidence. Pairs with the same names (see
    :func:`~letting_sync.matching.keys.normalise`) and the same date of birth are exact matches, found by
    :func:`~letting_sync.matching.partners.match_partners`, and not returned here.

    :param prospects: cleaned prospects with any columns of :data:`COMPARED`; at least one.
    :param partners: cleaned partners with the same columns, if the ERP has them; may be empty.
    :returns: ``prospect`` and ``partner``: rows of the two frames by position from 0, ``score`` from :data:`THRESHOLD` to
        1, ``reason``: what differs, as in :func:`suspects`. Highest score first.
    """
    fields = [list(frame.columns.intersection(list(COMPARED))) for frame in (prospects, partners)]
    both = pd.concat([prospects[fields[0]], partners[fields[1]]], ignore_index=True)
    who = people(both)
    left, right = candidate_pairs(who)
    across = (left < len(prospects)) & (right >= len(prospects))
    left, right = left[across], right[across]
    known = _same_names_and_date(who, left, right)
    pairs = compare(who, left[~known], right[~known])
    size = max(STORED, len(partners))
    stored = np.arange(len(who)) >= len(prospects)
    weighed = odds(pairs, Population(size, chances.dates_of_stored(who, stored, size)))
    score = probabilities(pairs, weighed, Expected(size=size, pairs_each=1, askers=len(prospects)))
    table = _table(pairs, score).rename(columns={"left": "prospect", "right": "partner"})
    table["partner"] -= len(prospects)
    return _best_first(table)


def _one_for_each_person(prospects: pd.DataFrame) -> pd.DataFrame:
    frame = prospects[["record", *prospects.columns.intersection(list(COMPARED))]]
    person = prospects["person"] if "person" in prospects.columns else same_persons(prospects, DEFAULT_KEY)
    return frame.assign(person=np.asarray(person)).sort_values("record").drop_duplicates("person")


def _same_names_and_date(who: People, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    names, date = who.strict_code, who.date
    same = (names[left] == names[right]) & (names[left] >= 0)
    return np.asarray(same & (date[left] == date[right]) & (date[left] >= 0))


def _table(pairs: Comparison, score: np.ndarray) -> pd.DataFrame:
    near = score >= THRESHOLD
    return pd.DataFrame(
        {
            "left": pairs.left[near].astype(np.int64),
            "right": pairs.right[near].astype(np.int64),
            "score": score[near].round(4),
            "reason": pd.array(differences(pairs, near), dtype="str"),
        }
    )


def _best_first(table: pd.DataFrame) -> pd.DataFrame:
    first, second, *_ = table.columns
    return table.sort_values(["score", first, second], ascending=[False, True, True], ignore_index=True)
