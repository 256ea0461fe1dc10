"""How an alert travels: mail, web-hook, both, one, none."""

from __future__ import annotations

import json

import pytest
from alert_receiver import PAIR, context, counts, free_port, run

from letting_sync.alerts import callbacks
from letting_sync.alerts.channels import format_of
from letting_sync.alerts.settings import AlertSettings, InvalidAlertSettings, alert_settings, recipients
from letting_sync.settings import AlertLimits


def test_one_way_that_fails_does_not_keep_the_other(received, caplog):
    received.response = 503
    callbacks.failed(context(run(0), "extract"))
    assert len(received.mails) == 1
    assert received.posts == []
    assert "not delivered by webhook" in caplog.text


def test_an_alert_that_reached_nobody_is_reported_by_the_next_run(received, monkeypatch):
    mail = json.loads(_env("AIRFLOW_CONN_SMTP_DEFAULT"))
    received.response = 503
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", json.dumps(mail | {"port": free_port()}))
    callbacks.failed(context(run(0), "extract"))
    assert received.mails == []

    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", json.dumps(mail))
    callbacks.failed(context(run(1), "extract"))
    assert len(received.mails) == 1


def test_a_mail_has_a_text_and_an_html_part_with_the_same_links(received):
    callbacks.ApprovalAsked()(context(run(0)))
    (mail,) = received.mails
    text, html = mail.iter_parts()

    assert mail.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in (text, html)] == ["text/plain", "text/html"]
    assert "What to do: Open the run, tab Required Actions." in text.get_content()
    for link in (
        "https://airflow.example.org/dags/immomio_yuneo/runs/scheduled",
        "https://airflow.example.org/plugin/prospects/prospects/?held=immomio_yuneo",
    ):
        assert link in text.get_content()
        assert f'href="{link}' in html.get_content()


def test_much_quarantine_is_linked_to_its_records(received):
    callbacks.reconciled(context(run(0)), counts(40, 40), AlertLimits())
    text = received.mails[0].get_body(("plain",)).get_content()

    assert "Open the records in quarantine: https://airflow.example.org/plugin/prospects/" in text
    assert "?pair=immomio_yuneo&run=scheduled" in text


def _env(name: str) -> str:
    import os

    return os.environ[name]


def test_without_the_ledger_a_failure_is_reported_all_the_same(received, monkeypatch):
    """The ledger's database may be the very thing that is down."""
    hook = {"conn_type": "mssql", "extra": {"hash_key": "k"}}
    monkeypatch.setenv("AIRFLOW_CONN_PROSPECT_LEDGER", json.dumps(hook))
    callbacks.failed(context(run(0), "extract"))
    assert received.headlines == [f"{PAIR}: a run has failed"]


def test_a_broken_setting_does_not_fail_the_task(received, monkeypatch, caplog):
    monkeypatch.setenv("AIRFLOW__PROSPECTS__ALERT_WEBHOOK_FORMAT", "fax")
    callbacks.failed(context(run(0), "extract"))
    assert "alert_webhook_format" in caplog.text
    with pytest.raises(InvalidAlertSettings):
        alert_settings()


def test_teams_gets_a_card_and_slack_a_text(received, monkeypatch):
    callbacks.failed(context(run(0), "extract"))
    monkeypatch.setenv("AIRFLOW__PROSPECTS__ALERT_WEBHOOK_FORMAT", "teams")
    callbacks.succeeded(context(run(1)))
    (_, slack), (_, teams) = received.posts
    assert set(slack) == {"text"}
    assert slack["text"].startswith(f"*{PAIR}: a run has failed*\n")
    assert "|Open the run in Airflow>" in slack["text"]
    card = teams["attachments"][0]
    assert (teams["type"], card["contentType"]) == ("message", "application/vnd.microsoft.card.adaptive")
    assert card["content"]["actions"][0]["url"].startswith(
        "https://airflow.example.org/dags/immomio_yuneo/runs/"
    )


@pytest.mark.parametrize(
    ("host", "message_format"),
    [
        ("https://hooks.slack.com", "slack"),
        ("https://prod-1.westeurope.logic.azure.com:443", "teams"),
        ("contoso.webhook.office.com", "teams"),
        ("https://x.environment.api.powerplatform.com", "teams"),
        ("https://logic.azure.com.evil.example", "slack"),
        ("mattermost.example.org", "slack"),
    ],
)
def test_the_host_decides_the_format(host, message_format):
    assert format_of(host) == message_format


def test_where_nothing_is_configured_the_docs_and_the_log_say_so(own_ledger, caplog):
    assert recipients().startswith("**nobody**")
    callbacks.failed(context(run(0), "extract"))
    assert "sent to nobody" in caplog.text
    assert callbacks.main([]) == 1


def test_the_docs_name_the_recipients():
    said = recipients(AlertSettings(email_to=("a@example.org",), webhook_conn_id="hook"))
    assert "a@example.org" in said
    assert "`hook`" in said


def test_the_command_sends_a_test_alert(received, capsys):
    assert callbacks.main([]) == 0
    assert received.headlines == ["prospects: test alert"]
    assert capsys.readouterr().out == "email: sent\nwebhook: sent\n"
