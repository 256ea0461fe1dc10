"""From offers to leases against both ERPs; what counts is what the ERP holds in the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from include.sandbox import Sandbox
from letting_sync.ledger.ledger import Ledger
from letting_sync.ledger.records import Entry, Intent, Made, Retraction, Run
from letting_sync.ledger.schema import Store, entries
from letting_sync.reasons import Reason
from letting_sync.systems.everreal import EVERREAL
from letting_sync.systems.everreal.client import EverReal
from letting_sync.systems.sigma import SIGMA
from letting_sync.systems.sigma.client import Sigma
from letting_sync.systems.yuneo import YUNEO
from letting_sync.systems.yuneo.client import Yuneo
from letting_sync.tasks.auto_accept.acceptor import Acceptor
from letting_sync.tasks.auto_accept.policy import Verdict

TODAY = datetime.now(ZoneInfo("Europe/Berlin")).date()


class World:
    """One ERP, one ledger, and the offers that pairs have made."""

    def __init__(self, box: Sandbox, name: str, ledger: Ledger) -> None:
        self.system: Any = getattr(box, name)
        self.erp: Any = (
            Yuneo(YUNEO.at("yuneo", exchange="Immomio"))
            if name == "yuneo"
            else Sigma(SIGMA.at("sigma", exchange="Immomio", separator="."))
        )
        self.ledger = ledger
        self.unit, self.other_unit = "01/0001/1/1", "01/0001/1/90"
        self.system.add_unit(self.unit.replace("/", "/" if name == "yuneo" else "."))
        person = self.system.add_business_partner(first_name="Anna", last_name="Groß")
        self.person = getattr(person, "number", person)
        self.everreal, self.partner = box.everreal, EverReal(EVERREAL.at("everreal"))

    def run(self, pair: str = "a") -> Run:
        return Run(pair, self.erp.scope, f"run of {pair}")

    def acceptor(self, pair: str = "a") -> Acceptor:
        return Acceptor(self.ledger, self.erp, self.partner, self.run(pair), TODAY)

    def written(self, unit: str) -> str:
        return unit if isinstance(self.erp, Yuneo) else unit.replace("/", ".")

    def offer(
        self,
        external_id: str,
        pair: str = "a",
        chosen: bool = True,
        unit: str | None = None,
        bundle: tuple[str | None, int] = (None, 1),
    ) -> Entry:
        """A prospect with a contract in EverReal, whose offer was made and is known to the ledger."""
        unit = unit or self.unit
        if unit != self.unit:
            self.system.add_unit(self.written(unit))
        offer = self.system.add_offer(external_id, self.written(unit), self.person)
        contract = bundle[0] or f"contract-{len(self.everreal.contracts)}"
        units = [self.unit, self.other_unit][: bundle[1]] if bundle[0] else [unit]
        self.draw_contract(contract, external_id, units, chosen)
        intent = Intent(external_id, unit, chosen, "content", None, *bundle, source_id=contract)
        self.ledger.claim(self.run(pair), [intent])
        self.ledger.mark_loaded(
            [
                Made(
                    self.entry(external_id, pair, unit).id,
                    None,
                    offer_id=str(offer.id),
                    offer_number=str(offer.number),
                    business_partner_number=str(self.person),
                )
            ]
        )
        return self.entry(external_id, pair, unit)

    def draw_contract(self, contract: str, candidate: str, units: list[str], signed: bool = True) -> None:
        """A contract of a candidate of this id about these units; one that is there already stays as it is."""
        if candidate not in {one["id"] for one in self.everreal.candidates}:
            self.everreal.add_candidate({"id": candidate, "firstName": "Anna", "lastName": "Groß"})
        if contract not in {one["id"] for one in self.everreal.contracts}:
            found = [{"id": unit, "objectId": unit, "externalId": None} for unit in units]
            status = "SIGNED" if signed else "DRAFT"
            self.everreal.add_contract(
                {"id": contract, "candidate": candidate, "status": status, "units": found}
            )

    def entry(self, external_id: str, pair: str = "a", unit: str | None = None) -> Entry:
        return self.ledger.find(pair, [external_id])[(external_id, unit or self.unit)]

    def leases(self) -> int:
        return len(self.system.leases_for(self.written(self.unit)))


@pytest.fixture(params=["yuneo", "sigma"])
def world(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with Sandbox(populate=False) as box:
        for name, connection in box.connections().items():
            monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", connection)
        ledger = Ledger(Store(sa.URL.create("sqlite", database=str(tmp_path / "ledger.db")), b"key"))
        made = World(box, request.param, ledger)
        yield made
        made.erp.close()
        made.partner.close()


def test_a_chosen_prospect_alone_on_the_unit_gets_the_lease(world: World) -> None:
    world.acceptor().accept([world.offer("anna")])

    assert world.leases() == 1
    assert world.entry("anna").acceptance == "leased"
    assert world.entry("anna").lease_number == world.system.leases_for(world.written(world.unit))[0].number


def test_accepting_twice_makes_one_lease(world: World) -> None:
    entry = world.offer("anna")
    world.acceptor().accept([entry])
    world.acceptor().accept([entry])

    assert world.leases() == 1
    assert world.entry("anna").acceptance == "leased"


@pytest.mark.parametrize("other_pair", ["a", "b"])
def test_two_chosen_for_one_unit_are_both_held(world: World, other_pair: str) -> None:
    """In one pair, or across the two partners that feed the same ERP."""
    anna, bert = world.offer("anna"), world.offer("bert", pair=other_pair)

    world.acceptor().accept([anna])
    world.acceptor(other_pair).accept([bert])

    assert world.leases() == 0
    assert world.entry("anna").acceptance_reason == "competing_offer"
    assert world.entry("bert", other_pair).acceptance_reason == "competing_offer"


def test_of_two_pairs_at_the_same_moment_one_may_accept(world: World) -> None:
    """The right to accept on a unit is a row in the ledger that only one can have."""
    anna, bert = world.offer("anna"), world.offer("bert", pair="b")

    assert world.ledger.mark_accepting(anna, "run of a")
    assert not world.ledger.mark_accepting(bert, "run of b")


def test_an_entry_that_was_deleted_meanwhile_is_not_accepted(world: World) -> None:
    """At a person's request, or by the retention: the lease would be in no ledger."""
    anna = world.offer("anna")
    with world.ledger.engine.begin() as connection:
        connection.execute(sa.delete(entries))

    world.acceptor().accept([anna])

    assert world.leases() == 0


