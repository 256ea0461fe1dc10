"""Suspected duplicates: near matches that a person has to look at. Nothing here is ever merged.

The score is the estimated probability that both records are one person (Fellegi and Sunter's model, its error
rates estimated from the frame itself by expectation maximisation). For each record we know how many others
would agree with it by chance: many for a Sabine Müller, hardly any for a Gerlinde Körtig. A near match counts
for the more the fewer there are, so Meier and Meyer on one birthday are two persons in a large file, while
Körtig and Körtgi are one.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from letting_sync.matching.cleaning import clean
from letting_sync.matching.dedup import same_persons
from letting_sync.matching.keys import DEFAULT_KEY
from letting_sync.matching.suspects.blocking import People, candidate_pairs, people
from letting_sync.matching.suspects.comparison import compare, reasons
from letting_sync.matching.suspects.scoring import probabilities

THRESHOLD: Final = 0.4
"""Probability from which on a pair is listed. Assumed: rather a pair too many for a person to look at than one missed."""


def suspects(prospects: pd.DataFrame, partners: pd.DataFrame | None = None) -> pd.DataFrame:
    """Find near matches among the prospects, and between them and stored business partners.

    :param prospects: cleaned prospects with ``record``, names, ``birth_date``; ``email``, ``phone``, ``mobile``
        help if they are there. Records of one ``person`` (see :func:`~letting_sync.matching.dedup.merge_same_person`;
        by the default key if the column is missing) are no suspects of each other; the smallest speaks for all.
    :param partners: as for :func:`~letting_sync.matching.dedup.match_partners`. Partners that it finds are no suspects.
    :returns: ``record``, ``other_record`` or ``other_partner`` (the other one is missing), ``score`` from
        :data:`THRESHOLD` to 1, ``reason``: what differs, comma-separated: ``first_name_typo``, ``last_name_typo``,
        ``first_name_part``, ``last_name_part``, ``names_swapped``, ``names_split_differently``,
        ``name_spelling``, ``birth_day_typo``, ``birth_month_typo``, ``birth_year_typo``, ``day_month_swapped``,
        ``birth_date_missing``. Best first; each pair once, the smaller record first.
    """
    ours = _one_for_each_person(prospects)
    stored = _one_for_each_number(partners)
    both = pd.concat([ours, stored], ignore_index=True)
    who = people(both)
    left, right = candidate_pairs(who)
    to_compare = (left < len(ours)) & ~_matched(who, left, right, len(ours))
    left, right = left[to_compare], right[to_compare]
    pairs = compare(who, left, right)
    score = probabilities(pairs)
    near = score >= THRESHOLD
    return _table(both, left[near], right[near], score[near], reasons(pairs, near))


def _one_for_each_person(prospects: pd.DataFrame) -> pd.DataFrame:
    columns = ["record", "first_name", "last_name", "birth_date", "email", "phone", "mobile"]
    frame = prospects.reindex(columns=[name for name in columns if name in prospects.columns])
    person = prospects["person"] if "person" in prospects.columns else same_persons(prospects, DEFAULT_KEY)
    return frame.assign(person=np.asarray(person)).sort_values("record").drop_duplicates("person")


def _one_for_each_number(partners: pd.DataFrame | None) -> pd.DataFrame:
    if partners is None or partners.empty:
        return pd.DataFrame({"number": pd.Series(dtype="str")})
    columns = ["number", "first_name", "last_name", "birth_date", "email"]
    frame = clean(partners[[name for name in columns if name in partners.columns]])
    return frame.drop_duplicates("number").drop(columns=["title", "changed"])


def _matched(who: People, left: np.ndarray, right: np.ndarray, prospects: int) -> np.ndarray:
    """Pairs of prospect and partner that the exact matching finds: same names, and date or e-mail."""
    same_names = (who.strict_code[left] == who.strict_code[right]) & (who.strict_code[left] >= 0)
    dated = (who.year[left] > 0) & (who.year[right] > 0)
    same_date = (who.year[left] == who.year[right]) & (who.month[left] == who.month[right])
    same_date &= who.day[left] == who.day[right]
    same_email = (who.email[left] == who.email[right]) & (who.email[left] >= 0)
    return (right >= prospects) & same_names & np.where(dated, same_date, same_email)


def _table(
    both: pd.DataFrame, left: np.ndarray, right: np.ndarray, score: np.ndarray, reason: list[str]
) -> pd.DataFrame:
    number = both["number"] if "number" in both else pd.Series(None, index=both.index, dtype="str")
    table = pd.DataFrame(
        {
            "record": both["record"].to_numpy()[left].astype("int64"),
            "other_record": both["record"].astype("Int64").array[right],
            "other_partner": number.astype("str").array[right],
            "score": score.round(4),
            "reason": pd.array(reason, dtype="str"),
        }
    )
    return table.sort_values(
        ["score", "record", "other_record", "other_partner"],
        ascending=[False, True, True, True],
        ignore_index=True,
    )
