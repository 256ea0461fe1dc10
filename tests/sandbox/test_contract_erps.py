"""What the contracts of Yuneo and Sigma promise, over real HTTP: once for both where both promise it."""

import threading
import time
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
import requests

from include.sandbox import Sandbox
from include.sandbox.erp import Erp

from .clients import Client

IMPORT = "/api/v1/prospect-imports"
RUN = "/verarbeitung/interessenten-import"


def yuneo_prospect(external_id: str, unit: str, **fields: Any) -> dict[str, Any]:
    return {"externalId": external_id, "unitNumber": unit, "firstName": "Anna", "lastName": "Groß", **fields}


class Shop:
    """One ERP with the steps that both have, in the same words."""

    def __init__(self, client: Client, erp: Erp) -> None:
        self.call, self.erp = client, erp
        self.is_yuneo = erp.name == "yuneo"
        self.unit = erp.units[0]

    def bring(self, external_id: str = "p1", unit: str | None = None, **person: Any) -> dict[str, Any]:
        """Import one prospect; the answer's line about them in neutral words."""
        data = {"first": "Anna", "last": "Groß", "birth": date(1980, 5, 1), "partner": None, "start": None}
        data.update(person)
        if self.is_yuneo:
            return self._bring_yuneo(external_id, unit or self.unit, data)
        return self._bring_sigma(external_id, unit or self.unit, data)

    def _bring_yuneo(self, external_id: str, unit: str, data: dict[str, Any]) -> dict[str, Any]:
        one = yuneo_prospect(external_id, unit, firstName=data["first"], lastName=data["last"])
        one["birthDate"] = data["birth"] and data["birth"].isoformat()
        one["leaseStart"] = data["start"] and data["start"].isoformat()
        one["businessPartnerNumber"] = data["partner"]
        order = self.call("POST", IMPORT, json={"exchange": "Immomio", "prospects": [one]}).json()
        line = self.call("GET", f"/api/v1/work-orders/{order['workOrderId']}").json()["results"][0]
        return {
            "created": line["outcome"] == "CREATED",
            "new": line.get("businessPartnerCreated"),
            "partner": line.get("businessPartnerNumber"),
            "why": line.get("code"),
        }

    def _bring_sigma(self, external_id: str, unit: str, data: dict[str, Any]) -> dict[str, Any]:
        one = {"externeId": external_id, "ve": unit, "vorname": data["first"], "name": data["last"]}
        one["geburtsdatum"] = data["birth"] and f"{data['birth']:%d.%m.%Y}"
        one["mietbeginn"] = data["start"] and f"{data['start']:%d.%m.%Y}"
        one["gpNr"] = data["partner"]
        self.call("POST", "/immobilienboersen/Immomio/eingang", json={"interessenten": [one]})
        line = self.call("POST", RUN, json={"portal": "Immomio"}).json()["protokoll"][0]
        return {
            "created": line["ergebnis"] == "angelegt",
            "new": line.get("gpNeu"),
            "partner": line.get("gpNr"),
            "why": line.get("fehler"),
        }

    def accept(self, at: int = 0) -> requests.Response:
        """Accept the offer at this place."""
        offer = self.erp.offers[at]
        if self.is_yuneo:
            return self.call("POST", f"/api/v1/offers/{offer.id}/accept", json={"leaseStart": None})
        tag = {"If-Match": f'"{offer.version}"'}
        return self.call(
            "PUT", f"/stammdaten/angebote/{offer.number}", json={"status": "angenommen"}, headers=tag
        )

    def code(self, response: requests.Response) -> tuple[int, str]:
        return response.status_code, response.json()["code" if self.is_yuneo else "fehler"]


@pytest.fixture(params=["yuneo", "sigma"])
def shop(request: pytest.FixtureRequest, box: Sandbox) -> Shop:
    return Shop(request.getfixturevalue(request.param), getattr(box, request.param))


# --- both --------------------------------------------------------------------------------------------------


def test_the_same_prospect_twice_is_two_offers_and_one_partner(shop: Shop) -> None:
    first, second = shop.bring(), shop.bring()

    assert (first["new"], second["new"]) == (True, False)
    assert first["partner"] == second["partner"]
    assert len(shop.erp.offers_for("p1")) == 2


@pytest.mark.parametrize(
    "other",
    [
        {"first": "Anna "},
        {"last": "GROSS"},
        {"last": "groß"},
        {"first": "Anna\u00a0"},
        {"birth": date(1980, 5, 2)},
    ],
)
def test_the_duplicate_check_sees_every_blank(shop: Shop, other: dict[str, Any]) -> None:
    shop.bring()

    assert shop.bring("p2", **other)["new"] is True