def test_while_another_has_the_right_to_accept_on_the_unit_nothing_is_accepted(world: World) -> None:
    anna = world.offer("anna")
    world.ledger.mark_accepting(world.offer("bert", pair="b", chosen=False), "run of b")

    (decision,) = world.acceptor().accept([anna])

    assert (decision.verdict, decision.reason) == (Verdict.HOLD, "competing_offer")
    assert world.leases() == 0
    assert world.entry("anna").acceptance_reason == "competing_offer"


def test_an_offer_of_ours_that_the_ledger_does_not_know_holds_the_unit(world: World) -> None:
    """It can only come from a lost ledger or a second installation."""
    anna = world.offer("anna")
    world.system.add_offer("nobody knows", world.written(world.unit), world.person)

    world.acceptor().accept([anna])

    assert world.leases() == 0
    assert world.entry("anna").acceptance_reason == "competing_offer"


def test_several_offers_for_one_prospect_are_never_accepted(world: World) -> None:
    anna = world.offer("anna")
    world.system.add_offer("anna", world.written(world.unit), world.person)

    world.acceptor().accept([anna])

    assert world.leases() == 0
    assert world.entry("anna").acceptance_reason == "ambiguous"


def test_a_unit_that_is_let_stays_let(world: World) -> None:
    """Somebody else's lease: the ERP says so at the last moment."""
    anna = world.offer("anna")
    world.system.let_unit(world.written(world.unit))

    world.acceptor().accept([anna])

    assert world.leases() == 1
    assert world.entry("anna").acceptance_reason == "unit_let"
    assert world.entry("anna").lease_number is None


def test_a_clerk_who_declined_the_offer_has_the_last_word(world: World) -> None:
    anna = world.offer("anna")
    declined = "REJECTED" if isinstance(world.erp, Yuneo) else "abgelehnt"
    world.system.clerk_edits(int(anna.offer_number or 0), status=declined)

    world.acceptor().accept([anna])

    assert world.leases() == 0
    assert world.entry("anna").acceptance_reason == "offer_rejected"


