"""What every ERP must do behind the protocol ``Erp``. A new ERP is done when it passes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from include.sandbox.common import today
from letting_sync.erp import ClaimLost, Outgoing
from letting_sync.errors import RefuseRecord, ResponseLost, StopRun
from letting_sync.model import OfferStatus

Make = Callable[..., list[Outgoing]]


def go() -> None:
    """Nobody else has taken the batch over."""


def many(count: int) -> list[str]:
    return [f"p-{number:04}" for number in range(count)]


# --- import ------------------------------------------------------------------------------------------------


def test_a_prospect_becomes_one_offer(customer: Any, make: Make) -> None:
    """Its result names the offer and the new business partner; a look-up finds the same offer."""
    state = customer.import_(make("anna", birth_date=date(1990, 5, 1), lease_start=date(2031, 1, 1)))

    (stored,) = customer.system.offers
    (result,) = state.results
    assert (result.external_id, result.refusal) == ("anna", None)
    assert result.offer_number == str(stored.number)
    assert result.business_partner_number == str(stored.business_partner)
    assert result.business_partner_created is True
    (found,) = customer.erp.offers(["anna"])
    assert found.offer_id == result.offer_id
    assert str(found.unit) == customer.unit
    assert (found.status, found.normal_kind) == (OfferStatus.OFFERED, True)
    assert found.lease_start == date(2031, 1, 1)
    assert found.valid_from == today()
    assert found.valid_until == stored.valid_until
    assert found.lease_number is None


def test_every_field_arrives(customer: Any, make: Make) -> None:
    person = {
        "first_name": "Zoë",
        "last_name": "d'Été-Groß",
        "birth_date": date(1990, 5, 1),
        "email": "zoe@example.org",
        "phone": "+49 40 123456",
        "mobile": "+49 171 1234567",
        "postal_code": "01067",
        "city": "Dresden",
        "country": "DE",
    }
    customer.import_(make("zoe", street="Am Weg", house_number="1a", message="Guten Tag", **person))

    (stored,) = customer.system.business_partners
    assert {name: getattr(stored.person, name) for name in person} == person
    assert stored.person.street == "Am Weg 1a"


def test_a_known_business_partner_is_used(customer: Any, make: Make) -> None:
    """Also where the ERP's own check, which is exact, would make a second one of the same person."""
    number = customer.partner(first_name="Anna ")
    (anna,) = make("anna")
    state = customer.import_([Outgoing(anna.prospect, str(number))])

    assert state.results[0].business_partner_number == str(number)
    assert state.results[0].business_partner_created is False
    assert len(customer.system.business_partners) == 1


def test_a_delivery_takes_as_many_as_the_contract_allows(customer: Any, make: Make) -> None:
    customer.import_(make(*many(customer.erp.batch_size)))

    assert customer.system.batches == [{"/": 200, ".": 50}[customer.words.separator]]
    assert len(customer.system.offers) == customer.erp.batch_size


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"unit": "9/9/9/9"}, "unknown_unit"),
        ({"unit": "7/7/7/7"}, "unit_not_vacant"),
        ({"email": "no address"}, "invalid_field"),
    ],
)
def test_a_refused_prospect_has_its_reason_and_holds_up_no_other(
    customer: Any, make: Make, fields: dict[str, Any], refusal: str
) -> None:
    customer.system.add_unit(customer.written("7/7/7/7"))
    customer.system.let_unit(customer.written("7/7/7/7"))
    state = customer.import_([*make("good"), *make("bad", **fields)])

    assert {result.external_id: result.refusal for result in state.results} == {"good": None, "bad": refusal}
    assert [offer.external_id for offer in customer.system.offers] == ["good"]


def test_an_unknown_business_partner_is_a_reason(customer: Any, make: Make) -> None:
    (anna,) = make("anna")
    state = customer.import_([Outgoing(anna.prospect, "999999")])

    assert [result.refusal for result in state.results] == ["unknown_business_partner"]


def test_what_cannot_be_written_is_refused_before_it_is_sent(customer: Any, make: Make) -> None:
    delivery = customer.erp.deliver([*make("good"), *make("bad", last_name="x" * 61)], go)

    assert delivery.refused == {"bad": "last_name_too_long"}
    assert customer.system.batches == [1]


def test_a_batch_of_which_nothing_is_left_is_not_sent(customer: Any, make: Make) -> None:
    delivery = customer.erp.deliver(make("bad", first_name="x" * 61), go)

    assert (delivery.job, delivery.refused) == (None, {"bad": "first_name_too_long"})
    assert customer.system.batches == []


