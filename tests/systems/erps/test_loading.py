"""From prospects to offers against both ERPs; what counts is what the ERP holds in the end."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from letting_sync.erp import ClaimLost, ImportResult, ImportState
from letting_sync.errors import RefuseRecord, StopRun, WaitAndRepeat
from letting_sync.ledger.ledger import Ledger
from letting_sync.ledger.records import Entry, Intent, Run
from letting_sync.ledger.schema import Store
from letting_sync.model import OutcomeKind
from letting_sync.tasks.load_offers.candidates import Candidate
from letting_sync.tasks.load_offers.loader import Loader
from letting_sync.tasks.load_offers.readback import LoadContext, Waiting

PAIR = "a pair"
Numbers = Mapping[int, str | RefuseRecord]


class Loading:
    """One ERP, one ledger, and the runs of a pair."""

    def __init__(self, customer: Any, ledger: Ledger, make: Callable[..., Any]) -> None:
        self.customer, self.ledger, self.make = customer, ledger, make

    def item(
        self, external_id: str, record: int = 0, person: int | None = None, unit: str = "", **fields: Any
    ) -> Candidate:
        (outgoing,) = self.make(external_id, unit=unit or self.customer.unit, **fields)
        known = outgoing.prospect
        intent = Intent(external_id, str(known.unit), True, "content", f"person {person}" if person else None)
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
        """A run that died after it had written that it would send."""
        claimed = self.ledger.claim(self.run(number), [item.intent])[item.key]
        self.ledger.mark_sent([claimed.id], claimed.claim or "")
        return self.entry(item)

    def offers(self) -> list[str]:
        return sorted(offer.external_id for offer in self.customer.system.offers)


@pytest.fixture
def loading(
    customer: Any, make: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Loading:
    """Nothing that was sent long ago is waited for."""
    monkeypatch.setattr("letting_sync.http.limits.MARGIN", -100.0)
    settings = {"extra": {"timeout": 2, "settle_seconds": 0.01}}
    connection = json.dumps(customer.system.connection() | settings)
    monkeypatch.setenv(f"AIRFLOW_CONN_{customer.system.name.upper()}", connection)
    store = Store(sa.URL.create("sqlite", database=str(tmp_path / "ledger.db")), b"key")
    return Loading(customer, Ledger(store), make)


CREATED = (OutcomeKind.CREATED, None)


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
    changed = replace(anna, intent=replace(anna.intent, content_hash="new content"))

    assert loading.load([changed], 2) == [(OutcomeKind.ALREADY_THERE, "changed_after_load")]
    loading.ledger.mark_withdrawn(PAIR, ["anna"])
    assert loading.load([changed], 3) == [(OutcomeKind.ALREADY_THERE, "withdrawn_after_load")]
    assert loading.offers() == ["anna"]


def test_the_same_person_on_the_same_unit_under_another_id_is_a_duplicate(loading: Loading) -> None:
    loading.load([loading.item("anna", person=7)])

    again = loading.item("anna once more", person=7)
    assert loading.load([again], 2) == [(OutcomeKind.DUPLICATE, "same_person_on_unit")]
    assert loading.offers() == ["anna"]


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


def test_a_person_on_two_units_becomes_one_business_partner(loading: Loading) -> None:
    """The second offer goes out when the first one has shown whom it hangs on."""
    loading.customer.system.add_unit(loading.customer.written("1/1/1/9"))
    items = [loading.item("anna", 0, 7), loading.item("anna there", 1, 7, unit="1/1/1/9")]

    assert loading.load(items) == [CREATED, CREATED]
    assert len(loading.customer.system.batches) == 2


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


def test_one_record_that_the_interface_does_not_take_holds_up_no_other(loading: Loading) -> None:
    items = [loading.item(f"p{n}", n, first_name=None if n == 3 else "Anna") for n in range(7)]
    outcomes = loading.load(items)

    assert outcomes.pop(3) == (OutcomeKind.QUARANTINED, "malformed")
    assert outcomes == [CREATED] * 6
    assert loading.offers() == [f"p{n}" for n in range(7) if n != 3]


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
    numbers: Numbers = {0: number, 1: RefuseRecord("ambiguous_partner", "Two persons fit.")}

    assert loading.load([anna, bert], numbers=numbers) == [
        CREATED,
        (OutcomeKind.QUARANTINED, "ambiguous_partner"),
    ]
    assert loading.entry(anna).business_partner_number == number
    assert len(loading.customer.system.business_partners) == 1


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
    """It was not sent when this run asked what is open, and is when it asks what became of its own."""
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
