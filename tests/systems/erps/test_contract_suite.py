"""What every ERP must do behind the protocol ``Erp``. A new ERP is done when it passes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from include.sandbox.common import today
from letting_sync.erp import ClaimLost, Outgoing
from letting_sync.errors import RefuseRecord, ResponseLost, StopRun, WaitAndRepeat
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
    """It may lie in the ERP: the loader looks it up before it sends anything again."""
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


# --- look-ups ----------------------------------------------------------------------------------------------


def test_offers_are_looked_up_in_bulk(customer: Any) -> None:
    """As many ids in one look-up as the contract allows."""
    ids = many(2 * customer.words.ids_per_look_up + 3)
    for external_id in ids:
        customer.stored_offer(external_id)
    found = [offer.external_id for offer in customer.erp.offers([*ids, "unknown"])]

    assert sorted(found) == ids
    sizes = sorted(len(some) for some in customer.asked(customer.words.id_key, customer.words.offers_path))
    assert sizes == [4, customer.words.ids_per_look_up, customer.words.ids_per_look_up]


def test_all_pages_of_a_look_up_are_read(customer: Any) -> None:
    """Two ids with more offers than a page holds."""
    size = customer.words.offers_per_page
    for number in range(2 * size + 1):
        customer.stored_offer(f"id-{number % 2}")
    found = list(customer.erp.offers(["id-0", "id-1"]))

    assert len({offer.offer_id for offer in found}) == len(found) == 2 * size + 1
    assert customer.asked(customer.words.size_key, customer.words.offers_path) == 3 * [[str(size)]]


def _meanwhile(customer: Any, monkeypatch: pytest.MonkeyPatch, happens: Callable[[], None]) -> None:
    """Let something happen just before the second request for a page is answered."""
    original, asked = customer.system.find_offers, iter(range(100))

    def find_offers(query: Any) -> Any:
        if next(asked) == 1:
            happens()
        return original(query)

    monkeypatch.setattr(customer.system, "find_offers", find_offers)


def test_no_offer_is_overlooked_when_another_one_goes_while_pages_are_read(
    customer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first of the second page moves to the end of the first one, which has been read already."""
    for _ in range(customer.words.offers_per_page + 2):
        customer.stored_offer("id")
    _meanwhile(
        customer, monkeypatch, lambda: customer.system._offers.pop(next(iter(customer.system._offers)))
    )
    found = {offer.number for offer in customer.erp.offers(["id"])}

    assert found == {str(offer.number) for offer in customer.system.offers}


