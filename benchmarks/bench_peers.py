"""What the benchmarks of extraction and load hold us against; each way in a process of its own.

``floor``    one session of ``requests`` that reads the same pages and throws them away: what machine and sandbox cost
``httphook`` a loop over Airflow's own ``HttpHook.run``, which makes a session for every call
``dlt``      dlt's REST API source into files, as its documentation has it (in an environment of its own)
``one``      one call for each prospect, without looking, without a ledger, without reading results
``load``     the floor of a load: its calls, made by one session of ``requests`` four at a time, answers thrown away

    BENCH_CONNECTIONS=... python -m benchmarks.bench_peers floor immomio
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

ANCHOR = date(2026, 11, 10)
SIZE = {"immomio": 200, "everreal": 100}
GRAPHQL = "/api/reporting/graphql"
QUERY = """
query Contracts($input: ContractsFilterListPaging) {
  contracts(input: $input) {
    id status startDate createdAt updatedAt units { id objectId externalId }
    candidate {
      id email firstName lastName companyContactId isDisabled createdAt updatedAt
      applications { id email isMainCandidate applicationDataString }
      listing { unit { objectId externalId } }
    }
  }
}"""


def _connection(system: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(os.environ["BENCH_CONNECTIONS"])[system]
    return found


def _token(connection: dict[str, Any], system: str) -> str:
    import requests

    login, password = connection["login"], connection["password"]
    if system == "immomio":
        body = {"username": login, "password": password}
        return str(requests.post(f"{connection['host']}/auth/token", json=body).json()["accessToken"])
    if system == "everreal":
        body = {"grant_type": "password", "username": login, "password": password, **connection["extra"]}
        body["scope"] = "offline_access *"
        return str(
            requests.post(f"{connection['host']}/accounts/oauth/token", json=body).json()["access_token"]
        )
    form = {"grant_type": "client_credentials", "client_id": login, "client_secret": password}
    return str(requests.post(f"{connection['host']}/connect/token", data=form).json()["access_token"])


def _window() -> dict[str, str]:
    end = datetime.combine(ANCHOR, datetime.min.time(), ZoneInfo("Europe/Berlin"))
    start, end = (moment.astimezone(UTC) for moment in (end - timedelta(days=1), end))
    return {"updatedFrom": f"{start:%Y-%m-%dT%H:%M:%SZ}", "updatedTo": f"{end:%Y-%m-%dT%H:%M:%SZ}"}


def _order(skip: int) -> dict[str, Any]:
    start = (ANCHOR - timedelta(days=1)).isoformat()
    order = {
        "filter": {"from": (ANCHOR - timedelta(days=2)).isoformat(), "to": start},
        "paging": {"take": SIZE["everreal"], "skip": skip},
        "sort": {"fieldName": "updatedAt", "direction": "ASC"},
    }
    return {"query": QUERY, "variables": {"input": order}}


def _pages(system: str, call: Callable[..., Any]) -> Iterator[list[Any]]:
    """Page after page; ``call`` takes method, path and either ``params`` or ``json``."""
    number = 0
    while True:
        if system == "immomio":
            params = {"status": "ACCEPTED_AS_TENANT", "sort": "updatedAt,asc", **_window()}
            page = call("GET", "/v1/applications", params={**params, "page": number, "size": SIZE[system]})
            records = page["content"]
        else:
            records = call("POST", GRAPHQL, json=_order(number * SIZE[system]))["data"]["contracts"]
        yield records
        if len(records) < SIZE[system]:
            return
        number += 1


def floor(system: str) -> int:
    """Read the pages with one session, and do nothing with them."""
    import requests

    connection = _connection(system)
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {_token(connection, system)}"

    def call(method: str, path: str, **request: Any) -> Any:
        return session.request(method, connection["host"] + path, **request).json()

    return sum(map(len, _pages(system, call)))


def httphook(system: str) -> int:
    """Read the pages with ``HttpHook.run`` and keep the records."""
    from airflow.providers.http.hooks.http import HttpHook

    headers = {"Authorization": f"Bearer {_token(_connection(system), system)}"}
    os.environ["AIRFLOW_CONN_PEER"] = json.dumps({"conn_type": "http", "host": _connection(system)["host"]})

    def call(method: str, path: str, **request: Any) -> Any:
        given = {"data": request["params"]} if "params" in request else {"json": request["json"]}
        return HttpHook(method, http_conn_id="peer").run(path, headers=headers, **given).json()

    return sum(map(len, _pages(system, call)))


def dlt(system: str) -> int:
    """Run dlt's REST API source into files, in the format it takes by itself."""
    import dlt as tool
    from dlt.sources.rest_api import rest_api_source

    # Below the benchmark's own folder, which goes when it ends.
    connection, folder = _connection(system), tempfile.mkdtemp(prefix="dlt-", dir=os.environ["BENCH_HOME"])
    if system == "immomio":
        endpoint: dict[str, Any] = {
            "path": "/v1/applications",
            "params": {
                "status": "ACCEPTED_AS_TENANT",
                "sort": "updatedAt,asc",
                "size": SIZE[system],
                **_window(),
            },
            "data_selector": "content",
            "paginator": {"type": "page_number", "base_page": 0, "total_path": "page.totalPages"},
        }
    else:
        # Its texts are templates, where a brace is doubled to stay one.
        body = {**_order(0), "query": QUERY.replace("{", "{{").replace("}", "}}")}
        endpoint = {
            "path": GRAPHQL,
            "method": "POST",
            "json": body,
            "data_selector": "data.contracts",
            "paginator": {
                "type": "offset",
                "limit": SIZE[system],
                "offset_body_path": "variables.input.paging.skip",
                "limit_body_path": "variables.input.paging.take",
                "total_path": None,
            },
        }
    source = rest_api_source(
        {
            "client": {
                "base_url": connection["host"],
                "auth": {"type": "bearer", "token": _token(connection, system)},
            },
            "resources": [{"name": "records", "endpoint": endpoint, "write_disposition": "replace"}],
        }
    )
    pipeline = tool.pipeline(
        pipeline_name="bench",
        pipelines_dir=folder,
        destination=tool.destinations.filesystem(f"file://{folder}/out"),
        dataset_name="bench",
    )
    pipeline.run(source)
    return int(pipeline.last_trace.last_normalize_info.row_counts["records"])


