"""From prospects to offers against both ERPs; what counts is what the ERP holds in the end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from letting_sync.errors import RefuseRecord, StopRun, WaitAndRepeat
from letting_sync.ledger.records import Retraction
from letting_sync.model import OutcomeKind
from letting_sync.reasons import Reason
from letting_sync.tasks.load_offers.loader import Loader
from letting_sync.tasks.load_offers.partner_search import PartnerMatch
from letting_sync.tasks.load_offers.readback import Waiting
from tests.systems.erps.loading import CREATED, PAIR, READ_AT, Loading, Numbers


def test_a_prospect_becomes_one_offer_however_often_it_is_read(loading: Loading) -> None:
    anna = loading.item("anna")

    assert loading.load([anna]) == [CREATED]
    assert loading.load([anna]) == [CREATED]
    assert loading.load([anna], 2) == [(OutcomeKind.ALREADY_THERE, None)]
    assert loading.offers() == ["anna"]


def test_a_lost_ledger_doubles_no_offer(loading: Loading) -> None:
    loading.customer.stored_offer("anna")

    assert loading.load([loading.item("anna")]) == [(OutcomeKind.ALREADY_THERE, "found_in_erp")]
    assert loading.offers() == ["anna"]


@pytest.mark.parametrize("known", [True, False])
def test_an_offer_that_the_ledger_did_not_know_is_for_its_person_or_a_person_is_asked(
    loading: Loading, known: bool
) -> None:
    """What was found: a ledger restored from a backup, and an application that was given to somebody else since."""
    number = str(loading.customer.stored_offer("anna").business_partner)
    other = str(loading.customer.partner(first_name="Bert"))
    anna = loading.item("anna")

    loading.load([anna], numbers={0: PartnerMatch(number if known else other)})

    entry = loading.entry(anna)
    assert (entry.state, entry.business_partner_number) == ("loaded", number)
    assert (entry.ask_reason, entry.near_partner_number) == (
        (None, None) if known else ("near_partner", other)
    )


def test_several_offers_for_one_prospect_are_for_a_person(loading: Loading) -> None:
    loading.customer.stored_offer("anna")
    loading.customer.stored_offer("anna")

    assert loading.load([loading.item("anna")]) == [(OutcomeKind.QUARANTINED, "ambiguous")]


def test_an_offer_of_ours_on_a_unit_that_cannot_be_read_stops_the_run(
    loading: Loading, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Passed over, it would be made once more."""
    loading.customer.stored_offer("anna")
    stored = next(iter(loading.customer.erp.offers(["anna"])))
    unreadable = stored.model_copy(update={"unit": None})
    monkeypatch.setattr(loading.customer.erp, "offers", lambda _: iter([unreadable]))

    with pytest.raises(StopRun, match="erp_separator"):
        loading.load([loading.item("anna")])
    assert loading.customer.system.batches == []


def test_a_change_at_the_partner_is_reported_and_not_sent(loading: Loading) -> None:
    anna = loading.item("anna")
    loading.load([anna])
    newer = replace(anna.intent, content_hash="new content", partner_updated_at=READ_AT + timedelta(hours=1))
    changed = replace(anna, intent=newer)

    assert loading.load([changed], 2) == [(OutcomeKind.ALREADY_THERE, "changed_after_load")]
    withdrawn = Retraction("anna", None, Reason.WITHDRAWN, READ_AT + timedelta(hours=2))
    loading.ledger.mark_retracted(loading.run(3), [withdrawn])
    assert loading.load([changed], 3) == [(OutcomeKind.ALREADY_THERE, "withdrawn_after_load")]
    assert loading.offers() == ["anna"]


@pytest.mark.parametrize("text", ["other text", "same text"])
def test_a_change_that_was_noted_before_the_offer_was_known_is_reported(loading: Loading, text: str) -> None:
    """A run that died had sent the older version; the next one has noted the newer one and then finds the offer.

    With the same text only this package has changed, which cleans it in another way now.
    """
    anna = loading.item("anna")
    anna = replace(anna, intent=replace(anna.intent, source_hash="same text"))
    newer = replace(
        anna.intent, content_hash="new", source_hash=text, partner_updated_at=READ_AT + timedelta(hours=1)
    )
    loading.ledger.mark_seen([(loading.left_as_sent(anna), newer)], "run 2")
    loading.customer.stored_offer("anna")

    loading.load([replace(anna, intent=newer)], 2)

    assert bool(loading.entry(anna).changed_at) is (text == "other text")


