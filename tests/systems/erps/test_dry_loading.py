"""The dry run of the load says what the load would do, and writes nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from letting_sync.ledger.records import Retraction
from letting_sync.model import OutcomeKind
from letting_sync.reasons import Reason
from letting_sync.tasks.load_offers.dry_run import DryLoader
from letting_sync.tasks.load_offers.partner_search import PartnerMatch
from tests.systems.erps.loading import READ_AT, Loading


@pytest.mark.parametrize("is_there", [True, False])
def test_who_has_withdrawn_while_their_response_is_awaited(loading: Loading, is_there: bool) -> None:
    """A real run reads back first; a dry run must not wait for one."""
    anna = loading.item("anna")
    loading.left_as_sent(anna)
    if is_there:
        loading.customer.stored_offer("anna")
    withdrawn = Retraction("anna", None, Reason.WITHDRAWN, READ_AT + timedelta(hours=1))
    loading.ledger.mark_retracted(loading.run(2), [withdrawn])
    before = loading.entry(anna)

    (preview,) = DryLoader(loading.context(2), lambda _: {}).preview([anna])

    expected = (OutcomeKind.ALREADY_THERE, "found_in_erp") if is_there else (OutcomeKind.SKIPPED, "withdrawn")
    assert (preview.outcome.kind, preview.outcome.reason, preview.fields) == (*expected, {})
    assert loading.entry(anna) == before


@pytest.mark.parametrize("known", [True, False])
def test_an_offer_that_the_ledger_does_not_know_is_compared_with_its_person(
    loading: Loading, known: bool
) -> None:
    number = str(loading.customer.stored_offer("anna").business_partner)
    search = {0: PartnerMatch(number if known else "4711")}

    (preview,) = DryLoader(loading.context(), lambda _: search).preview([loading.item("anna")])

    assert (preview.outcome.kind, preview.ask_reason) == (
        OutcomeKind.ALREADY_THERE, None if known else "near_partner",
    )  # fmt: skip
