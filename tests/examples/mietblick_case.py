"""Mietblick in the contract suite of the partners."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from mietblick import MIETBLICK
from mietblick_system import PAGE_SIZE, Mietblick

from tests.systems.partners.cases import NOT_OURS, PERSON, PartnerCase


# guide: case
class MietblickCase(PartnerCase):
    package = "mietblick"
    partner = MIETBLICK
    separator = "|"
    system_type = Mietblick
    list_request = ("GET", "/api/bewerbungen")
    page_size = PAGE_SIZE

    def add(
        self,
        updated: datetime,
        *,
        stage: str = "chosen",
        unit: str = "1/2/3/4",
        person: Mapping[str, str] = PERSON,
        complete: bool = True,
    ) -> str:
        tenant = {"vorname": person["first"], "nachname": person["last"], "mail": person["mail"]}
        if complete:
            tenant["geboren"] = person["born"]
        return self.system.add(
            updated,
            stand={"chosen": "zugesagt", "applied": "offen", "withdrawn": "zurueckgezogen"}[stage],
            wohnung={"nummer": self.written(unit)},
            person=tenant | {"einkommen": NOT_OURS},
            mitbewohner=[{"nachname": NOT_OURS}],
        )

    def touch(self, external_id: str, updated: datetime) -> None:
        self.system.touch(external_id, updated)
        # guide: end