def test_a_lost_response_to_an_acceptance_is_found_again(world: World) -> None:
    """The lease was made, the line broke before the answer: asked again, the ERP says it is ours. It counts as made by us."""
    anna = world.offer("anna")
    world.system.faults.once(
        "drop_after", path="*/accept" if isinstance(world.erp, Yuneo) else "*/angebote/*"
    )

    (decision,) = world.acceptor().accept([anna])

    assert world.leases() == 1
    assert world.entry("anna").acceptance == "leased"
    assert (decision.made, world.entry("anna").acceptance_reason) == (True, None)


def test_an_offer_saved_by_a_clerk_in_between_is_read_again(world: World) -> None:
    """Sigma answers 412; nothing that matters has changed, so the second try makes the lease."""
    if isinstance(world.erp, Yuneo):
        pytest.skip("Yuneo's contract has no version check on accepting")
    anna = world.offer("anna")
    world.system.faults.once("stale", path="*/angebote/*")

    world.acceptor().accept([anna])

    assert world.leases() == 1


@pytest.mark.parametrize("status", [409, 410, 412, 422, 423])
def test_a_refusal_whose_page_a_proxy_replaced_is_decided_anew(world: World, status: int) -> None:
    """Only the status is left of the ERP's answer; the offer is still open, so the second try makes the lease."""
    anna = world.offer("anna")
    path = "*/accept" if isinstance(world.erp, Yuneo) else "*/angebote/*"
    world.system.faults.once("error_page", path=path, status=status)

    world.acceptor().accept([anna])

    assert world.leases() == 1


def test_a_refusal_without_a_readable_reason_that_stays_leaves_the_offer_to_a_person(world: World) -> None:
    anna = world.offer("anna")
    path = "*/accept" if isinstance(world.erp, Yuneo) else "*/angebote/*"
    world.system.faults.once("error_page", path=path, times=9)

    world.acceptor().accept([anna])

    assert world.leases() == 0
    assert world.entry("anna").acceptance_reason == "offer_changed"


def test_planned_decisions_write_nothing(world: World) -> None:
    anna = world.offer("anna")

    (decision,) = world.acceptor().plan([anna])

    assert str(decision.verdict) == "accept"
    assert world.leases() == 0
    assert world.entry("anna").acceptance is None


def test_decisions_that_need_no_call_are_written_down(world: World) -> None:
    """What is to be accepted is none of them."""
    entries = [world.offer("anna"), world.offer("bert", chosen=False)]
    acceptor = world.acceptor()
    acceptor.write(acceptor.plan(entries))

    assert world.leases() == 0
    assert world.entry("anna").acceptance is None
    assert world.entry("bert").acceptance_reason == "not_chosen"


def test_a_lease_that_is_there_already_is_written_down(world: World) -> None:
    anna = world.offer("anna")
    world.system.clerk.accept(int(anna.offer_number or 0))
    acceptor = world.acceptor()
    acceptor.write(acceptor.plan([anna]))

    assert world.entry("anna").acceptance == "leased"
    assert world.leases() == 1


# --- between the plan and the lease -------------------------------------------------------------------------


def test_a_lease_costs_two_calls(world: World) -> None:
    """All that speaks for and against it is one list, the offers on the unit; the other call accepts."""
    names = [f"tenant-{number}" for number in range(3)]
    entries = [world.offer(name, unit=f"01/0001/1/{number + 2}") for number, name in enumerate(names)]
    acceptor = world.acceptor()
    planned = acceptor.plan(entries)
    before = world.erp.hook.calls

    acceptor.accept([decision.entry for decision in planned if decision.verdict is Verdict.ACCEPT])

    assert len(world.system.leases) == 3
    assert world.erp.hook.calls - before == 2 * 3


def test_a_plan_costs_two_calls_for_many(world: World) -> None:
    """The offers, and the look at whether there are more than the count says."""
    world.acceptor().plan([world.offer("warm-up, which fetches the token")])
    entries = [world.offer(f"tenant-{number}", unit=f"01/0001/1/{number + 2}") for number in range(20)]
    before = world.erp.hook.calls

    planned = world.acceptor().plan(entries)

    assert [decision.verdict for decision in planned] == [Verdict.ACCEPT] * 20
    assert world.erp.hook.calls - before == 2


def _another_pair_loads(world: World) -> None:
    world.offer("bert", pair="b")


def _another_pair_is_about_to_send(world: World) -> None:
    world.ledger.claim(world.run("b"), [Intent("bert", world.unit, True, "content", None)])


def _another_installation_loads(world: World) -> None:
    world.system.add_offer("nobody knows", world.written(world.unit), world.person)


