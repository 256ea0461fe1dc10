"""Selection of the ledger entries that a run decides on, and their assignment to its chunks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache, cached_property

from letting_sync.ledger.ledger import Ledger
from letting_sync.ledger.records import AcceptanceState, Entry, EntryState, Key, Run
from letting_sync.staging import tables
from letting_sync.staging.chunks import Chunk


class RunEntries:
    """The entries that one task instance of ``auto_accept`` is responsible for.

    These are the entries of its chunk's prospects; in the first chunk also undecided offers of ended runs. Offers of
    a running run are decided by that run, whichever window they are in.

    :param has_ended: returns whether a run of the pair, given by its id, has succeeded, failed or been deleted.
    """

    def __init__(self, ledger: Ledger, run: Run, chunk: Chunk, has_ended: Callable[[str], bool]) -> None:
        self.ledger = ledger
        self.run = run
        self.chunk = chunk
        self._has_ended = cache(has_ended)

    @cached_property
    def _chunks(self) -> dict[Key, int]:
        """Chunk number of each of the run's prospects."""
        columns = ("external_id", "unit", "chunk")
        rows = tables.rows(self.chunk.folder, "prospects", columns=columns)
        return {(row["external_id"], row["unit"]): row["chunk"] for row in rows}

    def _is_ours(self, entry: Entry) -> bool:
        return self._chunks.get(entry.key, 1) == self.chunk.number

    def to_decide(self, replay: bool) -> list[Entry]:
        """Return the entries with an offer and without a lease that are decided on now.

        :param replay: whether a person has started the run for these prospects; then rejected ones are included.
        """
        own = self._of_prospects(number=self.chunk.number)
        # Entries outside the run's chunks belong to the first chunk, which alone searches for them.
        left = {
            entry.key: entry
            for entry in (self.ledger.find_undecided(self.run.pair) if self.chunk.is_first else ())
            if self._is_ours(entry)
        }
        return [
            entry
            for entry in (left | own).values()
            if entry.state in (EntryState.LOADED, EntryState.AMBIGUOUS)
            and not entry.lease_number
            and self._may_decide(entry)
            and (replay or not (entry.acceptance_reason and entry.acceptance_reason.final))
            and (replay or entry.acceptance != AcceptanceState.CLOSED)
        ]

    def due_for_review(self, before: datetime, most: int) -> list[Entry]:
        """Return held entries to compare with partner and ERP, last reviewed longest ago first.

        :param before: only entries last reviewed before this time.
        :param most: maximum number of entries.
        """
        if not self.chunk.is_first:
            return []
        due = self.ledger.find_due_for_review(self.run.pair, before, most)
        return [entry for entry in due if entry.key not in self._chunks and self._may_decide(entry)]

    def _may_decide(self, entry: Entry) -> bool:
        """Return whether no other running run has loaded it, is accepting it, or has asked for an approval."""
        runs = {entry.run_id}
        if entry.acceptance in (AcceptanceState.ACCEPTING, AcceptanceState.AWAITING) and entry.acceptance_run:
            runs.add(entry.acceptance_run)
        return all(self._has_ended(run_id) for run_id in runs - {self.run.run_id})

    def decided(self) -> list[Entry]:
        """Return the entries that this run decided on last."""
        return [entry for entry in self.ledger.find_decided_by(self.run) if self._is_ours(entry)]

    def most_accepts(self, here: int) -> int:
        """Return an upper bound of the number of offers that the whole run accepts.

        Chunks decide concurrently and do not know how many the others accept. In a run of several chunks each therefore
        counts all entries that the run could accept. That number does not depend on the progress of the others, and may
        only be too high, so that a person is asked.

        :param here: number of offers that this chunk would accept.
        """
        if self.chunk.of == 1:
            return here
        candidates = [
            entry
            for entry in self._of_prospects().values()
            if entry.state == EntryState.LOADED
            and entry.chosen
            and (not entry.lease_number or entry.acceptance_run == self.run.run_id)
        ]
        return max(here, len(candidates))

    def _of_prospects(self, number: int | None = None) -> dict[Key, Entry]:
        """Return the entries of the run's prospects, or of those of one chunk."""
        keys = [key for key, chunk in self._chunks.items() if number in (None, chunk)]
        known = self.ledger.find(self.run.pair, {external_id for external_id, _ in keys})
        return {key: known[key] for key in keys if key in known}
