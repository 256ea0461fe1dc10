"""The routes of a real api-server: who gets what, and who gets nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from seed import ERP_TEXT, NASTY, day, last_run

PAIR = "/prospects/api/pairs/immomio_yuneo"
ROUTES = (
    "/prospects/",
    "/prospects/static/console.js",
    "/prospects/static/icon.svg",
    "/prospects/api/start",
    "/prospects/api/pairs",
    PAIR,
    f"{PAIR}/runs",
    f"{PAIR}/run?run_id=x",
    f"{PAIR}/prospect?q=A-77",
    f"{PAIR}/protocol?run_id=x",
    "/prospects/api/held",
    "/prospects/api/prospects?q=A-77",
)
ALL = {"immomio_yuneo", "immomio_sigma", "everreal_yuneo", "everreal_sigma"}


def get(server: Any, user: str | None, path: str, **parameters: Any) -> requests.Response:
    return server.session(user).get(server.url + path, params=parameters, timeout=60)


def pairs_of(server: Any, user: str) -> set[str]:
    return {item["pair"]["dag_id"] for item in get(server, user, "/prospects/api/pairs").json()["pairs"]}


@pytest.mark.parametrize("path", ROUTES)
def test_anonymous_gets_nothing(server: Any, path: str):
    response = get(server, None, path)
    assert response.status_code == 401
    if path == "/prospects/":
        assert "immomio" not in response.text
        assert 'data-airflow=""' in response.text, "the page that leads to the log-in"
    else:
        assert response.json() == {"detail": "Not authenticated"}


@pytest.mark.parametrize("name", ["login.js", "theme.js", "console.css"])
def test_what_the_way_to_the_log_in_needs_is_there_for_anybody(server: Any, name: str):
    assert get(server, None, f"/prospects/static/{name}").status_code == 200


def test_a_forged_cookie_gets_nothing(server: Any):
    for name in ("a.b.c", server.token("viewer")[:-3] + "xyz"):
        response = requests.get(server.url + "/prospects/api/pairs", cookies={"_token": name}, timeout=60)
        assert response.status_code in (401, 403)
        assert "immomio" not in response.text


def test_every_route_asks_for_the_user(server: Any):
    """Also one that somebody adds later: the app itself has the dependency."""
    from letting_sync.console.app import _logged_in, app

    assert app.router.dependencies[0].dependency is _logged_in
    assert {route.path.split("{")[0] for route in app.routes} <= {route.split("?")[0].replace("/prospects", "", 1) for route in ROUTES} | {
        "/static/", "/api/pairs/",
    }  # fmt: skip
    for path in ("/prospects/docs", "/prospects/redoc", "/prospects/openapi.json"):
        assert get(server, None, path).status_code == 404


def test_viewer_reads_all_pairs_and_may_start_none(server: Any):
    assert pairs_of(server, "viewer") >= ALL
    assert get(server, "viewer", PAIR).json()["may_start"] is False
    assert get(server, "admin", PAIR).json()["may_start"] is True


def test_clerk_gets_nothing_of_the_pair_that_is_denied(server: Any):
    assert pairs_of(server, "clerk") & ALL == ALL - {"immomio_sigma"}
    assert get(server, "clerk", "/prospects/api/pairs").json()["summary"] == {"never": 1, "success": 2}
    for rest in ("", "/runs", "/run?run_id=x", "/prospect?q=S-1"):
        denied = get(server, "clerk", f"/prospects/api/pairs/immomio_sigma{rest}")
        unknown = get(server, "clerk", f"/prospects/api/pairs/there_is_none{rest}")
        assert denied.status_code == unknown.status_code == 404
        assert denied.text == unknown.text, "it does not even say that the pair is there"


@pytest.mark.parametrize("text", ["S-1", "O-2001"])
def test_clerk_finds_no_prospect_of_the_pair_that_is_denied(server: Any, text: str):
    assert get(server, "clerk", "/prospects/api/prospects", q=text).json()["entries"] == []
    assert len(get(server, "admin", "/prospects/api/prospects", q=text).json()["entries"]) == 1


@pytest.mark.parametrize("user", ["outsider", "half"])
def test_who_may_read_no_dag_or_no_xcoms_gets_no_pair(server: Any, user: str):
    """``half`` may read DAGs and runs, but not what the tasks handed on."""
    overview = get(server, user, "/prospects/api/pairs").json()
    assert (overview["pairs"], overview["total"], overview["summary"]) == ([], 0, {})
    assert get(server, user, PAIR).status_code == 404
    assert get(server, user, "/prospects/api/prospects", q="A-77").json() == {
        "entries": [],
        "traces": [],
        "may_start": [],
        "pairs": [],
    }
    assert get(server, user, "/prospects/api/held").json()["counts"] == {}
    assert get(server, user, "/prospects/api/held", pair="immomio_yuneo").status_code == 404


def test_overview_shows_runs_counts_and_lag(server: Any):
    items = {i["pair"]["dag_id"]: i for i in get(server, "viewer", "/prospects/api/pairs").json()["pairs"]}
    assert next(iter(items)) == "immomio_sigma", "what failed comes first"
    assert items["immomio_yuneo"]["lag"]["intervals"] == 0
    assert items["everreal_yuneo"]["lag"]["intervals"] == 4
    assert items["everreal_yuneo"]["pair"]["paused"] is True
    assert items["everreal_sigma"]["lag"]["loaded_until"] is None
    assert len(items["immomio_yuneo"]["history"]) == 30
    last = items["everreal_yuneo"]["history"][-1]["counts"]
    assert last["extracted"] == sum(
        last[part] for part in ("offers_created", "already_there", "duplicates", "skipped", "quarantined")
    )


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"search": "SIGMA"}, {"immomio_sigma", "everreal_sigma"}),
        ({"state": "failed"}, {"immomio_sigma"}),
        ({"state": "never"}, {"everreal_sigma"}),
        ({"search": "%"}, set()),
        ({"page": 1}, set()),
    ],
)
def test_overview_can_be_narrowed(server: Any, parameters: dict[str, Any], expected: set[str]):
    found = get(server, "viewer", "/prospects/api/pairs", **parameters).json()["pairs"]
    assert {item["pair"]["dag_id"] for item in found} == expected


def test_calendar_and_gaps(server: Any):
    found = get(server, "viewer", PAIR).json()
    states = {item["date"]: item["state"] for item in found["days"]}
    expected = {1: "loaded", 5: "failed", 9: "missed", 10: "missed", 16: "loaded", 34: "before"}
    assert {back: states[f"{day(back):%Y-%m-%d}"] for back in expected} == expected
    assert f"--from-date {day(10).isoformat()} --to-date {day(5).isoformat()}" in found["gaps"][0]["command"]


@pytest.mark.parametrize("page", ["9223372036854775807", "-1", "1000001"])
@pytest.mark.parametrize("path", ["pairs", "pairs/immomio_yuneo/runs", "held"])
def test_a_page_that_no_list_has_is_refused(server: Any, path: str, page: str) -> None:
    answer = server.session("admin").get(f"{server.url}/prospects/api/{path}?page={page}", timeout=30)

    assert (answer.status_code, answer.json()) == (400, {"detail": "no_such_page"})


@pytest.mark.parametrize(
    "path", ["api/prospects?q=A%00", "api/held?pair=a%00b", "api/pairs/a%00b/runs", "static/a%00b"]
)
def test_what_no_database_can_hold_is_refused(server: Any, path: str) -> None:
    answer = server.session("admin").get(f"{server.url}/prospects/{path}", timeout=30)

    assert (answer.status_code, answer.json()) == (400, {"detail": "not_a_text"})


def test_runs_come_in_pages(server: Any):
    first, second = (get(server, "viewer", f"{PAIR}/runs", page=page).json() for page in (0, 1))
    assert (len(first["runs"]), first["more"]) == (20, True)
    assert second["more"] is False
    assert [run["kind"] for run in first["runs"][:3]] == ["replay", "manual", "scheduled"]
    assert first["runs"][0]["window"] is None


def test_quarantine_shows_reasons_and_no_person(server: Any):
    response = get(server, "admin", f"{PAIR}/run", run_id=last_run())
    found = response.json()
    assert [(row["external_id"], row["reason"]) for row in found["quarantine"]] == [
        (None, "external_id_missing"), (NASTY, "last_name_too_long"), ("A-90", "unit_not_four_parts"), ("A-79", "unknown_unit"),
    ]  # fmt: skip
    assert found["suspects"] == [
        {"external_id": "A-77", "other_external_id": "A-78", "other_partner": None, "score": 0.873,
         "reasons": ["last_name_typo", "birth_day_typo"]},
    ]  # fmt: skip
    assert found["states"]["A-77"]["lease_number"] == "L-500"
    assert "Geheim" not in response.text
    assert "raw" not in response.text


def test_the_erps_own_words_are_for_those_who_may_start_runs(server: Any):
    """They may quote a person."""
    shown, hidden = (get(server, user, f"{PAIR}/run", run_id=last_run()) for user in ("admin", "viewer"))

    assert [row["erp_text"] for row in shown.json()["quarantine"]] == [None, None, None, ERP_TEXT]
    assert ERP_TEXT not in hidden.text
    assert len(hidden.json()["quarantine"]) == 4


def test_a_run_whose_tables_are_gone_and_one_that_is_not_there(server: Any):
    assert get(server, "admin", f"{PAIR}/run", run_id="manual__replay").json()["staged"] is False
    for run_id in ("x", "../immomio_sigma/x", "../../etc"):
        assert get(server, "admin", f"{PAIR}/run", run_id=run_id).status_code == 404


@pytest.fixture
def unreadable(server: Any) -> Iterator[None]:
    """Two tables of the last run cannot be read."""
    files = [
        next(server.home.glob(f"**/immomio_yuneo/scheduled__*/{table}_extract.parquet"))
        for table in ("quarantine", "outcomes")
    ]
    for file in files:
        file.rename(file.with_suffix(".away"))
        file.mkdir()
    yield
    for file in files:
        file.rmdir()
        file.with_suffix(".away").rename(file)


@pytest.mark.usefixtures("unreadable")
def test_tables_that_cannot_be_read_do_not_take_the_page_away(server: Any):
    """As in an object store that the api-server does not reach; a search does not claim that there is nothing."""
    assert get(server, "admin", f"{PAIR}/run", run_id=last_run()).json()["staged"] is False
    searched = get(server, "admin", f"{PAIR}/prospect", q="A-90")
    assert (searched.status_code, searched.json()["detail"]) == (424, "staging_unreadable")


@pytest.fixture
def ledger_at(server: Any) -> Iterator[Callable[..., None]]:
    """Lets the api-server look for the ledger at another connection."""
    connections = f"{server.url}/api/v2/connections"

    def connect(**connection: Any) -> None:
        stored = {"connection_id": "prospect_ledger", "conn_type": "postgres", "host": "127.0.0.1", "port": 9}
        assert server.session("admin").post(connections, json=stored | connection, timeout=60).ok

    yield connect
    assert server.session("admin").delete(f"{connections}/prospect_ledger", timeout=60).ok


@pytest.mark.parametrize(
    ("connection", "logged"),
    [
        ({}, "needs the extra 'hash_key'"),
        ({"extra": '{"hash_key": "0123456789abcdef"}'}, "port 9 failed: Connection refused"),
    ],
)
def test_why_the_ledger_cannot_be_read_is_in_the_log(
    server: Any, ledger_at: Callable[..., None], connection: dict[str, Any], logged: str
):
    ledger_at(**connection)
    response = get(server, "admin", "/prospects/api/pairs")
    assert (response.status_code, response.json()["detail"]) == (503, "database_unreadable")
    assert logged in (server.home / "api-server.log").read_text()


def test_a_prospect_that_never_reached_the_ledger_is_found_in_the_runs(server: Any):
    (found,) = get(server, "viewer", f"{PAIR}/prospect", q="A-90").json()["found"]
    assert found["run"]["run_id"] == last_run()
    assert found["outcomes"] == [{"task": "extract", "kind": "quarantined", "reason": "unit_not_four_parts"}]


def test_headers_keep_foreign_content_out(server: Any):
    headers = get(server, "viewer", "/prospects/").headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert get(server, "viewer", "/prospects/api/pairs").headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("name", ["..%2fapp.py", "%2e%2e%2fapp.py", "app.py", "nothing.js"])
def test_static_files_are_those_of_the_page(server: Any, name: str):
    assert get(server, "admin", f"/prospects/static/{name}").status_code == 404


def test_the_ui_has_the_page_in_its_navigation(server: Any):
    response = requests.get(
        f"{server.url}/api/v2/plugins",
        headers={"Authorization": f"Bearer {server.token('admin')}"},
        timeout=60,
    )
    (view,) = [
        v for p in response.json()["plugins"] for v in p["external_views"] if v["url_route"] == "prospects"
    ]
    assert (view["name"], view["destination"], view["href"]) == ("Prospects", "nav", "/prospects/")


def test_airflow_itself_refuses_a_replay_to_a_viewer(server: Any):
    response = server.session("viewer").post(
        f"{server.url}/api/v2/dags/immomio_yuneo/dagRuns",
        json={"logical_date": None, "conf": {"external_ids": ["A-90"]}},
        timeout=60,
    )
    assert response.status_code == 403