def test_without_a_birth_date_nobody_is_found(shop: Shop) -> None:
    shop.bring(birth=None)

    assert shop.bring(birth=None)["new"] is True


def test_a_stored_blank_is_never_hit_and_is_shown_as_stored(shop: Shop) -> None:
    shop.erp.add_business_partner(first_name="Anna", last_name="Groß ", birth_date="1980-05-01")

    assert shop.bring()["new"] is True
    if shop.is_yuneo:
        body = {"birthDates": ["1980-05-01"]}
        found = shop.call("POST", "/api/v1/business-partners/search", json=body).json()["items"]
        assert [one["lastName"] for one in found] == ["Groß ", "Groß"]
    else:
        body = {"geburtsdaten": ["01.05.1980"]}
        found = shop.call("POST", "/stammdaten/geschaeftspartner/suche", json=body).json()[
            "geschaeftspartner"
        ]
        assert [one["name"] for one in found] == ["Groß ", "Groß"]


def test_the_customer_may_have_other_fields_checked(shop: Shop) -> None:
    first = shop.bring()
    shop.erp.options.import_keys = ("last_name", "birth_date")

    assert shop.bring("p2", first="Anna ")["partner"] == first["partner"]


def test_a_given_partner_is_used_unchecked(shop: Shop) -> None:
    partner = shop.erp.add_business_partner(first_name="Otto", last_name="Klein")

    assert shop.bring(partner=partner.number) == {
        "created": True, "new": False, "partner": partner.number, "why": None
    }  # fmt: skip
    assert shop.bring(partner=1)["why"] == ("UNKNOWN_BUSINESS_PARTNER" if shop.is_yuneo else "GP_UNBEKANNT")


def test_unknown_and_let_units_are_rejected(shop: Shop) -> None:
    shop.erp.let_unit(shop.unit)
    ended = shop.erp.units[1]
    shop.erp.let_unit(ended, end=date.today() - timedelta(days=1))

    unknown = shop.bring(unit="7.7.7.7")["why"]
    let = shop.bring()["why"]

    words = ("UNKNOWN_UNIT", "UNIT_NOT_VACANT") if shop.is_yuneo else ("VE_UNBEKANNT", "VE_NICHT_FREI")
    assert (unknown, let) == words
    assert shop.bring(unit=ended)["created"] is True


def test_accepting_makes_one_lease(shop: Shop) -> None:
    shop.bring(start=date(2030, 2, 1))

    first, second = shop.accept(), shop.accept()

    assert first.status_code == (201 if shop.is_yuneo else 200)
    expected = "OFFER_NOT_OPEN" if shop.is_yuneo else "STATUS_NICHT_ERLAUBT"
    assert shop.code(second) == (409, expected)
    assert [(one.unit, one.start) for one in shop.erp.leases] == [(shop.unit, date(2030, 2, 1))]
    number = shop.erp.leases[0].number
    assert first.json()["leaseNumber" if shop.is_yuneo else "mietvertragNr"] == number
    if shop.is_yuneo:
        assert (second.json()["offerStatus"], second.json()["leaseNumber"]) == ("ACCEPTED", number)


def test_of_two_offers_on_one_unit_one_can_be_accepted(shop: Shop) -> None:
    shop.bring("p1")
    shop.bring("p2", first="Otto")

    shop.accept(0)
    late = shop.accept(1)

    key = "leaseNumber" if shop.is_yuneo else "mietvertragNr"
    assert shop.code(late) == (409, "UNIT_LET" if shop.is_yuneo else "VE_VERMIETET")
    assert late.json()[key] == shop.erp.leases[0].number
    assert shop.erp.offers[1].status == shop.erp.offered


def test_an_offer_that_ran_out_is_refused(shop: Shop) -> None:
    shop.erp.options.offer_valid_days = -1
    shop.bring()

    assert shop.code(shop.accept()) == (422, "OFFER_EXPIRED" if shop.is_yuneo else "ABGELAUFEN")


# --- Yuneo -------------------------------------------------------------------------------------------------


