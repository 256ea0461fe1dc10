"""EverReal's log-in and its lists, over real HTTP. How queries are refused is in ``test_everreal_refusals.py``."""

from datetime import UTC, datetime, timedelta

import pytest
import requests

from include.sandbox import Sandbox
from include.sandbox.world import candidates

from .clients import GRAPHQL, Client, ask, password_grant

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
NEWEST_FIRST = {"fieldName": "updatedAt", "direction": "DESC"}


def add_contracts(box: Sandbox, count: int) -> list[str]:
    """Contracts a day apart, newest first, each with its candidate."""
    made = []
    for at in range(count):
        unit = {"id": f"u{at}", "objectId": f"1-1-1-{at}", "externalId": f"1-1-1-{at}"}
        candidate = {"id": f"c{at}", "firstName": "Anna", "lastName": f"Groß {at}"}
        candidate |= {"email": f"anna{at}@example.org", "listing": {"id": f"l{at}", "unit": unit}}
        candidate["applications"] = [{"applicationData": {"hasPets": True, "dateOfBirth": "1980-01-01"}}]
        box.everreal.add_candidate({**candidate, "updatedAt": START - timedelta(days=at)})
        made.append(
            box.everreal.add_contract({"candidate": f"c{at}", "updatedAt": START - timedelta(days=at)})
        )
    return made


# --- log-in ------------------------------------------------------------------------------------------------


def refresh(everreal: Client, token: str) -> requests.Response:
    grant = password_grant(everreal.system)
    client = {key: grant[key] for key in ("client_id", "client_secret")}
    body = {**client, "grant_type": "refresh_token", "refresh_token": token}
    return everreal("POST", "/accounts/oauth/token", json=body)


def test_a_refused_log_in_is_a_403(everreal: Client) -> None:
    """Published for a user who does not exist; assumed for a wrong password and a refresh token that ended."""
    grant = password_grant(everreal.system)
    answers = [
        everreal("POST", "/accounts/oauth/token", json={**grant, "username": "nobody"}),
        everreal("POST", "/accounts/oauth/token", json={**grant, "password": "wrong"}),
        refresh(everreal, "unknown"),
    ]

    for response in answers:
        assert response.status_code == 403
        assert response.json() == {
            "error": "invalid_grant",
            "error_description": "heimdall.validation.user.does.not.exist",
        }


def test_a_wrong_client_is_a_401(everreal: Client) -> None:
    grant = {**password_grant(everreal.system), "client_secret": "wrong"}

    response = everreal("POST", "/accounts/oauth/token", json=grant)

    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    "change",
    [
        {"scope": None},
        {"scope": "everything"},
        {"grant_type": "client_credentials"},
        {"password": None},
        {"refresh_token": "x"},
        {"audience": "x"},
    ],
)
def test_a_malformed_request_for_a_token_is_a_400(everreal: Client, change: dict[str, str | None]) -> None:
    grant = {**password_grant(everreal.system), **change}

    response = everreal(
        "POST",
        "/accounts/oauth/token",
        json={key: value for key, value in grant.items() if value is not None},
    )

    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")
    assert everreal("POST", "/accounts/oauth/token", json={**grant, "scope": None}).status_code == 400


def test_the_fifty_first_refresh_token_ends_the_first(box: Sandbox, everreal: Client) -> None:
    box.everreal.options.per_minute = None
    first = box.everreal.refresh_tokens[0]

    good = refresh(everreal, first)
    for _ in range(50):
        everreal("POST", "/accounts/oauth/token", json=password_grant(box.everreal))
    gone = refresh(everreal, first)

    assert good.json()["refresh_token"] == first
    assert (gone.status_code, gone.json()["error"]) == (403, "invalid_grant")
    assert len(box.everreal.refresh_tokens) == 50


def test_refresh_tokens_can_rotate(box: Sandbox, everreal: Client) -> None:
    box.everreal.options.rotate_refresh_tokens = True
    first = box.everreal.refresh_tokens[0]

    second = refresh(everreal, first).json()["refresh_token"]

    assert second != first
    assert refresh(everreal, first).status_code == 403
    assert box.everreal.refresh_tokens == [second]
    box.everreal.revoke_refresh_tokens()
    assert refresh(everreal, second).status_code == 403


