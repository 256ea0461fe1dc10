"""What the contracts of Immomio and EverReal promise, over real HTTP."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from include.sandbox import Sandbox

from .clients import Client, password_grant

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
GRAPHQL = "/api/reporting/graphql"


def add_applications(box: Sandbox, count: int) -> list[str]:
    """Applications a minute apart, oldest first."""
    return [box.immomio.add({"updatedAt": START + timedelta(minutes=at)}) for at in range(count)]


def ids(answer: requests.Response) -> list[str]:
    return [application["id"] for application in answer.json()["content"]]


# --- Immomio -----------------------------------------------------------------------------------------------


def test_the_window_includes_its_start_and_excludes_its_end(box: Sandbox, immomio: Client) -> None:
    made = add_applications(box, 4)
    window = {
        "updatedFrom": "2026-03-01T08:01:00Z",
        "updatedTo": "2026-03-01T09:03:00+01:00",
        "status": "ACCEPTED_AS_TENANT",
    }

    assert ids(immomio("GET", "/v1/applications", params=window)) == made[1:3]


def test_pages_and_order(box: Sandbox, immomio: Client) -> None:
    made = add_applications(box, 5)
    box.immomio.update(made[0], status="NEW", updatedAt=START + timedelta(hours=1))
    asked = {"page": 1, "size": 2, "sort": "updatedAt,desc"}

    answer = immomio("GET", "/v1/applications", params=asked)

    assert ids(answer) == [made[3], made[2]]
    assert answer.json()["page"] == {"number": 1, "size": 2, "totalElements": 5, "totalPages": 3}


@pytest.mark.parametrize("bad", ["size=201", "page=-1", "updatedFrom=2026-03-01", "sort=name,asc", "foo=1"])
def test_a_malformed_query_is_a_400_in_the_contracts_form(immomio: Client, bad: str) -> None:
    answer = immomio("GET", f"/v1/applications?{bad}")

    assert answer.status_code == 400
    assert set(answer.json()) == {"timestamp", "status", "error", "message", "path"}


def test_unknown_application_and_unknown_path(immomio: Client) -> None:
    for path in ("/v1/applications/nobody", "/v2/nothing"):
        answer = immomio("GET", path)
        assert (answer.status_code, answer.json()["path"]) == (404, path)


def test_a_token_expires_in_the_middle_of_a_run(box: Sandbox, immomio: Client) -> None:
    assert immomio("GET", "/v1/applications").status_code == 200
    box.immomio.options.token_seconds = 0
    immomio.log_in()

    assert immomio("GET", "/v1/applications").status_code == 401
    wrong = {"username": "nobody", "password": "x"}
    assert immomio("POST", "/auth/token", json=wrong).status_code == 401


def test_the_limit_says_how_long_to_wait(box: Sandbox, immomio: Client) -> None:
    box.immomio.options.limit_window_seconds = 0.3
    box.immomio.options.per_minute = 2

    codes = [immomio("GET", "/v1/applications").status_code for _ in range(2)]
    refused = immomio("GET", "/v1/applications")

    assert codes[-1] == refused.status_code == 429  # the token's request counts as well
    assert refused.headers["Retry-After"] == "1"
    time.sleep(0.35)
    assert immomio("GET", "/v1/applications").status_code == 200


@pytest.mark.parametrize(("part", "missed"), [("read", 1), ("unread", 0)])
def test_records_move_while_one_reads(box: Sandbox, immomio: Client, part: str, missed: int) -> None:
    """One that was read moves behind the rest: somebody slips into the part that was read, and is missed."""
    made = add_applications(box, 6)
    box.immomio.options.shift_part = part
    box.immomio.options.shift_records = 1
    box.immomio.options.shift_updated_at = START + timedelta(hours=5)

    read = [i for page in range(3) for i in ids(immomio("GET", f"/v1/applications?size=2&page={page}"))]

    assert len(set(made) - set(read)) == missed * 2  # one for each turn of a page
    assert len(read) == 6


def test_requests_and_connections_are_counted(box: Sandbox, immomio: Client) -> None:
    for _ in range(3):
        immomio("GET", "/v1/applications?size=5")

    assert ("GET", "/v1/applications", 200) in list(box.immomio.requests)
    assert box.immomio.requests.count("GET", "/v1/*", 200) == 3
    assert box.immomio.requests.queries("/v1/applications") == ["size=5"] * 3
    assert box.immomio.requests.connections == 1


# --- EverReal ----------------------------------------------------------------------------------------------


def ask(everreal: Client, query: str, **variables: Any) -> dict[str, Any]:
    answer = everreal("POST", GRAPHQL, json={"query": query, "variables": variables})
    assert answer.status_code == 200
    return answer.json()


def add_contracts(box: Sandbox, count: int) -> list[str]:
    """Contracts a day apart, newest first, each with its candidate."""
    made = []
    for at in range(count):
        listing = {"id": f"l{at}", "unit": {"id": f"u{at}", "objectId": f"1-1-1-{at}"}}
        candidate = {"id": f"c{at}", "firstName": "Anna", "lastName": f"Groß {at}", "listing": listing}
        candidate["applications"] = [{"applicationData": {"dateOfBirth": "1980-01-01", "address": None}}]
        box.everreal.add_candidate({**candidate, "updatedAt": START - timedelta(days=at)})
        made.append(
            box.everreal.add_contract({"candidate": f"c{at}", "updatedAt": START - timedelta(days=at)})
        )
    return made


def test_contracts_of_the_days_with_what_hangs_on_them(box: Sandbox, everreal: Client) -> None:
    made = add_contracts(box, 4)
    query = """
        query Chosen($input: ContractsFilterListPaging!) {
          contracts(input: $input) {
            id
            who: candidate { id applications { isMainCandidate applicationData { dateOfBirth } }
                             listing { unit { objectId } } }
            units { objectId }
          }
        }"""
    order = {
        "filter": {"from": "2026-02-27", "to": "2026-02-28"},
        "sort": {"field": "updatedAt", "direction": "ASC"},
        "paging": {"take": 10, "skip": 0},
    }

    contracts = ask(everreal, query, input=order)["data"]["contracts"]

    assert [contract["id"] for contract in contracts] == [made[2], made[1]]
    assert contracts[0]["who"] == {
        "id": "c2",
        "applications": [{"isMainCandidate": True, "applicationData": {"dateOfBirth": "1980-01-01"}}],
        "listing": {"unit": {"objectId": "1-1-1-2"}},
    }
    assert contracts[0]["units"] == [{"objectId": "1-1-1-2"}]


def test_inline_arguments_and_the_order_of_arrival(box: Sandbox, everreal: Client) -> None:
    add_contracts(box, 3)
    newest_first = '{candidates(input:{paging:{take:2,skip:1},sort:{field:"updatedAt",direction:DESC}}){id}}'

    assert ask(everreal, newest_first)["data"]["candidates"] == [{"id": "c1"}, {"id": "c2"}]
    assert [one["id"] for one in ask(everreal, "{candidates{id}}")["data"]["candidates"]] == [
        "c0",
        "c1",
        "c2",
    ]


def test_more_than_a_hundred_is_answered_by_a_hundred(box: Sandbox, everreal: Client) -> None:
    for at in range(101):
        box.everreal.add_candidate({"firstName": "Anna", "lastName": str(at)})

    assert len(ask(everreal, "{candidates(input:{paging:{take:500}}){id}}")["data"]["candidates"]) == 100


@pytest.mark.parametrize(
    "query",
    [
        "{candidates{id nope}}",
        "{people{id}}",
        "{candidates{listing}}",
        "{candidates{id{x}}}",
        "{candidates(input:{filter:{from:1}}){id}}",
        "{candidates(input:{paging:{take:0}}){id}}",
        "query($input: X!){candidates(input:$input){id}}",
        "{candidates{id}",
        "mutation{x}",
        "{" * 100,
        "",
    ],
)
def test_a_query_that_cannot_be_answered_is_a_200_with_errors(everreal: Client, query: str) -> None:
    answer = ask(everreal, query)

    assert answer["data"] is None
    assert answer["errors"][0]["message"]


def test_the_fifty_first_refresh_token_ends_the_first(box: Sandbox, everreal: Client) -> None:
    box.everreal.options.per_minute = None
    grant = password_grant(box.everreal)
    first = box.everreal.refresh_tokens[0]
    refresh = {key: grant[key] for key in ("client_id", "client_secret")} | {"grant_type": "refresh_token"}

    good = everreal("POST", "/accounts/oauth/token", json={**refresh, "refresh_token": first})
    for _ in range(50):
        everreal("POST", "/accounts/oauth/token", json=grant)
    gone = everreal("POST", "/accounts/oauth/token", json={**refresh, "refresh_token": first})

    assert good.json()["refresh_token"] == first
    assert (gone.status_code, gone.json()["error"]) == (400, "invalid_grant")
    assert len(box.everreal.refresh_tokens) == 50


def test_every_answer_tells_the_limit(box: Sandbox, everreal: Client) -> None:
    box.everreal.options.per_minute = 2
    query = {"json": {"query": "{candidates{id}}"}}

    answers = [everreal("POST", GRAPHQL, **query) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 429]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["0", "0"]
    assert 1 <= int(answers[1].headers["X-RateLimit-Reset"]) <= 60
