"""What an earlier run, or another one, has left open: read back, linked, waited for or sent again, against both ERPs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from letting_sync.erp import ClaimLost, ImportResult, ImportState
from letting_sync.errors import WaitAndRepeat
from letting_sync.model import OutcomeKind
from letting_sync.reasons import Reason
from letting_sync.tasks.load_offers.candidates import Candidate
from letting_sync.tasks.load_offers.readback import Waiting
from tests.systems.erps.loading import CREATED, Loading


def test_what_a_run_left_as_sent_is_sent_at_once_by_the_next_if_the_erp_has_none(loading: Loading) -> None:
    """Nobody has to wait until a claim of the dead run expires."""
    anna = loading.item("anna")
    loading.left_as_sent(anna)

    assert loading.load([anna], 2) == [CREATED]
    assert loading.offers() == ["anna"]


def test_what_a_run_left_as_sent_is_linked_if_the_erp_has_it(loading: Loading) -> None:
    anna = loading.item("anna")
    loading.left_as_sent(anna)
    loading.customer.stored_offer("anna")

    assert loading.load([anna], 2) == [(OutcomeKind.ALREADY_THERE, None)]
    assert loading.offers() == ["anna"]


def test_what_the_erp_has_and_what_it_has_not_are_told_apart_in_one_look(loading: Loading) -> None:
    items = [loading.item(name, n) for n, name in enumerate(("anna", "bert", "carla"))]
    for item in items:
        loading.left_as_sent(item)
    loading.customer.stored_offer("bert")

    assert loading.load(items, 2) == [CREATED, (OutcomeKind.ALREADY_THERE, None), CREATED]
    assert loading.offers() == ["anna", "bert", "carla"]


def test_what_was_sent_a_moment_ago_may_still_come(loading: Loading, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its import's number was lost: nothing is sent again before it must be over."""
    monkeypatch.setattr(loading.customer.erp, "within_settle_window", lambda _: True)
    anna = loading.item("anna")
    loading.left_as_sent(anna)

    assert loading.loader(2).advance([anna]) == Waiting(others=1)
    assert loading.customer.system.batches == []


