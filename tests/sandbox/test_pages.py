"""What a person sees of a simulated partner."""

from __future__ import annotations

import html
import re

import pytest
import requests

from include.sandbox import Sandbox


@pytest.mark.parametrize("system", ["immomio", "everreal"])
def test_a_partners_page_shows_its_applicants(system: str) -> None:
    with Sandbox(seed=7) as box:
        partner = getattr(box, system)
        records = partner.applications if system == "immomio" else partner.candidates

        page = requests.get(partner.url + "/", timeout=30)

        assert page.status_code == 200
        assert all(html.escape(record["id"]) in page.text for record in records)


def test_a_unit_number_can_be_fixed_as_the_demo_says() -> None:
    with Sandbox(seed=7) as box:
        (broken,) = [
            one for one in box.immomio.applications if box.world.notes.get(one["id"]) == "three_part_unit"
        ][:1]
        order = {"action": "change_unit", "application_id": broken["id"], "unit": "1.2.3.4"}

        requests.post(f"{box.immomio.url}/_sandbox/actions", json=order, timeout=30).raise_for_status()

        row = re.search(
            rf"<tr><td>{broken['id']}</td>.*?</tr>", requests.get(box.immomio.url + "/", timeout=30).text
        )
        assert row
        assert "<td>1.2.3.4</td>" in row[0]
