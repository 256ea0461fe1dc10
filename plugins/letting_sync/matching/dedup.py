"""Who is the same person: within a run, and among the ERP's business partners.

Pure functions on pandas frames, no I/O. Nothing here merges on likeness: equal keys decide
(:mod:`letting_sync.matching.keys`), near matches are for a person to look at (:mod:`letting_sync.matching.suspects.suspects`).

Safe sides taken where the published rules are silent:

* Both names are always part of the comparison, also where a customer's key leaves one out: otherwise twins or a
  couple with one e-mail address would become one person, and one of them would be lost.
* Of one person's records for one unit the one that was updated last wins, but never a withdrawn one over a live
  one. The person is *chosen* if any live record is; a choice of a record that was withdrawn does not count.
* Records with one contact of the partner's are one person unless date of birth or first name says otherwise
  (:mod:`letting_sync.matching.contacts`).
* Without a date of birth, e-mail address and both names decide. Where two different persons fit (father and son
  share name and address), nothing is decided and the record stays on its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd

from letting_sync.matching.cleaning import clean
from letting_sync.matching.columns import NO_DAY, as_dates, column, combined, days, rows_where, text_codes
from letting_sync.matching.contacts import join_by_contact
from letting_sync.matching.keys import DEFAULT_KEY, KEY_FIELDS, NAMES, checked_key, field_codes
from letting_sync.reasons import Reason

_ADDRESS: Final = ("street", "house_number", "postal_code", "city", "country")
_NOT_FILLED: Final = (
    "external_id",
    "unit",
    "chosen",
    "withdrawn",
    "updated_at",
    "record",
    "changed",
    "person",
    "contact_id",
    "bundle",
    "bundle_size",
)


def undecided(prospects: pd.DataFrame, key: Sequence[str] = DEFAULT_KEY) -> pd.Series:
    """Say of whom nothing can tell who they are: a part of the key is missing and no e-mail address helps.

    :param prospects: cleaned prospects.
    :returns: bool, same index. What happens to them (load or quarantine) is the pair's setting.
    """
    primary, contact = _identities(prospects, key)
    return pd.Series((primary < 0) & (contact < 0), index=prospects.index)


def _identities(frame: pd.DataFrame, key: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Two codes for each row: by the key with both names, and by e-mail and names; -1 where not to be had.

    The second is there for rows without a date of birth, where the key asks for one, and for those that have
    their names.
    """
    fields = checked_key(key)
    names = combined(*(field_codes(frame, name) for name in NAMES))
    primary = names
    for field in fields:
        if field not in NAMES:
            primary = combined(primary, field_codes(frame, field))
    contact = np.full(len(frame), -1)
    if "birth_date" in fields:
        dateless = days(frame, "birth_date") == NO_DAY
        # One place more, so that rows without names (-1) have one of their own.
        asked = np.bincount(names[dateless] + 1, minlength=names.max(initial=0) + 2) > 0
        asked[0] = False
        rows = np.flatnonzero(asked[names + 1])
        if len(rows):
            email = field_codes(
                frame[["email"]].iloc[rows] if "email" in frame else frame.iloc[rows], "email"
            )
            contact[rows] = combined(names[rows], email)
    return primary, contact


