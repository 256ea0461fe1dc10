"""What every ERP must do behind the protocol ``Erp``: an offer becomes a lease once, if it is as it was read."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from include.sandbox.common import today
from letting_sync.errors import RefuseRecord
from letting_sync.model import OfferStatus


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
