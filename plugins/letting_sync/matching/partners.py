"""Finds the ERP's business partner of each prospect.

Pure functions on pandas frames, with the rules of :mod:`letting_sync.matching.dedup`: equal keys decide. If the evidence is
weaker, a person is asked.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from letting_sync.matching.cleaning import clean
from letting_sync.matching.columns import as_dates, column
from letting_sync.matching.dedup import identities
from letting_sync.matching.keys import DEFAULT_KEY, checked_key, field_codes
from letting_sync.reasons import Reason


def match_partners(
    prospects: pd.DataFrame, partners: pd.DataFrame, key: Sequence[str] = DEFAULT_KEY
) -> pd.DataFrame:
    """Find the business partner of each prospect.

    Partners are compared by the normalised key; a title in a stored first name is ignored. If prospect or partner has no date
    of birth, e-mail address and names find the partner, with a doubt. A date of birth that many share also leaves a doubt,
    unless the e-mail addresses are equal; if they differ, the partner is not found.

    :param prospects: cleaned prospects; with ``person`` (see :func:`merge_same_person`) all records of one
        person get the same result.
    :param partners: ``number``, ``first_name``, ``last_name``, ``birth_date``, ``email`` as the ERP stores them;
        a partner may occur more than once. A missing key field matches nobody.
    :returns: ``record``; ``business_partner_number`` (missing unless exactly one matches); ``reason``:
        ``exact`` (the ERP's own check finds it too), ``normalised``, ``ambiguous_partner`` or ``none``; ``doubt``: what a person
        has to check, ``names_and_contact_only`` or ``weak_birth_date``, otherwise missing; ``not_this_partner``: a partner with
        the same names and the same weak date but another e-mail address.
    :raises ValueError: the key contains an unknown field.
    """
    stored = partners.drop_duplicates().reset_index(drop=True)
    both = pd.concat([prospects.reset_index(drop=True), clean(stored)], ignore_index=True)
    asking = np.arange(len(both)) < len(prospects)
    person = np.full(len(both), -1)
    person[asking] = prospects["person"] if "person" in prospects.columns else prospects["record"]
    known = identities(both, key)
    by_key = _equal_pairs(known.key, asking)
    email = field_codes(both, "email")
    by_key["doubt"], refuted = _doubts(by_key, known.weak, email)
    other = both["number"].to_numpy()[by_key["stored_at"][refuted]]
    not_this = dict(zip(person[by_key["at"][refuted]], other, strict=True))
    by_key = by_key[~refuted]
    open_persons = asking & ~np.isin(person, person[by_key["at"]])
    by_contact = _equal_pairs(np.where(open_persons | ~asking, known.contact, -1), asking)
    dateless = as_dates(both, "birth_date").isna().to_numpy() & ("birth_date" in key)
    allowed = dateless[by_contact["at"]] | dateless[by_contact["stored_at"]]
    by_contact = by_contact[allowed].assign(doubt=Reason.NAMES_AND_CONTACT_ONLY.value)
    found = pd.concat([by_key, by_contact], ignore_index=True)
    found["exact"] = _equal_bytes(found, prospects, stored, len(prospects), key)
    found["person"] = person[found["at"]]
    found["number"] = both["number"].to_numpy()[found["stored_at"]]
    answers = _answers(prospects["record"], person[asking], found)
    elsewhere = pd.Series(person[asking], index=answers.index).map(not_this)
    return answers.assign(not_this_partner=elsewhere.astype("str"))


def _doubts(pairs: pd.DataFrame, is_weak: np.ndarray, email: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For pairs with equal keys: return the doubt of each pair, and whether different e-mail addresses refute a weak date."""
    ours, theirs = email[pairs["at"]], email[pairs["stored_at"]]
    unsure = is_weak[pairs["at"]] & ~((ours == theirs) & (ours >= 0))
    refuted = unsure & (ours >= 0) & (theirs >= 0)
    doubt = np.full(len(pairs), None, object)
    doubt[unsure] = Reason.WEAK_BIRTH_DATE.value
    return doubt, refuted


def _equal_pairs(codes: np.ndarray, asking: np.ndarray) -> pd.DataFrame:
    """Return the row numbers of prospects (``at``) and partners (``stored_at``) with equal codes."""
    rows = pd.DataFrame({"at": np.arange(len(codes)), "code": codes})
    left, right = rows[asking & (codes >= 0)], rows[~asking & (codes >= 0)]
    return left.merge(right.rename(columns={"at": "stored_at"}), on="code")[["at", "stored_at"]]


def _equal_bytes(
    pairs: pd.DataFrame, prospects: pd.DataFrame, stored: pd.DataFrame, offset: int, key: Sequence[str]
) -> np.ndarray:
    """Return whether the ERP's own check would find the partner by the values that we send."""
    exact = np.ones(len(pairs), bool)
    for field in checked_key(key):
        if field == "birth_date":
            ours, theirs = as_dates(prospects, field), as_dates(stored, field)
        else:
            ours, theirs = (
                pd.Series(column(frame, field).to_pandas(), dtype="str") for frame in (prospects, stored)
            )
        exact &= ours.to_numpy()[pairs["at"]] == theirs.to_numpy()[pairs["stored_at"] - offset]
    return exact


def _answers(records: pd.Series, person: np.ndarray, found: pd.DataFrame) -> pd.DataFrame:
    """Return one result for each record, the same for all records of a person."""
    groups = found.groupby("person")
    several = groups["number"].nunique() > 1
    reason = pd.Series(
        np.where(groups["exact"].any(), "exact", "normalised"), index=several.index, dtype="str"
    )
    reason[several] = Reason.AMBIGUOUS_PARTNER.value
    number = groups["number"].first().astype("str")
    # A single pair without a doubt is enough.
    sure = found["doubt"].isna().groupby(found["person"]).any()
    doubt = groups["doubt"].first().astype("object").where(~sure, None)
    asked = pd.Series(person)
    return pd.DataFrame(
        {
            "record": records.to_numpy(),
            "business_partner_number": asked.map(number[~several]).astype("str"),
            "reason": asked.map(reason).fillna("none").astype("str"),
            "doubt": asked.map(doubt[~several]).astype("str"),
        }
    ).set_axis(records.index)
