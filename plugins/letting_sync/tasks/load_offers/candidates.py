"""Candidates: the staged prospects of a run as the load handles them.

The path of the data: raw record -> ``Prospect`` (staged) -> :class:`Candidate` -> ``Entry`` of the ledger -> ``Outcome``. Each side
receives only a part of a candidate: the ERP its base class ``Outgoing`` (the prospect
and the business partner), the ledger its ``Intent`` (hashes, nothing personal).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from letting_sync.erp import Outgoing
from letting_sync.errors import StopRun
from letting_sync.ledger.ledger import Ledger
from letting_sync.ledger.records import InFlight, Intent, Key
from letting_sync.model import Prospect
from letting_sync.tasks.load_offers.partner_search import PartnerMatch


@dataclass(frozen=True, kw_only=True)
class Candidate(Outgoing):
    """One prospect of this run that is to be loaded.

    :param record: number of its record.
    :param person: number of the person within the run; the same on several units.
    :param intent: what the ledger stores of it.
    :param claimed: the ledger's entry that this run has claimed; ``None``: not claimed yet.
    :param placeholder_birth_date: the partner's date of birth is a placeholder; it counts as missing.
    """

    record: int
    person: int
    intent: Intent
    claimed: InFlight | None = None
    placeholder_birth_date: bool = False

    @property
    def key(self) -> Key:
        return self.intent.key

    @property
    def entry(self) -> InFlight:
        """Return the claimed entry.

        :raises ValueError: this run has not claimed it, so it must not be sent.
        """
        if self.claimed is None:
            raise ValueError("a candidate is sent only under a claim")
        return self.claimed

    def as_found(self, match: PartnerMatch | None) -> Candidate:
        """Return the candidate with what the search of business partners has found."""
        if match is None:
            return self
        prospect = self.prospect
        if match.without_birth_date:
            prospect = prospect.model_copy(update={"birth_date": None})
        return replace(self, prospect=prospect, business_partner_number=match.number)


def candidates(
    rows: Iterable[Mapping[str, Any]],
    ledger: Ledger,
    written: Mapping[int, Mapping[str, Any]] = MappingProxyType({}),
) -> list[Candidate]:
    """Return the candidates of a run, or of one of its chunks.

    :param rows: rows of the staged table ``prospects``.
    :param ledger: has the key of the hashes.
    :param written: rows of the staged table ``extracted`` by ``record``: the records as the partner wrote them.
    :raises StopRun: an earlier release has staged the prospects, without the columns that identify persons.
    """
    found, fields = [], tuple(Prospect.model_fields)
    for row in rows:
        if "identity" not in row:
            raise StopRun(
                "The prospects were staged by an earlier release. Clear the run from the task dedup on."
            )
        # A table that an earlier version staged may lack a column.
        prospect = Prospect(**{name: value for name in fields if (value := row.get(name)) is not None})
        intent = Intent(
            external_id=prospect.external_id,
            unit=str(prospect.unit),
            chosen=prospect.chosen,
            content_hash=ledger.hash_of_content(vars(prospect)),
            person_hash=ledger.hash({"person": row["identity"]}) if row["identity"] else None,
            bundle=prospect.bundle,
            bundle_size=prospect.bundle_size,
            source_id=prospect.source_id,
            source_hash=ledger.hash_of_content(source) if (source := written.get(row["record"])) else None,
            partner_updated_at=prospect.updated_at,
        )
        found.append(
            Candidate(
                prospect=prospect,
                record=row["record"],
                person=row["person"],
                intent=intent,
                placeholder_birth_date=_had_placeholder(row),
            )
        )
    return found


def _had_placeholder(row: Mapping[str, Any]) -> bool:
    """Return whether cleaning has replaced a placeholder by a missing date."""
    return row["birth_date"] is None and "birth_date" in (row.get("changed") or "").split(",")