def one(system: str) -> int:
    """Send so many prospects, each with a call of its own."""
    import requests

    count, connection = int(os.environ["BENCH_COUNT"]), _connection(system)
    session = requests.Session()
    if system == "yuneo":
        session.headers["Authorization"] = f"Bearer {_token(connection, system)}"
    else:
        session.auth = (connection["login"], connection["password"])
    for number in range(count):
        if system == "yuneo":
            path, body = YUNEO_IMPORTS, {"exchange": "EverReal", "prospects": [_yuneo_row("one", number)]}
        else:
            path, body = SIGMA_INBOX, {"interessenten": [_sigma_row("one", number)]}
        session.post(connection["host"] + path, json=body).raise_for_status()
    return count


def load(system: str) -> int:
    """Make the calls of a load: in groups look up and search, deliver; then import and read the results."""
    from concurrent.futures import ThreadPoolExecutor

    import requests

    count, connection = int(os.environ["BENCH_COUNT"]), _connection(system)
    session = requests.Session()
    session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=4))
    if system == "yuneo":
        session.headers["Authorization"] = f"Bearer {_token(connection, system)}"
    else:
        session.auth = (connection["login"], connection["password"])

    def call(method: str, path: str, **request: Any) -> Any:
        response = session.request(method, connection["host"] + path, **request)
        response.raise_for_status()
        return response.json()

    send = _send_to_yuneo if system == "yuneo" else _send_to_sigma
    size = 200 if system == "yuneo" else 50
    with ThreadPoolExecutor(4) as pool:
        groups = [range(start, min(start + size, count)) for start in range(0, count, size)]
        jobs = list(pool.map(lambda group: send(call, group), groups))
        if system == "yuneo":
            list(pool.map(lambda job: _until_ended(call, f"/api/v1/work-orders/{job}"), jobs))
        else:
            run = call("POST", f"{SIGMA}/verarbeitung/interessenten-import", json={"portal": "EverReal"})
            _until_ended(call, f"{SIGMA}/verarbeitung/interessenten-import/{run['laufNr']}")
    return count


