"""The page in a real browser, inside the Airflow UI. Skipped where chromium or playwright is not installed."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from seed import NASTY

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
sync_api = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed (pip install playwright)"
)
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed (apt-get install chromium)")
TIMEOUT = 60_000
"""Milliseconds until a page has to be there; a busy machine is slow."""


class Tab:
    """A browser tab with somebody logged in, which notes what it loads and what goes wrong."""

    def __init__(self, page: Any, url: str) -> None:
        self.page, self.url = page, url
        self.hosts: set[str] = set()
        self.errors: list[str] = []
        page.set_default_timeout(TIMEOUT)
        page.on("request", lambda request: self.hosts.add(request.url.split("/")[2]))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)

    @property
    def frame(self) -> Any:
        return self.page.frame_locator("iframe[title=Prospects]")

    def open(self, query: str = "") -> Any:
        """Open the console alone; it is the same page, without the Airflow UI around it."""
        self.page.goto(f"{self.url}/prospects/{query}")
        self.page.locator("main[data-ready]").wait_for()
        return self.page

    def open_in_airflow(self, query: str = "") -> Any:
        """Open the console at a link that somebody may have been sent; returns its frame."""
        self.page.goto(f"{self.url}/plugin/prospects/prospects/{query}")
        return self.ready()

    def ready(self) -> Any:
        self.frame.locator("main[data-ready]").wait_for()
        return self.frame

    def colour(self, selector: str) -> tuple[int, ...]:
        """Background of an element of the console."""
        text = self.frame.locator(selector).first.evaluate("e => getComputedStyle(e).backgroundColor")
        return tuple(int(part) for part in text.removeprefix("rgb(").removesuffix(")").split(","))


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """The browser, without a sandbox of its own: tests run as root in containers."""
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def tab(chromium: Any, server: Any) -> Callable[..., Tab]:
    """Opens tabs, one browser profile for each user; the cookie is the one that the log-in page sets."""
    contexts: dict[str, Any] = {}

    def make(user: str = "admin") -> Tab:
        if user not in contexts:
            contexts[user] = chromium.new_context(
                viewport={"width": 1400, "height": 1000}, color_scheme="light"
            )
            cookie = {"name": "_token", "value": server.token(user), "url": server.url}
            contexts[user].add_cookies([cookie | {"httpOnly": True, "sameSite": "Lax"}])
        return Tab(contexts[user].new_page(), server.url)

    return make


def test_from_the_navigation_to_a_pair_without_any_foreign_file(tab: Any):
    own = tab()
    own.page.goto(own.url)
    own.page.get_by_role("link", name="Prospects").click()
    frame = own.ready()
    frame.get_by_role("link", name="immomio_yuneo").click()
    frame.locator("section#run").wait_for()
    assert "pair=immomio_yuneo" in own.page.url, "Airflow's address bar follows"
    assert frame.locator(".day.is-failed").count() == 1
    assert frame.locator(".day.is-missed").count() == 2
    assert (
        frame.locator(".gap code")
        .first.inner_text()
        .startswith("airflow backfill create --dag-id immomio_yuneo")
    )
    assert own.hosts == {own.url.removeprefix("http://")}
    assert own.errors == []


@pytest.mark.parametrize(
    ("chosen", "title"), [("de", "Vermietung"), ("en-US", "Prospects"), ("fr", "Prospects")]
)
def test_the_page_follows_the_language_of_the_airflow_ui(chromium: Any, server: Any, chosen: str, title: str):
    """Of a language without texts it shows the deployment's, here English."""
    context = chromium.new_context()
    cookie = {"name": "_token", "value": server.token("admin"), "url": server.url}
    context.add_cookies([cookie | {"httpOnly": True, "sameSite": "Lax"}])
    context.add_init_script(f"localStorage.setItem('i18nextLng', '{chosen}')")
    own = Tab(context.new_page(), server.url)

    assert own.open().locator("h1").inner_text() == title
    assert own.open_in_airflow().locator("h1").inner_text() == title
    context.close()


def test_the_page_changes_with_the_language_of_the_airflow_ui(chromium: Any, server: Any):
    context = chromium.new_context()
    cookie = {"name": "_token", "value": server.token("admin"), "url": server.url}
    context.add_cookies([cookie | {"httpOnly": True, "sameSite": "Lax"}])
    own = Tab(context.new_page(), server.url)
    frame = own.open_in_airflow()
    own.page.evaluate("localStorage.setItem('i18nextLng', 'de')")
    frame.get_by_role("heading", name="Vermietung").wait_for()
    context.close()


