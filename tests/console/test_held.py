"""Offers on hold and open questions: listed, with reason, since when, who else, what to do."""

from __future__ import annotations

from typing import Any

import pytest
import requests


def held(server: Any, user: str = "viewer", **asked: Any) -> dict[str, Any]:
    answer = server.session(user).get(f"{server.url}/prospects/api/held", params=asked, timeout=60)
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


def test_what_needs_a_decision_is_listed_with_its_rival(server: Any):
    found = held(server)

    offers = {offer["external_id"]: offer for offer in found["offers"]}
    assert offers.keys() == {"A-78", "A-80", "A-81"}, "what somebody has decided needs nobody"
    (rival,) = offers["A-78"]["related"]
    assert (rival["relation"], rival["external_id"], rival["pair"]) == ("rival", "A-80", "immomio_yuneo")
    assert offers["A-81"]["acceptance"] == "awaiting"
    assert found["counts"] == {"competing_offer": 2, "question": 1, "rejected_by_approver": 1}
    assert not {"erp", "bundle", "content_hash"} & offers["A-78"].keys()


def test_since_is_when_the_reason_began_not_when_it_was_found_again(server: Any):
    (entry,) = [offer for offer in held(server)["offers"] if offer["external_id"] == "A-80"]

    assert entry["since"] < entry["updated_at"]


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("competing_offer", {"A-78", "A-80"}),
        ("question", {"A-81"}),
        ("rejected_by_approver", {"A-82"}),
        ("expired", set()),
    ],
)
def test_the_list_is_filtered_by_reason(server: Any, reason: str, expected: set[str]):
    assert {offer["external_id"] for offer in held(server, reason=reason)["offers"]} == expected


def test_a_pairs_list_holds_that_pairs_offers(server: Any):
    assert len(held(server, pair="immomio_yuneo")["offers"]) == 3
    assert held(server, pair="immomio_sigma")["offers"] == []


def test_the_page_of_a_held_prospect_names_its_rival(server: Any):
    answer = server.session("viewer").get(
        f"{server.url}/prospects/api/prospects", params={"q": "A-78"}, timeout=60
    )
    (entry,) = answer.json()["entries"]

    assert [other["external_id"] for other in entry["related"]] == ["A-80"]


def test_the_overview_counts_what_needs_a_decision(server: Any):
    answer = server.session("viewer").get(f"{server.url}/prospects/api/pairs", timeout=60).json()

    assert answer["held"] == 3


def test_only_who_may_start_a_pair_may_re_process(server: Any):
    assert held(server, "viewer")["may_start"] == []
    assert held(server, "clerk")["may_start"] == ["immomio_yuneo"]


def test_a_quarantined_id_is_found_in_all_pairs(server: Any):
    answer = server.session("viewer").get(
        f"{server.url}/prospects/api/prospects", params={"q": "A-90"}, timeout=60
    )

    (trace,) = answer.json()["traces"]
    assert trace["pair"] == "immomio_yuneo"
    assert trace["outcomes"] == [{"task": "extract", "kind": "quarantined", "reason": "unit_not_four_parts"}]
    assert answer.json()["may_start"] == []


def test_a_backfill_is_what_the_command_says(server: Any):
    """The body of the request, as Airflow itself reads it: a dry run of it names the days of the gap."""
    pair = server.session("admin").get(f"{server.url}/prospects/api/pairs/immomio_yuneo", timeout=60).json()
    gap = pair["gaps"][0]
    assert all(value in gap["command"] for value in gap["request"].values())

    body = gap["request"] | {"run_backwards": False, "dag_run_conf": {}, "max_active_runs": 1}
    answer = server.session("admin").post(f"{server.url}/api/v2/backfills/dry_run", json=body, timeout=60)

    assert answer.status_code == 200, answer.text
    assert answer.json()["total_entries"] == gap["intervals"]


def test_airflow_refuses_a_backfill_to_a_viewer(server: Any):
    body = {
        "dag_id": "immomio_yuneo",
        "from_date": "2026-11-10T00:00:00+01:00",
        "to_date": "2026-11-10T00:00:00+01:00",
    }
    answer: requests.Response = server.session("viewer").post(
        f"{server.url}/api/v2/backfills", json=body, timeout=60
    )

    assert answer.status_code == 403
