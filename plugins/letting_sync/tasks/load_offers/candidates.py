"""Candidates: prospects on their way into the ERP, from the staged table to what is sent.

The path of the data: raw record -> ``Prospect`` (staged) -> :class:`Candidate` -> ``Entry`` of the ledger -> ``Outcome``. A
candidate is seen in part on two sides, so that neither can see more: the ERP gets it as its base class ``Outgoing`` (the prospect
and the business partner), the ledger gets its ``Intent`` (hashes, nothing personal).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from letting_sync.erp import Erp, Outgoing
from letting_sync.errors import RefuseRecord
from letting_sync.ledger.ledger import Ledger
from letting_sync.ledger.records import Entry, Intent, Key
from letting_sync.model import Prospect
from letting_sync.reasons import Reason

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class Candidate(Outgoing):
    """One prospect of this run on its way into the ERP.

    :param record: its running number.
    :param person: number of the person within the run; the same on several units.
    :param intent: what the ledger keeps of it.
    :param claimed: the ledger's entry as this run has claimed it; ``None``: not claimed yet.
    """

    record: int
    person: int
    intent: Intent
    claimed: Entry | None = None

    @property
    def key(self) -> Key:
        return self.intent.key

    @property
    def entry(self) -> Entry:
        """The claimed entry.

        :raises ValueError: this run has not claimed it, so it must not be sent.
        """
        if self.claimed is None:
            raise ValueError("a candidate is sent only under a claim")
        return self.claimed

    def with_partner(self, number: str | None) -> Candidate:
        """The same candidate as a person whom the ERP knows by this number."""
        return replace(self, business_partner_number=number)


def candidates(
    rows: Iterable[Mapping[str, Any]],
    frame: pd.DataFrame,
    ledger: Ledger,
    key: Sequence[str],
    written: Mapping[int, Mapping[str, Any]] = MappingProxyType({}),
) -> list[Candidate]:
    """The candidates of a run, or of one chunk of it.

    :param rows: of the staged table ``prospects``.
    :param frame: the same as a frame, in which persons are compared.
    :param ledger: keeps the secret of the hashes.
    :param key: fields that tell a person, as the ERP's duplicate check is set.
    :param written: by ``record`` the rows of the staged table ``extracted``: the records as the partner wrote them.
    """
    hashes = _person_hashes(frame, ledger, key)
    found, fields = [], tuple(Prospect.model_fields)
    for row in rows:
        # A table that an earlier version staged may lack a column.
        prospect = Prospect(**{name: row[name] for name in fields if name in row})
        intent = Intent(
            external_id=prospect.external_id,
            unit=str(prospect.unit),
            chosen=prospect.chosen,
            content_hash=ledger.hash_of_content(dict(prospect)),
            person_hash=hashes.get(row["record"]),
            bundle=prospect.bundle,
            bundle_size=prospect.bundle_size,
            source_id=prospect.source_id,
            source_hash=ledger.hash_of_content(source) if (source := written.get(row["record"])) else None,
            partner_updated_at=prospect.updated_at,
        )
        found.append(Candidate(prospect=prospect, record=row["record"], person=row["person"], intent=intent))
    return found


def _person_hashes(frame: pd.DataFrame, ledger: Ledger, key: Sequence[str]) -> dict[int, str]:
    from letting_sync.matching.dedup import identity

    if frame.empty:
        return {}
    keys = identity(frame, key)
    return {
        int(record): ledger.hash({"person": person})
        for record, person in zip(frame["record"], keys, strict=True)
        if isinstance(person, str)
    }


def business_partners(
    erp: Erp, some: Sequence[Candidate], key: Sequence[str]
) -> Mapping[int, str | RefuseRecord]:
    """Look persons up among the ERP's business partners: in bulk, by date of birth or e-mail address.

    :return: by ``record`` the number of each that the ERP knows, or why none can be told.
    """
    import pandas as pd

    from letting_sync.matching.partners import match_partners

    birth_dates = {one.prospect.birth_date for one in some if one.prospect.birth_date}
    emails = {one.prospect.email for one in some if not one.prospect.birth_date and one.prospect.email}
    stored = [partner.model_dump() for partner in erp.business_partners(birth_dates, emails)]
    if not stored:
        return {}
    rows = [{"record": one.record, "person": one.person, **one.prospect.model_dump()} for one in some]
    matches = match_partners(_typed(pd.DataFrame(rows)), _typed(pd.DataFrame(stored)), tuple(key))
    numbers: dict[int, str | RefuseRecord] = {}
    for row in matches.to_dict("records"):
        if row["reason"] == Reason.AMBIGUOUS_PARTNER:
            numbers[row["record"]] = RefuseRecord(
                Reason.AMBIGUOUS_PARTNER, "Several business partners of the ERP fit."
            )
        elif isinstance(row["business_partner_number"], str):
            numbers[row["record"]] = row["business_partner_number"]
    return numbers


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    """Text columns as text even where all of them are empty."""
    import pandas as pd

    texts = [name for name in frame.columns if name not in ("record", "person", "birth_date", "lease_start")]
    frame[texts] = frame[texts].astype("str")
    frame["birth_date"] = pd.to_datetime(frame["birth_date"]).astype("datetime64[s]")
    return frame
