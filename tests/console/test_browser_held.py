"""Held offers, a dry run and a backfill in a real browser, by mouse and by keyboard."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from seed import DRY_RUN
from test_browser import CHROMIUM, chromium, tab  # noqa: F401 - fixtures

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed (apt-get install chromium)")


def runs(server: Any) -> list[dict[str, Any]]:
    answer = server.session("admin").get(
        f"{server.url}/api/v2/dags/immomio_yuneo/dagRuns", params={"order_by": "-id", "limit": 1}, timeout=60
    )
    found: list[dict[str, Any]] = answer.json()["dag_runs"]
    return found


def test_ticked_offers_are_re_processed_with_the_keyboard(tab: Any, server: Any):  # noqa: F811
    own = tab()
    page = own.open("?held=&reason=competing_offer")
    assert page.get_by_text("Decide at the partner").count() == 2
    page.get_by_role("checkbox", name="A-80").focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Re-process 1 selected").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Start the run").focus()
    page.keyboard.press("Enter")
    page.locator(".notice.good a").wait_for()

    assert runs(server)[0]["conf"] == {"external_ids": ["A-80"]}
    assert own.errors == []


def test_an_open_question_leads_to_its_answer(tab: Any):  # noqa: F811
    own = tab()
    page = own.open("?held=immomio_yuneo&reason=question")
    address = page.get_by_role("link", name="Answer").get_attribute("href")

    assert address.startswith("/dags/immomio_yuneo/runs/scheduled__")
    assert address.endswith("/required_actions")


def test_a_dry_run_is_a_table_with_filters_and_a_file(tab: Any):  # noqa: F811
    own = tab("clerk")
    page = own.open(f"?pair=immomio_yuneo&run={DRY_RUN}")
    table = page.get_by_role("region", name="What would happen")
    assert table.get_by_role("row").count() == 4
    page.get_by_role("button", name="would get an offer").click()
    assert table.get_by_role("row").count() == 2
    with page.expect_download() as download:
        page.get_by_role("link", name="Acceptance protocol").click()
    assert download.value.suggested_filename.startswith("acceptance_protocol_immomio_yuneo")
    assert own.errors == []


def test_a_backfill_is_started_beside_its_command(tab: Any, server: Any):  # noqa: F811
    own = tab()
    page = own.open("?pair=everreal_yuneo")
    page.get_by_role("button", name="Start this backfill").first.click()
    page.get_by_role("button", name="Start the backfill").click()
    page.locator(".notice.good", has_text="Started").wait_for()

    answer: requests.Response = server.session("admin").get(
        f"{server.url}/api/v2/backfills", params={"dag_id": "everreal_yuneo"}, timeout=60
    )
    assert answer.json()["total_entries"] == 1
    assert own.errors == []


def test_a_viewer_can_neither_re_process_nor_backfill(tab: Any):  # noqa: F811
    page = tab("viewer").open("?pair=immomio_yuneo")
    assert page.get_by_role("button", name="Start this backfill").first.is_disabled()
    page = tab("viewer").open("?held=")
    assert page.get_by_role("checkbox", name="A-80").is_disabled()


def test_runs_tell_apart_by_second_id_and_what_was_asked(tab: Any):  # noqa: F811
    page = tab("viewer").open("?pair=immomio_yuneo")
    row = page.get_by_role("row", name="manual__replay")
    assert "only A-77" in row.inner_text()
    assert row.get_by_role("link").last.inner_text().count(":") == 2
