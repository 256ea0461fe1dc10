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
from letting_sync.systems.everreal.queries import CANDIDATES, CONTRACTS
from letting_sync.tasks.extract.operator import ExtractOperator
from letting_sync.tasks.extract.records import Read

if TYPE_CHECKING:
    from letting_sync.model import Prospect
    from letting_sync.systems.everreal.hook import EverRealHook


class EverRealExtractOperator(ExtractOperator):
    """
    Stage EverReal's prospects that changed in the run's window.

    With ``selection="partner"`` it reads contracts: a candidate with a contract is chosen in EverReal. With
    ``selection="erp"`` it reads all candidates, none of them chosen.

    Options of the partner:

    * ``chosen_when``: contract stage from which on the candidate counts as chosen, ``signed`` (by candidate and owner)
      or ``started``. With ``signed``, a contract that is only started is skipped (``not_signed``); the window in which
      it is signed stages it.
    * ``several_units``: handling of a contract for several units, e.g. a flat and its parking space: ``offer_each``
      makes an offer for each, accepted together or not at all; ``quarantine`` makes none.
    """

    not_chosen_reason = Reason.NOT_SIGNED
    known_words = tuple(contract_status.STATUS_WORDS)

    @property
    def chosen_when(self) -> mapping.ChosenWhen:
        """Contract stage from which on the candidate counts as chosen."""
        return cast("mapping.ChosenWhen", self.partner.options["chosen_when"])

    @property
    def several_units(self) -> mapping.SeveralUnits:
        """Handling of a contract for several units."""
        return cast("mapping.SeveralUnits", self.partner.options["several_units"])

    @cached_property
    def hook(self) -> EverRealHook:
        from letting_sync.systems.everreal.hook import EverRealHook

        return EverRealHook(self.partner.conn_id)

    @cached_property
    def _withdrawn(self) -> dict[tuple[datetime, datetime], list[Any]]:
        """Withdrawn records by the window they were read in."""
        return {}

    def read(self, start: datetime, end: datetime) -> list[Read]:
        if self.partner.selection == "erp":
            listed = self.hook.candidates().mapped(self._listed).read(start, end)
        else:
            listed = without_redrawn(self.hook.contracts().mapped(self._listed).read(start, end))
            self._report_missing_applications(listed)
        self._withdrawn[start, end] = [one.withdrawn for one in listed if one.withdrawn is not None]
        return [part for one in listed for part in one.parts]

    def _listed(self, record: Any) -> Listed:
        if self.partner.selection == "erp":
            return Listed([self.mapped(record)], record if mapping.is_disabled(record) else None)
        candidate, has_ended = mapping.contract_candidate(record), ended(record)
        return Listed(
            list(map(self.mapped, self._parts(record))),
            record if has_ended or mapping.is_disabled(candidate) else None,
            mapping.candidate_id(candidate),
            mapping.unit_numbers(record),
            has_ended,
            tuple(mapping.without_application(record)),
        )

    def _report_missing_applications(self, contracts: Sequence[Listed]) -> None:
        """Log a warning if no contract of a window has an application: the assumed field names may be wrong."""
        if len(contracts) >= FEWEST_CONTRACTS and all(contract.without for contract in contracts):
            for name in {name for contract in contracts for name in contract.without}:
                self.report("field_never_there", name, len(contracts))

    def read_withdrawn(self, start: datetime, end: datetime) -> list[Any]:
        """Return the withdrawn ones among the records of :meth:`read`, without reading them again.

        With selection ``partner`` a candidate who is disabled without a change of the contract is not found: EverReal
        has no filter for it, and reading all candidates would take longer than the rest of the run.
        """
        if (start, end) not in self._withdrawn:
            self.read(start, end)
        return self._withdrawn[start, end]

    def read_by_id(self, external_ids: Sequence[str]) -> Iterator[Read]:
        """Yield the records of these ids, reading newest first until all are found: EverReal has no such filter."""
        wanted = set(external_ids)
        if self.partner.selection == "erp":
            found = pick(self.hook.candidates().read_all(), wanted, self.external_id_of, lambda _: 0)
        else:
            found = pick(self.hook.contracts().read_all(), wanted, self.external_id_of, rank_of)
        for record in found:
            yield from map(self.mapped, self._parts(record))

    def to_prospect(self, record: Any, today: date) -> Prospect:
        if self.partner.selection == "erp":
            return mapping.candidate_to_prospect(record, self.partner.separator, today)
        return mapping.contract_to_prospect(record, self.partner.separator, today, self.chosen_when)

    def external_id_of(self, record: Any) -> str | None:
        return mapping.candidate_id(
            record if self.partner.selection == "erp" else mapping.contract_candidate(record)
        )

    def source_id_of(self, record: Any) -> str | None:
        """Return the contract's id; ``None`` for a disabled candidate, who has withdrawn from all their contracts."""
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
        """Return missing fields of contracts only; early candidates may not have filled in all fields."""
        return [] if self.partner.selection == "erp" else mapping.lacking_fields(record)

    def status_counts(self, start: datetime, end: datetime) -> dict[str, int]:
        """Count the contracts by status. They are read for it, since EverReal has no count."""
        if self.partner.selection == "erp":
            return {}
        contracts = self.hook.contracts().read(start, end)
        return dict(Counter(map(_word, contracts)))

    def sample(self, start: datetime, end: datetime) -> list[Read]:
        """The records that changed last, whenever that was."""
        del start, end
        query = CANDIDATES if self.partner.selection == "erp" else CONTRACTS
        found = self.hook.newest(query, 1) and self.hook.newest(query, SAMPLE)
        return [self.mapped(part) for record in found for part in self._parts(record)]

    def schema_differences(self) -> list[str] | None:
        """Of the customer's schema from ``everreal.graphql``, as far as our queries use it; ``None``: introspection is closed."""
        from letting_sync.systems.everreal import published_types

        told = self.hook.introspection(published_types.INTROSPECTION)
        return None if told is None else published_types.differences(told)

    def unknown_words(self, record: Any) -> list[str]:
        """Return the status of a contract if it is not in :data:`~.contract_status.STATUS_WORDS`."""
        if self.partner.selection == "erp" or stage_or_none(record) is not ContractStage.UNKNOWN:
            return []
        return [contract_status.status_word(record)]

    def _parts(self, record: Any) -> list[Any]:
        """The records to stage for an entry of the list, one for each offer."""
        return [record] if self.partner.selection == "erp" else mapping.parts(record, self.several_units)


SAMPLE = 100
"""Records of a check: a page."""
FEWEST_CONTRACTS = 5
"""With fewer contracts no warning is logged: some contracts are made without an application (assumed)."""


def _word(contract: Any) -> str:
    try:
        return contract_status.status_word(contract)
    except RefuseRecord:
        return "none"
