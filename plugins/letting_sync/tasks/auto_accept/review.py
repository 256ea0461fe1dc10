"""The daily review of held offers, which detects leases made by a clerk and records deleted at the partner.

A window only contains records that changed at the partner. A held offer whose record does not change would stay held
for ever, whatever happens in the ERP. Therefore each is compared with partner and ERP once a day, a limited number per
run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from letting_sync.reasons import Reason
from letting_sync.tasks.auto_accept.policy import NOT_CHOSEN_ANY_MORE, Decision, Verdict

if TYPE_CHECKING:
    from letting_sync.ledger.records import Entry
    from letting_sync.tasks.auto_accept.acceptor import Acceptor

ENTRIES_PER_RUN = 50
"""Maximum number of entries per run; each takes one call at the partner. Assumed: no pair has more held offers for
long."""

_DECIDED_BY_A_PERSON = (Reason.ACCEPT_OFF, Reason.TOO_MANY)


def review(acceptor: Acceptor, due: Sequence[Entry]) -> tuple[list[Decision], Counter[str]]:
    """Compare held entries with partner and ERP, and store the result.

    :return: decisions on entries without a reason to be held any more, to be processed like new ones; and the counts of
        the stored results: ``leased``, ``closed <reason>``, ``held <reason>``.
    """
    ledger, run_id = acceptor.ledger, acceptor.run.run_id
    found = Counter[str]()
    free = list[Decision]()
    planned = acceptor.plan(due)
    still_chosen = [
        decision
        for decision in planned
        if decision.verdict is not Verdict.LEASED and decision.reason not in NOT_CHOSEN_ANY_MORE
    ]
    at_partner = {
        decision.entry.id: decision
        for decision in acceptor.compare_with_partner(still_chosen)
        if decision.by_partner
    }
    for decision in planned:
        entry, lease = decision.entry, decision.offer.lease_number if decision.offer else None
        if decision.verdict is Verdict.LEASED and lease:
            ledger.mark_leased(entry.id, lease, run_id, found=True)
            found["leased"] += 1
            continue
        partner_says = at_partner.get(entry.id)
        if partner_says:
            acceptor.note_partner(partner_says)
        reason = partner_says.reason if partner_says else decision.reason
        if closed := _closes(decision, reason):
            ledger.mark_closed([entry.id], closed, run_id)
            found[f"closed {closed}"] += 1
        elif reason is None:
            if entry.acceptance_reason and _may_go_on(entry.acceptance_reason):
                free.append(decision)
        elif reason is not entry.acceptance_reason and not _is_final(entry):
            ledger.mark_held_again([entry.id], reason, run_id)
            found[f"held {reason}"] += 1
    ledger.mark_reviewed([entry.id for entry in due])
    return free, found


def _closes(decision: Decision, reason: Reason | None) -> Reason | None:
    """Return the reason to close an entry whose offer cannot be accepted and whose lease is not wanted any more."""
    if decision.reason in (Reason.OFFER_REJECTED, Reason.OFFER_IGNORED):
        return decision.reason
    return reason if reason in NOT_CHOSEN_ANY_MORE and decision.dead else None


def _may_go_on(reason: Reason) -> bool:
    """Return whether an offer held with this reason is decided on again once the reason no longer applies."""
    return not reason.final and reason not in _DECIDED_BY_A_PERSON


def _is_final(entry: Entry) -> bool:
    return bool(entry.acceptance_reason and entry.acceptance_reason.final)