def _a_clerk_makes_an_offer_by_hand(world: World) -> None:
    world.system.add_offer("", world.written(world.unit), world.person)


def _the_partner_withdraws(world: World) -> None:
    said = Retraction("anna", None, Reason.WITHDRAWN, datetime.now(UTC))
    world.ledger.mark_retracted(world.run(), [said])


def _the_partner_changes_the_record(world: World) -> None:
    world.ledger.mark_changed([world.entry("anna").id])


def _a_clerk_hangs_the_offer_on_another_person(world: World) -> None:
    other = world.system.add_business_partner(first_name="Bert", last_name="Klein")
    number = getattr(other, "number", other)
    world.system.clerk_edits(int(world.entry("anna").offer_number or 0), business_partner=number)


def _a_clerk_moves_the_offer_to_another_unit(world: World) -> None:
    elsewhere = world.written("01/0001/1/9")
    world.system.add_unit(elsewhere)
    world.system.clerk_edits(int(world.entry("anna").offer_number or 0), unit=elsewhere)


def _a_second_offer_turns_up(world: World) -> None:
    world.system.add_offer("anna", world.written(world.unit), world.person)


@pytest.mark.parametrize(
    ("happens", "reason"),
    [
        (_another_pair_loads, "competing_offer"),
        (_another_pair_is_about_to_send, "competing_offer"),
        (_another_installation_loads, "competing_offer"),
        (_a_clerk_makes_an_offer_by_hand, "competing_offer"),
        (_the_partner_withdraws, "withdrawn_after_load"),
        (_the_partner_changes_the_record, "changed_after_load"),
        (_a_clerk_hangs_the_offer_on_another_person, "person_changed"),
        (_a_clerk_moves_the_offer_to_another_unit, "offer_missing"),
        (_a_second_offer_turns_up, "ambiguous"),
    ],
)
def test_what_happens_between_plan_and_acceptance_is_seen(
    world: World, happens: Callable[[World], None], reason: str
) -> None:
    world.offer("anna")
    acceptor = world.acceptor()
    (planned,) = acceptor.plan([world.entry("anna")])
    assert planned.verdict is Verdict.ACCEPT

    happens(world)
    acceptor.accept([planned.entry])

    assert world.system.leases == []
    assert world.entry("anna").acceptance_reason == reason


def test_looking_again_corrects_a_plan_and_writes_nothing(world: World) -> None:
    """What a person is asked about, and what a dry run shows, has been held against the list of its unit."""
    anna, other = world.offer("anna"), world.offer("bert", unit="01/0001/1/2")
    acceptor = world.acceptor()
    plan = acceptor.plan([anna, other])
    _another_installation_loads(world)

    again = acceptor.look_again(plan)

    assert [(d.verdict, d.reason) for d in again] == [
        (Verdict.HOLD, "competing_offer"),
        (Verdict.ACCEPT, None),
    ]
    assert world.system.leases == []
    assert world.entry("anna").acceptance is None


def test_units_are_accepted_side_by_side_and_one_unit_never_twice_at_a_time(world: World) -> None:
    """Two on the first unit, one on each of the others; with four connections at the most."""
    rivals = [world.offer("anna"), world.offer("bert")]
    alone = [world.offer(f"tenant-{number}", unit=f"01/0001/1/{number + 2}") for number in range(8)]
    world.system.options.latency_seconds = 0.01

    decisions = world.acceptor().accept([*rivals, *alone])

    assert 1 < world.system.requests.connections <= 4
    held = {d.entry.external_id: d.reason for d in decisions if d.verdict is Verdict.HOLD}
    assert held == {"anna": "competing_offer", "bert": "competing_offer"}
    assert sorted(lease.unit for lease in world.system.leases) == sorted(
        world.written(entry.unit) for entry in alone
    )


def test_lost_responses_while_units_are_accepted_side_by_side(world: World) -> None:
    entries = [world.offer(f"tenant-{number}", unit=f"01/0001/1/{number + 2}") for number in range(6)]
    path = "*/accept" if isinstance(world.erp, Yuneo) else "*/angebote/*"
    for _ in range(2):
        world.system.faults.once("drop_after", path=path)

    world.acceptor().accept(entries)

    assert len({lease.unit for lease in world.system.leases}) == len(world.system.leases) == 6
    assert {world.entry(e.external_id, unit=e.unit).acceptance for e in entries} == {"leased"}
