"""How an alert travels: mail, services of Apprise, both, one, none."""

from __future__ import annotations

import json

from alert_receiver import PAIR, SECRET, context, counts, free_port, run

from letting_sync.alerts import callbacks
from letting_sync.alerts.settings import AlertSettings, recipients
from letting_sync.settings import AlertLimits


def test_one_way_that_fails_does_not_keep_the_other(received, caplog):
    received.response = 503
    callbacks.failed(context(run(0), "extract"))
    assert len(received.mails) == 1
    assert received.posts == []
    assert "not delivered by apprise 1 (JSON)" in caplog.text


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
    assert "What to do: Open the question (tab Required Actions of the run)." in text.get_content()
    for link in (
        "https://airflow.example.org/dags/immomio_yuneo/runs/scheduled__2026-11-10T12%3A00%3A00%2B00%3A00/required_actions",
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


def test_a_broken_connection_does_not_fail_the_task(received, monkeypatch, caplog):
    monkeypatch.setenv("AIRFLOW_CONN_PROSPECT_ALERTS", json.dumps({"conn_type": "apprise", "extra": {}}))
    callbacks.failed(context(run(0), "extract"))
    assert "'prospect_alerts' cannot be read" in caplog.text
    assert len(received.mails) == 1


def test_a_chat_service_gets_headline_lines_and_link_and_sees_what_is_over(received):
    callbacks.failed(context(run(0), "extract"))
    callbacks.succeeded(context(run(1)))
    (path, opened), (_, closed) = received.posts
    assert path == f"/{SECRET}"
    assert (opened["title"], opened["type"]) == (f"{PAIR}: a run has failed", "warning")
    assert f"Pair: {PAIR}\n" in opened["message"]
    assert "https://airflow.example.org/dags/immomio_yuneo/runs/" in opened["message"]
    assert (closed["title"], closed["type"]) == (f"{PAIR}: resolved (a run has failed)", "success")


def test_each_address_of_the_connection_is_a_channel_and_no_address_is_logged(
    received, monkeypatch, caplog, capsys
):
    """One that is wrong and one that nobody listens at do not keep the third; a second try sends nothing twice."""
    (good,) = (json.loads(_env("AIRFLOW_CONN_PROSPECT_ALERTS"))["extra"]["config"]["path"],)
    dead = f"json://user:verysecretpath@127.0.0.1:{free_port()}/{SECRET}"
    config = [{"path": dead}, {"path": f"slak://{SECRET}"}, {"path": good, "tag": "a"}]
    connection = {"conn_type": "apprise", "extra": {"config": config}}
    monkeypatch.setenv("AIRFLOW_CONN_PROSPECT_ALERTS", json.dumps(connection))
    caplog.set_level("INFO")

    assert callbacks.main([]) == 1

    said = capsys.readouterr().out.splitlines()
    assert said == [
        "email: sent",
        "apprise 1 (JSON): NOT sent, see above",
        "apprise 2: NOT sent, see above",
        "apprise 3 (JSON): sent",
    ]
    assert len(received.posts) == 1
    assert "verysecretpath" not in caplog.text


def test_where_nothing_is_configured_the_docs_and_the_log_say_so(own_ledger, caplog):
    assert recipients().startswith("**nobody**")
    callbacks.failed(context(run(0), "extract"))
    assert "sent to nobody" in caplog.text
    assert callbacks.main([]) == 1


def test_the_docs_name_the_recipients():
    said = recipients(AlertSettings(email_to=("a@example.org",), apprise_conn_id="hook"))
    assert "a@example.org" in said
    assert "`hook`" in said


def test_the_command_sends_a_test_alert(received, capsys):
    assert callbacks.main([]) == 0
    assert received.headlines == ["prospects: test alert"]
    assert capsys.readouterr().out == "email: sent\napprise 1 (JSON): sent\n"
