"""Records of the same person within a run. For the ERP's business partners see :mod:`letting_sync.matching.partners`.

Pure functions on pandas frames, no I/O. Records are merged by equal keys (:mod:`letting_sync.matching.keys`), never by
similarity; near matches are listed for a person to check (:mod:`letting_sync.matching.suspects.suspects`).

Where the published rules leave a choice, the safe one is made:

* Both names are always compared, even if a customer's key omits one. Otherwise twins or a
  couple with one e-mail address would become one person, and one of them would be lost.
* Of one person's records for one unit the latest version wins, but never a withdrawn record over one that is not.
  The person is *chosen* if any record that is not withdrawn is chosen.
* Records with one contact of the partner are one person if date of birth and first name are equal
  (:mod:`letting_sync.matching.contacts`).
* A date of birth that many share (:func:`~letting_sync.matching.birth_dates.weak`) counts only together with an equal e-mail
  address or telephone number.
* Names and contact data alone do not identify a person: father and son share them. Within a run such records stay separate,
  unless both lack the date and have equal names, e-mail address and telephone number. A stored business partner that is found
  by them gets the offer, and a person is asked before the lease.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from letting_sync.matching.birth_dates import weak
from letting_sync.matching.columns import NO_DAY, column, combined, days, rows_where, text_codes, text_series
from letting_sync.matching.contacts import join_by_contact, joined
from letting_sync.matching.keys import (
    DEFAULT_KEY,
    KEY_FIELDS,
    NAMES,
    checked_key,
    field_codes,
    normalised,
    person_key,
)
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
    "source_id",
)


class Identities(NamedTuple):
    """Evidence of the person of each row, as codes; -1 if missing.

    :ivar key: code of the matching key with both names.
    :ivar weak: whether the key contains a date of birth that many share.
    :ivar contact: code of e-mail address and names; only for rows with names and without a date of birth that the key
        requires.
    """

    key: np.ndarray
    weak: np.ndarray
    contact: np.ndarray


def undecided(prospects: pd.DataFrame, key: Sequence[str] = DEFAULT_KEY) -> pd.Series:
    """Return a mask of the prospects that cannot be identified: a part of the key is missing, and so is the e-mail address.

    :param prospects: cleaned prospects.
    :returns: bool, same index. The pair's setting decides whether they are loaded or go to quarantine.
    """
    known = identities(prospects, key)
    return pd.Series((known.key < 0) & (known.contact < 0), index=prospects.index)


def identities(frame: pd.DataFrame, key: Sequence[str]) -> Identities:
    """Return the evidence of each row's person.

    :param frame: cleaned prospects, partners, or both.
    :raises ValueError: the key contains an unknown field.
    """
    fields = checked_key(key)
    names = combined(*(field_codes(frame, name) for name in NAMES))
    codes = names
    for field in fields:
        if field not in NAMES:
            codes = combined(codes, field_codes(frame, field))
    contact = np.full(len(frame), -1)
    if "birth_date" not in fields:
        return Identities(codes, np.zeros(len(frame), bool), contact)
    born = days(frame, "birth_date")
    dateless = born == NO_DAY
    # One element more, for rows without names (-1).
    asked = np.bincount(names[dateless] + 1, minlength=names.max(initial=0) + 2) > 0
    asked[0] = False
    rows = np.flatnonzero(asked[names + 1])
    if len(rows):
        email = field_codes(frame[["email"]].iloc[rows] if "email" in frame else frame.iloc[rows], "email")
        contact[rows] = combined(names[rows], email)
    return Identities(codes, weak(born) & (codes >= 0), contact)


def identity(frame: pd.DataFrame, key: Sequence[str] = DEFAULT_KEY) -> pd.Series:
    """Return a text for each record; records with equal texts are certainly one person. ``NA`` if nothing would suffice.

    The text is the key. With a date of birth that many share it also contains the e-mail address; without a date it consists
    of names, e-mail address and telephone number. Unlike :func:`same_persons` the function does not need the other record.

    :param frame: cleaned prospects.
    :raises ValueError: the key contains an unknown field.
    """
    fields = checked_key(key)
    by_key = person_key(frame, (*NAMES, *fields))
    if "birth_date" not in fields:
        return by_key
    telephone = pc.coalesce(column(frame, "mobile"), column(frame, "phone"))
    born = days(frame, "birth_date")
    with_email = person_key(frame, (*NAMES, *fields, "email"))
    reached = frame.assign(phone=text_series(telephone, frame.index))
    dateless = person_key(reached, (*NAMES, "email", "phone"))
    found = by_key.where(~weak(born), with_email)
    return found.where(born != NO_DAY, dateless)


def merge_same_person(
    prospects: pd.DataFrame, key: Sequence[str] = DEFAULT_KEY
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Keep one record for each person and unit, and number the persons.

    :param prospects: cleaned prospects, ``record`` unique.
    :param key: the fields that the customer's ERP compares; both names are added if missing.
    :returns: ``kept``: the winning rows in their old order. Their empty fields are filled from the person's other records
        for that unit (an address only as a whole or by its own missing parts). The column ``person`` is the smallest
        ``record`` of that person, equal on several units. ``duplicates``: ``record``, ``duplicate_of``
        (a kept record) and ``reason``: ``same_record`` (the partner's record was read twice; the newest version
        counts and is not filled) or ``same_person``.
    :raises ValueError: the key contains an unknown field, or a ``record`` occurs twice.
    """
    if prospects["record"].duplicated().any():
        raise ValueError("Record numbers must be unique.")
    read_twice = _older_states(prospects)
    current = ~prospects["record"].isin(read_twice["record"]).to_numpy()
    # Only the key's columns are copied here; the wide frame is filtered once, at the end.
    needed = ["record", "unit", "external_id", "contact_id", *KEY_FIELDS, "mobile"]
    needed = [name for name in needed if name in prospects]
    states = prospects[needed] if current.all() else prospects.loc[current, needed]
    persons = join_by_contact(states, same_persons(states, key))
    everyone = np.full(len(prospects), -1)
    everyone[current] = _smallest_record(states, persons)
    place = np.full(len(prospects), -1)
    # Plus one, so that a missing unit (-1) counts as a unit and no record is dropped.
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
    """Return a mask of the records of which the run also read a newer version (pages shift while they are read)."""
    repeated = _repeated(text_codes(column(prospects, "external_id")))
    ranked = prospects.loc[repeated, ["external_id", "unit", "updated_at", "record"]].sort_values(
        ["updated_at", "record"], ascending=False
    )
    newest = ranked.groupby(["external_id", "unit"], sort=False)["record"].transform("first")
    older = newest != ranked["record"]
    return pd.DataFrame({"record": ranked["record"][older], "duplicate_of": newest[older]}, dtype="int64")


