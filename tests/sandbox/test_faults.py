"""Each fault reaches a real client as what it is named after, with its effect done or not."""

import pytest
import requests

from include.sandbox import Sandbox
from include.sandbox.faults import Faults

from .clients import Client

IMPORT = "/api/v1/prospect-imports"


def send(yuneo: Client, **arguments: object) -> requests.Response:
    prospect = {
        "externalId": "p1",
        "unitNumber": yuneo.system.units[0],
        "firstName": "Anna",
        "lastName": "Groß",
    }
    return yuneo("POST", IMPORT, json={"exchange": "Immomio", "prospects": [prospect]}, **arguments)


@pytest.mark.parametrize(
    ("kind", "error", "done"),
    [
        ("refuse", requests.ConnectionError, False),
        ("drop_before", requests.ConnectionError, False),
        ("drop_after", requests.ConnectionError, True),
        ("timeout_before", requests.ReadTimeout, False),
        ("timeout_after", requests.ReadTimeout, True),
        ("cut_body", requests.exceptions.ChunkedEncodingError, True),
    ],
)
def test_the_line_breaks(box: Sandbox, yuneo: Client, kind: str, error: type[Exception], done: bool) -> None:
    """The client sees its own kind of error; the next request works; the effect is there or not."""
    box.yuneo.faults.once(kind, path=IMPORT)

    with pytest.raises(error):
        send(yuneo, timeout=0.2)

    assert len(box.yuneo.offers_for("p1")) == done
    assert send(yuneo).status_code == 202
    assert [fault.kind for fault in box.yuneo.faults.log] == [kind]


@pytest.mark.parametrize(
    ("kind", "status", "done"),
    [
        ("429", 429, False),
        ("500", 500, False),
        ("502", 502, False),
        ("503", 503, False),
        ("expired_token", 401, False),
        ("500_after", 500, True),
    ],
)
def test_an_error_is_answered(box: Sandbox, yuneo: Client, kind: str, status: int, done: bool) -> None:
    box.yuneo.faults.once(kind, path=IMPORT, retry_after=3)

    response = send(yuneo)

    assert response.status_code == status
    assert response.headers.get("Retry-After") == ("3" if status in (429, 503) else None)
    assert len(box.yuneo.offers_for("p1")) == done


def test_a_broken_body_comes_with_200(box: Sandbox, yuneo: Client) -> None:
    box.yuneo.faults.once("malformed_json", path=IMPORT)
    box.yuneo.faults.once("html", path=IMPORT)

    broken, page = send(yuneo), send(yuneo)

    assert broken.status_code == page.status_code == 200
    with pytest.raises(requests.JSONDecodeError):
        broken.json()
    assert page.headers["Content-Type"].startswith("text/html")
    assert len(box.yuneo.offers_for("p1")) == 2


def test_a_slow_body_arrives_whole(box: Sandbox, yuneo: Client) -> None:
    box.yuneo.faults.once("slow_drip", path=IMPORT, drip_seconds=0.2)

    response = send(yuneo)

    assert response.elapsed.total_seconds() < 0.15  # the head came before the body
    assert response.json()["workOrderId"]


def test_nobody_listens_for_a_while(box: Sandbox, yuneo: Client) -> None:
    """State survives; afterwards the same address answers again."""
    send(yuneo)
    with box.yuneo.down(), pytest.raises(requests.ConnectionError, match="refused"):
        send(yuneo)

    assert send(yuneo).status_code == 202
    assert len(box.yuneo.offers_for("p1")) == 2


def test_a_work_order_fails_with_part_of_it_done(box: Sandbox, yuneo: Client) -> None:
    box.yuneo.faults.once("work_order_fails", part=0.5)
    prospects = [
        {"externalId": f"p{at}", "unitNumber": number, "firstName": "Anna", "lastName": "Groß"}
        for at, number in enumerate(box.yuneo.units[:4])
    ]
    order = yuneo("POST", IMPORT, json={"exchange": "Immomio", "prospects": prospects}).json()["workOrderId"]

    response = yuneo("GET", f"/api/v1/work-orders/{order}").json()

    assert response["status"] == "FAILED"
    assert [result["outcome"] for result in response["results"]] == ["CREATED"] * 2
    assert len(box.yuneo.offers) == 2


