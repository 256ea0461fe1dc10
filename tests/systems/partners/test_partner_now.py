"""What every partner's client says of single records at this moment, just before a lease."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from letting_sync.errors import WaitAndRepeat
from letting_sync.model import Prospect
from letting_sync.partner import Partner, Reference
from tests.systems.partners.cases import PERSON, START, PartnerCase

NOON = START + timedelta(hours=12)


@pytest.fixture
def client(partner: PartnerCase) -> Iterator[Partner]:
    if partner.selection == "erp":
        pytest.skip("prospects chosen in the ERP are never accepted automatically")
    target = partner.partner.at(partner.package, separator=partner.separator)
    opened = target.open()
    yield opened
    opened.close()


def read(extract: Any) -> list[Prospect]:
    found = [one.result for one in extract.read(START, START + timedelta(days=1))]
    assert all(isinstance(one, Prospect) for one in found)
    return found


def reference(prospect: Prospect) -> Reference:
    return Reference(prospect.external_id, prospect.source_id)


def test_an_unchanged_record_is_what_the_extraction_has_read(
    partner: PartnerCase, extract: Any, client: Partner
) -> None:
    """To the letter: a difference would hold the offer as changed."""
    partner.add(NOON)
    (prospect,) = read(extract)

    assert client.current([reference(prospect)]) == [[prospect]]


def test_each_reference_is_answered_in_its_place(partner: PartnerCase, extract: Any, client: Partner) -> None:
    for number in range(5):
        partner.add(NOON, unit=f"1/2/3/{number}", person=PERSON | {"mail": f"p{number}@person.example"})
    prospects = read(extract)
    unknown = Reference("00000000-0000-0000-0000-000000000000", prospects[0].source_id and "no such contract")

    current = client.current([*map(reference, prospects[:2]), unknown, *map(reference, prospects[2:])])

    assert current == [[prospects[0]], [prospects[1]], [], *([one] for one in prospects[2:])]


def test_one_call_for_each_record(partner: PartnerCase, extract: Any, client: Any) -> None:
    for number in range(3):
        partner.add(NOON, unit=f"1/2/3/{number}", person=PERSON | {"mail": f"p{number}@person.example"})
    references = [reference(prospect) for prospect in read(extract)]
    client.current(references[:1])  # fetches the token
    before = client.hook.calls

    client.current(references)

    assert client.hook.calls - before == 3


def test_a_partner_that_cannot_be_reached_says_nothing(
    partner: PartnerCase, extract: Any, client: Any
) -> None:
    """Neither that the record is gone, nor that it is chosen."""
    partner.add(NOON)
    (prospect,) = read(extract)
    partner.system.faults.set(1, ["drop_before"])

    with pytest.raises(WaitAndRepeat):
        client.current([reference(prospect)])
