"""What the contract of Immomio promises, over real HTTP."""

import time
from datetime import UTC, datetime, timedelta

import pytest
import requests

from include.sandbox import Sandbox

from .clients import Client

START = datetime(2026, 3, 1, 8, tzinfo=UTC)


def add_applications(box: Sandbox, count: int) -> list[str]:
    """Applications a minute apart, oldest first."""
    return [box.immomio.add({"updatedAt": START + timedelta(minutes=at)}) for at in range(count)]


def ids(response: requests.Response) -> list[str]:
    return [application["id"] for application in response.json()["content"]]


# --- Immomio -----------------------------------------------------------------------------------------------


def test_the_window_includes_its_start_and_excludes_its_end(box: Sandbox, immomio: Client) -> None:
    made = add_applications(box, 4)
    window = {
        "updatedFrom": "2026-03-01T08:01:00Z",
        "updatedTo": "2026-03-01T08:03:00+00:00",
        "status": "ACCEPTED_AS_TENANT",
    }

    assert ids(immomio("GET", "/v1/applications", params=window)) == made[1:3]


def test_pages_and_order(box: Sandbox, immomio: Client) -> None:
    made = add_applications(box, 5)
    box.immomio.update(made[0], status="NEW", updatedAt=START + timedelta(hours=1))
    asked = {"page": 1, "size": 2, "sort": "updatedAt,asc"}

    response = immomio("GET", "/v1/applications", params=asked)

    assert ids(response) == [made[3], made[4]]
    assert response.json()["page"] == {"number": 1, "size": 2, "totalElements": 5, "totalPages": 3}


@pytest.mark.parametrize(
    "bad",
    [
        "size=201",
        "size=1_0",
        "size=",
        "size=1&size=2",
        "page=-1",
        "page=%2B1",
        "page=1.0",
        "updatedFrom=2026-03-01",
        "updatedFrom=2026-03-01T08:00:00",
        "updatedFrom=2026-03-01T08:00:00%2B01:00",
        "updatedTo=1772352000",
        "sort=name,asc",
        "sort=updatedAt,desc",
        "status=ACCEPTED",
        "status=",
        "status",
        "foo=1",
        "=1",
    ],
)
def test_a_malformed_query_is_a_400_in_the_contracts_form(immomio: Client, bad: str) -> None:
    response = immomio("GET", f"/v1/applications?{bad}")

    assert response.status_code == 400
    assert set(response.json()) == {"timestamp", "status", "error", "message", "path"}


def test_unknown_application_and_unknown_path(immomio: Client) -> None:
    for path in ("/v1/applications/nobody", "/v2/nothing"):
        response = immomio("GET", path)
        assert (response.status_code, response.json()["path"]) == (404, path)


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
