"""What EverReal's contracts say of each other: which one counts, which one was only drawn anew."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from letting_sync.errors import RefuseRecord
from letting_sync.systems.everreal import contract_status, mapping
from letting_sync.systems.everreal.contract_status import ContractStage
from letting_sync.tasks.extract.operator import Read


class Listed(NamedTuple):
    """One entry of EverReal's list.

    :param record: a contract, or a candidate.
    :param parts: what is staged of it: one record for each offer that is to be made.
    """

    record: Any
    parts: list[Read]


def stage_or_none(contract: Any) -> ContractStage | None:
    try:
        return contract_status.stage_of(contract)
    except RefuseRecord:
        return None  # nobody can say; the mapping sends it to quarantine


def ended(contract: Any) -> bool:
    return stage_or_none(contract) is ContractStage.ENDED


def rank_of(contract: Any) -> int:
    """Which of a candidate's contracts counts: a signed one before any other, an ended one last."""
    return {ContractStage.SIGNED: 0, ContractStage.ENDED: 2}.get(
        stage_or_none(contract) or ContractStage.UNKNOWN, 1
    )


def without_redrawn(contracts: Sequence[Listed]) -> list[Listed]:
    """Leave out an ended contract whose candidate has a living one for its units in the same window.

    It was made anew, not withdrawn. A living contract for other units (a parking space) says nothing about the flat.
    """
    living: dict[str, list[frozenset[tuple[str, ...]]]] = {}
    for contract, _ in contracts:
        candidate = mapping.candidate_id(mapping.contract_candidate(contract))
        if candidate and not ended(contract):
            living.setdefault(candidate, []).append(mapping.unit_numbers(contract))

    def redrawn(contract: Any) -> bool:
        others = living.get(mapping.candidate_id(mapping.contract_candidate(contract)) or "", [])
        return any(mapping.unit_numbers(contract) <= units for units in others)

    return [one for one in contracts if not (ended(one.record) and redrawn(one.record))]


def pick(
    records: Iterable[Any],
    wanted: set[str],
    id_of: Callable[[Any], str | None],
    rank: Callable[[Any], int],
) -> Iterator[Any]:
    """The newest record of each wanted id; one of a worse rank only where the whole list has no better one.

    :param rank: 0 for a record that is taken at once, more for worse ones.
    """
    spare: dict[str, tuple[int, Any]] = {}
    for record in records if wanted else ():
        external_id = id_of(record)
        if external_id is None or external_id not in wanted:
            continue
        if worse := rank(record):
            if external_id not in spare or worse < spare[external_id][0]:
                spare[external_id] = (worse, record)
            continue
        yield record
        wanted.discard(external_id)
        if not wanted:
            return
    yield from (record for external_id, (_, record) in spare.items() if external_id in wanted)


def best_of_each(contracts: Iterable[Any], candidates: set[str]) -> dict[str, Any]:
    """The contract that counts for each of these candidates, by the candidate's id; contracts come newest first."""
    found = pick(contracts, set(candidates), _candidate_of, rank_of)
    return {candidate: contract for contract in found if (candidate := _candidate_of(contract))}


def _candidate_of(contract: Any) -> str | None:
    return mapping.candidate_id(mapping.contract_candidate(contract))
