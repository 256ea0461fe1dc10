"""What an ERP answers, beside its contract: looks up, sends nothing."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import date
from typing import Any

from letting_sync.cli.check_rows import Row, Rows, Verdict
from letting_sync.erp import UNKNOWN_ID, ErpTarget
from letting_sync.model import Offer, OfferStatus

MOST_IDS = 50
"""As many as the smallest look-up takes at once."""
NOBODYS_BIRTHDAY = date(1900, 1, 1)
"""Some ERPs hold it for persons whose date of birth is not known (assumed); it is read, counted, and not shown."""


def check_erp(target: ErpTarget, external_ids: Sequence[str]) -> list[Row]:
    """Compare an ERP with its contract.

    :param external_ids: of prospects that the partner has, some of which may have been loaded.
    """
    erp: Any = target.open()  # all clients of the product have a hook, which the protocol does not ask for
    rows = Rows(erp.hook)
    with closing(erp):
        if not rows.log_in():
            return rows.rows
        told = rows.ask("exchange", erp.check_access)
        if told is not None:
            known = f"{target.exchange!r} is known"
            unsure = "the interface has no list of exchanges: the first import shows it"
            rows.add("exchange", Verdict.OK if told else Verdict.UNKNOWN, known if told else unsure)
        asked = {UNKNOWN_ID, *external_ids[: MOST_IDS - 1]}
        offers = rows.ask("offers by external id", lambda: list(erp.offers(asked)))
        if offers is not None:
            _add_offers(rows, offers, asked)
        people = rows.ask(
            "business partners by birthday", lambda: list(erp.business_partners([NOBODYS_BIRTHDAY], []))
        )
        if people is not None:
            others = sum(person.birth_date != NOBODYS_BIRTHDAY for person in people)
            detail = f"{others} of {len(people)} found were not asked for" if others else "can be searched"
            rows.ok_unless("business partners by birthday", bool(others), detail)
        rows.add(
            "right to import and to accept",
            Verdict.UNKNOWN,
            "only writing shows it: load one test case with accept='off'",
        )
        rows.add_clock_and_limit()
    return rows.rows


def _add_offers(rows: Rows, offers: Sequence[Offer], asked: set[str]) -> None:
    others = sum(offer.external_id not in asked for offer in offers)
    if others:
        detail = f"{others} of {len(offers)} found were not asked for: the filter is ignored"
        rows.add("offers by external id", Verdict.DIFFERS, detail)
        return
    if not offers:
        detail = "can be looked up; none of the prospects read has an offer"
        rows.add("offers by external id", Verdict.UNKNOWN, detail)
        return
    rows.add("offers by external id", Verdict.OK, f"{len(offers)} found")
    unknown = sum(offer.status is OfferStatus.UNKNOWN for offer in offers)
    detail = f"{unknown} of {len(offers)} offers have an unknown status" if unknown else "all known"
    rows.ok_unless("status of offers", bool(unknown), detail)
    odd = sum(offer.unit is None for offer in offers)
    detail = (
        f"{odd} of {len(offers)} offers have a number without four parts" if odd else "all have four parts"
    )
    rows.ok_unless("unit numbers of offers", bool(odd), detail)
