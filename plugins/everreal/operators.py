"""The task ``extract`` for EverReal."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

from everreal import contract_status, mapping
from everreal.contract_status import ContractStage
from include.prospects.errors import RefuseRecord
from include.prospects.extract import ExtractOperator
from include.prospects.reasons import Reason

if TYPE_CHECKING:
    from everreal.hook import EverRealHook
    from include.prospects.model import Prospect


class EverRealExtractOperator(ExtractOperator):
    """
    Stage EverReal's prospects that changed in the run's window.

    ``selection="partner"``: those for whom a contract was made (chosen in EverReal), from its contracts.
    ``selection="erp"``: all candidates, none of them chosen.

    :param chosen_when: from when on a contract chooses its candidate: ``signed`` by candidate and owner, or already
        ``started``. With ``signed`` a contract that is only started is skipped (``not_signed``) and handed over by the
        window in which it is signed.
    :param several_units: what becomes of a contract about several units, a flat and its parking space: an offer for
        each (``offer_each``), accepted together or not at all, or ``quarantine``.
    """

    partner_settings = frozenset({"chosen_when", "several_units"})
    not_chosen_reason = Reason.NOT_SIGNED

    def __init__(
        self,
        *,
        chosen_when: mapping.ChosenWhen = "signed",
        several_units: mapping.SeveralUnits = "offer_each",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.chosen_when: mapping.ChosenWhen = chosen_when
        self.several_units: mapping.SeveralUnits = several_units

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
            self._report_missing_applications(records)
        ids = (self.external_id_of(record) for record in records if self._is_withdrawn(record))
        self._withdrawn[start, end] = [external_id for external_id in ids if external_id]
        yield from self._parts(records)

    def _parts(self, records: Iterable[Any]) -> Iterator[Any]:
        """One record for each offer that is to be made."""
        if self.selection == "erp":
            return iter(records)
        return chain.from_iterable(mapping.parts(record, self.several_units) for record in records)

    def _report_missing_applications(self, contracts: Sequence[Any]) -> None:
        """Report a window in which no contract has an application: then its assumed names may be wrong."""
        missing = [mapping.without_application(contract) for contract in contracts]
        if len(missing) >= FEWEST_CONTRACTS and all(missing):
            for name in {name for names in missing for name in names}:
                self.report("field_never_there", name, len(missing))

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
            yield from _pick(self.hook.all_candidates(), wanted, self.external_id_of, lambda _: 0)
        else:
            yield from self._parts(_pick(self.hook.all_contracts(), wanted, self.external_id_of, _rank))

    def to_prospect(self, record: Any, today: date) -> Prospect:
        if self.selection == "erp":
            return mapping.candidate_to_prospect(record, self.separator, today)
        return mapping.contract_to_prospect(record, self.separator, today, self.chosen_when)

    def external_id_of(self, record: Any) -> str | None:
        return mapping.candidate_id(record if self.selection == "erp" else mapping.contract_candidate(record))

    def raw(self, record: Any) -> str:
        return mapping.raw_candidate(record) if self.selection == "erp" else mapping.raw_contract(record)

    def lacking_fields(self, record: Any) -> list[str]:
        """Early candidates may not have told all yet; those with a contract have."""
        return [] if self.selection == "erp" else mapping.lacking_fields(record)

    def unknown_words(self, record: Any) -> list[str]:
        """The status of a contract if it is not in the table of words."""
        if self.selection == "erp" or _stage(record) is not ContractStage.UNKNOWN:
            return []
        return [contract_status.status_word(record)]

    def _is_withdrawn(self, record: Any) -> bool:
        if self.selection == "erp":
            return mapping.is_disabled(record)
        return _ended(record) or mapping.is_disabled(mapping.contract_candidate(record))


FEWEST_CONTRACTS = 5
"""Of fewer contracts it says nothing that none has an application: some are made without one (assumed)."""


def _stage(contract: Any) -> ContractStage | None:
    try:
        return contract_status.stage_of(contract)
    except RefuseRecord:
        return None  # nobody can say; the mapping sends it to quarantine


def _ended(contract: Any) -> bool:
    return _stage(contract) is ContractStage.ENDED


def _rank(contract: Any) -> int:
    """Which of a candidate's contracts counts: a signed one before any other, an ended one last."""
    return {ContractStage.SIGNED: 0, ContractStage.ENDED: 2}.get(_stage(contract) or ContractStage.UNKNOWN, 1)


def _without_redrawn(contracts: Iterable[Any]) -> list[Any]:
    """Leave out an ended contract whose candidate has a living one for its units in the same window.

    It was made anew, not withdrawn. A living contract for other units (a parking space) says nothing about the flat.
    """
    kept = list(contracts)
    living: dict[str, list[frozenset[tuple[str, ...]]]] = {}
    for contract in kept:
        candidate = mapping.candidate_id(mapping.contract_candidate(contract))
        if candidate and not _ended(contract):
            living.setdefault(candidate, []).append(mapping.unit_numbers(contract))

    def redrawn(contract: Any) -> bool:
        others = living.get(mapping.candidate_id(mapping.contract_candidate(contract)) or "", [])
        return any(mapping.unit_numbers(contract) <= units for units in others)

    return [contract for contract in kept if not (_ended(contract) and redrawn(contract))]


def _pick(
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


EXTRACT = EverRealExtractOperator
