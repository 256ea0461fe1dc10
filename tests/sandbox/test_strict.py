"""What a contract does not name is refused by each system, in its own form of an error."""

from typing import Any

import pytest
import requests

from include.sandbox import Sandbox
from include.sandbox.sigma import Sigma
from include.sandbox.yuneo import Yuneo

from .clients import GRAPHQL, Client, password_grant

ERROR_KEYS = {
    "immomio": {"timestamp", "status", "error", "message", "path"},
    "everreal": {"statusCode", "message"},
    "yuneo": {"type", "title", "status", "detail", "code"},
    "sigma": {"fehler", "meldung"},
}
READ = {
    "immomio": "/v1/applications",
    "yuneo": "/api/v1/offers",
    "sigma": "/stammdaten/angebote",
}
READ_ONE = {
    "immomio": "/v1/applications/a",
    "yuneo": "/api/v1/offers/a",
    "sigma": "/stammdaten/angebote/1",
}
WRITE: dict[str, tuple[str, str, dict[str, Any]]] = {
    "everreal": ("POST", GRAPHQL, {"query": "{candidates{id}}"}),
    "yuneo": ("POST", "/api/v1/business-partners/search", {"emails": ["anna@example.org"]}),
    "sigma": ("POST", "/stammdaten/geschaeftspartner/suche", {"emails": ["anna@example.org"]}),
}


@pytest.fixture(params=["immomio", "everreal", "yuneo", "sigma"])
def client(request: pytest.FixtureRequest, box: Sandbox) -> Client:
    return Client(getattr(box, request.param))


def is_refused(response: requests.Response, name: str, status: int) -> bool:
    return response.status_code == status and set(response.json()) == ERROR_KEYS[name]


@pytest.mark.parametrize("name", READ)
@pytest.mark.parametrize("paths", [READ, READ_ONE], ids=["list", "one"])
@pytest.mark.parametrize("query", ["foo=1", "foo", "=1", "page", "foo=1&foo=2"])
def test_an_unknown_parameter_of_a_get(box: Sandbox, name: str, paths: dict[str, str], query: str) -> None:
    assert is_refused(Client(getattr(box, name))("GET", f"{paths[name]}?{query}"), name, 400)


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("immomio", "page=0&page=1"),
        ("immomio", "updatedFrom="),
        ("yuneo", "status=OFFERED&status=OFFERED"),
        ("yuneo", "externalId="),
        ("yuneo", "page=01"),
        ("yuneo", "size=%201"),
        ("sigma", "seite=1&seite=2"),
        ("sigma", "externeId=a&externeId="),
        ("sigma", "seite=01"),
        ("sigma", "status="),
        ("sigma", "ve="),
    ],
)
def test_a_parameter_is_there_once_and_with_a_value(box: Sandbox, name: str, query: str) -> None:
    assert is_refused(Client(getattr(box, name))("GET", f"{READ[name]}?{query}"), name, 400)


@pytest.mark.parametrize("name", ["yuneo", "sigma"])
def test_what_may_be_repeated_may_be_repeated(box: Sandbox, name: str) -> None:
    field = "externalId" if name == "yuneo" else "externeId"

    response = Client(getattr(box, name))("GET", READ[name], params={field: ["a", "b"]})

    assert response.status_code == 200


@pytest.mark.parametrize("name", WRITE)
def test_a_parameter_of_a_post(box: Sandbox, name: str) -> None:
    method, path, body = WRITE[name]
    client = Client(getattr(box, name))

    assert client(method, path, json=body).status_code == 200
    assert is_refused(client(method, f"{path}?foo=1", json=body), name, 400)


@pytest.mark.parametrize("name", ["immomio", "everreal"])
def test_a_parameter_of_the_request_for_a_token(box: Sandbox, name: str) -> None:
    system = getattr(box, name)
    body = password_grant(system) if name == "everreal" else {"username": system.login, "password": "x"}

    response = requests.post(f"{system.url}{system.token_path}?client_id=x", json=body, timeout=5)

    assert response.status_code == 400
    assert set(response.json()) == (
        {"error", "error_description"} if name == "everreal" else ERROR_KEYS[name]
    )


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/vnd.api+json"},
        {"Content-Type": "application/json; charset=iso-8859-1"},
        {"Content-Type": ""},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
@pytest.mark.parametrize("name", WRITE)
def test_a_body_that_is_not_declared_as_json(box: Sandbox, name: str, headers: dict[str, str]) -> None:
    method, path, _ = WRITE[name]

    response = Client(getattr(box, name))(
        method, path, data=b'{"query": "{candidates{id}}"}', headers=headers
    )

    assert is_refused(response, name, 415)


@pytest.mark.parametrize("name", WRITE)
def test_a_charset_may_be_named(box: Sandbox, name: str) -> None:
    method, path, body = WRITE[name]
    headers = {"Content-Type": "application/json; charset=UTF-8"}

    assert Client(getattr(box, name))(method, path, json=body, headers=headers).status_code == 200