YUNEO_IMPORTS = "/api/v1/prospect-imports"
SIGMA = "/wodis/rest"
SIGMA_INBOX = f"{SIGMA}/immobilienboersen/EverReal/eingang"
FIRST_BIRTH = date(1900, 1, 1)
"""Long before those of the product's prospects, so that nobody is found, as at the first load."""


def _birth(number: int) -> date:
    """Of 10,000 prospects of the sandbox a sixth shares the day of birth with another one."""
    return FIRST_BIRTH + timedelta(days=number * 5 // 6)


def _yuneo_row(way: str, number: int) -> dict[str, Any]:
    from include.sandbox.world import unit

    return {
        "externalId": f"{way} {number}",
        "unitNumber": "/".join(unit(number)),
        "salutation": "MRS",
        "firstName": "Anna",
        "lastName": f"Groß {number}",
        "birthDate": _birth(number).isoformat(),
        "email": f"anna.{number}@example.org",
        "street": "Hauptstraße",
        "houseNumber": "1",
        "postalCode": "01067",
        "city": "Dresden",
        "country": "DE",
    }


def _send_to_yuneo(call: Callable[..., Any], group: range) -> str:
    rows = [_yuneo_row("floor", number) for number in group]
    ids = [row["externalId"] for row in rows]
    for start in range(0, len(ids), 100):
        call("GET", "/api/v1/offers", params={"externalId": ids[start : start + 100], "size": 200})
    days = sorted({row["birthDate"] for row in rows})
    call("POST", "/api/v1/business-partners/search", json={"birthDates": days})
    told = call("POST", YUNEO_IMPORTS, json={"exchange": "EverReal", "prospects": rows})
    return str(told["workOrderId"])


def _sigma_row(way: str, number: int) -> dict[str, Any]:
    from include.sandbox.world import unit

    return {
        "externeId": f"{way} {number}",
        "ve": ".".join(unit(number)),
        "anrede": "Frau",
        "vorname": "Anna",
        "name": f"Groß {number}",
        "geburtsdatum": f"{_birth(number):%d.%m.%Y}",
        "email": f"anna.{number}@example.org",
        "strasse": "Hauptstraße 1",
        "plz": "01067",
        "ort": "Dresden",
        "land": "DE",
    }


def _send_to_sigma(call: Callable[..., Any], group: range) -> None:
    rows = [_sigma_row("floor", number) for number in group]
    ids = [row["externeId"] for row in rows]
    call("GET", f"{SIGMA}/stammdaten/angebote", params={"externeId": ids, "anzahl": 100})
    days = sorted({row["geburtsdatum"] for row in rows})
    call("POST", f"{SIGMA}/stammdaten/geschaeftspartner/suche", json={"geburtsdaten": days})
    call("POST", SIGMA_INBOX, json={"interessenten": rows})


def _until_ended(call: Callable[..., Any], path: str) -> None:
    while call("GET", path)["status"] not in ("COMPLETED", "beendet"):
        time.sleep(0.05)


WAYS: dict[str, Callable[[str], int]] = {
    "floor": floor, "httphook": httphook, "dlt": dlt, "one": one, "load": load,
}  # fmt: skip


LIBRARIES = {
    "httphook": "airflow.providers.http.hooks.http",
    "dlt": "dlt.sources.rest_api",
    "load": "include.sandbox.world",
}


def main() -> None:
    way, system = sys.argv[1:]
    # Before the clock starts, as those of the product's tasks: a worker's image has them loaded.
    for library in ("requests", LIBRARIES.get(way)):
        if library:
            importlib.import_module(library)
    started = datetime.now(UTC)
    clock = time.monotonic()
    records = WAYS[way](system)
    print(json.dumps({"seconds": time.monotonic() - clock, "records": records, "at": started.isoformat()}))


if __name__ == "__main__":
    main()
