"""EverReal as the acceptance sees it: a :class:`letting_sync.partner.Partner`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from letting_sync import window
from letting_sync.errors import RefuseRecord
from letting_sync.model import Prospect
from letting_sync.partner import Current, PartnerTarget, Reference
from letting_sync.systems.everreal import mapping
from letting_sync.systems.everreal.contracts import best_of_each
from letting_sync.systems.everreal.hook import EverRealHook


class EverReal:
    """One customer's EverReal, where prospects are chosen in it: asked for contracts."""

    def __init__(self, target: PartnerTarget) -> None:
        self.target = target
        self.hook = EverRealHook(target.conn_id)

    def current(self, references: Sequence[Reference]) -> list[Current]:
        """What EverReal has for each contract now: one call each (published: contracts can be asked for by ``id``).

        Prospects that were loaded before their contract's id was kept are looked for among all contracts.
        """
        without_id = {reference.external_id for reference in references if reference.source_id is None}
        contracts = best_of_each(self.hook.contracts().read_all(), without_id) if without_id else {}
        return list(self.hook.concurrently(lambda one: self._current(one, contracts), references))

    def _current(self, reference: Reference, contracts: Mapping[str, Any]) -> Current:
        if reference.source_id is None:
            contract = contracts.get(reference.external_id)
        else:
            contract = self.hook.contract(reference.source_id)
        if contract is None:
            return []
        several_units = cast("mapping.SeveralUnits", self.target.options["several_units"])
        return [self._mapped(part) for part in mapping.parts(contract, several_units)]

    def _mapped(self, part: Any) -> Prospect | RefuseRecord:
        chosen_when = cast("mapping.ChosenWhen", self.target.options["chosen_when"])
        try:
            return mapping.contract_to_prospect(part, self.target.separator, window.today(), chosen_when)
        except RefuseRecord as refusal:
            return refusal

    def close(self) -> None:
        """Give the connections back."""
        self.hook.close()
