"""The tables fit on an ordinary screen, in both languages, inside the Airflow UI with its navigation."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
sync_api = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed (pip install playwright)"
)
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed (apt-get install chromium)")
TIMEOUT = 60_000
"""Milliseconds until a page has to be there; a busy machine is slow."""


@pytest.fixture(params=["en", "de"])
def page(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A tab of 1,400 px with an administrator logged in."""
    server = request.getfixturevalue("server" if request.param == "en" else "german_server")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(
            viewport={"width": 1400, "height": 1000}, base_url=server.url, locale=request.param
        )
        cookie = {"name": "_token", "value": server.token("admin"), "url": server.url}
        context.add_cookies([cookie | {"httpOnly": True, "sameSite": "Lax"}])
        tab = context.new_page()
        tab.set_default_timeout(TIMEOUT)
        yield tab
        browser.close()


def test_no_table_is_wider_than_its_place(page: Any) -> None:
    """Neither that of all pairs nor those of one."""
    for query, tables in (("", 1), ("?pair=immomio_yuneo", 3)):
        page.goto(f"/plugin/prospects/prospects/{query}")
        frame = page.frame_locator("iframe")
        frame.locator("main[data-ready]").wait_for()

        widths = frame.locator(".scroll").evaluate_all("all => all.map(e => [e.scrollWidth, e.clientWidth])")

        assert len(widths) == tables
        assert [needed for needed, given in widths if needed > given] == [], widths


def test_the_label_in_the_navigation_fits(page: Any) -> None:
    """Airflow cuts off what is wider than its place."""
    page.goto("/")
    label = page.get_by_role("link", name=re.compile("^(Prospects|Vermietung)$")).get_by_text(
        re.compile("^(Prospects|Vermietung)$")
    )

    needed, given = label.first.evaluate("e => [e.scrollWidth, e.clientWidth]")

    assert needed <= given