def test_a_work_order_takes_its_time(box: Sandbox, yuneo: Client) -> None:
    box.yuneo.options.work_order_seconds = 0.3
    order = {"exchange": "Immomio", "prospects": [yuneo_prospect("p1", box.yuneo.units[0])]}
    path = "/api/v1/work-orders/" + yuneo("POST", IMPORT, json=order).json()["workOrderId"]

    seen = []
    while "COMPLETED" not in seen:
        response = yuneo("GET", path).json()
        seen.append(response["status"])
        time.sleep(0.02)

    assert list(dict.fromkeys(seen)) == ["QUEUED", "RUNNING", "COMPLETED"]
    assert response["results"][0]["outcome"] == "CREATED"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"exchange": "Nowhere"}, (404, "UNKNOWN_EXCHANGE")),
        ({"prospects": []}, (400, "MALFORMED")),
        ({"prospects": [{"externalId": "p1"}]}, (400, "MALFORMED")),
        ({"prospects": [{**yuneo_prospect("p1", "1/1/1/1"), "income": 1}]}, (400, "MALFORMED")),
        ({"prospects": [yuneo_prospect("p", "1/1/1/1")] * 201}, (413, "TOO_MANY")),
    ],
)
def test_nothing_of_a_refused_import_is_taken(
    box: Sandbox, yuneo: Client, change: dict[str, Any], expected: tuple[int, str]
) -> None:
    order = {"exchange": "Immomio", "prospects": [yuneo_prospect("p1", box.yuneo.units[0])], **change}

    response = yuneo("POST", IMPORT, json=order)

    assert (response.status_code, response.json()["code"]) == expected
    assert response.headers["Content-Type"] == "application/problem+json"
    assert box.yuneo.work_orders == []


@pytest.mark.parametrize(
    "field",
    [
        {"externalId": "x" * 65},
        {"lastName": "x" * 61},
        {"firstName": ""},
        {"birthDate": "01.02.1980"},
        {"country": "Deutschland"},
        {"salutation": "Frau"},
        {"message": "x" * 2001},
        {"email": "anna"},
    ],
)
def test_a_bad_field_costs_its_own_prospect_only(box: Sandbox, yuneo: Client, field: dict[str, str]) -> None:
    good = yuneo_prospect("p1", box.yuneo.units[0])
    order = {"exchange": "Immomio", "prospects": [{**good, **field}, good]}
    path = "/api/v1/work-orders/" + yuneo("POST", IMPORT, json=order).json()["workOrderId"]

    results = yuneo("GET", path).json()["results"]

    assert [result.get("code") for result in results] == ["INVALID_FIELD", None]


def test_offers_are_found_by_many_ids(box: Sandbox, yuneo: Client) -> None:
    prospects = [yuneo_prospect(f"p{at}", number) for at, number in enumerate(box.yuneo.units[:5])]
    yuneo("POST", IMPORT, json={"exchange": "Immomio", "prospects": prospects})
    asked = {"externalId": ["p1", "p3", "nobody"], "size": 1, "page": 1}

    response = yuneo("GET", "/api/v1/offers", params=asked).json()

    assert ([offer["externalId"] for offer in response["items"]], response["total"]) == (["p3"], 2)
    many = {"externalId": [str(at) for at in range(101)]}
    assert yuneo("GET", "/api/v1/offers", params=many).status_code == 400
    assert box.yuneo.batches == [5]


def test_an_expired_token_is_named(box: Sandbox, yuneo: Client) -> None:
    box.yuneo.tokens.expire_all()

    response = yuneo("GET", "/api/v1/offers")

    assert (response.status_code, response.json()["code"]) == (401, "TOKEN_EXPIRED")


# --- Sigma -------------------------------------------------------------------------------------------------


def deliver(sigma: Client, *prospects: dict[str, Any]) -> dict[str, Any]:
    response = sigma("POST", "/immobilienboersen/Immomio/eingang", json={"interessenten": list(prospects)})
    return {"status": response.status_code, **response.json()}


def interessent(external_id: str, unit: str, **fields: Any) -> dict[str, Any]:
    return {"externeId": external_id, "ve": unit, "vorname": "Anna", "name": "Groß", **fields}


def test_the_inbox_keeps_the_newest_of_each_id(box: Sandbox, sigma: Client) -> None:
    unit = box.sigma.units[0]
    deliver(sigma, interessent("s1", unit), interessent("s2", unit))
    response = deliver(sigma, interessent("s1", unit, vorname="Berta"), interessent("s3", unit, name=""))

    assert response["angenommen"] == 1
    assert [(one["externeId"], one["fehler"]) for one in response["abgewiesen"]] == [("s3", "FELD_UNGUELTIG")]
    assert [one.person.first_name for one in box.sigma.inbox("Immomio")] == ["Berta", "Anna"]


