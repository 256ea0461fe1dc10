"""A large run in chunks, which Airflow maps ``load_offers`` and ``auto_accept`` over; an ordinary run is one chunk.

Workers share the chunks, and a chunk that fails is tried again alone. What must not go on side by side stays
together: a person (whose second offer waits for the business partner that the first one makes) and an external id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import pandas as pd

PROSPECTS_PER_CHUNK = 2_000
"""Ten imports of the larger ERP's size. Starting a task costs a second or two, which this many repay a hundredfold."""


@dataclass(frozen=True)
class Chunk:
    """The share of a run that one task instance works on; its dictionary is what tasks hand on in XCom.

    :param folder: the run's staging folder.
    :param number: from 1.
    :param of: how many chunks the run has.
    """

    folder: str
    number: int = 1
    of: int = 1

    @classmethod
    def read(cls, handed_on: Mapping[str, Any]) -> Self:
        """The chunk that the task before handed on."""
        return cls(str(handed_on["folder"]), int(handed_on["number"]), int(handed_on["of"]))

    @property
    def handed_on(self) -> dict[str, Any]:
        """The chunk as XCom takes it."""
        return asdict(self)

    @property
    def is_first(self) -> bool:
        """Whether this chunk also does what is done once in a run."""
        return self.number == 1

    @property
    def suffix(self) -> str:
        """What tells this chunk's own tables from those of the others."""
        return f".chunk-{self.number}-of-{self.of}" if self.of > 1 else ""


def chunks_of(folder: str, count: int) -> list[Chunk]:
    """All chunks of a run; one at least, since offers of earlier runs may wait even when nothing new has come."""
    return [Chunk(folder, number, max(count, 1)) for number in range(1, max(count, 1) + 1)]


def chunk_numbers(prospects: pd.DataFrame, size: int) -> pd.Series[int]:
    """Divide prospects into chunks of about equal size.

    :param prospects: with the columns ``person`` and ``external_id``.
    :param size: most prospects in a chunk, unless more of them belong together.
    :return: number of each prospect's chunk, from 1.
    """
    import pandas as pd

    together = _belonging_together(prospects)
    numbers: dict[Any, int] = {}
    number, filled = 1, 0
    for group, members in together.value_counts(sort=False).items():
        if filled and filled + members > size:
            number, filled = number + 1, 0
        numbers[group] = number
        filled += members
    return pd.Series(together.map(numbers), index=prospects.index, dtype="int64")


def _belonging_together(prospects: pd.DataFrame) -> pd.Series[int]:
    """The same number for all prospects that are linked by a person or an external id, directly or through others."""
    group = prospects["person"].astype("int64")
    while True:
        linked = group.groupby(prospects["external_id"]).transform("min")
        linked = linked.groupby(prospects["person"]).transform("min")
        if linked.equals(group):
            return group
        group = linked
