"""Entries in each state, for tests of the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from letting_sync.ledger.ledger import Ledger
from letting_sync.ledger.records import Entry, EntryState, Intent, Key, Made, Run
from letting_sync.ledger.schema import events
from letting_sync.reasons import Reason

PAIR, OTHER_PAIR = "immomio_yuneo", "everreal_yuneo"
ERP = "yuneo http://erp"
START, END = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)
RUN = Run(PAIR, ERP, "run 1", START, END)
NEXT_RUN = Run(PAIR, ERP, "run 2", END, END + timedelta(days=1))
OTHER_PAIRS_RUN = Run(OTHER_PAIR, ERP, "run 1", START, END)
NOW = datetime(2026, 3, 2, 4, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ANNA = Intent("anna", "1/1/1/1", True, "content", "person")
BERT = Intent("bert", "1/1/1/2", False, "his content", None)
OFFER: dict[str, Any] = {
    "offer_id": "4711",
    "offer_number": "O-1",
    "business_partner_number": "7",
    "business_partner_created": True,
}


def entry(ledger: Ledger, intent: Intent = ANNA, pair: str = PAIR) -> Entry:
    return ledger.find(pair, [intent.external_id])[intent.key]


def claim(ledger: Ledger, run: Run, intents: Sequence[Intent]) -> tuple[str, dict[Key, int]]:
    """Claim for a run; returns the claim's token and the ids of the entries that were claimed, by key."""
    won = ledger.claim(run, intents)
    token = next((entry.claim or "" for entry in won.values()), "")
    return token, {key: entry.id for key, entry in won.items()}


def claimed(ledger: Ledger, intent: Intent = ANNA, run: Run = RUN) -> Entry:
    ledger.claim(run, [intent])
    return entry(ledger, intent, run.pair)


def sent(ledger: Ledger, intent: Intent = ANNA, run: Run = RUN) -> Entry:
    token, won = claim(ledger, run, [intent])
    ledger.mark_sent(won.values(), token)
    return entry(ledger, intent, run.pair)


def loaded(ledger: Ledger, intent: Intent = ANNA, run: Run = RUN) -> Entry:
    ledger.mark_loaded([Made(sent(ledger, intent, run).id, None, **OFFER)])
    return entry(ledger, intent, run.pair)


def changes(before: Entry, after: Entry) -> dict[str, Any]:
    """The columns that differ."""
    old, new = before._asdict(), after._asdict()
    return {name: new[name] for name in new if new[name] != old[name]}


def history(ledger: Ledger, of: Entry) -> list[tuple[Any, ...]]:
    columns = [events.c[name] for name in ("what", "run_id", "reason", "reference")]
    query = sa.select(*columns).where(events.c.entry_id == of.id).order_by(events.c.id)
    with ledger.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(query)]


def in_state(ledger: Ledger, state: str, intent: Intent = ANNA) -> Entry:
    """Return an entry in this state."""
    before = claimed(ledger, intent) if state == EntryState.CLAIMED else sent(ledger, intent)
    if state == EntryState.LOADED:
        ledger.mark_loaded([Made(before.id, None, **OFFER)])
    elif state == EntryState.REFUSED:
        ledger.mark_refused([before.id], Reason.UNKNOWN_UNIT)
    elif state == EntryState.AMBIGUOUS:
        ledger.mark_ambiguous(before.id)
    return entry(ledger, intent)
