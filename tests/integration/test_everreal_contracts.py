"""EverReal's contracts from start to signature to cancellation, through the whole DAG to the ERP."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from include.sandbox import Sandbox
from letting_sync.systems.everreal import EVERREAL

FLAT, PARKING = "01-0001-1-701", "01-0001-1-790"
WINDOW = {"window_start": "2024-11-10T00:00:00+01:00", "window_end": "2024-11-11T00:00:00+01:00"}
NOON = datetime(2024, 11, 10, 12, tzinfo=UTC)


class Contracts:
    """EverReal with the contracts of a test, and the pair that hands them over to Yuneo."""

    pair = "everreal_yuneo"

    def __init__(self, box: Sandbox, run_pair: Any) -> None:
        self.box, self.run_pair = box, run_pair
        self.clock = NOON
        box.everreal.clear_records()
        for unit in (FLAT, PARKING):
            box.yuneo.add_unit(unit.replace("-", "/"))

    def add(self, status: str, *units: str, **candidate: Any) -> str:
        person = {"firstName": "Gerlinde", "lastName": f"Körtig{uuid.uuid4().hex[:4]}".title()}
        candidate_id = self.box.everreal.add_candidate(person | candidate)
        listed = [{"id": f"u{number}", "objectId": number} for number in units or (FLAT,)]
        return self.box.everreal.add_contract(
            {"candidate": candidate_id, "status": status, "units": listed, "updatedAt": self._now()}
        )

    def becomes(self, contract: str, status: str) -> None:
        self.box.everreal.update_contract(contract, status=status, updatedAt=self._now())

    def _now(self) -> datetime:
        self.clock += timedelta(minutes=1)
        return self.clock

    def run(self, chosen_when: str = "signed", **conf: Any) -> dict[str, Any]:
        dag = self.run_pair.bag.dags[self.pair]
        extract, accept = dag.get_task("extract"), dag.get_task("auto_accept").partial_kwargs
        before = extract.partner
        extract.partner = accept["partner"] = EVERREAL.at("everreal", chosen_when=chosen_when)
        try:
            # "accept" always, since ``dag.test`` leaves the params of one run to the next one.
            return self.run_pair(self.pair, **WINDOW, **({"accept": "auto"} | conf))
        finally:
            extract.partner = accept["partner"] = before

    @property
    def offers(self) -> list[str]:
        ids = {one["id"] for one in self.box.everreal.candidates}
        return sorted(offer.unit for offer in self.box.yuneo.offers if offer.external_id in ids)

    @property
    def leases(self) -> list[str]:
        return sorted(
            lease.unit
            for unit in (FLAT, PARKING)
            for lease in self.box.yuneo.leases_for(unit.replace("-", "/"))
        )


@pytest.fixture
def contracts(box: Sandbox, run_pair: Any) -> Contracts:
    return Contracts(box, run_pair)


def slashed(*units: str) -> list[str]:
    return [unit.replace("-", "/") for unit in units]


def test_a_started_contract_makes_nothing_and_a_signed_one_a_lease(contracts: Contracts) -> None:
    contract = contracts.add("SENT")

    first = contracts.run()

    assert (first["extracted"], first["skipped"]) == (1, 1)
    assert (contracts.offers, contracts.leases) == ([], [])

    contracts.becomes(contract, "SIGNED")
    second = contracts.run()

    assert (second["offers_created"], second["leases_created"]) == (1, 1)
    assert contracts.leases == slashed(FLAT)


def test_where_the_customer_says_so_a_started_contract_chooses(contracts: Contracts) -> None:
    contracts.add("DRAFT")

    contracts.run(chosen_when="started")

    assert contracts.leases == slashed(FLAT)


def test_an_offer_from_the_start_is_accepted_after_the_signature(contracts: Contracts) -> None:
    """The offer was made when a started contract still counted; since the change of the setting it must be signed."""
    contract = contracts.add("DRAFT")
    contracts.run(chosen_when="started", accept="off")
    assert (contracts.offers, contracts.leases) == (slashed(FLAT), [])

    contracts.becomes(contract, "SENT")
    still_started = contracts.run()
    assert (still_started["skipped"], contracts.leases) == (1, [])

    contracts.becomes(contract, "SIGNED")
    signed = contracts.run()
    assert (signed["already_there"], signed["held"], contracts.leases) == (1, 1, [])  # loaded under "off"
    (candidate,) = (one["id"] for one in contracts.box.everreal.candidates)
    dag_params = {"external_ids": [candidate], "accept": "auto", "window_start": None, "window_end": None}
    assert contracts.run_pair(contracts.pair, **dag_params)["leases_for_other_runs"] == 1
    assert contracts.leases == slashed(FLAT)

    contracts.becomes(contract, "CANCELLED")
    cancelled = contracts.run(external_ids=None)
    assert (cancelled["skipped"], cancelled["leases_created"]) == (1, 0)
    assert (contracts.offers, contracts.leases) == (slashed(FLAT), slashed(FLAT))


def test_an_offer_whose_contract_is_started_anew_is_not_accepted(contracts: Contracts) -> None:
    """Signed, loaded, acceptance still open; then the contract goes back to a draft."""
    contract = contracts.add("SIGNED")
    contracts.run(accept="off")
    contracts.becomes(contract, "DRAFT")

    contracts.run()

    assert (contracts.offers, contracts.leases) == (slashed(FLAT), [])


def test_a_contract_that_is_cancelled_before_the_acceptance_makes_no_lease(contracts: Contracts) -> None:
    contract = contracts.add("SIGNED")
    contracts.run(accept="off")
    contracts.becomes(contract, "CANCELLED")

    contracts.run()
    contracts.run()

    assert contracts.leases == []


def test_an_unknown_status_counts_as_not_signed_and_is_named(contracts: Contracts) -> None:
    """The words are assumed: the first run at a customer shows the real ones."""
    contracts.add("FULLY_EXECUTED")
    contracts.add("SIGNED")

    counts = contracts.run()

    assert counts["unknown_words"] == {"FULLY_EXECUTED": 1}
    assert counts["skipped"] == 1
    assert contracts.offers == slashed(FLAT)


def test_a_word_that_does_not_look_like_one_is_not_repeated(contracts: Contracts) -> None:
    contracts.add("unterschrieben von Frau Körtig")

    assert contracts.run()["unknown_words"] == {"(unreadable)": 1}


def test_if_no_status_is_known_the_run_stops_and_says_where_to_add_them(
    contracts: Contracts, run_pair: Any
) -> None:
    """Green with nothing would look like a quiet day."""
    for _ in range(5):
        contracts.add("COMPLETED")

    with pytest.raises(AssertionError, match="ended failed"):
        contracts.run()
    assert contracts.offers == []


def test_flat_and_parking_space_become_an_offer_each_and_are_accepted_together(contracts: Contracts) -> None:
    contracts.add("SIGNED", FLAT, PARKING)

    counts = contracts.run()

    assert (counts["extracted"], counts["offers_created"], counts["leases_created"]) == (2, 2, 2)
    assert contracts.leases == slashed(FLAT, PARKING)
    assert len({lease.business_partner for lease in contracts.box.yuneo.leases[-2:]}) == 1


def test_without_the_flat_the_parking_space_is_not_let(contracts: Contracts) -> None:
    """The flat's number is wrong, so it is in quarantine; its parking space must not become a lease alone."""
    contracts.add("SIGNED", "01-0001-1", PARKING)

    counts = contracts.run()

    assert counts["quarantine_reasons"] == {"unit_not_four_parts": 1}
    assert (contracts.offers, contracts.leases) == (slashed(PARKING), [])
    assert counts["held"] == 1


