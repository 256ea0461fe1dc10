"""What people do at the partners and in the ERPs, and what the interfaces say of it afterwards."""

from datetime import timedelta
from typing import Any

import pytest
import requests

from include.sandbox import Sandbox, SandboxClient
from include.sandbox.common import Refused, today

from .clients import Client, ask

MORNING, NOON = "2026-03-01T08:00:00.000Z", "2026-03-01T12:00:00.000Z"

# --- Immomio -----------------------------------------------------------------------------------------------


def accepted(immomio: Client, **window: str) -> list[str]:
    asked = {"status": "ACCEPTED_AS_TENANT", **window}
    return [one["id"] for one in immomio("GET", "/v1/applications", params=asked).json()["content"]]


def one(immomio: Client, application: str) -> dict[str, Any]:
    response: dict[str, Any] = immomio("GET", f"/v1/applications/{application}").json()
    return response


def test_an_acceptance_is_taken_back_and_given_again(box: Sandbox, immomio: Client) -> None:
    application = box.immomio.add({"updatedAt": MORNING})

    box.immomio.take_back(application, updated_at=NOON)
    assert accepted(immomio) == []
    assert (one(immomio, application)["status"], one(immomio, application)["updatedAt"]) == ("APPLIED", NOON)

    box.immomio.withdraw(application)
    assert one(immomio, application)["status"] == "WITHDRAWN"
    box.immomio.reject(application)
    assert one(immomio, application)["status"] == "REJECTED"

    box.immomio.accept(application)
    assert accepted(immomio) == [application]
    assert one(immomio, application)["updatedAt"] > NOON


def test_the_unit_of_an_application_is_corrected(box: Sandbox, immomio: Client) -> None:
    application = box.immomio.add({"updatedAt": MORNING, "property": {"id": "p", "externalId": "1.1.1.1"}})

    box.immomio.change_unit(application, "1.1.1.2", updated_at=NOON)

    assert one(immomio, application)["property"] == {"id": "p", "externalId": "1.1.1.2"}
    assert accepted(immomio, updatedFrom=NOON) == [application]


def test_a_deleted_application_is_nowhere(box: Sandbox, immomio: Client) -> None:
    gone, left = box.immomio.add({}), box.immomio.add({})

    box.immomio.delete(gone)

    assert immomio("GET", f"/v1/applications/{gone}").status_code == 404
    assert accepted(immomio) == [left]
    with pytest.raises(Refused):
        box.immomio.withdraw(gone)


# --- EverReal ----------------------------------------------------------------------------------------------

BY_ID = """query ($id: String) { contracts(input: {filter: {id: $id}}) {
    id status updatedAt units { objectId } candidate { id isDisabled } } }"""
ALL = "{ contracts { id status } }"


def contract_of(box: Sandbox) -> tuple[str, str]:
    candidate = box.everreal.add_candidate({"firstName": "Anna", "lastName": "Groß"})
    unit = {"id": "u", "objectId": "1-1-1-1"}
    contract = {"candidate": candidate, "units": [unit], "updatedAt": MORNING}
    return candidate, box.everreal.add_contract(contract)


