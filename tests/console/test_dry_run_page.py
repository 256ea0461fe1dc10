"""A dry run on the page, without names, and its protocol, with them: only for who may start runs."""

from __future__ import annotations

from typing import Any

from seed import DRY_RUN, NASTY, last_run

PAIR = "/prospects/api/pairs/immomio_yuneo"


def fetch(server: Any, user: str, path: str, run_id: str = DRY_RUN, language: str = "") -> Any:
    asked = {"run_id": run_id, "language": language}
    return server.session(user).get(f"{server.url}{PAIR}/{path}", params=asked, timeout=60)


def test_what_would_happen_is_shown_without_a_name(server: Any):
    answer = fetch(server, "viewer", "run")

    rows = {row["external_id"]: row for row in answer.json()["dry_run"]["rows"]}
    assert (rows["D-1"]["kind"], rows["D-1"]["verdict"]) == ("created", "accept")
    assert (rows["D-2"]["load_reason"], rows["D-2"]["reason"]) == ("found_in_erp", "competing_offer")
    assert "Geheim" not in answer.text


def test_a_run_that_was_not_dry_has_no_such_table(server: Any):
    assert fetch(server, "viewer", "run", last_run()).json()["dry_run"] is None


def test_the_protocol_shows_each_field_in_german(server: Any):
    answer = fetch(server, "clerk", "protocol", language="de-DE")

    assert answer.headers["Content-Disposition"].startswith(
        'attachment; filename="Abnahmeprotokoll_immomio_yuneo'
    )
    for line in (
        "<td>Nachname</td><td> Geheim</td><td>Geheim</td>",
        "bereinigt gesendet",
        "nimmt das ERP nicht an",
        "<td>E-Mail</td><td></td><td></td>",
        "würde angenommen",
        "ein anderer ausgewählter Interessent beansprucht die Einheit",
    ):
        assert line in answer.text, line
    assert NASTY not in answer.text, "what a partner wrote never turns into markup"
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_protocol_is_in_the_language_of_the_deployment_if_none_is_asked_for(server: Any):
    answer = fetch(server, "clerk", "protocol")

    assert answer.headers["Content-Disposition"].startswith(
        'attachment; filename="acceptance_protocol_immomio_yuneo'
    )
    assert "<td>Last name</td><td> Geheim</td><td>Geheim</td>" in answer.text
    assert "another chosen prospect competes for the unit" in answer.text


def test_only_who_may_start_runs_gets_the_protocol_and_the_audit_log_says_so(server: Any):
    assert fetch(server, "viewer", "protocol").status_code == 404
    assert fetch(server, "half", "protocol").status_code == 404
    assert fetch(server, "clerk", "protocol").status_code == 200
    log = (
        server.session("admin")
        .get(f"{server.url}/api/v2/eventLogs", params={"event": "download_dry_run_protocol"}, timeout=60)
        .json()
    )
    assert {entry["owner"] for entry in log["event_logs"]} >= {"clerk"}


def test_a_run_that_was_not_dry_has_no_protocol(server: Any):
    assert fetch(server, "clerk", "protocol", last_run()).status_code == 404
