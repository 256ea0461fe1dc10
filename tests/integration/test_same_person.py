"""Nobody gets a lease on a business partner who only may be the same person, unless somebody says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from approver import Person
from fastapi.testclient import TestClient

from include.sandbox import Sandbox
from tests.harness.approval import NO, YES

WINDOW = {"window_start": "2024-11-10T00:00:00+01:00", "window_end": "2024-11-11T00:00:00+01:00"}
NOON = datetime(2024, 11, 10, 12, tzinfo=UTC)
AUTO = {"accept": "auto", "external_ids": None, "dry_run": False}
PAIRS = ("immomio_yuneo", "immomio_sigma")


class Letting:
    """Immomio with the applications of a test, an ERP with its business partners, and the pair between them."""

    def __init__(self, box: Sandbox, run_pair: Any, pair: str) -> None:
        self.box, self.run_pair, self.pair = box, run_pair, pair
        self.erp: Any = getattr(box, pair.split("_")[1])
        self.separator = "/" if pair.endswith("yuneo") else "."
        self.count = 0
        box.immomio.clear_records()

    def stored(self, **person: Any) -> int:
        return int(self.erp.add_business_partner(**person).number)

    def applies(self, **tenant: Any) -> str:
        """Somebody is chosen for a flat of their own; returns the application's id."""
        self.count += 1
        unit = ("77", "1", "1", str(self.count))
        self.erp.add_unit(self.separator.join(unit))
        return self.box.immomio.add(
            {
                "updatedAt": NOON + timedelta(minutes=self.count),
                "property": {"id": "p", "externalId": ".".join(unit), "name": "", "address": None},
                "mainTenant": tenant,
            }
        )

    def run(self) -> dict[str, Any]:
        return self.run_pair(self.pair, **WINDOW, **AUTO)

    def offer(self, application: str) -> Any:
        (offer,) = self.erp.offers_for(application)
        return offer

    def has_lease(self, application: str) -> bool:
        return any(lease.offer_number == self.offer(application).number for lease in self.erp.leases)


@pytest.fixture(params=PAIRS)
def letting(request: pytest.FixtureRequest, box: Sandbox, run_pair: Any) -> Letting:
    return Letting(box, run_pair, request.param)


def test_strangers_and_near_matches_become_leases_only_if_a_person_says_so(
    letting: Letting, airflow: TestClient, all_logs: Any
) -> None:
    """A placeholder birthday, a son without a birthday, a slip in the name; beside them somebody nothing is doubtful of."""
    stranger = letting.stored(
        first_name="Michael", last_name="Schulze", birth_date="1900-01-01", email="m.schulze@example.com"
    )
    father = letting.stored(
        first_name="Horst", last_name="Brandt", birth_date="1955-03-09", email="familie.brandt@example.org"
    )
    near = letting.stored(
        first_name="Gerlinde", last_name="Körtig", birth_date="1988-05-17", email="g.koertig@example.org"
    )
    known = letting.stored(
        first_name="Işıl", last_name="Yıldız", birth_date="1991-07-23", email="isil@example.org"
    )
    schulzes = [
        letting.applies(
            firstname="Michael",
            lastname="Schulze",
            dateOfBirth="1900-01-01",
            email=f"schulze{at}@example.net",
        )
        for at in range(2)
    ]
    son = letting.applies(firstname="Horst", lastname="Brandt", email="familie.brandt@example.org")
    gerlinde = letting.applies(
        firstname="Gerlinde", lastname="Körtgi", dateOfBirth="1988-05-17", email="g.koertig@example.org"
    )
    isil = letting.applies(
        firstname="Isil", lastname="Yildiz", dateOfBirth="1991-07-23", email="i@example.com"
    )
    anybody = letting.applies(
        firstname="Frauke", lastname="Petersen", dateOfBirth="1979-02-11", email="f@example.org"
    )
    doubtful = [*schulzes, son, gerlinde]
    somebody = Person(airflow, lambda: [letting.has_lease(one) for one in doubtful], NO)
    somebody.start()

    counts = letting.run()

    assert somebody.seen == [False] * 4, "nothing is accepted before somebody has answered"
    assert sorted(somebody.selected) == sorted(str(letting.offer(one).number) for one in doubtful)
    assert not any(letting.has_lease(one) for one in doubtful)
    assert letting.has_lease(isil)
    assert letting.has_lease(anybody)
    # Offers: three Schulzes are three persons, the son's is on his father, Işıl is known however she is spelled.
    assert len({stranger, *(letting.offer(one).business_partner for one in schulzes)}) == 3
    assert letting.offer(son).business_partner == father
    assert letting.offer(gerlinde).business_partner != near
    assert letting.offer(isil).business_partner == known
    question = somebody.question["body"]
    assert str(near) in question
    assert not [name for name in ("Schulze", "Brandt", "Körtig", "Körtgi", "example.org") if name in question]
    assert counts["held"] == 4
    assert not [name for name in ("Körtgi", "Körtig", "Brandt") if name in all_logs()]


def test_a_person_who_says_yes_decides(letting: Letting, airflow: TestClient) -> None:
    letting.stored(first_name="Gerlinde", last_name="Körtig", birth_date="1988-05-17", email="g@example.org")
    gerlinde = letting.applies(
        firstname="Gerlinde", lastname="Körtgi", dateOfBirth="1988-05-17", email="g@example.org"
    )
    somebody = Person(airflow, lambda: letting.has_lease(gerlinde), YES)
    somebody.start()

    letting.run()

    assert somebody.seen is False
    assert letting.has_lease(gerlinde)


def test_a_day_that_many_share_with_another_address_finds_nobody(
    letting: Letting, airflow: TestClient
) -> None:
    """The ERP's own check would find the stranger by name and date, so the date is not sent."""
    stranger = letting.stored(
        first_name="Ahmad", last_name="Karimi", birth_date="1990-01-01", email="ahmad.k@example.org"
    )
    ahmad = letting.applies(
        firstname="Ahmad", lastname="Karimi", dateOfBirth="1990-01-01", email="karimi@example.net"
    )
    somebody = Person(airflow, lambda: letting.has_lease(ahmad), NO)
    somebody.start()

    letting.run()

    assert letting.offer(ahmad).business_partner != stranger
    assert str(stranger) in somebody.question["body"]
    assert not letting.has_lease(ahmad)