def test_every_response_states_the_limit(box: Sandbox, everreal: Client) -> None:
    box.everreal.options.per_minute = 2
    query = {"json": {"query": "{candidates{id}}"}}

    answers = [everreal("POST", GRAPHQL, **query) for _ in range(2)]

    assert [response.status_code for response in answers] == [200, 429]
    assert [response.headers["X-RateLimit-Remaining"] for response in answers] == ["0", "0"]
    assert 1 <= int(answers[1].headers["X-RateLimit-Reset"]) <= 60


# --- lists -------------------------------------------------------------------------------------------------


def test_contracts_of_certain_days_with_their_candidates(box: Sandbox, everreal: Client) -> None:
    """A variable with its type, an alias, fragments and ``__typename``."""
    made = add_contracts(box, 4)
    query = """
        query Chosen($input: ContractsFilterListPaging!) {
          contracts(input: $input) { __typename id who: candidate { ...Person } units { objectId externalId } }
        }
        fragment Person on Candidate {
          id applications { isMainCandidate applicationDataString applicationData { hasPets email } }
          ... on Candidate { listing { unit { objectId } } }
        }"""
    order = {
        "filter": {"from": "2026-02-27", "to": "2026-02-28"},
        "sort": {"fieldName": "updatedAt", "direction": "ASC"},
        "paging": {"take": 10, "skip": 0},
    }

    contracts = ask(everreal, query, input=order)["data"]["contracts"]

    assert [contract["id"] for contract in contracts] == [made[2], made[1]]
    assert contracts[0] == {
        "__typename": "Contract",
        "id": made[2],
        "who": {
            "id": "c2",
            "applications": [
                {
                    "isMainCandidate": True,
                    "applicationDataString": '{"hasPets": true, "dateOfBirth": "1980-01-01"}',
                    "applicationData": {"hasPets": True, "email": None},
                }
            ],
            "listing": {"unit": {"objectId": "1-1-1-2"}},
        },
        "units": [{"objectId": "1-1-1-2", "externalId": "1-1-1-2"}],
    }


def test_arguments_in_the_query_and_the_order_of_arrival(box: Sandbox, everreal: Client) -> None:
    add_contracts(box, 3)
    second_page = (
        '{candidates(input:{paging:{take:2,skip:1},sort:{fieldName:"updatedAt",direction:"DESC"}}){id}}'
    )

    assert ask(everreal, second_page)["data"]["candidates"] == [{"id": "c1"}, {"id": "c2"}]
    for everything in ("{candidates{id}}", "{candidates(input:{paging:null,sort:null}){id}}"):
        found = ask(everreal, everything)["data"]["candidates"]
        assert [one["id"] for one in found] == ["c0", "c1", "c2"]


def test_a_list_can_be_sorted_by_its_creation(box: Sandbox, everreal: Client) -> None:
    for number in (2, 0, 1):
        box.everreal.add_candidate({"id": f"c{number}", "createdAt": START + timedelta(days=number)})
    query = 'query($way: String = "ASC"){candidates(input:{sort:{fieldName:"createdAt",direction:$way}}){id}}'

    assert [one["id"] for one in ask(everreal, query)["data"]["candidates"]] == ["c0", "c1", "c2"]
    found = ask(everreal, query, way="DESC")["data"]["candidates"]
    assert [one["id"] for one in found] == ["c2", "c1", "c0"]


def test_one_of_several_operations_is_named(box: Sandbox, everreal: Client) -> None:
    box.everreal.add_candidate({"id": "c"})
    query = "query A{candidates{id}} query B{contracts{id}}"

    response = everreal("POST", GRAPHQL, json={"query": query, "operationName": "A"})

    assert response.json() == {"data": {"candidates": [{"id": "c"}]}}


def test_more_than_a_hundred_is_answered_by_a_hundred(box: Sandbox, everreal: Client) -> None:
    for at in range(101):
        box.everreal.add_candidate({"firstName": "Anna", "lastName": str(at)})

    assert len(ask(everreal, "{candidates(input:{paging:{take:500}}){id}}")["data"]["candidates"]) == 100
    assert ask(everreal, "{candidates(input:{paging:{take:0}}){id}}")["data"]["candidates"] == []


def test_units_are_listed_once_each(box: Sandbox, everreal: Client) -> None:
    add_contracts(box, 2)
    extra = [{"id": "u1", "objectId": "1-1-1-1"}, {"id": "p", "objectId": "P 7", "externalId": "1-1-9-7"}]
    box.everreal.add_contract({"candidate": "c0", "units": extra})

    units = ask(everreal, "{units{id externalId}}")["data"]["units"]

    assert [unit["id"] for unit in units] == ["u0", "u1", "p"]
    assert units[2]["externalId"] == "1-1-9-7"