def _repeated(codes: np.ndarray) -> np.ndarray:
    """Return a mask of the codes that occur more than once; False for -1."""
    return (np.bincount(codes + 1, minlength=1)[codes + 1] > 1) & (codes >= 0)


def same_persons(frame: pd.DataFrame, key: Sequence[str]) -> np.ndarray:
    """Return a number for each row's person. An unidentified record is a person of its own, the same on all its units."""
    known = identities(frame, key)
    sure = (known.key >= 0) & ~known.weak
    persons = np.where(sure, known.key, _first_of_record(frame) + len(frame))
    # Names with a weak date, or names with an e-mail address and no date, need one more piece of evidence.
    dateless = ~sure & (known.key < 0) & (known.contact >= 0)
    # A record with a date and the same names and e-mail address may belong to either of them.
    dateless &= ~np.isin(known.contact, known.contact[known.key >= 0])
    by_date = _agreeing(frame, np.where(known.weak, known.key, -1), ("email", "phone"), persons)
    by_contact = _agreeing(frame, np.where(dateless, known.contact, -1), ("phone",), persons)
    return joined(persons, [*by_date, *by_contact])


def _agreeing(
    frame: pd.DataFrame, codes: np.ndarray, evidence: Sequence[str], persons: np.ndarray
) -> Iterator[np.ndarray]:
    """Join rows with one code that also agree in one of their contact data.

    :param evidence: ``email``, ``phone`` (any of both telephone numbers).
    """
    rows = np.flatnonzero(_repeated(codes))
    if not len(rows):
        return
    some, codes, persons = frame.iloc[rows], codes[rows], persons[rows]
    for name in evidence:
        twice = name == "phone"
        texts = [normalised(some, field) for field in (("phone", "mobile") if twice else (name,))]
        both = combined(np.tile(codes, len(texts)), text_codes(pa.concat_arrays(texts)))
        shared = _repeated(both)
        groups = pd.Series(np.tile(persons, len(texts))[shared]).groupby(both[shared])
        yield from (group.to_numpy() for _, group in groups)


def _first_of_record(frame: pd.DataFrame) -> np.ndarray:
    """Return the position of the first row with the same external id, names and date of birth; its own without an id."""
    places = np.arange(len(frame))
    ids = text_codes(column(frame, "external_id"))
    rows = np.flatnonzero(_repeated(ids))
    if not len(rows):
        return places
    some = frame.iloc[rows]
    names = [field_codes(some, name) + 1 for name in NAMES]
    dates = pd.factorize(days(some, "birth_date"))[0]
    record = combined(combined(ids[rows], combined(*names)), dates)
    places[rows] = pd.Series(rows).groupby(record).transform("min").to_numpy()
    return places


def _smallest_record(frame: pd.DataFrame, persons: np.ndarray) -> np.ndarray:
    records = frame["record"].to_numpy(np.int64)
    smallest = np.full(persons.max(initial=-1) + 1, np.iinfo(np.int64).max)
    np.minimum.at(smallest, persons, records)
    return smallest[persons]


def _one_each(frame: pd.DataFrame, place: np.ndarray) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Keep the winner of each group (person and unit) and fill its empty fields from the others; -1 is dropped."""
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
    """Fill the winners' empty fields from the next records of their group; chosen if any record not withdrawn is."""
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
    """Fill an address from the best record that does not contradict it; parts of two addresses would be a wrong one."""
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