def test_the_same_person_on_the_same_unit_under_another_id_is_a_duplicate(loading: Loading) -> None:
    loading.load([loading.item("anna", person=7)])

    again = loading.item("anna once more", person=7)
    assert loading.load([again], 2) == [(OutcomeKind.DUPLICATE, "same_person_on_unit")]
    assert loading.offers() == ["anna"]


def test_a_person_who_was_corrected_at_the_partner_is_looked_for_under_other_ids(loading: Loading) -> None:
    """The prospect's own entry is of the person as known before."""
    loading.load([loading.item("anna", person=7)])
    loading.load([loading.item("her sister", person=8)])

    in_truth_anna = loading.item("her sister", person=7)
    assert loading.load([in_truth_anna], 2) == [(OutcomeKind.DUPLICATE, "same_person_on_unit")]


def test_a_withdrawn_application_is_a_duplicate_of_the_persons_later_one(loading: Loading) -> None:
    first, later = loading.item("anna", person=7), loading.item("anna-again", person=7)
    loading.load([first])
    withdrawal = Retraction("anna", None, Reason.WITHDRAWN, READ_AT)
    loading.ledger.mark_retracted(loading.run(), [withdrawal])
    assert loading.load([later], 2) == [CREATED]

    assert loading.load([first], 3) == [(OutcomeKind.DUPLICATE, "same_person_on_unit")]


def test_an_offer_that_a_clerk_has_rejected_is_in_nobodys_way(loading: Loading) -> None:
    loading.load([loading.item("anna", person=7)])
    loading.customer.system.clerk.reject(loading.customer.system.offers[0].number)

    assert loading.load([loading.item("anna-again", person=7)], 2) == [CREATED]


def test_a_lease_is_in_the_way_although_its_offer_is_gone(loading: Loading) -> None:
    anna = loading.item("anna", person=7)
    loading.load([anna])
    loading.ledger.mark_leased(loading.entry(anna).id, "L-1", "run 1")
    loading.customer.system.clerk.delete(loading.customer.system.offers[0].number)

    again = loading.item("anna-again", person=7)
    assert loading.load([again], 2) == [(OutcomeKind.DUPLICATE, "same_person_on_unit")]


def test_what_another_chunk_of_the_run_is_sending_is_in_the_way(loading: Loading) -> None:
    loading.left_as_sent(loading.item("anna", person=7))

    again = loading.item("anna-again", person=7)
    assert loading.load([again]) == [(OutcomeKind.DUPLICATE, "same_person_on_unit")]
    assert loading.customer.system.batches == []


def test_a_person_whom_another_run_sends_meanwhile_under_another_id_is_a_duplicate(loading: Loading) -> None:
    """The other run is through between the choice of whom to send and the claim."""
    again = loading.item("anna-again", person=7)

    def other_run(_: Any) -> Numbers:
        loading.load([loading.item("anna", person=7)])
        return {}

    loader = Loader(loading.context(2), datetime.now(UTC), other_run)
    assert isinstance(loader.advance([again]), Waiting)
    assert loading.load([again], 2) == [(OutcomeKind.DUPLICATE, "same_person_on_unit")]
    assert loading.offers() == ["anna"]


def test_whom_another_run_claims_meanwhile_is_left_to_it_and_holds_up_nobody_else(loading: Loading) -> None:
    anna, bert = loading.item("anna"), loading.item("bert", 1)

    def other_run(_: Any) -> Numbers:
        loading.ledger.claim(loading.run(1), [anna.intent])
        return {}

    sent = Loader(loading.context(2), datetime.now(UTC), other_run).sender.send([anna, bert], {})

    assert (sent.claimed, sent.delivered) == (1, 1)
    assert (loading.entry(anna).state, loading.entry(anna).run_id) == ("claimed", "run 1")
    assert (loading.entry(bert).state, loading.entry(bert).run_id) == ("sent", "run 2")


def test_a_person_on_two_units_becomes_one_business_partner(loading: Loading) -> None:
    """The second offer goes out when the first one has shown whom it hangs on."""
    loading.customer.system.add_unit(loading.customer.written("1/1/1/9"))
    items = [loading.item("anna", 0, 7), loading.item("anna there", 1, 7, unit="1/1/1/9")]

    assert loading.load(items) == [CREATED, CREATED]
    assert len(loading.customer.system.batches) == 2