def test_candidates_with_one_email_address_have_one_contact(box: Sandbox, everreal: Client) -> None:
    for email in ("anna@example.org", "ANNA@example.org ", "otto@example.org", None):
        box.everreal.add_candidate({"email": email})

    found = ask(everreal, "{candidates{companyContactId}}")["data"]["candidates"]

    contacts = [one["companyContactId"] for one in found]
    assert contacts[0] == contacts[1] != contacts[2]
    assert contacts[3] is None


def test_every_published_field_of_a_generated_world_can_be_read(everreal: Client, box: Sandbox) -> None:
    """No stored record disagrees with the published types."""
    found, contracts = candidates(30, seed=3, dirty=0.5)
    for candidate in found:
        box.everreal.add_candidate(candidate)
    for contract in contracts:
        box.everreal.add_contract(contract)
    unit = "{id objectId externalId name category type subtype}"
    listing = f"listing{{id availableFrom propertyId property{{id objectId externalId name}} unitId unit{unit} isActive}}"
    query = f"""{{contracts{{
        id startDate endDate contractFlowType status tenantFullNames contractDataString createdAt updatedAt
        contractData{{terms{{rent deposit contractStartDate}}}} tenants{{id externalId}} units{unit}
        candidate{{id fullName rating notes isDisabled isFromInvestment scheduledStatus companyContactId {listing}
          statuses{{_unknown}} disabledReason{{_unknown}}
          applications{{id candidateId email userId isMainCandidate applicationDataString applicationData{{email}}}}
        }}}}}}"""

    response = ask(everreal, query)

    assert "errors" not in response
    assert len(response["data"]["contracts"]) == 30
    assert all(one["candidate"]["companyContactId"] for one in response["data"]["contracts"])


# --- fields and records that fail --------------------------------------------------------------------------

BROKEN = "Internal error while resolving"


def test_a_field_of_one_record_fails(box: Sandbox, everreal: Client) -> None:
    made = add_contracts(box, 3)
    box.everreal.break_record(made[1], "candidate")

    response = ask(everreal, "{contracts{id candidate{id}}}")

    assert response["data"]["contracts"][1] == {"id": made[1], "candidate": None}
    assert response["errors"] == [
        {"message": BROKEN, "locations": [{"line": 1, "column": 15}], "path": ["contracts", 1, "candidate"]}
    ]


def test_a_whole_record_fails_wherever_it_is(box: Sandbox, everreal: Client) -> None:
    made = add_contracts(box, 3)
    box.everreal.break_record(made[1])
    box.everreal.break_record("c2")

    response = ask(everreal, "{contracts{id candidate{id}} candidates{id}}")

    assert response["data"] == {
        "contracts": [{"id": made[0], "candidate": {"id": "c0"}}, None, {"id": made[2], "candidate": None}],
        "candidates": [{"id": "c0"}, {"id": "c1"}, None],
    }
    paths = [error["path"] for error in response["errors"]]
    assert paths == [["contracts", 1], ["contracts", 2, "candidate"], ["candidates", 2]]
    box.everreal.restore_records()
    assert "errors" not in ask(everreal, "{contracts{id candidate{id}}}")


def test_a_stored_value_of_the_wrong_type_fails_alone(box: Sandbox, everreal: Client) -> None:
    candidate = box.everreal.add_candidate({"id": "c"})
    box.everreal.add_contract({"candidate": candidate, "startDate": "soon", "contractFlowType": "DIGITAL"})

    response = ask(everreal, "{contracts{startDate contractFlowType status}}")

    assert response == {
        "data": {"contracts": [{"startDate": None, "contractFlowType": None, "status": "SIGNED"}]},
        "errors": [
            {
                "message": "Date cannot represent a value that is not an ISO 8601 day: 'soon'",
                "locations": [{"line": 1, "column": 12}],
                "path": ["contracts", 0, "startDate"],
            },
            {
                "message": "Enum 'CONTRACT_FLOW_TYPE' cannot represent value: 'DIGITAL'",
                "locations": [{"line": 1, "column": 22}],
                "path": ["contracts", 0, "contractFlowType"],
            },
        ],
    }