@pytest.mark.parametrize(
    "field",
    [
        {"geburtsdatum": "1.2.1980"},
        {"geburtsdatum": "1980-02-01"},
        {"mietbeginn": "31.02.2031"},
        {"anrede": "MRS"},
        {"email": "anna"},
    ],
)
def test_a_bad_field_is_a_line_of_the_protocol(box: Sandbox, sigma: Client, field: dict[str, str]) -> None:
    unit = box.sigma.units[0]
    deliver(sigma, interessent("bad", unit, **field), interessent("good", unit))

    lines = sigma("POST", RUN, json={"portal": "Immomio"}).json()["protokoll"]

    assert [(one["externeId"], one.get("fehler")) for one in lines] == [
        ("bad", "FELD_UNGUELTIG"),
        ("good", None),
    ]


def test_portals_and_batches_have_their_limits(box: Sandbox, sigma: Client) -> None:
    one = interessent("s1", box.sigma.units[0])
    nowhere = sigma("POST", "/immobilienboersen/XYZ/eingang", json={"interessenten": [one]})

    assert (nowhere.status_code, nowhere.json()["fehler"]) == (404, "PORTAL_UNBEKANNT")
    assert deliver(sigma, *[one] * 51)["fehler"] == "UNGUELTIG"
    assert deliver(sigma, {**one, "einkommen": 1})["fehler"] == "UNGUELTIG"
    assert box.sigma.inbox("Immomio") == []


def in_thread(call: Callable[[], Any]) -> threading.Thread:
    thread = threading.Thread(target=call)
    thread.start()
    return thread


def test_one_run_at_a_time_and_it_outlives_its_request(box: Sandbox, sigma: Client) -> None:
    """The client hangs up; the run goes on, keeps others out, and can be asked for."""
    box.sigma.options.run_seconds = 0.4
    deliver(sigma, *(interessent(f"s{at}", number) for at, number in enumerate(box.sigma.units[:2])))

    with pytest.raises(requests.ReadTimeout):
        sigma("POST", RUN, json={"portal": "Immomio"}, timeout=0.1)
    second = sigma("POST", RUN, json={"portal": "Immomio"})
    running = sigma("GET", f"{RUN}?portal=Immomio&letzter=true").json()
    while sigma("GET", f"{RUN}/{running['laufNr']}").json()["status"] == "laeuft":
        time.sleep(0.02)

    assert (second.status_code, second.json()["laufNr"]) == (409, running["laufNr"])
    assert running["status"] == "laeuft"
    assert len(sigma("GET", f"{RUN}/{running['laufNr']}").json()["protokoll"]) == 2
    assert box.sigma.inbox("Immomio") == []


def test_a_portal_that_never_ran(sigma: Client) -> None:
    response = sigma("GET", f"{RUN}?portal=EverReal&letzter=true")

    assert (response.status_code, response.json()["fehler"]) == (404, "LAUF_UNBEKANNT")


def test_the_fifth_request_at_a_time_has_to_wait(box: Sandbox, sigma: Client) -> None:
    box.sigma.options.latency_seconds = 0.2
    busy = [in_thread(lambda: Client(box.sigma)("GET", "/stammdaten/angebote")) for _ in range(4)]
    time.sleep(0.1)

    response = sigma("GET", "/stammdaten/angebote")
    for thread in busy:
        thread.join()

    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
    assert box.sigma.requests.count(status=200) == 4


def test_saving_needs_the_state_one_has_read(box: Sandbox, sigma: Client) -> None:
    deliver(sigma, interessent("s1", box.sigma.units[0]))
    sigma("POST", RUN, json={"portal": "Immomio"})
    path = f"/stammdaten/angebote/{box.sigma.offers[0].number}"
    body = {"json": {"status": "angenommen"}}
    tag = sigma("GET", path).headers["ETag"]
    box.sigma.clerk_edits(box.sigma.offers[0])

    assert sigma("PUT", path, **body).status_code == 428
    assert sigma("PUT", path, **body, headers={"If-Match": tag}).status_code == 412
    tag = sigma("GET", path).headers["ETag"]
    response = sigma("PUT", path, **body, headers={"If-Match": tag})
    assert (response.json()["aenderungsstand"], response.headers["ETag"]) == (3, '"3"')


def test_a_wrong_password(box: Sandbox) -> None:
    response = requests.get(
        f"{box.sigma.url}/wodis/rest/stammdaten/angebote", auth=("SANDBOX", "no"), timeout=5
    )

    assert (response.status_code, response.json()["fehler"]) == (401, "ANMELDUNG")