def test_what_another_run_has_claimed_is_waited_for_without_a_call(loading: Loading) -> None:
    """Also the person's offer for another unit: it must hang on the business partner that the first one makes."""
    loading.customer.system.add_unit(loading.customer.written("1/1/1/9"))
    items = [loading.item("anna", 0, 7), loading.item("anna there", 1, 7, unit="1/1/1/9")]
    loading.ledger.claim(loading.run(1), [items[0].intent])
    looked_up: list[Any] = []
    loader = Loader(loading.context(2), datetime.now(UTC), lambda some: looked_up.append(some) or {})
    before = len(loading.customer.system.requests)

    assert [loader.advance(items) for _ in range(3)] == [Waiting(others=2)] * 3
    assert (len(loading.customer.system.requests), looked_up) == (before, [])


def test_a_claim_of_a_run_that_has_ended_is_taken_over_at_once(loading: Loading) -> None:
    item = loading.item("anna")
    claimed = loading.ledger.claim(loading.run(1), [item.intent])[item.key]
    context = replace(loading.context(2), ended_runs=lambda runs: set(runs) & {"run 1"})
    loader = Loader(context, datetime.now(UTC), lambda _: {})

    while isinstance(loader.advance([item]), Waiting):
        pass

    assert loading.offers() == ["anna"]
    assert loading.ledger.mark_sent([claimed.id], claimed.claim or "") == set(), "the old holder may not send"


def test_a_response_that_is_lost_is_looked_up_and_not_sent_again(loading: Loading) -> None:
    path = loading.customer.words.import_path
    loading.customer.system.faults.once("drop_after", path=path)

    assert [kind for kind, _ in loading.load([loading.item("anna")])] == [OutcomeKind.CREATED]
    assert loading.offers() == ["anna"]