def test_one_broken_record_goes_to_quarantine_and_the_others_go_on(
    contracts: Contracts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("letting_sync.systems.everreal.hook.RECORD_ERROR_PAUSES", (0, 0))
    contracts.add("SIGNED")
    broken = contracts.add("SIGNED", PARKING)
    contracts.box.everreal.break_record(broken, field="candidate")

    counts = contracts.run()

    assert counts["quarantine_reasons"] == {"partner_error": 1}
    assert contracts.leases == slashed(FLAT)


def test_two_candidates_with_one_contact_are_one_person(contracts: Contracts) -> None:
    """One person with two e-mail addresses is two candidates, which EverReal cannot merge."""
    for last_name in ("Körtig", "Körtgi"):
        data = {"firstName": "Gerlinde", "lastName": last_name, "dateOfBirth": "1980-03-02"}
        application = {"isMainCandidate": True, "applicationDataString": json.dumps(data)}
        contracts.add("SIGNED", companyContactId="contact-1", applications=[application])

    counts = contracts.run()

    assert (counts["duplicates"], counts["offers_created"], counts["leases_created"]) == (1, 1, 1)


def test_the_password_is_used_once_for_many_runs(contracts: Contracts) -> None:
    """The refresh token is kept in an Airflow Variable, which every run finds."""
    from airflow.models import Variable
    from airflow.utils.session import create_session

    contracts.add("SIGNED")
    for _ in range(3):
        contracts.run()

    assert len(contracts.box.everreal.refresh_tokens) == 1
    with create_session() as session:
        (kept,) = (
            session.query(Variable).filter(Variable.key.startswith("everreal_refresh_token_")).all()[-1:]
        )
        assert kept.val in contracts.box.everreal.refresh_tokens