def test_a_run_breaks_off_and_leaves_the_rest(box: Sandbox, sigma: Client) -> None:
    deliver(sigma, 4)
    box.sigma.faults.once("run_aborts")

    response = sigma("POST", "/verarbeitung/interessenten-import", json={"portal": "Immomio"})
    latest = sigma("GET", f"/verarbeitung/interessenten-import/{response.json()['laufNr']}").json()

    assert len(response.json()["protokoll"]) == 2
    assert latest["status"] == "abgebrochen"
    assert [prospect.external_id for prospect in box.sigma.inbox("Immomio")] == ["s2", "s3"]


def test_a_clerks_run_is_in_the_way(box: Sandbox, sigma: Client) -> None:
    """Its number can be asked for, and what was delivered is still in the inbox."""
    deliver(sigma, 1)
    box.sigma.faults.once("run_active")

    response = sigma("POST", "/verarbeitung/interessenten-import", json={"portal": "Immomio"})
    state = sigma("GET", f"/verarbeitung/interessenten-import/{response.json()['laufNr']}").json()

    assert (response.status_code, response.json()["fehler"]) == (409, "LAUF_AKTIV")
    assert state["protokoll"] == []
    assert len(box.sigma.inbox("Immomio")) == 1


def test_somebody_saved_in_between(box: Sandbox, sigma: Client) -> None:
    deliver(sigma, 1)
    sigma("POST", "/verarbeitung/interessenten-import", json={"portal": "Immomio"})
    number = box.sigma.offers[0].number
    box.sigma.faults.once("stale")

    def accept(tag: str) -> int:
        return sigma(
            "PUT",
            f"/stammdaten/angebote/{number}",
            json={"status": "angenommen"},
            headers={"If-Match": tag},
        ).status_code

    assert accept('"1"') == 412
    assert accept(sigma("GET", f"/stammdaten/angebote/{number}").headers["ETag"]) == 200


def test_part_of_a_graphql_response_is_missing(box: Sandbox, everreal: Client) -> None:
    for name in ("a", "b"):
        box.everreal.add_candidate({"id": name, "firstName": name, "lastName": "Groß"})
    box.everreal.faults.once("graphql_partial")

    response = everreal("POST", "/api/reporting/graphql", json={"query": "{candidates{id}}"})

    assert response.status_code == 200
    assert response.json()["data"]["candidates"] == [{"id": "a"}, None]
    assert response.json()["errors"]


def test_a_seed_gives_the_same_faults_again() -> None:
    def drawn() -> list[str | None]:
        faults = Faults({})
        faults.set(0.3, ["500", "drop_after"], seed=3, path="/a/*")
        return [(fault.kind if (fault := faults.draw("GET", "/a/b")) else None) for _ in range(200)]

    assert drawn() == drawn()
    assert 30 < sum(kind is not None for kind in drawn()) < 90
    assert set(drawn()) == {None, "500", "drop_after"}


def test_faults_keep_to_their_path_and_to_the_contract(box: Sandbox, yuneo: Client) -> None:
    box.yuneo.faults.set(1, ["503"], path="/api/v1/offers*")

    assert yuneo("GET", "/api/v1/offers").status_code == 503
    assert send(yuneo).status_code == 202
    assert yuneo("GET", "/_sandbox/health").status_code == 200
    with pytest.raises(ValueError, match="unknown fault"):
        box.yuneo.faults.once("stale")


def deliver(sigma: Client, count: int) -> None:
    prospects = [
        {"externeId": f"s{at}", "ve": number, "vorname": "Anna", "name": "Groß"}
        for at, number in enumerate(sigma.system.units[:count])
    ]
    response = sigma("POST", "/immobilienboersen/Immomio/eingang", json={"interessenten": prospects})
    assert response.json() == {"angenommen": count, "abgewiesen": []}
