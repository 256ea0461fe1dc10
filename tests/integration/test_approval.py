"""A person decides: the run stops at one question, answered through Airflow's own REST API."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from approver import Nobody, Person
from fastapi.testclient import TestClient

from include.sandbox import Sandbox
from letting_sync.ledger.ledger import Ledger
from letting_sync.ledger.reports import LedgerReports
from letting_sync.settings import AcceptancePolicy
from tests.harness.approval import NO, YES

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize("pair", ["immomio_yuneo", "everreal_sigma"])
def test_only_what_was_selected_becomes_a_lease(
    box: Sandbox, run_pair: Any, airflow: TestClient, pair: str
) -> None:
    erp = getattr(box, pair.split("_")[1])
    leases = len(erp.leases)
    person = Person(airflow, lambda: len(erp.leases), YES, number=2)
    person.start()

    counts = run_pair(pair, accept="approval")

    people = {
        partner.person.last_name for partner in erp.business_partners if len(partner.person.last_name) > 3
    }
    assert person.seen == leases, "nothing is accepted before somebody has answered"
    assert not {name for name in people if name in person.question["body"]}
    assert sorted(str(lease.offer_number) for lease in erp.leases[leases:]) == sorted(person.selected)
    assert counts["leases_created"] == 2


@pytest.fixture
def german(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the DAG file is read."""
    monkeypatch.setenv("AIRFLOW__PROSPECTS__LANGUAGE", "de")


@pytest.mark.parametrize("later", ["de", "en"])
@pytest.mark.usefixtures("german")
def test_the_question_is_put_in_german_and_its_response_counts_whatever_is_set_since(
    box: Sandbox, run_pair: Any, airflow: TestClient, monkeypatch: pytest.MonkeyPatch, later: str
) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "http://airflow.example")

    def set_language() -> None:
        monkeypatch.setenv("AIRFLOW__PROSPECTS__LANGUAGE", later)

    leases = len(box.sigma.leases)
    person = Person(airflow, set_language, "Ausgewählte Angebote annehmen", number=2)
    person.start()

    counts = run_pair("immomio_sigma", accept="approval")

    asked = person.question
    assert asked["subject"] == "Diese Angebote annehmen und Mietverträge erstellen?"
    assert asked["options"] == ["Ausgewählte Angebote annehmen", "Keines annehmen"]
    assert asked["defaults"] is None, "no answer is highlighted"
    assert asked["body"].startswith("| Angebot | Einheit | Vertragsbeginn |")
    assert re.search(
        r"Ohne Antwort bis \d\d\.\d\d\.\d{4} \d\d:\d\d Uhr bleiben sie zurückgestellt\.$", asked["body"]
    )
    row = asked["body"].splitlines()[2]
    assert re.search(r"^\| \[(\d+)\]\(http://[^)]+/plugin/prospects/prospects/\?find=\1\) \|", row), row
    assert re.search(r"\| \d+\.\d+\.\d+\.\d+ \| (\d\d\.\d\d\.\d{4}|wie im ERP) \|$", row), (
        "as Sigma writes it"
    )
    assert asked["params"]["offers"]["schema"]["title"] == "Anzunehmende Angebote"
    assert sorted(str(lease.offer_number) for lease in box.sigma.leases[leases:]) == sorted(person.selected)
    assert counts["leases_created"] == 2


def test_who_says_no_is_not_asked_again(box: Sandbox, run_pair: Any, airflow: TestClient) -> None:
    leases = len(box.yuneo.leases)
    person = Person(airflow, lambda: None, NO)
    person.start()

    first = run_pair("immomio_yuneo", accept="approval")
    again = run_pair("immomio_yuneo", accept="approval")

    assert len(box.yuneo.leases) == leases
    assert first["held"] > 2
    assert again["leases_created"] == 0


