"""Wrong settings of the deployment are refused while a DAG file is parsed."""

from __future__ import annotations

import pytest
from airflow.dag_processing.dagbag import DagBag

from letting_sync.deployment import check_deployment
from letting_sync.errors import InvalidSettings, StopRun
from tests.harness.compose_file import ROOT

RIGHT = {
    "STAGING": "file:///var/lib/staging",
    "LEDGER": "/var/lib/ledger.db",
    "LANGUAGE": "de_DE",
    "ALERT_EMAIL_TO": "a@example.org, b@example.org",
    "KEEP_STAGED_DAYS": "7",
}


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        *RIGHT.items(),
        ("STAGING", "/var/lib/staging"),
        ("STAGING", "s3://aws_default@prospects/staging"),
        ("LANGUAGE", "EN"),
        ("LANGUAGE", ""),
    ],
)
def test_right_settings_are_taken(monkeypatch: pytest.MonkeyPatch, setting: str, value: str) -> None:
    monkeypatch.setenv(f"AIRFLOW__PROSPECTS__{setting}", value)
    check_deployment()


@pytest.mark.parametrize(
    ("setting", "value", "rule"),
    [
        ("STAGING", "staging", "an absolute path"),
        ("STAGING", "file://staging", "an absolute path"),
        ("STAGING", "quux://bucket/staging", "an address whose protocol is known"),
        ("LEDGER", "ledger.db", "an absolute path"),
        ("LANGUAGE", "fr", "en or de"),
        ("LANGUAGE", "denglish", "en or de"),
        ("ALERT_EMAIL_TO", "a@example.org; team", "e-mail addresses, separated by commas"),
        ("ALERT_EMAIL_TO", "a@example.org, team", "e-mail addresses, separated by commas"),
        ("KEEP_OPEN_DAYS", "many", "a whole number of days"),
        ("KEEP_OPEN_DAYS", "-1", "a whole number of days"),
        ("KEEP_QUARANTINE_DAYS", "2", "not be less than keep_staged_days"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_value_and_the_rule(
    monkeypatch: pytest.MonkeyPatch, setting: str, value: str, rule: str
) -> None:
    monkeypatch.setenv(f"AIRFLOW__PROSPECTS__{setting}", value)

    with pytest.raises((InvalidSettings, StopRun)) as refused:
        check_deployment()
    assert not [part for part in (setting.lower(), value, rule) if part not in str(refused.value)]


def test_a_misspelt_setting_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__PROSPECTS__STAGGING", "/var/lib/staging")

    with pytest.raises(
        (InvalidSettings, StopRun), match="stagging: there is no such setting; known are staging, ledger"
    ):
        check_deployment()


def test_a_misspelt_setting_in_the_configuration_file_is_refused() -> None:
    from airflow.sdk.configuration import conf

    conf.read_dict({"prospects": {"keep_staged": "7"}})
    try:
        with pytest.raises((InvalidSettings, StopRun), match="keep_staged: there is no such setting"):
            check_deployment()
    finally:
        conf.remove_section("prospects")


def test_all_wrong_settings_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__PROSPECTS__LANGUAGE", "fr")
    monkeypatch.setenv("AIRFLOW__PROSPECTS__LEDGER", "ledger.db")

    with pytest.raises((InvalidSettings, StopRun), match=r"language = 'fr'.*ledger = 'ledger.db'"):
        check_deployment()


@pytest.mark.parametrize("file", ["immomio_yuneo.py", "prospect_retention.py"])
def test_airflow_shows_it_as_an_import_error(monkeypatch: pytest.MonkeyPatch, file: str) -> None:
    monkeypatch.setenv("AIRFLOW__PROSPECTS__LANGUAGE", "fr")
    bag = DagBag(ROOT / "dags" / file)

    (error,) = bag.import_errors.values()
    assert "[prospects] of the Airflow configuration: language = 'fr': must be en or de" in error
    assert not bag.dags
