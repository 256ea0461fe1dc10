"""Dry run of the load: the same look-ups and decisions as the real one, without claiming, marking or sending anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from letting_sync.errors import RefuseRecord
from letting_sync.ledger.records import Entry, EntryState, Key, Retraction
from letting_sync.model import FIELDS_FOR_ERP, Offer, Outcome, OutcomeKind
from letting_sync.reasons import Reason
from letting_sync.staging.dry_run import FieldSent, WouldLoad
from letting_sync.tasks.load_offers.candidates import Candidate
from letting_sync.tasks.load_offers.loader import outcome_of
from letting_sync.tasks.load_offers.partner_search import PartnerMatch
from letting_sync.tasks.load_offers.partner_versions import overtaken
from letting_sync.tasks.load_offers.readback import LoadContext, Readback
from letting_sync.tasks.load_offers.sender import SearchPartners, Sender, doubt_about

_ON_WHICH_THE_LOAD_HAS_DECIDED = (EntryState.LOADED, EntryState.AMBIGUOUS)


@dataclass(frozen=True)
class Preview:
    """The expected outcome of one candidate.

    :param outcome: outcome of the load; ``created``: an offer would be made.
    :param fields: what would be sent, by the ERP's names; empty if nothing would be sent.
    :param ask_reason: why a person would be asked before a lease, whatever the accept mode.
    """

    candidate: Candidate
    outcome: Outcome
    fields: Mapping[str, Any]
    ask_reason: Reason | None = None


class DryLoader:
    """Dry run of the load of one run, or of one of its chunks.

    :param search_partners: looks persons up in the ERP.
    """

    def __init__(self, context: LoadContext, search_partners: SearchPartners) -> None:
        self.context = context
        self.readback = Readback(context)
        self.sender = Sender(context, self.readback, search_partners)

    def preview(
        self, candidates: Sequence[Candidate], retractions: Sequence[Retraction] = ()
    ) -> list[Preview]:
        """Return the expected outcome of each candidate.

        :param retractions: those that this run has read, which the load would store first.
        :raises StopRun: as in the load: the log-in is refused, the exchange is unknown, a response is unreadable.
        """
        self.context.erp.check_access()
        ids = {candidate.intent.external_id for candidate in candidates}
        known = self.context.ledger.find(self.context.run.pair, ids)
        kept = self.context.ledger.find_retractions(self.context.run.pair, ids)
        late = overtaken([candidate.intent for candidate in candidates], known, [*kept, *retractions])
        elsewhere = self.sender.persons_elsewhere(candidates)
        in_flight = {key for key, entry in known.items() if entry.state == EntryState.SENT}
        decided = {key for key, e in known.items() if e.state in _ON_WHICH_THE_LOAD_HAS_DECIDED}
        decided |= late.keys() - in_flight
        left = [c for c in candidates if c.record not in elsewhere and c.key not in decided]
        offers = self.readback.offers({candidate.intent.external_id for candidate in left})
        partners = self.sender.partners_of(left, known) if left else {}
        left_records = {candidate.record for candidate in left}
        return [
            self._of_open(
                candidate, offers.get(candidate.key, ()), partners.get(candidate.record), known, late
            )
            if candidate.record in left_records
            else Preview(candidate, outcome_of(candidate, elsewhere, late, known, self.context.run), {})
            for candidate in candidates
        ]

    def _of_open(
        self,
        candidate: Candidate,
        offers: Sequence[Offer],
        match: PartnerMatch | RefuseRecord | None,
        known: Mapping[Key, Entry],
        late: Mapping[Key, Reason],
    ) -> Preview:
        if len(offers) > 1:
            return self._ended(candidate, OutcomeKind.QUARANTINED, Reason.AMBIGUOUS)
        if offers:
            outcome = self._outcome(candidate, OutcomeKind.ALREADY_THERE, Reason.FOUND_IN_ERP)
            doubt = doubt_about(match, offers)
            return Preview(candidate, outcome, {}, doubt[0] if doubt else None)
        if candidate.key in late:
            return self._ended(candidate, OutcomeKind.SKIPPED, late[candidate.key])
        if isinstance(match, RefuseRecord):
            return self._ended(candidate, OutcomeKind.QUARANTINED, match.reason)
        ready = candidate.as_found(match)
        try:
            fields = self.context.erp.preview(ready)
        except RefuseRecord as refusal:
            return self._ended(candidate, OutcomeKind.QUARANTINED, refusal.reason)
        entry = known.get(candidate.key)
        # In flight: read back first, and made only if the ERP has no offer when its import has ended.
        reason = Reason.IMPORT_RUNNING if entry and entry.state == EntryState.SENT else None
        ask_reason = match.ask_reason if match else None
        return Preview(ready, self._outcome(candidate, OutcomeKind.CREATED, reason), fields, ask_reason)

    def _ended(self, candidate: Candidate, kind: OutcomeKind, reason: Reason) -> Preview:
        return Preview(candidate, self._outcome(candidate, kind, reason), {})

    @staticmethod
    def _outcome(candidate: Candidate, kind: OutcomeKind, reason: Reason | None) -> Outcome:
        return Outcome(
            record=candidate.record, external_id=candidate.intent.external_id, kind=kind, reason=reason
        )


def outcomes(previews: Sequence[Preview]) -> list[Outcome]:
    """Return the outcomes of the dry run itself: an offer that would be made is skipped, others are as expected."""
    return [
        preview.outcome.model_copy(update={"kind": OutcomeKind.SKIPPED, "reason": Reason.REHEARSAL})
        if preview.outcome.kind is OutcomeKind.CREATED
        else preview.outcome
        for preview in previews
    ]


def loads(previews: Sequence[Preview]) -> list[WouldLoad]:
    """Return the rows of the table ``dry_run``."""
    return [
        WouldLoad(
            record=preview.candidate.record,
            external_id=preview.candidate.intent.external_id,
            unit=preview.candidate.intent.unit,
            kind=str(preview.outcome.kind),
            reason=str(preview.outcome.reason) if preview.outcome.reason else None,
            business_partner=preview.candidate.business_partner_number,
            ask_reason=str(preview.ask_reason) if preview.ask_reason else None,
        )
        for preview in previews
    ]


def sent_fields(
    previews: Sequence[Preview], written: Mapping[int, Mapping[str, Any]], names: Mapping[str, str]
) -> Iterator[FieldSent]:
    """Return the rows of the table ``dry_run_fields`` for the prospects that would be sent.

    :param written: the partner's texts by record, as ``extract`` staged them.
    :param names: fields that the ERP accepts -> the ERP's names.
    """
    for preview in previews:
        if not preview.fields:
            continue
        candidate, prospect = preview.candidate, preview.candidate.prospect
        before = written.get(candidate.record, {})
        for field in FIELDS_FOR_ERP:
            value = getattr(prospect, field)
            sent = preview.fields.get(names.get(field, ""))
            yield FieldSent(
                record=candidate.record,
                external_id=candidate.intent.external_id,
                unit=candidate.intent.unit,
                field=field,
                erp_field=names.get(field),
                written=_text(before.get(field)),
                # If the ERP has one field for two of ours, an empty one of them still counts as empty.
                sent=_text(sent) if value is not None else None,
                cleaned=_text(before.get(field)) != _text(value),
            )


def _text(value: Any) -> str | None:
    if value is None or value == "":
        return None
    return value.isoformat() if isinstance(value, date) else str(value)