@pytest.mark.parametrize("name", ["immomio", "everreal"])
def test_a_form_instead_of_json_for_a_token(box: Sandbox, name: str) -> None:
    system = getattr(box, name)

    response = requests.post(system.url + system.token_path, data=password_grant(box.everreal), timeout=5)

    assert response.status_code == 415


@pytest.mark.parametrize("name", READ)
def test_a_body_on_a_get(box: Sandbox, name: str) -> None:
    client = Client(getattr(box, name))

    assert is_refused(client("GET", READ[name], json={}), name, 400)
    assert is_refused(client("GET", READ_ONE[name], data=b"x"), name, 400)


def test_another_scheme_of_authorization(client: Client) -> None:
    system = client.system
    path = GRAPHQL if system.name == "everreal" else READ[system.name]
    method = "POST" if system.name == "everreal" else "GET"
    good = client("GET", "/").request.headers["Authorization"]
    value_only = good.partition(" ")[2]
    client.session.auth = None
    wrong = ["", "Basic eDp5", "Bearer x", f"Token {value_only}", value_only, f"{good} x"]

    for value in wrong:
        response = client(
            method, path, json={} if method == "POST" else None, headers={"Authorization": value}
        )
        assert response.status_code == 401, value
        assert set(response.json()) == ERROR_KEYS[system.name]


@pytest.mark.parametrize("name", ["immomio", "everreal"])
def test_another_scheme_at_the_token(box: Sandbox, name: str) -> None:
    """RFC 6749 would allow the client's name and secret as Basic; neither contract names that."""
    system = getattr(box, name)
    body = (
        password_grant(system)
        if name == "everreal"
        else {"username": system.login, "password": system.password}
    )

    response = requests.post(
        system.url + system.token_path,
        json=body,
        auth=system.client if name == "everreal" else ("a", "b"),
        timeout=5,
    )

    assert response.status_code == 401


def test_a_slash_at_the_end_is_another_path(client: Client) -> None:
    paths = {**READ, "everreal": GRAPHQL}

    response = client("GET", paths[client.system.name] + "/", allow_redirects=False)

    assert is_refused(response, client.system.name, 404)


@pytest.mark.parametrize("tag", ["1", "*", 'W/"1"', '""', '"1", "2"', '"01"', '"x"', "'1'"])
def test_if_match_is_a_number_in_quotes(box: Sandbox, sigma: Client, tag: str) -> None:
    number = an_offer(box.sigma)
    path = f"/stammdaten/angebote/{number}"

    response = sigma("PUT", path, json={"status": "angenommen"}, headers={"If-Match": tag})

    assert (response.status_code, response.json()["fehler"]) == (400, "UNGUELTIG")
    assert box.sigma.leases == []


@pytest.mark.parametrize("number", ["1.0", "%2B1", "01", "1_0", " 1", "x"])
def test_a_number_in_a_path_has_digits_only(sigma: Client, number: str) -> None:
    for path in ("/stammdaten/angebote/", "/verarbeitung/interessenten-import/"):
        assert sigma("GET", path + number).json()["fehler"] == "UNGUELTIG"


@pytest.mark.parametrize(
    "body", [{}, {"status": "abgelehnt"}, {"status": "angenommen", "zum": "01.01.2030"}, [], None]
)
def test_only_the_status_can_be_saved(box: Sandbox, sigma: Client, body: Any) -> None:
    path = f"/stammdaten/angebote/{an_offer(box.sigma)}"

    response = sigma("PUT", path, json=body, headers={"If-Match": '"1"'})

    assert (response.status_code, response.json()["fehler"]) == (400, "UNGUELTIG")
    assert box.sigma.leases == []


def test_the_start_of_a_lease_is_named_even_if_there_is_none(box: Sandbox, yuneo: Client) -> None:
    partner = box.yuneo.add_business_partner(first_name="Anna", last_name="Groß")
    offer = box.yuneo.add_offer("p", box.yuneo.units[0], partner.number)

    assert is_refused(yuneo("POST", f"/api/v1/offers/{offer.id}/accept", json={}), "yuneo", 400)
    assert box.yuneo.leases == []


def test_a_prospect_needs_its_unit(box: Sandbox, sigma: Client) -> None:
    prospect = {"externeId": "s1", "ve": "", "vorname": "Anna", "name": "Groß"}

    response = sigma("POST", "/immobilienboersen/Immomio/eingang", json={"interessenten": [prospect]}).json()

    assert response["abgewiesen"] == [{"externeId": "s1", "fehler": "FELD_UNGUELTIG", "meldung": "ve"}]


@pytest.mark.parametrize("name", ["immomio", "everreal", "yuneo", "sigma"])
def test_every_body_is_described_with_its_415(box: Sandbox, name: str) -> None:
    described = requests.get(f"{getattr(box, name).url}/openapi.json", timeout=5).json()["paths"]

    for methods in described.values():
        for operation in methods.values():
            assert ("415" in operation["responses"]) == ("requestBody" in operation)


def an_offer(erp: Sigma | Yuneo) -> int:
    partner = erp.add_business_partner(first_name="Anna", last_name="Groß")
    return erp.add_offer("p1", erp.units[0], partner.number, exchange="Immomio").number