def merge_same_person(
    prospects: pd.DataFrame, key: Sequence[str] = DEFAULT_KEY
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Keep one record for each person and unit, and say which of the kept ones are one person.

    :param prospects: cleaned prospects, ``record`` unique.
    :param key: what the customer's ERP compares; both names are added if they are not in it.
    :returns: ``kept``: the winning rows in their old order, their empty fields filled from the other records of
        the person for that unit (an address only as a whole or by its own missing parts), plus ``person``: the
        smallest ``record`` of that person, equal on several units. ``duplicates``: ``record``, ``duplicate_of``
        (a kept record) and ``reason``: ``same_record`` (the partner's record was read twice; the newest state
        counts as it is, nothing is filled) or ``same_person``.
    :raises ValueError: for an unknown field in the key or a ``record`` that occurs twice.
    """
    if prospects["record"].duplicated().any():
        raise ValueError("Record numbers must be unique.")
    read_twice = _older_states(prospects)
    current = ~prospects["record"].isin(read_twice["record"]).to_numpy()
    # Only the key's columns are copied here; the wide frame is cut once, at the end.
    needed = ["record", "unit", "external_id", "contact_id", *KEY_FIELDS]
    needed = [name for name in needed if name in prospects]
    states = prospects[needed] if current.all() else prospects.loc[current, needed]
    persons = join_by_contact(states, same_persons(states, key))
    everyone = np.full(len(prospects), -1)
    everyone[current] = _smallest_record(states, persons)
    place = np.full(len(prospects), -1)
    # Plus one, so that a missing unit (-1) is a place like any other and no record is dropped.
    place[current] = combined(persons, text_codes(column(states, "unit")) + 1)
    kept, same_person = _one_each(prospects.assign(person=everyone), place)
    final = read_twice["duplicate_of"].map(same_person.set_index("record")["duplicate_of"])
    read_twice["duplicate_of"] = final.fillna(read_twice["duplicate_of"]).astype("int64")
    duplicates = pd.concat(
        [
            read_twice.assign(reason=Reason.SAME_RECORD.value),
            same_person.assign(reason=Reason.SAME_PERSON.value),
        ],
        ignore_index=True,
    )
    return kept, duplicates.astype({"record": "int64", "duplicate_of": "int64", "reason": "str"})


def _older_states(prospects: pd.DataFrame) -> pd.DataFrame:
    """Records of which the same run read a newer state (pages shift while they are read)."""
    repeated = _repeated(text_codes(column(prospects, "external_id")))
    ranked = prospects.loc[repeated, ["external_id", "unit", "updated_at", "record"]].sort_values(
        ["updated_at", "record"], ascending=False
    )
    newest = ranked.groupby(["external_id", "unit"], sort=False)["record"].transform("first")
    older = newest != ranked["record"]
    return pd.DataFrame({"record": ranked["record"][older], "duplicate_of": newest[older]}, dtype="int64")


def _repeated(codes: np.ndarray) -> np.ndarray:
    """Where a code stands more than once; -1 is none."""
    return (np.bincount(codes + 1, minlength=1)[codes + 1] > 1) & (codes >= 0)


def same_persons(frame: pd.DataFrame, key: Sequence[str]) -> np.ndarray:
    """Number the persons; who cannot be told is a person of their own, on each unit of their record the same one."""
    primary, contact = _identities(frame, key)
    known = primary >= 0
    own = _first_of_record(frame) + len(frame)
    persons = np.where(known, primary, own)
    open_contacts = ~known & (contact >= 0)
    if not open_contacts.any():
        return persons
    pairs = pd.DataFrame({"contact": contact[known], "person": primary[known]})
    pairs = pairs[pairs["contact"].isin(contact[open_contacts])].drop_duplicates()
    one = pairs.drop_duplicates("contact", keep=False).set_index("contact")["person"]
    several = pairs["contact"][pairs["contact"].duplicated()]
    asked = pd.Series(contact[open_contacts])
    alone = asked.map(one).fillna(asked + 2 * len(frame))
    persons[open_contacts] = np.where(asked.isin(several), persons[open_contacts], alone).astype(np.int64)
    return persons


def _first_of_record(frame: pd.DataFrame) -> np.ndarray:
    """Place of the first row with the same external id, names and date of birth; its own place without an id."""
    places = np.arange(len(frame))
    ids = text_codes(column(frame, "external_id"))
    names = [field_codes(frame, name) + 1 for name in NAMES]
    dates = pd.factorize(days(frame, "birth_date"))[0]
    record = combined(combined(ids, combined(*names)), dates)
    first = pd.Series(places).groupby(record).transform("min").to_numpy()
    return np.where(record < 0, places, first)


def _smallest_record(frame: pd.DataFrame, persons: np.ndarray) -> np.ndarray:
    records = frame["record"].to_numpy(np.int64)
    smallest = np.full(persons.max(initial=-1) + 1, np.iinfo(np.int64).max)
    np.minimum.at(smallest, persons, records)
    return smallest[persons]


def _one_each(frame: pd.DataFrame, place: np.ndarray) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Keep the winner of each place (person and unit) and fill it up from the others; -1 is not kept."""
    stays = place >= 0
    shared = _repeated(place)
    if not shared.any():
        return frame if stays.all() else rows_where(frame, stays), pd.DataFrame(
            {"record": [], "duplicate_of": []}, dtype="int64"
        )
    several = frame[shared].assign(_place=place[shared], _at=np.flatnonzero(shared))
    several["_live"] = ~several["withdrawn"].astype(bool)
    several = several.sort_values(["_live", "updated_at", "external_id", "record"], ascending=False)
    winning = several.groupby("_place", sort=False)["record"].transform("first")
    lost = several["record"] != winning
    duplicates = pd.DataFrame({"record": several["record"][lost], "duplicate_of": winning[lost]})
    stays[several["_at"][lost]] = False
    kept = rows_where(frame, stays)
    winners = several[~lost]
    filled = _filled(winners, several)
    at = np.searchsorted(np.flatnonzero(stays), winners["_at"])
    for field in filled.columns:
        if not filled[field].equals(winners[field]):
            values = kept[field].array.copy()
            values[at] = filled[field].array
            kept = kept.assign(**{field: values})
    return kept, duplicates.sort_values("record")


def _filled(winners: pd.DataFrame, ranked: pd.DataFrame) -> pd.DataFrame:
    """The winners with empty fields filled from the next records of their place; chosen if any live one is."""
    filled = winners.copy()
    for field in [name for name in ranked.columns if name not in (*_NOT_FILLED, *_ADDRESS)]:
        values = ranked[field]
        if field == "salutation":
            values = values.where(values != "NONE")
        if values[winners.index].notna().all():
            continue
        found = _of_place(winners, values.groupby(ranked["_place"], sort=False).first())
        filled[field] = filled[field].where(values[winners.index].notna() | found.isna(), found)
    _fill_address(filled, ranked)
    chosen = (ranked["chosen"].astype(bool) & ranked["_live"]).groupby(ranked["_place"], sort=False).any()
    all_withdrawn = ~winners["_live"]
    filled["chosen"] = _of_place(winners, chosen) | (winners["chosen"].astype(bool) & all_withdrawn)
    return filled.drop(columns=["_place", "_live", "_at"])


def _of_place(winners: pd.DataFrame, values: pd.Series) -> pd.Series:
    return winners["_place"].map(values).set_axis(winners.index)


def _fill_address(winners: pd.DataFrame, ranked: pd.DataFrame) -> None:
    """Fill an address from the best record that does not contradict it; two halves make a wrong one."""
    parts = [name for name in _ADDRESS if name in ranked.columns]
    if not parts:
        return
    own = winners.set_index("_place")[parts].loc[ranked["_place"]].set_axis(ranked.index)
    theirs = ranked[parts]
    agrees = ((own == theirs) | own.isna() | theirs.isna()).all(axis=1)
    says_more = (own.isna() & theirs.notna()).any(axis=1)
    donors = ranked[agrees & says_more].drop_duplicates("_place").set_index("_place")[parts]
    for name in parts:
        winners[name] = winners[name].where(winners[name].notna(), _of_place(winners, donors[name]))


def match_partners(
    prospects: pd.DataFrame, partners: pd.DataFrame, key: Sequence[str] = DEFAULT_KEY
) -> pd.DataFrame:
    """Find the business partner that each prospect already is.

    Partners are compared by the key, whatever their blanks, case and spelling, and with a title that stands in a
    stored first name left out. Where prospect or partner has no date of birth, e-mail address and names decide.

    :param prospects: cleaned prospects; with ``person`` (see :func:`merge_same_person`) all records of one
        person get one answer.
    :param partners: ``number``, ``first_name``, ``last_name``, ``birth_date``, ``email`` as the ERP stores them;
        a partner may occur more than once. A key field that is not there matches nobody.
    :returns: ``record``, ``business_partner_number`` (missing unless exactly one fits) and ``reason``:
        ``exact`` (the ERP's own check finds it too), ``folded``, ``ambiguous_partner`` or ``none``.
    :raises ValueError: for an unknown field in the key.
    """
    stored = partners.drop_duplicates().reset_index(drop=True)
    both = pd.concat([prospects.reset_index(drop=True), clean(stored)], ignore_index=True)
    asking = np.arange(len(both)) < len(prospects)
    person = np.full(len(both), -1)
    person[asking] = prospects["person"] if "person" in prospects.columns else prospects["record"]
    primary, contact = _identities(both, key)
    found = _equal_pairs(primary, asking)
    open_persons = asking & ~np.isin(person, person[found["at"]])
    by_contact = _equal_pairs(np.where(open_persons | ~asking, contact, -1), asking)
    dateless = as_dates(both, "birth_date").isna().to_numpy() & ("birth_date" in key)
    allowed = dateless[by_contact["at"]] | dateless[by_contact["stored_at"]]
    found = pd.concat([found, by_contact[allowed]], ignore_index=True)
    found["exact"] = _equal_bytes(found, prospects, stored, len(prospects), key)
    found["person"] = person[found["at"]]
    found["number"] = both["number"].to_numpy()[found["stored_at"]]
    return _answers(prospects["record"], person[asking], found)


def _equal_pairs(codes: np.ndarray, asking: np.ndarray) -> pd.DataFrame:
    """Rows of prospects (``at``) and of partners (``stored_at``) with the same code."""
    rows = pd.DataFrame({"at": np.arange(len(codes)), "code": codes})
    left, right = rows[asking & (codes >= 0)], rows[~asking & (codes >= 0)]
    return left.merge(right.rename(columns={"at": "stored_at"}), on="code")[["at", "stored_at"]]


def _equal_bytes(
    pairs: pd.DataFrame, prospects: pd.DataFrame, stored: pd.DataFrame, offset: int, key: Sequence[str]
) -> np.ndarray:
    """Whether the ERP's own check would find the partner with the values as we send them."""
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
    """One answer for each record, the same for all records of a person."""
    groups = found.groupby("person")
    several = groups["number"].nunique() > 1
    reason = pd.Series(np.where(groups["exact"].any(), "exact", "folded"), index=several.index, dtype="str")
    reason[several] = Reason.AMBIGUOUS_PARTNER.value
    number = groups["number"].first().astype("str")
    asked = pd.Series(person)
    return pd.DataFrame(
        {
            "record": records.to_numpy(),
            "business_partner_number": asked.map(number[~several]).astype("str"),
            "reason": asked.map(reason).fillna("none").astype("str"),
        }
    ).set_axis(records.index)
