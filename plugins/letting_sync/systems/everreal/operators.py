"""The task ``extract`` for EverReal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from letting_sync.errors import RefuseRecord
from letting_sync.parsing import records as fields
from letting_sync.reasons import Reason
from letting_sync.systems.everreal import contract_status, mapping
from letting_sync.systems.everreal.contract_status import ContractStage
from letting_sync.systems.everreal.contracts import (
    Listed,
    ended,
    pick,
    rank_of,
    stage_or_none,
    without_redrawn,
)
from letting_sync.tasks.extract.operator import ExtractOperator, Read

if TYPE_CHECKING:
    from letting_sync.model import Prospect
    from letting_sync.systems.everreal.hook import EverRealHook


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
    def _withdrawn(self) -> dict[tuple[datetime, datetime], list[Any]]:
        """Window -> the withdrawn among the records that were read of it."""
        return {}

    def read(self, start: datetime, end: datetime) -> list[Read]:
        if self.partner.selection == "erp":
            listed = self.hook.candidates().mapped(self._listed).read(start, end)
        else:
            listed = without_redrawn(self.hook.contracts().mapped(self._listed).read(start, end))
            self._report_missing_applications([one.record for one in listed])
        self._withdrawn[start, end] = [one.record for one in listed if self._is_withdrawn(one.record)]
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

    def read_withdrawn(self, start: datetime, end: datetime) -> list[Any]:
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
            found = pick(self.hook.candidates().read_all(), wanted, self.external_id_of, lambda _: 0)
        else:
            found = pick(self.hook.contracts().read_all(), wanted, self.external_id_of, rank_of)
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

    def source_id_of(self, record: Any) -> str | None:
        """The contract's id; a disabled candidate has withdrawn from all of their contracts."""
        if self.partner.selection == "erp" or mapping.is_disabled(mapping.contract_candidate(record)):
            return None
        return fields.readable_identifier(record, "id")

    def updated_at_of(self, record: Any) -> datetime:
        if self.partner.selection == "erp":
            return super().updated_at_of(record)
        return mapping.contract_version(record)

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
        if self.partner.selection == "erp" or stage_or_none(record) is not ContractStage.UNKNOWN:
            return []
        return [contract_status.status_word(record)]

    def _is_withdrawn(self, record: Any) -> bool:
        if self.partner.selection == "erp":
            return mapping.is_disabled(record)
        return ended(record) or mapping.is_disabled(mapping.contract_candidate(record))


FEWEST_CONTRACTS = 5
"""Of fewer contracts it says nothing that none has an application: some are made without one (assumed)."""


def _word(contract: Any) -> str:
    try:
        return contract_status.status_word(contract)
    except RefuseRecord:
        return "none"