def test_what_may_be_in_the_erp_waits_for_the_import_that_somebody_has_just_started(
    loading: Loading, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It began between two looks: whether it takes the delivery along, only its end can tell."""
    erp = loading.customer.erp
    monkeypatch.setattr(erp, "within_settle_window", lambda _: False)
    monkeypatch.setattr(erp, "start_import", lambda: None)
    looks = iter([None])
    monkeypatch.setattr(erp, "import_going_on", lambda: next(looks, "7"))
    anna = loading.item("anna")
    left = loading.left_as_sent(anna)

    assert loading.loader(2).advance([anna]) == Waiting(others=1)
    assert loading.entry(anna) == left
    assert loading.customer.system.batches == []


@pytest.mark.parametrize(
    "results",
    [
        [ImportResult(external_id="anna")],
        [
            ImportResult(external_id="anna", refusal="unknown_unit"),
            ImportResult(external_id="anna", offer_id="1"),
        ],
        [],
    ],
    ids=["says nothing", "says two things", "is missing"],
)
def test_an_import_without_a_clear_result_is_looked_up(
    loading: Loading, monkeypatch: pytest.MonkeyPatch, results: list[ImportResult]
) -> None:
    anna = loading.item("anna")
    left = loading.left_as_sent(anna)
    loading.ledger.mark_in_import([left.id], "job 1", {left.claim})
    loading.customer.stored_offer("anna")
    monkeypatch.setattr(loading.customer.erp, "import_state", lambda _: ImportState(True, results))

    assert loading.load([anna], 2) == [(OutcomeKind.ALREADY_THERE, None)]
    assert loading.customer.system.batches == []


def test_what_was_taken_over_between_claim_and_send_is_not_delivered(
    loading: Loading, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = loading.item("anna")

    erp = loading.customer.erp
    look_up = erp.offers

    def taken_over_meanwhile(external_ids: Any) -> Any:
        with monkeypatch.context() as expired:
            expired.setattr("letting_sync.ledger.ledger.CLAIM_EXPIRES", -timedelta(seconds=1))
            loading.ledger.claim(loading.run(2), [anna.intent])
        return look_up(external_ids)

    monkeypatch.setattr(erp, "offers", taken_over_meanwhile)
    assert loading.loader().advance([anna]) == Waiting(others=1)
    assert loading.entry(anna).run_id == "run 2"
    assert loading.customer.system.batches == []


def test_what_another_chunk_of_the_run_has_sent_is_left_to_it(loading: Loading) -> None:
    """It is at work on it at this moment."""
    bert = loading.item("bert", 1)
    left = loading.left_as_sent(bert)

    assert loading.load([loading.item("anna")]) == [CREATED]
    assert loading.entry(bert) == left


def test_what_another_run_left_goes_back_to_it(loading: Loading) -> None:
    """This run knows nothing of that prospect, and must not send it."""
    anna, bert = loading.item("anna"), loading.item("bert", 1)
    loading.left_as_sent(anna)
    loading.load([bert], 2)

    assert (loading.entry(anna).state, loading.entry(anna).run_id) == ("claimed", "run 1")
    assert loading.offers() == ["bert"]


def test_what_another_run_has_just_claimed_is_waited_for(loading: Loading) -> None:
    anna = loading.item("anna")
    loading.ledger.claim(loading.run(1), [anna.intent])

    assert loading.loader(2).advance([anna]) == Waiting(others=1)


def test_what_another_run_sends_between_two_looks_at_the_ledger_has_no_outcome_yet(
    loading: Loading, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was not sent when this run asked what is open, and is when it asks for the outcome of its own."""
    anna = loading.item("anna")
    loading.left_as_sent(anna)
    monkeypatch.setattr(loading.ledger, "find_sent", lambda _: [])

    with pytest.raises(WaitAndRepeat, match="open entry"):
        loading.loader(2).advance([anna])


def test_a_batch_that_was_taken_over_in_the_last_moment_does_not_go_out(
    loading: Loading, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = loading.item("anna")

    def taken_over(batch: Any, before_send: Callable[[], None]) -> None:
        loading.ledger.claim_again(loading.run(2), [loading.entry(anna)])
        before_send()

    monkeypatch.setattr(loading.customer.erp, "deliver", taken_over)
    with pytest.raises(ClaimLost):
        loading.loader().advance([anna])
    assert loading.entry(anna).run_id == "run 2"


def test_an_import_that_goes_on_is_waited_for(loading: Loading) -> None:
    options = loading.customer.system.options
    name = "work_order_seconds" if hasattr(options, "work_order_seconds") else "run_seconds"
    setattr(options, name, 3600)
    anna, bert = loading.item("anna"), loading.item("bert", 1)
    waiting = loading.loader().advance([anna])

    assert len(waiting.jobs) == 1
    assert loading.offers() == []
    assert loading.loader(2).advance([anna]).jobs == waiting.jobs
    assert loading.loader(2).advance([anna, bert])


def test_an_import_whose_number_nobody_knows_is_looked_up_and_not_sent_again(
    loading: Loading, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address of imports is wrong, or the ERP forgets them: what it took may still be on its way."""
    anna = loading.item("anna")
    sent = loading.left_as_sent(anna)
    loading.ledger.mark_in_import([sent.id], "4711", {sent.claim})
    loader = loading.loader(2)

    assert isinstance(loader.advance([anna]), Waiting)
    assert loading.offers() == []

    loading.customer.stored_offer("anna")
    assert loading.load([anna], 2) == [(OutcomeKind.ALREADY_THERE, None)]
    assert loading.offers() == ["anna"]


def test_after_an_hour_an_unknown_import_has_ended(loading: Loading, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is lost for ever: then a look-up that finds nothing frees the prospect."""
    monkeypatch.setattr("letting_sync.tasks.load_offers.readback.UNKNOWN_IMPORT", timedelta(0))
    anna = loading.item("anna")
    sent = loading.left_as_sent(anna)
    loading.ledger.mark_in_import([sent.id], "4711", {sent.claim})

    assert loading.load([anna], 2) == [CREATED]
    assert loading.offers() == ["anna"]


def in_import(loading: Loading, item: Candidate, job: str) -> None:
    left = loading.left_as_sent(item)
    loading.ledger.mark_in_import([left.id], job, {left.claim})


@pytest.mark.parametrize("broken_off", [True, False])
def test_only_an_import_that_took_in_everything_proves_that_a_delivery_is_absent(
    loading: Loading, monkeypatch: pytest.MonkeyPatch, broken_off: bool
) -> None:
    """What a broken off import has left may be in the next one: sent again before, it could become two offers."""
    erp = loading.customer.erp
    monkeypatch.setattr(erp, "import_state", lambda _: ImportState(True, [], broken_off))
    monkeypatch.setattr(erp, "start_import", lambda: "job 2")
    anna, bert = loading.item("anna"), loading.item("bert", 1)
    for item in (anna, bert):
        in_import(loading, item, "job 1")

    waiting = loading.loader(2).readback.resolve_in_flight({anna.key})

    state = "sent" if broken_off else "claimed"
    assert [loading.entry(item).state for item in (anna, bert)] == [state] * 2
    assert loading.entry(anna).job == ("job 2" if broken_off else None)
    assert waiting == (Waiting(frozenset({"job 2"})) if broken_off else Waiting())


def test_what_was_sent_without_a_number_waits_for_the_pairs_running_import(
    loading: Loading, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be in the same queue."""
    erp = loading.customer.erp
    monkeypatch.setattr(erp, "import_state", lambda _: ImportState(False, []))
    monkeypatch.setattr(erp, "import_going_on", lambda: None)
    monkeypatch.setattr(erp, "start_import", lambda: None)
    anna, bert, carla = (loading.item(name, n) for n, name in enumerate(("anna", "bert", "carla")))
    in_import(loading, anna, "job 1")
    left = loading.left_as_sent(bert), loading.left_as_sent(carla)

    waiting = loading.loader(2).readback.resolve_in_flight({anna.key, bert.key})

    assert (waiting, waiting.keys) == (Waiting(frozenset({"job 1"}), others=1), {anna.key})
    assert (loading.entry(bert), loading.entry(carla)) == left


def test_the_running_import_of_another_run_is_not_waited_for(
    loading: Loading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading.customer.erp, "import_state", lambda _: ImportState(False, []))
    anna = loading.item("anna")
    in_import(loading, anna, "job 1")

    assert loading.loader(2).readback.resolve_in_flight({("bert", "1/1/1/1")}) == Waiting()
    assert loading.entry(anna).state == "sent"


def test_each_prospect_of_an_import_has_its_own_result(
    loading: Loading, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = [
        ImportResult(external_id="bert", refusal=Reason.UNKNOWN_UNIT, refusal_text="Einheit fehlt"),
        ImportResult(
            external_id="anna", offer_id="1", offer_number="11", business_partner_number="7",
            business_partner_created=True,
        ),
    ]  # fmt: skip
    monkeypatch.setattr(loading.customer.erp, "import_state", lambda _: ImportState(True, results))
    anna, bert = loading.item("anna"), loading.item("bert", 1)
    for item in (anna, bert):
        in_import(loading, item, "job 1")
    loader = loading.loader()

    assert loader.readback.resolve_in_flight({anna.key, bert.key}) == Waiting()

    offer = loading.entry(anna)
    assert (offer.state, offer.reason) == ("loaded", None)
    assert (offer.offer_id, offer.offer_number) == ("1", "11")
    assert (offer.business_partner_number, offer.business_partner_created) == ("7", True)
    assert (loading.entry(bert).state, loading.entry(bert).reason) == ("refused", "unknown_unit")
    assert loader.context.refusal_texts == {bert.key: "Einheit fehlt"}
