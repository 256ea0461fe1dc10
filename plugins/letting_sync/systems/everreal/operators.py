"""The task ``extract`` for EverReal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from letting_sync.errors import RefuseRecord
from letting_sync.reasons import Reason
from letting_sync.systems.everreal import contract_status, mapping
from letting_sync.systems.everreal.contract_status import ContractStage
from letting_sync.tasks.extract.operator import ExtractOperator, Read

if TYPE_CHECKING:
    from letting_sync.model import Prospect
    from letting_sync.systems.everreal.hook import EverRealHook


class Listed(NamedTuple):
    """One entry of EverReal's list.

    :param record: a contract, or a candidate.
    :param parts: what is staged of it: one record for each offer that is to be made.
    """

    record: Any
    parts: list[Read]


class EverRealExtractOperator(ExtractOperator):
    """
    Stage EverReal's prospects that changed in the run's window.

    ``selection="partner"``: those for whom a contract was made (chosen in EverReal), from its contracts.
    ``selection="erp"``: all candidates, none of them chosen.

    Options of the partner: ``chosen_when``: from when on a contract chooses its candidate: ``signed`` by candidate and owner, or already
    ``started``. With ``signed`` a contract that is only started is skipped (``not_signed``) and handed over by the
    window in which it is signed. ``several_units``: what becomes of a contract about several units, a flat and its
    parking space: an offer for each (``offer_each``), accepted together or not at all, or ``quarantine``.
    """

    not_chosen_reason = Reason.NOT_SIGNED

    @property
    def chosen_when(self) -> mapping.ChosenWhen:
        """From when on a contract chooses its candidate."""
        return cast("mapping.ChosenWhen", self.partner.options["chosen_when"])

    @property
    def several_units(self) -> mapping.SeveralUnits:
        """What becomes of a contract about several units."""
        return cast("mapping.SeveralUnits", self.partner.options["several_units"])

    @cached_property
    def hook(self) -> EverRealHook:
        from letting_sync.systems.everreal.hook import EverRealHook

        return EverRealHook(self.partner.conn_id)

    @cached_property
    def _withdrawn(self) -> dict[tuple[datetime, datetime], list[str]]:
        """Window -> ids of the withdrawn among the records that were read of it."""
        return {}

    def read(self, start: datetime, end: datetime) -> list[Read]:
        if self.partner.selection == "erp":
            listed = self.hook.candidates().mapped(self._listed).read(start, end)
        else:
            listed = _without_redrawn(self.hook.contracts().mapped(self._listed).read(start, end))
            self._report_missing_applications([one.record for one in listed])
        ids = (self.external_id_of(one.record) for one in listed if self._is_withdrawn(one.record))
        self._withdrawn[start, end] = [external_id for external_id in ids if external_id]
        return [part for one in listed for part in one.parts]

    def _listed(self, record: Any) -> Listed:
        parts = [record] if self.partner.selection == "erp" else mapping.parts(record, self.several_units)
        return Listed(record, [self.mapped(part) for part in parts])

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
            self.read(start, end)
        return self._withdrawn[start, end]

    def read_by_id(self, external_ids: Sequence[str]) -> Iterator[Read]:
        """EverReal cannot be asked by a candidate's id: its records are read newest first until all are found."""
        wanted = set(external_ids)
        if self.partner.selection == "erp":
            found = _pick(self.hook.candidates().read_all(), wanted, self.external_id_of, lambda _: 0)
        else:
            found = _pick(self.hook.contracts().read_all(), wanted, self.external_id_of, _rank)
        for record in found:
            yield from self._listed(record).parts

    def to_prospect(self, record: Any, today: date) -> Prospect:
        if self.partner.selection == "erp":
            return mapping.candidate_to_prospect(record, self.partner.separator, today)
        return mapping.contract_to_prospect(record, self.partner.separator, today, self.chosen_when)

    def external_id_of(self, record: Any) -> str | None:
        return mapping.candidate_id(
            record if self.partner.selection == "erp" else mapping.contract_candidate(record)
        )

    def raw(self, record: Any) -> str:
        return (
            mapping.raw_candidate(record) if self.partner.selection == "erp" else mapping.raw_contract(record)
        )

    def lacking_fields(self, record: Any) -> list[str]:
        """Early candidates may not have told all yet; those with a contract have."""
        return [] if self.partner.selection == "erp" else mapping.lacking_fields(record)

    def status_counts(self, start: datetime, end: datetime) -> dict[str, int]:
        """Of the contracts; EverReal cannot count, so they are read."""
        if self.partner.selection == "erp":
            return {}
        contracts = self.hook.contracts().read(start, end)
        return dict(Counter(map(_word, contracts)))

    def unknown_words(self, record: Any) -> list[str]:
        """The status of a contract if it is not in the table of words."""
        if self.partner.selection == "erp" or _stage(record) is not ContractStage.UNKNOWN:
            return []
        return [contract_status.status_word(record)]

    def _is_withdrawn(self, record: Any) -> bool:
        if self.partner.selection == "erp":
            return mapping.is_disabled(record)
        return _ended(record) or mapping.is_disabled(mapping.contract_candidate(record))


FEWEST_CONTRACTS = 5
"""Of fewer contracts it says nothing that none has an application: some are made without one (assumed)."""


def _word(contract: Any) -> str:
    try:
        return contract_status.status_word(contract)
    except RefuseRecord:
        return "none"


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


def _without_redrawn(contracts: Sequence[Listed]) -> list[Listed]:
    """Leave out an ended contract whose candidate has a living one for its units in the same window.

    It was made anew, not withdrawn. A living contract for other units (a parking space) says nothing about the flat.
    """
    living: dict[str, list[frozenset[tuple[str, ...]]]] = {}
    for contract, _ in contracts:
        candidate = mapping.candidate_id(mapping.contract_candidate(contract))
        if candidate and not _ended(contract):
            living.setdefault(candidate, []).append(mapping.unit_numbers(contract))

    def redrawn(contract: Any) -> bool:
        others = living.get(mapping.candidate_id(mapping.contract_candidate(contract)) or "", [])
        return any(mapping.unit_numbers(contract) <= units for units in others)

    return [one for one in contracts if not (_ended(one.record) and redrawn(one.record))]


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
