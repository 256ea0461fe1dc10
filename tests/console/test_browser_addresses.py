"""Addresses and log-ins in a real browser: under a sub path, and when a session has ended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from test_browser import CHROMIUM, TIMEOUT, sync_api

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed (apt-get install chromium)")


@pytest.fixture
def page() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        found = browser.new_context().new_page()
        found.set_default_timeout(TIMEOUT)
        yield found
        browser.close()


def log_in(page: Any, server: Any, user: str = "admin") -> None:
    origin = "/".join(server.url.split("/")[:3])
    page.context.add_cookies([{"name": "_token", "value": server.token(user), "url": origin}])


def frame_of(page: Any) -> Any:
    frame = page.frame_locator("iframe[title=Prospects]")
    frame.locator("main[data-ready]").wait_for()
    return frame


def test_a_copied_link_works_under_a_sub_path(sub_path_server: Any, page: Any):
    log_in(page, sub_path_server)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{sub_path_server.url}/prospects/?find=A-78")
    page.locator("main[data-ready]").wait_for()
    page.get_by_role("button", name="Copy link").click()
    page.get_by_role("button", name="Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")

    assert copied.startswith(f"{sub_path_server.url}/plugin/prospects/")
    page.goto(copied)
    assert frame_of(page).locator("h3", has_text="A-78").count() == 1
    frame_of(page).get_by_role("link", name="A-80").click()
    frame_of(page).locator("h3", has_text="A-80").wait_for()
    page.reload()
    assert frame_of(page).locator("h3", has_text="A-80").count() == 1, (
        "Airflow's address bar can be shared, too"
    )


@pytest.mark.parametrize("alone", [False, True])
def test_an_ended_session_leads_to_the_log_in_and_back(server: Any, page: Any, alone: bool):
    address = (
        f"{server.url}/prospects/?find=A-77"
        if alone
        else f"{server.url}/plugin/prospects/prospects/?find=A-77"
    )
    page.context.clear_cookies()
    page.goto(address)
    page.wait_for_url("**/auth/**login**")

    page.get_by_label("Username").fill("viewer")
    page.get_by_label("Password").fill("viewer")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**find=A-77**")


def test_a_session_that_ends_while_the_page_is_open_leads_to_the_log_in(server: Any, page: Any):
    log_in(page, server)
    page.goto(f"{server.url}/plugin/prospects/prospects/")
    frame = frame_of(page)
    page.context.clear_cookies()
    frame.get_by_role("link", name="immomio_yuneo", exact=True).click()
    page.wait_for_url("**/auth/**login**")