def test_responses_that_are_lost_again_and_again_are_left_to_airflow(
    loading: Loading, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing arrives; each answer may have been lost behind the deed, so each time it is looked up first."""
    items = [loading.item(f"p{n}", n) for n in range(5)]
    monkeypatch.setattr(type(loading.customer.erp), "batch_size", 1)
    loading.customer.system.faults.set(1, ["drop_before"], path=loading.customer.words.import_path)

    with pytest.raises(WaitAndRepeat):
        loading.load(items)
    loading.customer.system.faults.clear()
    assert {kind for kind, _ in loading.load(items)} == {OutcomeKind.CREATED}
    assert loading.offers() == [f"p{n}" for n in range(5)]


def test_rounds_that_were_lost_before_the_task_was_deferred_count(loading: Loading) -> None:
    loading.customer.system.faults.once("drop_before", path=loading.customer.words.import_path)
    loader = loading.loader()
    loader.rounds_lost = 2

    with pytest.raises(WaitAndRepeat, match="several times"):
        loader.advance([loading.item("anna")])


def test_a_lost_response_holds_up_no_other_group(loading: Loading, monkeypatch: pytest.MonkeyPatch) -> None:
    """And is no lost round: others came through, so the ERP is well enough to go on with."""
    monkeypatch.setattr("letting_sync.tasks.load_offers.sender.PROSPECTS_PER_GROUP", 2)
    path = loading.customer.words.import_path
    loading.customer.system.faults.once("drop_after", path=path)
    items = [loading.item(f"p{n}", n) for n in range(11)]
    loader = loading.loader()
    outcomes = loader.advance(items)
    while isinstance(outcomes, Waiting):
        outcomes = loader.advance(items)

    assert {outcome.kind for outcome in outcomes} == {OutcomeKind.CREATED}
    assert loading.offers() == sorted(f"p{n}" for n in range(11))
    assert loading.customer.system.requests.count("POST", path) == 6
    assert loader.rounds_lost == 0


def test_a_group_that_stops_the_run_leaves_the_others_as_they_were_or_delivered(
    loading: Loading, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has not begun keeps for the next try; what went out is looked up by it, and sent by nobody twice."""
    monkeypatch.setattr("letting_sync.tasks.load_offers.sender.PROSPECTS_PER_GROUP", 1)
    items = [loading.item(f"p{n}", n) for n in range(20)]
    deliver = loading.customer.erp.deliver

    def stops_at_the_third(batch: Any, before_send: Callable[[], None]) -> Any:
        if batch[0].prospect.external_id == "p2":
            raise StopRun("The interface has changed.")
        return deliver(batch, before_send)

    monkeypatch.setattr(loading.customer.erp, "deliver", stops_at_the_third)
    with pytest.raises(StopRun):
        loading.loader().advance(items)
    monkeypatch.setattr(loading.customer.erp, "deliver", deliver)
    known = loading.ledger.find(PAIR, [item.intent.external_id for item in items])
    assert known[items[2].key].state == "claimed"
    assert items[19].key not in known

    assert {kind for kind, _ in loading.load(items, 1)} == {OutcomeKind.CREATED}
    assert loading.offers() == sorted(f"p{n}" for n in range(20))


def test_a_claim_is_looked_at_when_no_other_request_has_to_be_waited_for(
    loading: Loading, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looked at before, it could be lost in the time until the request really goes."""
    erp, system = loading.customer.erp, loading.customer.system
    list(erp.offers(["nobody"]))
    monkeypatch.setattr(erp.hook, "_places", threading.BoundedSemaphore(1))
    system.options.latency_seconds = 0.01
    before = len(system.requests)
    response_with: list[int] = []
    batches = [loading.make(f"p{n}") for n in range(4)]

    list(
        erp.concurrently(
            lambda batch: erp.deliver(batch, lambda: response_with.append(len(system.requests))), batches
        )
    )
    assert response_with == [before + n for n in range(4)]


def test_an_erp_that_is_down_leaves_no_doubt(loading: Loading) -> None:
    anna = loading.item("anna")
    loader = loading.loader()
    list(loading.customer.erp.offers(["nobody"]))
    with pytest.raises(WaitAndRepeat), loading.customer.system.down():
        loader.advance([anna])

    assert loading.load([anna]) == [CREATED]


@pytest.mark.parametrize("wrong", range(7))
def test_one_record_that_the_interface_does_not_take_holds_up_no_other(loading: Loading, wrong: int) -> None:
    """Wherever it is in the batch."""
    items = [loading.item(f"p{n}", n, first_name=None if n == wrong else "Anna") for n in range(7)]
    sent = loading.loader().sender.send(items, {})
    assert (sent.claimed, sent.delivered, sent.lost) == (7, 6, [])

    outcomes = loading.load(items)
    assert outcomes.pop(wrong) == (OutcomeKind.QUARANTINED, "malformed")
    assert outcomes == [CREATED] * 6
    assert loading.offers() == [f"p{n}" for n in range(7) if n != wrong]


def test_what_the_erp_says_of_a_record_it_does_not_take_is_kept_for_the_quarantine(
    loading: Loading, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = RefuseRecord(Reason.MALFORMED, "A field is refused.", "Vorname fehlt")
    anna, loader = loading.item("anna"), loading.loader()

    def refuses(*_: Any) -> None:
        raise refusal

    monkeypatch.setattr(loading.customer.erp, "deliver", refuses)
    loader.sender.send([anna], {})

    assert (loading.entry(anna).state, loading.entry(anna).reason) == ("refused", "malformed")
    assert loader.context.refusal_texts == {anna.key: "Vorname fehlt"}


def test_what_the_erp_refuses_is_sent_again_by_the_next_try_and_not_before(loading: Loading) -> None:
    anna = loading.item("anna", unit="9/9/9/9")
    assert loading.load([anna]) == [(OutcomeKind.QUARANTINED, "unknown_unit")]
    assert len(loading.customer.system.batches) == 1

    loading.customer.system.add_unit(loading.customer.written("9/9/9/9"))
    assert loading.load([anna]) == [CREATED]


def test_what_cannot_be_written_for_the_erp_is_refused_with_its_reason(loading: Loading) -> None:
    outcomes = loading.load([loading.item("anna"), loading.item("bert", 1, last_name="x" * 61)])

    assert outcomes == [CREATED, (OutcomeKind.QUARANTINED, "last_name_too_long")]


def test_whom_the_erp_knows_travels_with_their_number(loading: Loading) -> None:
    number = str(loading.customer.partner(first_name="Anna "))
    anna, bert = loading.item("anna"), loading.item("bert", 1)
    numbers: Numbers = {0: PartnerMatch(number), 1: RefuseRecord("ambiguous_partner", "Two persons fit.")}

    assert loading.load([anna, bert], numbers=numbers) == [
        CREATED,
        (OutcomeKind.QUARANTINED, "ambiguous_partner"),
    ]
    assert loading.entry(anna).business_partner_number == number
    assert len(loading.customer.system.business_partners) == 1


def test_a_doubt_about_the_person_is_kept_for_the_decision_on_the_lease(loading: Loading) -> None:
    near = str(loading.customer.partner(first_name="Anne"))
    numbers: Numbers = {
        0: PartnerMatch(None, Reason.NEAR_PARTNER, near),
        1: PartnerMatch(None, None, near),
        2: RefuseRecord("ambiguous_partner", "Two persons fit."),
    }
    items = [loading.item(name, n) for n, name in enumerate(("anna", "bert", "carla"))]
    loading.load(items, numbers=numbers)

    doubts = [(loading.entry(one).ask_reason, loading.entry(one).near_partner_number) for one in items]
    assert doubts == [("near_partner", near), (None, None), (None, None)]


@pytest.mark.parametrize(
    ("doubt", "kept"), [(Reason.WEAK_BIRTH_DATE, True), (Reason.CHOSEN_AGAIN, False), (None, False)]
)
def test_another_unit_of_an_application_goes_to_the_business_partner_of_its_first_offer(
    loading: Loading, doubt: Reason | None, kept: bool
) -> None:
    """Even if nothing else shows who it is; with the same doubt about the person."""
    loading.customer.system.add_unit(loading.customer.written("1/1/1/9"))
    flat, parking = loading.item("anna", 0, 7), loading.item("anna", 1, 7, unit="1/1/1/9")
    loading.load([flat])
    number = loading.entry(flat).business_partner_number
    assert number
    if doubt:
        loading.ledger.mark_to_ask({loading.entry(flat).id: (doubt, "4711")})

    assert loading.load([flat, parking], 2) == [(OutcomeKind.ALREADY_THERE, None), CREATED]

    entry = loading.entry(parking)
    assert entry.business_partner_number == number
    assert (entry.ask_reason, entry.near_partner_number) == ((doubt, "4711") if kept else (None, None))
    assert len(loading.customer.system.business_partners) == 1


@pytest.mark.parametrize(
    ("found", "number", "doubt"),
    [
        (None, None, ("near_partner", "hers")),
        (PartnerMatch("his"), "his", (None, None)),
        (PartnerMatch(None, Reason.WEAK_BIRTH_DATE, "his"), None, ("weak_birth_date", "his")),
    ],
    ids=["unknown", "known", "in doubt"],
)
def test_another_unit_of_an_application_that_is_another_persons_now(
    loading: Loading, found: PartnerMatch | None, number: str | None, doubt: tuple[str | None, str | None]
) -> None:
    """What was found: the lease went to the first one's business partner."""
    loading.customer.system.add_unit(loading.customer.written("1/1/1/9"))
    numbers = {"his": str(loading.customer.partner(first_name="Bert")), None: None}
    anna, bert = loading.item("anna", 0, 7), loading.item("anna", 1, 8, unit="1/1/1/9", first_name="Bert")
    loading.load([anna])
    numbers["hers"] = loading.entry(anna).business_partner_number
    if found:
        found = replace(found, number=numbers[found.number], near_partner=numbers[found.near_partner])

    loading.load([bert], 2, {1: found} if found else None)

    entry = loading.entry(bert)
    assert entry.business_partner_number not in (None, numbers["hers"])
    assert not number or entry.business_partner_number == numbers[number]
    assert (entry.ask_reason, entry.near_partner_number) == (doubt[0], numbers[doubt[1]])


@pytest.mark.parametrize("content", ["content", "other content"])
def test_another_unit_of_an_application_of_which_nothing_tells_the_person(
    loading: Loading, content: str
) -> None:
    """The two units of a contract have one content; with another one it may be somebody else."""
    loading.customer.system.add_unit(loading.customer.written("1/1/1/9"))
    flat, parking = loading.item("anna"), loading.item("anna", 1, unit="1/1/1/9")
    parking = replace(parking, intent=replace(parking.intent, content_hash=content))
    loading.load([flat])

    loading.load([flat, parking], 2)

    entry = loading.entry(parking)
    assert entry.business_partner_number == loading.entry(flat).business_partner_number
    assert entry.ask_reason == (None if content == "content" else "names_and_contact_only")