def test_a_mass_acceptance_is_asked_about_even_in_auto_mode(
    box: Sandbox, run_pair: Any, airflow: TestClient
) -> None:
    """Above ``max_accepts_per_run`` nothing is accepted without a person."""
    run_pair.bag.dags["immomio_yuneo"].get_task("auto_accept").partial_kwargs["policy"] = AcceptancePolicy(
        max_accepts_per_run=3
    )
    leases = len(box.yuneo.leases)
    person = Person(airflow, lambda: len(box.yuneo.leases), NO)
    person.start()

    run_pair("immomio_yuneo")

    assert person.seen == leases
    assert len(box.yuneo.leases) == leases


def test_named_approvers_are_assigned_to_the_question(
    box: Sandbox, run_pair: Any, airflow: TestClient
) -> None:
    """Airflow itself then refuses everybody else's answer, an administrator's too."""
    policy = AcceptancePolicy(accept="approval", approvers=("berta",))
    run_pair.bag.dags["immomio_yuneo"].get_task("auto_accept").partial_kwargs["policy"] = policy
    person = Person(airflow, lambda: None, NO)
    person.start()

    run_pair("immomio_yuneo", accept="approval")

    assert person.question["assigned_users"] == [{"id": "berta", "name": "berta"}]


def saturday_night() -> datetime:
    """Three in the morning of the Saturday after next."""
    today = datetime.now(BERLIN).replace(hour=3, minute=0, second=0, microsecond=0)
    return today + timedelta(days=7 + (5 - today.weekday()) % 7)


def end_of_the_parked_question() -> datetime:
    """When Airflow itself would end the question, by its own database."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session

    with create_session() as session:
        query = session.query(TaskInstance.trigger_timeout).filter(TaskInstance.state == "awaiting_input")
        (end,) = query.one()
        return end.astimezone(BERLIN)


@pytest.mark.parametrize(
    ("ends", "later"),
    [("working_hours", timedelta(days=2, hours=7)), ("any_time", timedelta(0))],
    ids=["working_hours", "any_time"],
)
def test_airflow_ends_no_question_on_a_weekend_unless_it_is_set_so(
    box: Sandbox, run_pair: Any, airflow: TestClient, ends: Any, later: timedelta
) -> None:
    """Its time is over on a Saturday at three: it stays open until Monday at ten, and says so."""
    night = saturday_night()
    policy = AcceptancePolicy(
        accept="approval",
        approval_timeout=night.astimezone(UTC) - datetime.now(UTC),
        approval_ends=ends,
        max_accepts_per_run=50,
    )
    run_pair.bag.dags["immomio_yuneo"].get_task("auto_accept").partial_kwargs["policy"] = policy
    person = Person(airflow, end_of_the_parked_question, NO)
    person.start()

    run_pair("immomio_yuneo")

    # Seconds pass between the setting and the question.
    slack = timedelta(0) if later else timedelta(minutes=10)
    assert night + later <= person.seen <= night + later + slack + timedelta(seconds=1)
    assert f"{person.seen:%Y-%m-%d %H:%M}" in person.question["body"]


def test_a_question_whose_time_is_over_leaves_the_offers_on_hold(
    box: Sandbox, run_pair: Any, airflow: TestClient
) -> None:
    """By the sweep of Airflow's scheduler, which resumes the task with nobody's answer."""
    policy = AcceptancePolicy(
        accept="approval", approval_timeout=timedelta(minutes=1), approval_ends="any_time"
    )
    run_pair.bag.dags["immomio_yuneo"].get_task("auto_accept").partial_kwargs["policy"] = policy
    leases = len(box.yuneo.leases)
    Nobody(airflow, after=timedelta(minutes=2)).start()

    counts = run_pair("immomio_yuneo")

    assert (len(box.yuneo.leases), counts["leases_created"]) == (leases, 0)
    held = LedgerReports(Ledger().engine).find_waiting("immomio_yuneo")
    assert Counter(held.values())["approval_timed_out"] > 2