def test_a_batch_with_something_the_interface_does_not_take_is_refused_whole(
    customer: Any, make: Make
) -> None:
    """Nothing of it was taken, so the loader may halve it."""
    with pytest.raises(RefuseRecord) as refusal:
        customer.erp.deliver([*make("good"), *make("bad", first_name=None)], go)

    assert refusal.value.reason == "malformed"
    assert customer.system.batches == []


def test_a_batch_that_another_run_took_over_is_not_sent(customer: Any, make: Make) -> None:
    """It is asked again before each try: a long wait is time enough for another run."""
    asked = iter([None, ClaimLost("taken over")])

    def still_ours() -> None:
        if error := next(asked):
            raise error

    customer.system.faults.once("503", path=customer.words.import_path, times=5, retry_after=0)
    with pytest.raises(ClaimLost):
        customer.erp.deliver(make("anna"), still_ours)

    assert customer.system.batches == []


def test_a_delivery_whose_response_is_lost_says_so(customer: Any, make: Make) -> None:
    """It may be in the ERP: the loader looks it up before it sends anything again."""
    customer.system.faults.set(1, ["drop_after"], path=customer.words.import_path)

    with pytest.raises(ResponseLost):
        customer.erp.deliver(make("anna"), go)
    assert set(customer.system.batches) == {1}


def test_an_exchange_that_the_erp_does_not_know_stops_the_run(customer: Any, make: Make) -> None:
    customer.system.options.exchanges = ("Another",)

    with pytest.raises(StopRun, match="'exchange'"):
        customer.erp.deliver(make("anna"), go)


def test_the_address_of_something_else_stops_the_run(
    customer: Any, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A 404 of a wrong address says nothing about the prospects: none may be quarantined for it."""
    list(customer.erp.offers(["anna"]))
    monkeypatch.setattr(customer.erp.hook, "base_path", "/moved")

    for call in (
        lambda: customer.erp.deliver(make("anna"), go),
        lambda: list(customer.erp.offers(["anna"])),
        lambda: list(customer.erp.offers_on_unit(customer.unit)),
        lambda: list(customer.erp.business_partners({date(1990, 1, 1)}, ())),
    ):
        with pytest.raises(StopRun, match="host"):
            call()


def test_an_import_that_the_erp_does_not_know_is_none(customer: Any) -> None:
    assert customer.erp.import_state("4711") is None


def test_an_import_that_says_it_has_ended_has_all_its_results(customer: Any, make: Make) -> None:
    customer.system.options = customer.system.options.model_copy(
        update={"work_order_seconds": 0.15, "run_seconds": 0.15}
    )
    state = customer.import_(make("anna", "bert"))

    assert [result.external_id for result in state.results] == ["anna", "bert"]
    assert len(customer.system.offers) == 2


# --- limits and names --------------------------------------------------------------------------------------


def test_no_more_calls_at_a_time_than_the_erp_takes(customer: Any) -> None:
    """Four connections, whoever asks how much at once."""
    customer.system.options.latency_seconds = 0.01
    list(customer.erp.concurrently(lambda n: list(customer.erp.offers_on_unit(customer.unit)), range(16)))

    assert customer.system.requests.connections <= 4


def test_all_pairs_that_feed_an_erp_share_its_scope(customer: Any) -> None:
    """And no other ERP has it: it is what keeps two pairs from letting one unit twice."""
    again = replace(customer.erp_target, exchange="EverReal").open()

    assert again.scope == customer.erp.scope
    assert customer.system.name in customer.erp.scope
    assert str(customer.system.port) in customer.erp.scope


def test_names_of_exchanges_may_hold_more_than_letters(customer: Any, make: Make) -> None:
    exchange = "Börse Süd & Nord: 100% #1?"
    customer.system.options.exchanges = (exchange,)
    erp = replace(customer.erp_target, exchange=exchange).open()
    job = erp.deliver(make("anna"), go).job or erp.start_import()

    assert erp.import_state(job).finished
    assert [offer.exchange for offer in customer.system.offers] == [exchange]


def test_what_was_sent_long_ago_does_not_come_any_more(customer: Any) -> None:
    """Where no import goes on, a delivery of yesterday of which nothing is found may be sent again."""
    assert customer.erp.within_settle_window(datetime.now(UTC) - timedelta(days=1)) is False
