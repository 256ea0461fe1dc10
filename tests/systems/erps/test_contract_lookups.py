"""What every ERP must do behind the protocol ``Erp``: offers and business partners are looked up, none is overlooked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from letting_sync.errors import StopRun, WaitAndRepeat
from letting_sync.model import OfferStatus


def many(count: int) -> list[str]:
    return [f"p-{number:04}" for number in range(count)]


def test_offers_are_looked_up_in_bulk(customer: Any) -> None:
    """As many ids in one look-up as the contract allows; of a long list the page behind its end is asked for too."""
    ids = many(2 * customer.words.ids_per_look_up + 3)
    for external_id in ids:
        customer.stored_offer(external_id)
    found = [offer.external_id for offer in customer.erp.offers([*ids, "unknown"])]

    assert sorted(found) == ids
    sizes = sorted(len(some) for some in customer.asked(customer.words.id_key, customer.words.offers_path))
    assert sizes == [4, *4 * [customer.words.ids_per_look_up]]


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
