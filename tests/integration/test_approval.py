"""A person decides: the run stops at one question, answered through Airflow's own REST API."""

from __future__ import annotations

import re
from typing import Any

import pytest
from approver import NO, YES, Person
from fastapi.testclient import TestClient

from include.sandbox import Sandbox
from letting_sync.settings import AcceptancePolicy


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