def test_no_offer_is_taken_for_two_when_another_one_comes_while_pages_are_read(
    customer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the newest stands first, the last of the first page comes once more on the second."""
    for _ in range(customer.words.offers_per_page + 2):
        customer.stored_offer("id")

    def comes() -> None:
        older = dict(customer.system._offers)
        new = customer.stored_offer("id")
        customer.system._offers = {new.number: new} | older

    _meanwhile(customer, monkeypatch, comes)
    found = [offer.number for offer in customer.erp.offers(["id"])]

    assert len(set(found)) == len(found) == len(customer.system.offers)


def test_a_list_with_fewer_offers_than_it_says_is_not_believed(
    customer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An offer that is not shown would be made a second time."""
    original = customer.system.find_offers
    monkeypatch.setattr(
        customer.system,
        "find_offers",
        lambda query: original(query) | {"total": 1, "gesamt": 1},
    )

    with pytest.raises(WaitAndRepeat):
        list(customer.erp.offers(["nobody"]))


def test_nothing_is_asked_for_no_ids(customer: Any) -> None:
    assert list(customer.erp.offers([])) == []
    assert customer.system.requests.count("GET", customer.words.offers_path) == 0


def test_offers_on_a_unit_are_all_of_them(customer: Any) -> None:
    """Also those of other exchanges and of clerks, in every state."""
    customer.system.add_unit(customer.written("01/0002/3/005"))
    customer.stored_offer("mine")
    customer.stored_offer("theirs", exchange="EverReal", status=customer.words.ignored)
    customer.stored_offer("elsewhere", unit="01/0002/3/005")
    found = {offer.external_id: offer.status for offer in customer.erp.offers_on_unit(customer.unit)}

    assert found == {"mine": OfferStatus.OFFERED, "theirs": OfferStatus.IGNORED}


def test_business_partners_come_exactly_as_stored(customer: Any) -> None:
    """Stray blanks included: our matching must see what the ERP's exact check will see."""
    born = date(1990, 5, 1)
    number = customer.partner(first_name=" Anna", last_name="Groß ", birth_date=born, email="a@b.example")
    other = customer.partner(first_name="Bert", last_name="Groß", email="Bert@b.example")
    customer.partner(first_name="Nobody", last_name="Asked", birth_date=date(1991, 1, 1), email="c@b.example")
    found = {p.number: p for p in customer.erp.business_partners({born}, {"Bert@b.example"})}

    assert set(found) == {str(number), str(other)}
    anna = found[str(number)]
    assert (anna.first_name, anna.last_name) == (" Anna", "Groß ")
    assert (anna.birth_date, anna.email) == (born, "a@b.example")
    assert found[str(other)].birth_date is None


def test_business_partners_are_searched_in_bulk(customer: Any) -> None:
    count = customer.words.values_per_search
    days = {date(1950, 1, 1) + timedelta(days=number) for number in range(count + 1)}
    emails = {f"{number}@example.org" for number in range(count + 1)}
    for born in days:
        customer.partner(birth_date=born)
    for email in emails:
        customer.partner(email=email)
    found = list(customer.erp.business_partners(days, emails))

    assert len({partner.number for partner in found}) == len(found) == 2 * (count + 1)
    assert customer.system.requests.count("POST", customer.words.search_path) == 4


def test_look_ups_are_repeated_on_a_broken_line(customer: Any) -> None:
    customer.stored_offer("anna")
    customer.system.faults.once("drop_after", path=customer.words.offers_path, times=2)

    assert [offer.external_id for offer in customer.erp.offers(["anna"])] == ["anna"]


# --- acceptance --------------------------------------------------------------------------------------------


def read(customer: Any, external_id: str = "stored") -> Any:
    (offer,) = customer.erp.offers([external_id])
    return offer


def test_an_accepted_offer_is_a_lease(customer: Any) -> None:
    stored = customer.stored_offer(lease_start=date(2031, 1, 1))
    lease = customer.erp.accept(read(customer))

    (made,) = customer.system.leases
    assert (lease.lease_number, made.offer_number) == (made.number, stored.number)
    assert made.start == date(2031, 1, 1)
    again = read(customer)
    assert (again.status, again.lease_number) == (OfferStatus.ACCEPTED, lease.lease_number)
    assert lease.offer_id == again.offer_id


def test_an_offer_accepted_twice_is_one_lease(customer: Any) -> None:
    customer.stored_offer()
    offer = read(customer)
    customer.erp.accept(offer)

    with pytest.raises(RefuseRecord) as refusal:
        customer.erp.accept(offer)
    assert refusal.value.reason == "offer_changed"
    assert len(customer.system.leases) == 1


def test_an_acceptance_whose_response_is_lost_is_found_and_not_made_twice(customer: Any) -> None:
    """The second try meets an offer that is no longer open; the next reading shows its lease."""
    customer.stored_offer()
    offer = read(customer)
    customer.system.faults.once("drop_after", path=f"{customer.words.offers_path}/*")

    with pytest.raises(RefuseRecord) as refusal:
        customer.erp.accept(offer)
    assert refusal.value.reason == "offer_changed"
    assert len(customer.system.leases) == 1
    assert read(customer).lease_number == customer.system.leases[0].number


def test_a_unit_that_somebody_else_has_let_is_not_let_again(customer: Any) -> None:
    customer.stored_offer()
    offer = read(customer)
    customer.system.let_unit(customer.written(customer.unit))

    with pytest.raises(RefuseRecord) as refusal:
        customer.erp.accept(offer)
    assert refusal.value.reason == "unit_let"
    assert len(customer.system.leases) == 1


def test_of_two_offers_for_a_unit_one_becomes_a_lease(customer: Any) -> None:
    for external_id in ("first", "second"):
        customer.stored_offer(external_id)
    first, second = read(customer, "first"), read(customer, "second")
    customer.erp.accept(first)

    with pytest.raises(RefuseRecord) as refusal:
        customer.erp.accept(second)
    assert refusal.value.reason == "unit_let"


def test_an_expired_offer_is_not_accepted(customer: Any) -> None:
    yesterday = today() - timedelta(days=1)
    customer.stored_offer(valid_from=yesterday - timedelta(days=9), valid_until=yesterday)
    offer = read(customer)
    assert offer.valid_until == yesterday

    with pytest.raises(RefuseRecord) as refusal:
        customer.erp.accept(offer)
    assert refusal.value.reason == "expired"
    assert customer.system.leases == []


def test_an_offer_that_a_clerk_closed_after_it_was_read_is_not_accepted(customer: Any) -> None:
    stored = customer.stored_offer()
    offer = read(customer)
    customer.system.clerk_edits(stored, status=customer.words.ignored)

    with pytest.raises(RefuseRecord) as refusal:
        customer.erp.accept(offer)
    assert refusal.value.reason == "offer_changed"
    assert customer.system.leases == []


def test_an_offer_that_is_not_there_any_more_is_no_fault_of_the_run(customer: Any) -> None:
    customer.stored_offer()
    gone = read(customer).model_copy(update={"offer_id": "424242"})

    with pytest.raises(RefuseRecord) as refusal:
        customer.erp.accept(gone)
    assert refusal.value.reason == "not_found"


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


# --- answers that are not what the contract says -----------------------------------------------------------


def strange(customer: Any, monkeypatch: pytest.MonkeyPatch, **by_key: Any) -> None:
    """Let the list of offers hold something else under some keys; ``...`` takes a key away."""
    real = customer.system.find_offers

    def find(query: Any) -> Any:
        response = real(query)
        places = [response, *response.get("items", ()), *response.get("angebote", ())]
        for key, value in by_key.items():
            for place in places:
                if key in place:
                    place[key] = value
                    if value is ...:
                        del place[key]
        return response

    monkeypatch.setattr(customer.system, "find_offers", find)


def test_fewer_offers_than_there_are_is_not_taken_for_all(
    customer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who overlooks an offer makes it a second time."""
    customer.stored_offer("anna")
    strange(customer, monkeypatch, items=[], angebote=[])

    with pytest.raises(WaitAndRepeat):
        list(customer.erp.offers(["anna"]))


@pytest.mark.parametrize("value", [None, "Geheim", {"Geheim": 1}, ...])
@pytest.mark.parametrize(
    "keys",
    [
        ("items", "angebote"),
        ("total", "gesamt"),
        ("validUntil", "gueltigBis"),
        ("externalId", "externeId"),
    ],
)
def test_a_look_up_that_cannot_be_read_stops_the_run_and_shows_no_value(
    customer: Any, monkeypatch: pytest.MonkeyPatch, keys: tuple[str, str], value: Any
) -> None:
    """It names the field; an offer without its id would be overlooked and made again."""
    customer.stored_offer("anna")
    strange(customer, monkeypatch, **dict.fromkeys(keys, value))
    allowed = (keys[0] == "validUntil" and value in (None, ...)) or (
        keys[0] == "externalId" and value == "Geheim"
    )
    if allowed:
        assert len(list(customer.erp.offers(["anna"]))) == 1
        return

    with pytest.raises(StopRun, match="|".join(keys)) as stop:
        list(customer.erp.offers(["anna"]))
    assert "Geheim" not in str(stop.value)


def test_a_partners_birth_date_that_a_clerk_left_half_empty_stops_nobody_elses_run(
    customer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a person found by the e-mail address; who is found by the date of birth has one."""
    person = {"number": 1, "gpNr": 1, "birthDate": "00.00.1950", "geburtsdatum": "00.00.1950", "email": "a@b"}
    monkeypatch.setattr(
        customer.system, "search", lambda order: {"items": [person], "geschaeftspartner": [person]}
    )

    (found,) = customer.erp.business_partners((), {"a@b"})
    assert (found.number, found.birth_date) == ("1", None)
    with pytest.raises(StopRun):
        list(customer.erp.business_partners({date(1950, 1, 1)}, ()))


def test_what_was_sent_long_ago_does_not_come_any_more(customer: Any) -> None:
    """Where no import goes on, a delivery of yesterday of which nothing is found may be sent again."""
    assert customer.erp.within_settle_window(datetime.now(UTC) - timedelta(days=1)) is False
