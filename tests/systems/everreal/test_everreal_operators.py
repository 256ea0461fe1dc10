"""What EverReal's extract hands to the shared one, in both selections."""

from datetime import timedelta

import pytest

from letting_sync.settings import Timing
from letting_sync.systems.everreal import EVERREAL
from letting_sync.systems.everreal.operators import EverRealExtractOperator


@pytest.fixture
def extract(everreal):
    made = []

    def make(selection):
        operator = EverRealExtractOperator(
            task_id="extract",
            partner=EVERREAL.at("everreal", separator="-", selection=selection),
            clients=None,
            timing=Timing(),
        )
        made.append(operator)
        return operator

    yield make
    for operator in made:
        operator.close()


def ids(operator, reads):
    return sorted(read.external_id for read in reads)


def test_partner_selection_reads_contracts_by_their_candidates(
    extract, everreal, add_contracts, add_candidates, window
):
    add_candidates(5)
    add_contracts(3)
    operator = extract("partner")

    assert ids(operator, operator.read(*window)) == sorted(one["candidate"] for one in everreal.contracts)


def test_ended_contracts_and_disabled_candidates_are_withdrawn_without_a_second_reading(
    extract, everreal, add_contracts, window, asked
):
    add_contracts(2)
    (ended,) = add_contracts(1, status="CANCELLED")
    (disabled,) = add_contracts(1)
    candidate_of = {one["id"]: one["candidate"] for one in everreal.contracts}
    everreal.update_candidate(candidate_of[disabled], isDisabled=True)
    operator = extract("partner")
    list(operator.read(*window))
    before = asked()

    withdrawn = list(operator.read_withdrawn(*window))
    assert {one["id"] for one in withdrawn} == {ended, disabled}
    # A disabled candidate has withdrawn from all of their contracts, an ended contract speaks of itself alone.
    assert {operator.external_id_of(one): operator.source_id_of(one) for one in withdrawn} == {
        candidate_of[ended]: ended,
        candidate_of[disabled]: None,
    }
    assert asked() == before


def test_a_contract_that_was_redrawn_does_not_withdraw_its_candidate(extract, everreal, window):
    """The old contract is cancelled after the new one was made: the candidate is chosen all the same."""
    start, end = window
    candidate = everreal.add_candidate({"lastName": "Groß"})
    new = everreal.add_contract({"candidate": candidate, "status": "SENT", "updatedAt": start})
    everreal.add_contract(
        {"candidate": candidate, "status": "CANCELLED", "updatedAt": end - timedelta(hours=1)}
    )
    operator = extract("partner")
    operator.keeps_records = True

    assert [read.record["id"] for read in operator.read(*window)] == [new]
    assert operator.read_withdrawn(*window) == []


def test_a_candidate_found_by_id_comes_with_the_living_contract(extract, everreal, add_contracts, window):
    start, end = window
    add_contracts(120)
    candidate = everreal.add_candidate({"lastName": "Groß"})
    living = everreal.add_contract({"candidate": candidate, "updatedAt": start})
    everreal.add_contract({"candidate": candidate, "status": "CANCELLED", "updatedAt": end})
    gone = everreal.add_candidate({"lastName": "Klein"})
    ended = everreal.add_contract({"candidate": gone, "status": "CANCELLED", "updatedAt": start})
    operator = extract("partner")
    operator.keeps_records = True

    found = [read.record["id"] for read in operator.read_by_id([candidate, gone])]
    assert found == [living, ended]
