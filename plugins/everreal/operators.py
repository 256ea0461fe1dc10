"""The task ``extract`` for EverReal."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from everreal import mapping
from include.prospects.errors import RefuseRecord
from include.prospects.extract import ExtractOperator

if TYPE_CHECKING:
    from everreal.hook import EverRealHook
    from include.prospects.model import Prospect


class EverRealExtractOperator(ExtractOperator):
    """
    Stage EverReal's prospects that changed in the run's window.

    ``selection="partner"``: those for whom a contract was made (chosen in EverReal), from its contracts.
    ``selection="erp"``: all candidates, none of them chosen.
    """

    @cached_property
    def hook(self) -> EverRealHook:
        from everreal.hook import EverRealHook

        return EverRealHook(self.partner_conn_id)

    @cached_property
    def _withdrawn(self) -> dict[tuple[datetime, datetime], list[str]]:
        """Window -> ids of the withdrawn among the records that were read of it."""
        return {}

    def read(self, start: datetime, end: datetime) -> Iterator[Any]:
        if self.selection == "erp":
            records = list(self.hook.candidates(start, end, self.map_ahead))
        else:
            records = _without_redrawn(self.hook.contracts(start, end, self.map_ahead))
        ids = (self.external_id_of(record) for record in records if self._is_withdrawn(record))
        self._withdrawn[start, end] = [external_id for external_id in ids if external_id]
        yield from records

    def read_withdrawn(self, start: datetime, end: datetime) -> list[str]:
        """Those among the records of :meth:`read`, which are not read twice.

        A candidate who is disabled without a change of the contract is not seen in selection ``partner``: EverReal
        has no filter for it, and reading all candidates would cost more than the rest of the run.
        """
        if (start, end) not in self._withdrawn:
            deque(self.read(start, end), maxlen=0)
        return self._withdrawn[start, end]

    def read_by_id(self, external_ids: Sequence[str]) -> Iterator[Any]:
        """EverReal cannot be asked by a candidate's id: its records are read newest first until all are found."""
        wanted = set(external_ids)
        if self.selection == "erp":
            yield from _pick(self.hook.all_candidates(), wanted, self.external_id_of, lambda _: False)
        else:
            yield from _pick(self.hook.all_contracts(), wanted, self.external_id_of, _ended)

    def to_prospect(self, record: Any, today: date) -> Prospect:
        if self.selection == "erp":
            return mapping.candidate_to_prospect(record, self.separator, today)
        return mapping.contract_to_prospect(record, self.separator, today)

    def external_id_of(self, record: Any) -> str | None:
        return mapping.candidate_id(record if self.selection == "erp" else mapping.contract_candidate(record))

    def raw(self, record: Any) -> str:
        return mapping.raw_candidate(record) if self.selection == "erp" else mapping.raw_contract(record)

    def lacking_fields(self, record: Any) -> list[str]:
        """Early candidates may not have told all yet; those with a contract have."""
        return [] if self.selection == "erp" else mapping.lacking_fields(record)

    def _is_withdrawn(self, record: Any) -> bool:
        if self.selection == "erp":
            return mapping.is_disabled(record)
        return _ended(record) or mapping.is_disabled(mapping.contract_candidate(record))


def _ended(contract: Any) -> bool:
    try:
        return mapping.contract_ended(contract)
    except RefuseRecord:
        return False  # nobody can say; the mapping sends it to quarantine


def _without_redrawn(contracts: Iterable[Any]) -> list[Any]:
    """Leave out an ended contract whose candidate has a living one in the same window: redrawn, not withdrawn."""
    kept = list(contracts)
    candidates = [mapping.candidate_id(mapping.contract_candidate(contract)) for contract in kept]
    ended = [_ended(contract) for contract in kept]
    living = {candidate for candidate, over in zip(candidates, ended, strict=True) if candidate and not over}
    return [
        contract
        for contract, candidate, over in zip(kept, candidates, ended, strict=True)
        if not over or candidate not in living
    ]


def _pick(
    records: Iterable[Any],
    wanted: set[str],
    id_of: Callable[[Any], str | None],
    second_best: Callable[[Any], bool],
) -> Iterator[Any]:
    """The newest record of each wanted id; a second-best one only where the whole list has no better one."""
    spare: dict[str, Any] = {}
    for record in records if wanted else ():
        external_id = id_of(record)
        if external_id not in wanted:
            continue
        if second_best(record):
            spare.setdefault(external_id, record)
            continue
        yield record
        wanted.discard(external_id)
        if not wanted:
            return
    yield from (record for external_id, record in spare.items() if external_id in wanted)


EXTRACT = EverRealExtractOperator
