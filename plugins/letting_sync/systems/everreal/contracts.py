"""Selection among several contracts of one candidate: which one counts, and which one was replaced."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from letting_sync.errors import RefuseRecord
from letting_sync.systems.everreal import contract_status, mapping
from letting_sync.systems.everreal.contract_status import ContractStage
from letting_sync.tasks.extract.records import Read


class Listed(NamedTuple):
    """What is kept of one entry of EverReal's list, a contract or a candidate.

    :param parts: what to stage, one for each offer.
    :param withdrawn: the entry itself, if its candidate has withdrawn or was rejected.
    :param candidate: id of a contract's candidate, if one can be read.
    :param units: of a contract.
    :param has_ended: whether it is a contract that has ended.
    :param without: see :func:`mapping.without_application`.
    """

    parts: list[Read]
    withdrawn: Any | None
    candidate: str | None = None
    units: frozenset[tuple[str, ...]] = frozenset()
    has_ended: bool = False
    without: Sequence[str] = ()


def stage_or_none(contract: Any) -> ContractStage | None:
    try:
        return contract_status.stage_of(contract)
    except RefuseRecord:
        return None  # without a readable status; the mapping sends the contract to quarantine


def ended(contract: Any) -> bool:
    return stage_or_none(contract) is ContractStage.ENDED


def rank_of(contract: Any) -> int:
    """Return the rank of a contract among a candidate's contracts, 0 is best: signed, then any other, then ended."""
    return {ContractStage.SIGNED: 0, ContractStage.ENDED: 2}.get(
        stage_or_none(contract) or ContractStage.UNKNOWN, 1
    )


def without_redrawn(contracts: Sequence[Listed]) -> list[Listed]:
    """Leave out an ended contract whose candidate has an active one for the same units in the same window.

    Such a contract was replaced, not withdrawn. An active contract for other units (a parking space) does not count.
    """
    living: dict[str | None, list[frozenset[tuple[str, ...]]]] = {}
    for contract in contracts:
        if contract.candidate and not contract.has_ended:
            living.setdefault(contract.candidate, []).append(contract.units)

    def redrawn(contract: Listed) -> bool:
        return any(contract.units <= units for units in living.get(contract.candidate, ()))

    return [contract for contract in contracts if not (contract.has_ended and redrawn(contract))]


def pick(
    records: Iterable[Any],
    wanted: set[str],
    id_of: Callable[[Any], str | None],
    rank: Callable[[Any], int],
) -> Iterator[Any]:
    """Yield the newest record of each wanted id; one of a worse rank only if the whole list has no better one.

    :param records: newest first; read only until all wanted ids are found with rank 0.
    :param rank: rank of a record, 0 is best.
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
    """Return the contract that counts for each candidate, by the candidate's id; ``contracts`` is newest first."""
    found = pick(contracts, set(candidates), _candidate_of, rank_of)
    return {candidate: contract for contract in found if (candidate := _candidate_of(contract))}


def _candidate_of(contract: Any) -> str | None:
    return mapping.candidate_id(mapping.contract_candidate(contract))
