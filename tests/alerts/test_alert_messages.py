"""What a message says, and what it never says."""

from __future__ import annotations

import pytest
from alert_receiver import NOON, PAIR, PERSONAL, context, counts, run, waiting_offer
from hypothesis import given
from hypothesis import strategies as st

from letting_sync.alerts import callbacks
from letting_sync.alerts.messages import RunFacts, closed_message, opened_message
from letting_sync.errors import StopRun
from letting_sync.ledger.ledger import Ledger
from letting_sync.settings import AlertLimits
from letting_sync.systems.immomio.hook import ImmomioHook


def test_nothing_personal_and_no_secret_is_in_any_alert_or_log(received, caplog):
    """Exceptions of others may quote a record; ours may quote an address by mistake; params hold external ids."""
    dag_run = run() | {"conf": {"external_ids": ["K-4711"]}}
    waiting_offer("K-4711", run_id=dag_run["dag_run_id"], awaiting=True)
    callbacks.ApprovalAsked()(context(dag_run, external_ids=["K-4711"]))
    callbacks.failed(context(run(0, dag_id="a"), "extract", ValueError("Anna Müller, 1980-01-01")))
    callbacks.failed(context(run(0, dag_id="b"), "extract", StopRun("refused for anna@example.org")))
    Ledger().mark_held([e.id for e in Ledger().find(PAIR, ["K-4711"]).values()], "expired", "r")
    callbacks.reconciled(context(dag_run), counts(40, 40), AlertLimits())
    received.response = 503
    callbacks.failed(context(run(0, dag_id="c"), "extract"))

    assert len(received.mails) == 6
    assert not PERSONAL.search(received.text), PERSONAL.search(received.text)
    assert "refused for …" in received.text
    assert not PERSONAL.search(caplog.text)


def test_a_message_says_pair_window_what_meaning_next_step_and_link(received):
    callbacks.failed(context(run(0), "auto_accept"))
    for label in ("Pair", "Window", "What happened", "What it means", "What to do", "Run"):
        assert f"{label}: " in received.posts[0][1]["message"]
    assert "2026-11-10 12:00 +0100 to 2026-11-10 13:00 +0100" in received.text


def test_german(received, monkeypatch):
    monkeypatch.setenv("AIRFLOW__PROSPECTS__LANGUAGE", "de")
    callbacks.failed(context(run(0), "extract"))
    assert received.headlines == [f"{PAIR}: ein Lauf ist fehlgeschlagen"]
    assert "Es wurde nichts geladen" in received.text


def test_a_german_alert_says_in_german_what_failed(received, monkeypatch):
    monkeypatch.setenv("AIRFLOW__PROSPECTS__LANGUAGE", "de")
    with pytest.raises(StopRun) as missing:
        ImmomioHook("nowhere").connection  # noqa: B018
    callbacks.failed(context(run(0, dag_id="a"), "extract", missing.value))
    callbacks.failed(context(run(0, dag_id="b"), "extract", StopRun("Something rare.")))

    assert "Task extract: Die Verbindung 'nowhere' gibt es nicht." in received.text
    assert "Task extract: Technische Meldung: Something rare." in received.text


def test_a_message_that_is_too_long_says_that_there_is_more():
    exception = StopRun("word " * 100)
    message = opened_message("failed", RunFacts(PAIR, "r", NOON), "en", task="extract", exception=exception)
    (what,) = (value for label, value in message.lines if label == "What happened")
    assert what.endswith("word …")
    assert len(what) < 450


def test_german_reasons_in_words(received, monkeypatch):
    monkeypatch.setenv("AIRFLOW__PROSPECTS__LANGUAGE", "de")
    found = {"unit_missing": 4, "code_of_tomorrow": 5}
    callbacks.reconciled(context(run(0)), counts(40, 9) | {"quarantine_reasons": found}, AlertLimits())
    assert "5 × code_of_tomorrow; 4 × nennt keine Verwaltungseinheit (unit_missing)" in received.text


@given(st.text(max_size=40))
def test_no_text_breaks_out_of_a_mail(text):
    run_ = RunFacts(PAIR, text or "r", NOON)
    message = opened_message("failed", run_, "en", task=text, exception=StopRun(text))
    assert "<script" not in message.html()
    assert closed_message("failed", run_, "en", (text,)).plain()


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/plugin/prospects/prospects/?held=p%2Fx"),
        (
            "https://example.org/airflow/",
            "https://example.org/airflow/plugin/prospects/airflow/prospects/?held=p%2Fx",
        ),
    ],
)
def test_held_offers_are_linked_as_a_list_also_under_a_sub_path(
    monkeypatch: pytest.MonkeyPatch, base: str, expected: str
):
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", base)
    message = opened_message("waiting", RunFacts("p/x", "r", NOON), "en", total=1, new=1)
    assert ("Open the list of offers on hold and open questions", expected) in message.links