def test_an_id_with_markup_is_shown_as_text(tab: Any):
    own = tab()
    page = own.open("?pair=immomio_yuneo")
    page.get_by_role("link", name=NASTY).click()
    page.locator(".timeline").wait_for()
    assert page.locator("h3", has_text=NASTY).count() == 1
    assert page.locator("main script").count() == 0
    assert page.title() == "Prospects"
    page = own.open("?find=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E")
    assert "<img src=x onerror=alert(1)>" in page.locator(".notice").inner_text()
    assert page.locator("main img").count() == 0
    assert own.errors == []


@pytest.mark.parametrize("number", ["A-77", "O-1001", "L-500"])
def test_life_of_a_prospect(tab: Any, number: str):
    frame = tab("viewer").open()
    frame.get_by_role("searchbox").first.fill(number)
    frame.get_by_role("button", name="Search").click()
    frame.locator(".timeline").wait_for()
    told = frame.locator(".timeline").inner_text()
    assert "Offer O-1001 is in the ERP" in told
    assert "Approved by m.huber" in told
    assert "Lease L-500 created from the offer" in told


def test_leases_that_a_run_did_not_make_of_its_own_offers_are_named_apart(tab: Any):
    page = tab().open("?pair=immomio_sigma")

    told = page.locator("td", has_text="for other runs").first

    assert told.inner_text().split("\n")[1:] == ["3 for other runs", "1 found"]
    assert "clerk" in (told.get_by_text("1 found").get_attribute("title") or "")


def test_a_paused_retention_is_the_first_thing_on_the_page(tab: Any, server: Any):
    own, path = tab(), f"{server.url}/api/v2/dags/prospect_retention"
    session = server.session("admin")
    assert own.open().locator(".notice.bad").count() == 0
    try:
        assert session.patch(path, json={"is_paused": True}, timeout=60).ok
        (notice,) = own.open().locator(".notice.bad").all_inner_texts()
    finally:
        assert session.patch(path, json={"is_paused": False}, timeout=60).ok
    assert notice == "Personal data is not deleted: the DAG prospect_retention is paused."


def test_light_and_dark_follow_airflow(tab: Any):
    own = tab()
    own.open_in_airflow()
    assert min(own.colour("body")) > 200
    own.page.evaluate("document.documentElement.className = 'dark'")
    own.frame.locator(":root[data-theme=dark]").wait_for(state="attached")
    assert max(own.colour("body")) < 60
    own.page.evaluate("localStorage.setItem('theme', 'dark')")
    own.open().locator(":root[data-theme=dark]").wait_for(state="attached")
    own.page.evaluate("localStorage.setItem('theme', 'light')")


def test_replay_starts_the_dag_with_the_ticked_ids(tab: Any, server: Any):
    own = tab()
    frame = own.open_in_airflow("?pair=immomio_yuneo")
    replay = frame.locator("#run .replay button").first
    assert replay.is_disabled()
    frame.get_by_role("checkbox", name="A-90").check()
    replay.click()
    frame.get_by_role("button", name="Start the run").click()
    run_id = frame.locator(".notice.good a").inner_text()
    session = server.session("admin")
    run = session.get(
        f"{server.url}/api/v2/dags/immomio_yuneo/dagRuns/{requests.utils.quote(run_id)}", timeout=60
    ).json()
    assert run["conf"] == {"external_ids": ["A-90"]}
    assert (run["run_type"], run["triggering_user_name"]) == ("manual", "admin")
    log = session.get(f"{server.url}/api/v2/eventLogs", params={"dag_id": "immomio_yuneo"}, timeout=60).json()
    assert "trigger_dag_run" in {entry["event"] for entry in log["event_logs"]}, (
        "Airflow's own audit log has it"
    )
    assert own.errors == []
    frame.locator(".notice.good a").click()
    own.page.wait_for_url("**/dags/immomio_yuneo/runs/**")


def test_viewer_cannot_replay(tab: Any):
    frame = tab("viewer").open("?pair=immomio_yuneo")
    assert frame.locator("#run").get_by_text("You may not start runs of this pair.").is_visible()
    assert frame.get_by_role("checkbox", name="A-90").is_disabled()
    assert frame.locator("#run .replay button").first.is_disabled()


def test_who_may_not_read_a_pair_is_refused_with_that_reason_and_no_more(tab: Any):
    own = tab("clerk")
    frame = own.open("?pair=immomio_sigma")
    assert "you may not read it" in frame.locator(".notice").inner_text()
    assert frame.locator("table").count() == 0
    assert own.open().get_by_role("link", name="immomio_sigma").count() == 0


def test_quarantined_prospect_is_found_in_the_runs(tab: Any):
    frame = tab("viewer").open("?find=A-90")
    assert "the unit number does not have four parts" in frame.locator(".timeline").inner_text()
    frame.locator("select").select_option("immomio_yuneo")
    frame.get_by_role("button", name="Search there").click()
    frame.locator(".timeline").nth(1).wait_for()
