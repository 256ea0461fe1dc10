"""One ERP, one ledger, and the runs of a pair, for the tests of the load."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from letting_sync.errors import RefuseRecord
from letting_sync.ledger.ledger import Ledger
from letting_sync.ledger.records import Entry, Intent, Run
from letting_sync.ledger.schema import entries
from letting_sync.model import OutcomeKind
from letting_sync.tasks.load_offers.candidates import Candidate
from letting_sync.tasks.load_offers.loader import Loader
from letting_sync.tasks.load_offers.partner_search import PartnerMatch
from letting_sync.tasks.load_offers.readback import LoadContext, Waiting

PAIR = "a pair"
READ_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
Numbers = Mapping[int, PartnerMatch | RefuseRecord]


class Loading:
    """One ERP, one ledger, and the runs of a pair."""

    def __init__(self, customer: Any, ledger: Ledger, make: Callable[..., Any]) -> None:
        self.customer, self.ledger, self.make = customer, ledger, make

    def item(
        self, external_id: str, record: int = 0, person: int | None = None, unit: str = "", **fields: Any
    ) -> Candidate:
        (outgoing,) = self.make(external_id, unit=unit or self.customer.unit, **fields)
        known = outgoing.prospect
        intent = Intent(
            external_id,
            str(known.unit),
            True,
            "content",
            f"person {person}" if person else None,
            partner_updated_at=READ_AT,
        )
        numbers = {"record": record, "person": record if person is None else person}
        return Candidate(prospect=known, intent=intent, **numbers)

    def run(self, number: int = 1) -> Run:
        return Run(PAIR, self.customer.erp.scope, f"run {number}")

    def loader(self, number: int = 1, numbers: Numbers | None = None) -> Loader:
        return Loader(self.context(number), datetime.now(UTC), lambda _: numbers or {})

    def context(self, number: int = 1) -> LoadContext:
        return LoadContext(self.ledger, self.customer.erp, self.run(number))

    def load(
        self, items: Sequence[Candidate], number: int = 1, numbers: Numbers | None = None
    ) -> list[tuple[OutcomeKind, str | None]]:
        """One try of the task: go on until nothing is waited for."""
        loader = self.loader(number, numbers)
        deadline = time.monotonic() + 20
        while isinstance(outcomes := loader.advance(items), Waiting):
            assert time.monotonic() < deadline, "the load does not end"
        return [(outcome.kind, outcome.reason) for outcome in outcomes]

    def entry(self, item: Candidate) -> Entry:
        return self.ledger.find(PAIR, [item.intent.external_id])[item.key]

    def left_as_sent(self, item: Candidate, number: int = 1) -> Entry:
        """A run that died after it had written that it would send, a minute ago: the settle window is over."""
        claimed = self.ledger.claim(self.run(number), [item.intent])[item.key]
        self.ledger.mark_sent([claimed.id], claimed.claim or "")
        sent = sa.update(entries).where(entries.c.id == claimed.id)
        with self.ledger.engine.begin() as connection:
            connection.execute(sent.values(sent_at=self.ledger.now() - timedelta(minutes=1)))
        return self.entry(item)

    def offers(self) -> list[str]:
        return sorted(offer.external_id for offer in self.customer.system.offers)


CREATED = (OutcomeKind.CREATED, None)
