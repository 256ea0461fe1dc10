"""EverReal's implementation of :class:`letting_sync.partner.Partner`, used by the acceptance."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, cast

from letting_sync.http.partner_client import PartnerClient
from letting_sync.model import Prospect
from letting_sync.partner import Current, PartnerTarget, Reference
from letting_sync.systems.everreal import mapping
from letting_sync.systems.everreal.contracts import best_of_each
from letting_sync.systems.everreal.hook import EverRealHook


class EverReal(PartnerClient[EverRealHook]):
    """Client of one customer's EverReal that fetches single contracts, for ``selection="partner"``.

    The filter by ``id`` is published. Prospects loaded by a release that did not store the contract's id are searched
    for among all contracts.
    """

    hook_type = EverRealHook

    def __init__(self, target: PartnerTarget) -> None:
        super().__init__(target)
        self._by_candidate: dict[str, Any] = {}

    def current(self, references: Sequence[Reference]) -> list[Current]:
        without_id = {reference.external_id for reference in references if reference.source_id is None}
        if without_id:
            self._by_candidate = best_of_each(self.hook.contracts().read_all(), without_id)
        return super().current(references)

    def find(self, reference: Reference) -> list[Any]:
        if reference.source_id is None:
            contract = self._by_candidate.get(reference.external_id)
        else:
            contract = self.hook.contract(reference.source_id)
        several_units = cast("mapping.SeveralUnits", self.target.options["several_units"])
        return [] if contract is None else mapping.parts(contract, several_units)

    def to_prospect(self, record: Any, today: date) -> Prospect:
        chosen_when = cast("mapping.ChosenWhen", self.target.options["chosen_when"])
        return mapping.contract_to_prospect(record, self.target.separator, today, chosen_when)
