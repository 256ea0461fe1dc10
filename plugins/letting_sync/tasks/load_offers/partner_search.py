"""Finds the prospects whom the ERP already knows as business partners, and those who may be one.

A prospect who certainly is a stored partner is sent with its number. If that is not certain, the offer is made with
a reason for which a person is asked before the lease.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from letting_sync.erp import Erp
from letting_sync.errors import RefuseRecord
from letting_sync.reasons import Reason
from letting_sync.settings import NearMatch

if TYPE_CHECKING:
    import pandas as pd

    from letting_sync.tasks.load_offers.candidates import Candidate


@dataclass(frozen=True)
class PartnerMatch:
    """Result of the search for a candidate.

    :param number: number of its business partner; ``None``: the ERP creates a new one.
    :param ask_reason: why a person has to decide before a lease; ``None``: there is no doubt.
    :param near_partner: number of a partner that may be the same person, if it is not ``number``.
    :param without_birth_date: the date of birth is not sent, since the ERP's own check would find a stranger by it.
    """

    number: str | None = None
    ask_reason: Reason | None = None
    near_partner: str | None = None
    without_birth_date: bool = False


Found = Mapping[int, PartnerMatch | RefuseRecord]
"""Results by ``record``; candidates without a result are missing."""


class PartnerSearch:
    """Looks candidates up among the ERP's business partners, and collects near matches for a person to check.

    :param key: fields that identify a person, as in the ERP's duplicate check.
    :param near_match: ``ask``: a person is asked about a near match before the lease; ``load``: it is only listed.
    :ivar near: the near matches found so far by ``record``: rows of the table ``near_partners``.
    """

    def __init__(self, erp: Erp, key: Sequence[str], near_match: NearMatch) -> None:
        self.erp = erp
        self.key = tuple(key)
        self.near_match = near_match
        self.near: dict[int, dict[str, Any]] = {}

    def __call__(self, some: Sequence[Candidate]) -> Found:
        """Look candidates up in bulk, by date of birth and e-mail address."""
        found: dict[int, PartnerMatch | RefuseRecord] = {
            one.record: PartnerMatch(ask_reason=Reason.PLACEHOLDER_BIRTH_DATE)
            for one in some
            if one.placeholder_birth_date
        }
        birth_dates = {one.prospect.birth_date for one in some if one.prospect.birth_date}
        emails = {one.prospect.email for one in some if one.prospect.email}
        rows = [partner.model_dump() for partner in self.erp.business_partners(birth_dates, emails)]
        if not rows:
            return found
        import pandas as pd

        from letting_sync.matching.partners import match_partners

        ours = [{"record": one.record, "person": one.person, **one.prospect.model_dump()} for one in some]
        prospects, stored = _typed(pd.DataFrame(ours)), _typed(pd.DataFrame(rows))
        for row in match_partners(prospects, stored, self.key).to_dict("records"):
            if (match := _match(row, found.get(row["record"]))) is not None:
                found[row["record"]] = match
        self._add_near(prospects, stored, found)
        return found

    def _add_near(
        self, prospects: pd.DataFrame, stored: pd.DataFrame, found: dict[int, PartnerMatch | RefuseRecord]
    ) -> None:
        """Search near matches of the candidates who are confirmed absent from the ERP."""
        from letting_sync.matching.cleaning import clean
        from letting_sync.matching.suspects.suspects import near_partners

        known = {
            record
            for record, match in found.items()
            if isinstance(match, RefuseRecord) or match.number is not None
        }
        left = prospects[~prospects["record"].isin(known)].reset_index(drop=True)
        partners = clean(stored.drop_duplicates("number").reset_index(drop=True))
        for row in near_partners(left, partners).to_dict("records"):  # highest score first
            record, number = int(left["record"][row["prospect"]]), str(partners["number"][row["partner"]])
            if record in self.near and self.near[record]["other_partner"] != number:
                continue
            self.near[record] = {
                "record": record,
                "other_partner": number,
                "score": float(row["score"]),
                "reason": str(row["reason"]),
            }
            match = found.get(record)
            if self.near_match == "ask" and not (isinstance(match, PartnerMatch) and match.ask_reason):
                found[record] = PartnerMatch(ask_reason=Reason.NEAR_PARTNER, near_partner=number)


def _match(
    row: Mapping[Any, Any], before: PartnerMatch | RefuseRecord | None
) -> PartnerMatch | RefuseRecord | None:
    """Return the result of a row of :func:`~letting_sync.matching.partners.match_partners`."""
    if row["reason"] == Reason.AMBIGUOUS_PARTNER:
        return RefuseRecord(Reason.AMBIGUOUS_PARTNER, "Several business partners of the ERP fit.")
    asked = before.ask_reason if isinstance(before, PartnerMatch) else None
    number, doubt, stranger = (
        value if isinstance(value := row[name], str) else None
        for name in ("business_partner_number", "doubt", "not_this_partner")
    )
    if number:
        return PartnerMatch(number, Reason.stored(doubt) if doubt else asked)
    if stranger:
        return PartnerMatch(None, Reason.WEAK_BIRTH_DATE, stranger, without_birth_date=True)
    return before


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with text columns of type text, even if all values are missing."""
    import pandas as pd

    texts = [name for name in frame.columns if name not in ("record", "person", "birth_date", "lease_start")]
    frame[texts] = frame[texts].astype("str")
    frame["birth_date"] = pd.to_datetime(frame["birth_date"]).astype("datetime64[s]")
    return frame
