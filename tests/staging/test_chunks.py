"""How a large run is divided, and what must stay together."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from letting_sync.model import Outcome, OutcomeKind
from letting_sync.staging import tables
from letting_sync.staging.chunks import Chunk, chunk_numbers, chunks_of


def prospects(rows: list[tuple[int, int]]) -> pd.DataFrame:
    """Prospects by number of the person and of the external id."""
    frame = pd.DataFrame(rows, columns=["person", "external_id"])
    return frame.assign(external_id=frame["external_id"].map("A-{}".format)).astype(
        {"person": "int64[pyarrow]", "external_id": "string[pyarrow]"}
    )


@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=40),
    st.integers(1, 10),
)
def test_neither_a_person_nor_an_external_id_is_divided(rows: list[tuple[int, int]], size: int) -> None:
    frame = prospects(rows)

    numbers = chunk_numbers(frame, size)

    assert len(numbers) == len(rows)
    assert (numbers.groupby(frame["person"]).nunique() <= 1).all()
    assert (numbers.groupby(frame["external_id"]).nunique() <= 1).all()
    assert sorted(set(numbers)) == list(range(1, len(set(numbers)) + 1))


@given(st.integers(0, 300), st.integers(1, 50))
def test_strangers_fill_every_chunk_but_the_last(count: int, size: int) -> None:
    sizes = chunk_numbers(prospects([(i, i) for i in range(count)]), size).value_counts().sort_index()

    assert list(sizes[:-1]) == [size] * (len(sizes) - 1)
    assert sizes.sum() == count


def test_a_run_without_prospects_is_one_chunk() -> None:
    """Offers of earlier runs may wait for a decision even when nothing new has come."""
    assert chunks_of("file:///f", 0) == [Chunk("file:///f", 1, 1)]


def outcome(record: int) -> Outcome:
    return Outcome(record=record, external_id=f"A-{record}", kind=OutcomeKind.CREATED)


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return f"file://{tmp_path}"


def test_a_table_written_in_chunks_is_read_as_one(folder: str) -> None:
    for chunk in chunks_of(folder, 11):
        tables.write_outcomes(folder, "load_offers", [outcome(chunk.number)], {}, chunk)

    assert sorted(row["record"] for row in tables.outcomes(folder)) == list(range(1, 12))
    assert len(tables.rows(folder, "outcomes_load_offers")) == 11


@pytest.mark.parametrize(("first", "then"), [(3, 1), (1, 3), (3, 2)])
def test_a_run_that_is_done_anew_leaves_nothing_of_its_former_chunks(
    folder: str, first: int, then: int
) -> None:
    for chunk in chunks_of(folder, first):
        tables.write_outcomes(folder, "load_offers", [outcome(chunk.number)], {}, chunk)

    tables.forget(folder, "outcomes_load_offers")
    for chunk in chunks_of(folder, then):
        tables.write_outcomes(folder, "load_offers", [outcome(chunk.number)], {}, chunk)

    assert sorted(row["record"] for row in tables.outcomes(folder)) == list(range(1, then + 1))
