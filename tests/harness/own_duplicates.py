"""This project's duplicate check as one call, for the benchmark and for the test on public data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from letting_sync.matching.cleaning import clean
from letting_sync.matching.dedup import merge_same_person
from letting_sync.matching.suspects.suspects import suspects
from tests.harness.dedup_sets import Pairs

Scored = Mapping[tuple[int, int], float]
"""Found pairs with their evidence."""


class Ours:
    """Do what ``dedup`` does: clean, merge records of the same person, list suspects."""

    name = "this project"

    def __init__(self) -> None:
        self.merged: Pairs = set()

    def pairs(self, frame: pd.DataFrame, columns: Sequence[str]) -> Scored:
        """Merged pairs and suspects."""
        prospects = clean(frame[["record", *columns]]).assign(
            external_id=frame["record"].astype("str"),
            unit="1/1/1/1",
            chosen=True,
            withdrawn=False,
            updated_at=pd.Timestamp(0, tz="UTC"),
        )
        kept, duplicates = merge_same_person(prospects)
        merged = duplicates[["record", "duplicate_of"]].itertuples(index=False, name=None)
        self.merged = {(min(pair), max(pair)) for pair in merged}
        table = suspects(kept)
        listed = zip(table["record"], table["other_record"], strict=True)
        return dict.fromkeys(self.merged, 1.0) | dict(zip(listed, table["score"], strict=True))

    def cut_offs(self) -> Sequence[float]:
        """It has its own."""
        return (0.0,)