def by_id(everreal: Client, contract: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask(everreal, BY_ID, id=contract)["data"]["contracts"]
    return found


def test_a_contract_is_found_by_its_id_whatever_its_status(box: Sandbox, everreal: Client) -> None:
    candidate, contract = contract_of(box)
    _, other = contract_of(box)

    box.everreal.cancel_contract(contract, updated_at=NOON)

    (found,) = by_id(everreal, contract)
    assert (found["status"], found["updatedAt"]) == ("CANCELLED", NOON)
    assert found["candidate"] == {"id": candidate, "isDisabled": False}
    assert [one["status"] for one in by_id(everreal, other)] == ["SIGNED"]
    assert by_id(everreal, "unknown") == []


def test_a_contract_is_redrawn_as_a_new_one(box: Sandbox, everreal: Client) -> None:
    candidate, contract = contract_of(box)
    box.everreal.cancel_contract(contract)

    again = box.everreal.redraw_contract(contract, status="SENT")
    box.everreal.sign_contract(again, updated_at=NOON)

    assert again != contract
    assert ask(everreal, ALL)["data"]["contracts"] == [
        {"id": contract, "status": "CANCELLED"},
        {"id": again, "status": "SIGNED"},
    ]
    (found,) = by_id(everreal, again)
    assert (found["candidate"]["id"], found["units"]) == (candidate, [{"objectId": "1-1-1-1"}])


def test_the_units_of_a_contract_are_changed(box: Sandbox, everreal: Client) -> None:
    _, contract = contract_of(box)

    box.everreal.change_units(contract, ["1-1-1-2", "1-1-1-9"], updated_at=NOON)

    (found,) = by_id(everreal, contract)
    assert [unit["objectId"] for unit in found["units"]] == ["1-1-1-2", "1-1-1-9"]
    assert found["updatedAt"] == NOON


def test_a_removed_contract_is_in_no_list(box: Sandbox, everreal: Client) -> None:
    candidate, contract = contract_of(box)

    box.everreal.remove_contract(contract)

    assert by_id(everreal, contract) == ask(everreal, ALL)["data"]["contracts"] == []
    assert ask(everreal, "{ candidates { id } }")["data"]["candidates"] == [{"id": candidate}]
    with pytest.raises(Refused):
        box.everreal.cancel_contract(contract)


def test_a_disabled_candidate_does_not_move_the_contract(box: Sandbox, everreal: Client) -> None:
    candidate, contract = contract_of(box)

    box.everreal.disable_candidate(candidate)

    (found,) = by_id(everreal, contract)
    assert (found["candidate"]["isDisabled"], found["updatedAt"]) == (True, MORNING)


# --- a clerk in the ERP --------------------------------------------------------------------------------------


@pytest.fixture(params=["yuneo", "sigma"])
def erp(request: pytest.FixtureRequest, box: Sandbox) -> Any:
    return getattr(box, request.param)


def offered(erp: Any, external_id: str = "p1", unit: int = 0) -> int:
    number: int = erp.add_offer(external_id, erp.units[unit], erp.add_business_partner().number).number
    return number


def listed(erp: Any, external_id: str) -> list[dict[str, Any]]:
    client = Client(erp)
    if erp.name == "yuneo":
        return list(client("GET", "/api/v1/offers", params={"externalId": external_id}).json()["items"])
    return list(client("GET", "/stammdaten/angebote", params={"externeId": external_id}).json()["angebote"])


def test_a_clerk_rejects_an_offer(erp: Any) -> None:
    number = offered(erp)

    erp.clerk.reject(number)

    assert listed(erp, "p1")[0]["status"] in ("REJECTED", "abgelehnt")
    assert erp.offers[0].version == 2
    with pytest.raises(Refused):
        erp.clerk.accept(number)


def test_a_clerk_accepts_an_offer_which_makes_the_lease(erp: Any) -> None:
    first, second = offered(erp), offered(erp, "p2")

    lease = erp.clerk.accept(first)

    assert [one.number for one in erp.leases] == [lease.number]
    (found,) = listed(erp, "p1")
    assert lease.number in (found.get("leaseNumber"), found.get("mietvertragNr"))
    with pytest.raises(Refused):  # the unit is let
        erp.clerk.accept(second)
    with pytest.raises(Refused):  # it became a lease
        erp.clerk.delete(first)
    assert len(erp.leases) == 1


def test_an_offer_expires(erp: Any) -> None:
    number = offered(erp)

    erp.clerk.expire(number)

    assert erp.offers[0].valid_until == today() - timedelta(days=1)
    assert listed(erp, "p1")[0]["status"] in ("EXPIRED", "offeriert")
    with pytest.raises(Refused):
        erp.clerk.accept(number)


def test_a_deleted_offer_is_nowhere_and_its_number_is_not_given_again(erp: Any) -> None:
    number = offered(erp)
    offer = erp.offers[0]

    erp.clerk.delete(number)

    assert listed(erp, "p1") == []
    path = f"/api/v1/offers/{offer.id}" if erp.name == "yuneo" else f"/stammdaten/angebote/{number}"
    assert Client(erp)("GET", path).status_code == 404
    assert offered(erp) == number + 1
    assert [one["number"] if "number" in one else one["angebotNr"] for one in listed(erp, "p1")] == [
        number + 1
    ]


# --- from another process ----------------------------------------------------------------------------------


def test_another_process_lets_people_act(box: Sandbox) -> None:
    application = box.immomio.add({})
    candidate, contract = contract_of(box)
    number = offered(box.sigma)

    SandboxClient(box.immomio.url).act("withdraw", application_id=application, updated_at=NOON)
    again = SandboxClient(box.everreal.url).act("redraw_contract", contract_id=contract)
    lease = SandboxClient(box.sigma.url).act("accept", number=number)

    assert [(one["status"], one["updatedAt"]) for one in box.immomio.applications] == [("WITHDRAWN", NOON)]
    assert {one["id"]: one["candidate"] for one in box.everreal.contracts} == {
        contract: candidate,
        again: candidate,
    }
    assert [one.number for one in box.sigma.leases] == [lease]


@pytest.mark.parametrize(
    ("order", "status"),
    [
        ({"action": "nonsense"}, 400),
        ({}, 400),
        ({"action": "withdraw"}, 400),
        ({"action": "withdraw", "application_id": "unknown"}, 404),
    ],
)
def test_what_nobody_can_do_is_refused(box: Sandbox, order: dict[str, str], status: int) -> None:
    assert requests.post(f"{box.immomio.url}/_sandbox/actions", json=order, timeout=5).status_code == status
