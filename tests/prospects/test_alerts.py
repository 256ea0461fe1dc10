"""Alerts, sent to a real SMTP server and a real HTTP receiver."""

from __future__ import annotations

import asyncio
import email
import email.policy
import json
import re
import threading
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pendulum
import pytest
from aiosmtpd.controller import Controller
from airflow.sdk import DAG, BaseOperator
from hypothesis import given
from hypothesis import strategies as st

from include.prospects import alerts
from include.prospects.alert_channels import format_of
from include.prospects.alert_messages import RunFacts, closed_message, facts_of, opened_message
from include.prospects.alert_settings import (
    AlertSettings,
    InvalidAlertSettings,
    Limits,
    alert_settings,
    who_is_told,
)
from include.prospects.alert_state import Incident, Incidents, opened, still_there, went_well
from include.prospects.alert_texts import FAILED_TASK, LABELS, TEXTS, WHAT
from include.prospects.errors import StopRun, WaitAndRepeat
from include.prospects.ledger import Ledger
from include.prospects.ledger_records import Intent, Run

PAIR = "immomio_yuneo"
NOON = datetime(2026, 11, 10, 12, tzinfo=UTC)
SECRET = "services/T0/B0/verysecretpath"
PERSONAL = re.compile(r"Anna|Müller|anna@|1980|K-4711", re.IGNORECASE)


class Received:
    """What has arrived at both ends."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.posts: list[tuple[str, dict]] = []
        self.answer = 200

    async def handle_DATA(self, server, session, envelope):
        self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return "250 OK"

    @property
    def headlines(self) -> list[str]:
        return [mail["subject"] for mail in self.mails]

    @property
    def text(self) -> str:
        """Everything, for a search."""
        bodies = [
            part.get_content() for mail in self.mails for part in mail.walk() if not part.is_multipart()
        ]
        return "\n".join([*self.headlines, *bodies, *(json.dumps(p, ensure_ascii=False) for p in self.posts)])


@pytest.fixture
def received(own_ledger, monkeypatch):
    """An SMTP server and an HTTP receiver, and the deployment set up to use them."""
    inbox = Received()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if inbox.answer == 200:
                inbox.posts.append((self.path, json.loads(body)))
            self.send_response(inbox.answer)
            self.end_headers()

        def log_message(self, *_):
            pass

    web = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    smtp = Controller(inbox, hostname="127.0.0.1", port=_free_port())
    smtp.start()
    extra = {"from_email": "airflow@example.org", "disable_tls": True, "disable_ssl": True, "retry_limit": 0}
    mail = {"conn_type": "smtp", "host": "127.0.0.1", "port": smtp.port, "extra": extra}
    hook = {"conn_type": "http", "host": f"http://127.0.0.1:{web.server_port}", "password": SECRET}
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", json.dumps(mail))
    monkeypatch.setenv("AIRFLOW_CONN_PROSPECT_ALERTS", json.dumps(hook))
    monkeypatch.setenv("AIRFLOW__PROSPECTS__ALERT_EMAIL_TO", "oncall@example.org, lead@example.org")
    monkeypatch.setenv("AIRFLOW__PROSPECTS__ALERT_WEBHOOK_CONN_ID", "prospect_alerts")
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example.org")
    yield inbox
    smtp.stop()
    web.shutdown()
    web.server_close()


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run(hours: int = 0, *, dag_id: str = PAIR, run_type: str = "scheduled", state: str = "running") -> dict:
    """A run whose window of an hour ends so many hours after noon, as deadlines are told of it."""
    end = NOON + timedelta(hours=hours)
    return {
        "dag_id": dag_id,
        "dag_run_id": f"{run_type}__{end.isoformat()}",
        "data_interval_start": (end - timedelta(hours=1)).isoformat(),
        "data_interval_end": end.isoformat(),
        "run_after": end.isoformat(),
        "run_type": run_type,
        "state": state,
        "conf": {},
    }


def context(dag_run: dict, task: str | None = None, exception: BaseException | None = None, **params) -> dict:
    ti = type("Ti", (), {"task_id": task})() if task else None
    return {"dag_run": dag_run, "ti": ti, "exception": exception, "params": params}


# --- failed -----------------------------------------------------------------------------------------------


class Failing(BaseOperator):
    """Fails as told, as a task of ours would."""

    def __init__(self, *, error: Exception | None, **kwargs) -> None:
        super().__init__(**kwargs)
        self.error = error

    def execute(self, context):
        if self.error:
            raise self.error


def pair_dag(error: Exception | None, dag_id: str = PAIR) -> DAG:
    callbacks = alerts.dag_callbacks(timedelta(hours=1))
    tries = {
        "retries": 2,
        "retry_delay": timedelta(0),
        "on_failure_callback": callbacks["on_failure_callback"],
    }
    start = pendulum.datetime(2026, 1, 1)
    with alerts.WatchedDAG(dag_id, start_date=start, default_args=tries, **callbacks) as dag:
        (
            Failing(task_id="load_offers", error=error)
            >> Failing(task_id="reconcile", error=None, on_success_callback=alerts.succeeded)
        )
    return dag


def test_a_failed_run_is_told_once_on_both_ways_and_its_recovery_too(airflow_db, received):
    """Three tries, a callback of the task and one of the run: one alert. The next good run: one note."""
    pair_dag(WaitAndRepeat("Yuneo answered 503 again and again.")).test(
        logical_date=pendulum.datetime(2026, 11, 9)
    )
    assert received.headlines == [f"{PAIR}: a run has failed"]

    pair_dag(WaitAndRepeat("Yuneo answered 503.")).test(logical_date=pendulum.datetime(2026, 11, 10))
    assert len(received.mails) == 1, "the outage is told already"

    with Incidents().engine.begin() as connection:
        assert (
            connection.exec_driver_sql("select count(*) from prospect_alert where kind = 'failed'").scalar()
            == 1
        )
    (mail,) = received.mails
    body = mail.get_body(("html",)).get_content() if mail.get_body(("html",)) else received.text
    for part in (
        PAIR,
        "load_offers",
        "Yuneo answered 503",
        "clear the task",
        "https://airflow.example.org/dags/",
    ):
        assert part in body
    assert mail["to"] == "oncall@example.org, lead@example.org"
    assert received.posts[0][0] == f"/{SECRET}"


def test_a_failed_run_that_is_cleared_and_succeeds_is_well_again(airflow_db, received):
    the_run = {"logical_date": pendulum.datetime(2026, 11, 9), "run_after": pendulum.datetime(2026, 11, 10)}
    pair_dag(StopRun("Wrong password.")).test(**the_run)
    pair_dag(None).test(**the_run)

    assert received.headlines == [f"{PAIR}: a run has failed", f"{PAIR}: well again (a run has failed)"]
    assert len(received.posts) == 2


def test_a_killed_task_is_told_by_the_run(received):
    """The task could call nobody; the scheduler failed the run, and the run's callback knows no exception."""
    alerts.failed({"dag": type("D", (), {"dag_id": PAIR})(), "run_id": "scheduled__1", "reason": "timed_out"})
    assert received.headlines == [f"{PAIR}: a run has failed"]
    assert "the run as a whole" in received.text


def test_the_schedule_is_well_again_with_a_later_scheduled_run_and_names_what_is_left(received):
    for hours in (0, 1):
        alerts.failed(context(run(hours), "extract"))
    alerts.succeeded(context(run(-5, run_type="backfill")))
    assert len(received.mails) == 1, "a backfill says nothing of the schedule"

    alerts.succeeded(context(run(2)))
    assert received.headlines[1:] == [f"{PAIR}: well again (a run has failed)"]
    assert all(run(hours)["dag_run_id"] in received.text for hours in (0, 1))

    alerts.failed(context(run(3), "extract"))
    assert len(received.mails) == 3, "a new incident"


def test_of_thirty_backfilled_days_every_second_fails_and_that_is_one_incident(received):
    for day in range(30):
        callback = alerts.failed if day % 2 else alerts.succeeded
        callback(context(run(24 * day - 1000, run_type="backfill"), "extract"))
    assert received.headlines == [f"{PAIR}: a run has failed"]


def test_parallel_runs_that_fail_at_the_same_moment_are_one_incident(received):
    Ledger()
    threads = [threading.Thread(target=alerts.failed, args=(context(run(h), "extract"),)) for h in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(received.mails) == len(received.posts) == 1


def test_pairs_do_not_hide_each_other(received):
    for dag_id in (PAIR, "everreal_sigma"):
        alerts.failed(context(run(dag_id=dag_id), "extract"))
    assert len(received.mails) == 2


# --- late -------------------------------------------------------------------------------------------------


def test_a_run_that_hangs_is_told_by_airflows_own_deadline(airflow_db, received):
    """The real way: serialized DAG, a run in Airflow's database, the scheduler's miss, the triggerer's trigger."""
    assert _miss_deadline("deadline_pair", "running") == ["success"]
    assert received.headlines == ["deadline_pair: a run is late"]
    assert len(received.posts) == 1
    assert _miss_deadline("deadline_failed", "failed") == ["success"]
    assert len(received.mails) == 1, "that it failed was told when it failed"


def _miss_deadline(dag_id: str, state: str) -> list[str]:
    from airflow.models import DagRun
    from airflow.models.deadline import Deadline
    from airflow.triggers.callback import CallbackTrigger
    from airflow.utils.session import create_session
    from airflow.utils.state import DagRunState
    from airflow.utils.types import DagRunTriggeredByType, DagRunType
    from sqlalchemy import select

    with DAG(
        dag_id, start_date=pendulum.datetime(2026, 1, 1), **alerts.dag_callbacks(timedelta(seconds=1))
    ) as dag:
        Failing(task_id="extract", error=None)
    with create_session() as session:
        scheduler_dag = _in_database(dag, session)
        scheduler_dag.create_dagrun(
            run_id="scheduled__1",
            logical_date=pendulum.datetime(2026, 11, 9),
            data_interval=(pendulum.datetime(2026, 11, 9), pendulum.datetime(2026, 11, 10)),
            run_after=pendulum.datetime(2026, 11, 10),
            run_type=DagRunType.SCHEDULED,
            triggered_by=DagRunTriggeredByType.TEST,
            state=DagRunState.QUEUED,
            session=session,
        ).state = DagRunState(state)
        session.flush()
        deadline = session.scalars(select(Deadline).join(DagRun).where(DagRun.dag_id == dag_id)).one()
        deadline.handle_miss(session)
        session.flush()
        trigger = CallbackTrigger(**deadline.callback.trigger.kwargs)
    return asyncio.run(_states(trigger))


def _in_database(dag: DAG, session):
    from airflow.dag_processing.collection import update_dag_parsing_results_in_db
    from airflow.models.dagbundle import DagBundleModel
    from airflow.serialization.serialized_objects import DagSerialization, LazyDeserializedDAG

    if not session.get(DagBundleModel, "tests"):
        session.add(DagBundleModel(name="tests"))
        session.flush()
    lazy = LazyDeserializedDAG.from_dag(dag)
    update_dag_parsing_results_in_db("tests", None, [lazy], {}, None, set(), session)
    return DagSerialization.from_dict(DagSerialization.to_dict(dag))


async def _states(trigger) -> list[str]:
    events = [event.payload async for event in trigger.run()]
    return [event["state"] for event in events if event["state"] != "running"]


def test_a_run_that_waits_for_a_person_is_not_late(received):
    """Whoever is asked has been told; a second alert about the same run would cry wolf."""
    dag_run = run()
    _offer("1", run_id=dag_run["dag_run_id"], awaiting=True)
    alerts.run_is_late(context(dag_run))
    assert received.mails == []


def test_a_late_run_that_ends_is_well_again_and_one_that_fails_is_told_as_failed(received):
    alerts.run_is_late(context(run(0)))
    alerts.succeeded(context(run(0)))
    alerts.run_is_late(context(run(1)))
    alerts.failed(context(run(1), "load_offers"))
    late, failed = f"{PAIR}: a run is late", f"{PAIR}: a run has failed"
    assert received.headlines == [late, f"{PAIR}: well again (a run is late)", late, failed]


# --- quarantine, waiting offers, approval -----------------------------------------------------------------


def counts(extracted: int = 40, quarantined: int = 0) -> dict:
    return {
        "extracted": extracted,
        "quarantined": quarantined,
        "quarantine_reasons": {"last_name_missing": quarantined} if quarantined else {},
    }


def _offer(
    external_id: str, reason: str = "competing_offer", run_id: str = "r", awaiting: bool = False
) -> int:
    ledger, by = Ledger(), Run(PAIR, "yuneo", run_id)
    ledger.claim(by, [Intent(external_id, f"1/2/3/{external_id}", True, "hash", "person")])
    (entry,) = ledger.find(PAIR, [external_id]).values()
    ledger.loaded(entry.id, offer_id=external_id, offer_number=f"A{external_id}")
    if awaiting:
        ledger.awaiting([entry.id], run_id)
    else:
        ledger.held([entry.id], reason, run_id)
    return entry.id


def test_quarantine_above_the_share_is_told_once_and_its_end_too(received):
    for hours, quarantined in enumerate((8, 9, 10, 0, 0)):
        alerts.reconciled(context(run(hours)), counts(40, quarantined), Limits())
    much = "much in quarantine"
    assert received.headlines == [f"{PAIR}: {much}", f"{PAIR}: well again ({much})"]
    assert (
        "9 of 40 records; limits: 20% or 20. Reasons: 9 × last name: missing (last_name_missing)"
        in received.text
    )


@pytest.mark.parametrize(
    ("quarantined", "extracted", "exceeded"),
    [
        (0, 0, False),
        (1, 1, False),
        (2, 3, True),
        (8, 40, False),
        (9, 40, True),
        (20, 1000, False),
        (21, 1000, True),
    ],
)
def test_the_limits_of_quarantine(quarantined, extracted, exceeded):
    assert Limits().exceeded(quarantined, extracted) is exceeded


def test_held_offers_are_told_when_new_ones_wait_and_when_none_is_left(received):
    first = _offer("1")
    _offer("2", "rejected_by_approver")
    for hours in range(3):
        alerts.reconciled(context(run(hours)), counts(), Limits())
    assert received.headlines == [f"{PAIR}: held offers wait for a person"]
    assert (
        "1 offers, 1 of them new. Reasons: 1 × another chosen prospect lays claim to the unit (competing_offer)"
        in received.text
    )

    second = _offer("3", "expired")
    alerts.reconciled(context(run(4)), counts(), Limits())
    assert len(received.mails) == 2

    Ledger().leased(first, "M1", "r")
    Ledger().leased(second, "M2", "r")
    alerts.reconciled(context(run(5)), counts(), Limits())
    assert received.headlines[2] == f"{PAIR}: well again (held offers wait for a person)"


def test_a_rehearsal_alerts_nobody(received):
    _offer("1")
    alerts.reconciled(context(run(), rehearse=True), counts(40, 40), Limits())
    assert received.mails == []


def test_every_question_is_told_once_and_its_end(received):
    """The notifier is called at every try of the task."""
    for hours in (0, 0, 1):
        dag_run = run(hours)
        _offer(str(hours), run_id=dag_run["dag_run_id"], awaiting=True)
        alerts.ApprovalAsked()(context(dag_run))
    asked = f"{PAIR}: offers wait for approval"
    assert received.headlines == [asked, asked]
    alerts.succeeded(context(run(1)))
    assert received.headlines[2:] == [f"{PAIR}: well again (offers wait for approval)"]
    alerts.succeeded(context(run(0)))
    assert len(received.mails) == 4


# --- delivery ---------------------------------------------------------------------------------------------


def test_one_way_that_fails_does_not_keep_the_other(received, caplog):
    received.answer = 503
    alerts.failed(context(run(0), "extract"))
    assert len(received.mails) == 1
    assert received.posts == []
    assert "not delivered by webhook" in caplog.text


def test_an_alert_that_reached_nobody_is_told_by_the_next_run(received, monkeypatch):
    mail = json.loads(_env("AIRFLOW_CONN_SMTP_DEFAULT"))
    received.answer = 503
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", json.dumps(mail | {"port": _free_port()}))
    alerts.failed(context(run(0), "extract"))
    assert received.mails == []

    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", json.dumps(mail))
    alerts.failed(context(run(1), "extract"))
    assert len(received.mails) == 1


def _env(name: str) -> str:
    import os

    return os.environ[name]


def test_without_the_ledger_a_failure_is_told_all_the_same(received, monkeypatch):
    """The ledger's database may be the very thing that is down."""
    hook = {"conn_type": "mssql", "extra": {"hash_key": "k"}}
    monkeypatch.setenv("AIRFLOW_CONN_PROSPECT_LEDGER", json.dumps(hook))
    alerts.failed(context(run(0), "extract"))
    assert received.headlines == [f"{PAIR}: a run has failed"]


def test_a_broken_setting_does_not_fail_the_task(received, monkeypatch, caplog):
    monkeypatch.setenv("AIRFLOW__PROSPECTS__ALERT_WEBHOOK_FORMAT", "fax")
    alerts.failed(context(run(0), "extract"))
    assert "alert_webhook_format" in caplog.text
    with pytest.raises(InvalidAlertSettings):
        alert_settings()


def test_teams_gets_a_card_and_slack_a_text(received, monkeypatch):
    alerts.failed(context(run(0), "extract"))
    monkeypatch.setenv("AIRFLOW__PROSPECTS__ALERT_WEBHOOK_FORMAT", "teams")
    alerts.succeeded(context(run(1)))
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
    ("host", "form"),
    [
        ("https://hooks.slack.com", "slack"),
        ("https://prod-1.westeurope.logic.azure.com:443", "teams"),
        ("contoso.webhook.office.com", "teams"),
        ("https://x.environment.api.powerplatform.com", "teams"),
        ("https://logic.azure.com.evil.example", "slack"),
        ("mattermost.example.org", "slack"),
    ],
)
def test_the_host_tells_the_format(host, form):
    assert format_of(host) == form


def test_where_nothing_is_configured_the_docs_and_the_log_say_so(own_ledger, caplog):
    assert who_is_told().startswith("**nobody**")
    alerts.failed(context(run(0), "extract"))
    assert "told nobody" in caplog.text
    assert alerts.main() == 1


def test_the_docs_say_who_is_told():
    said = who_is_told(AlertSettings(email_to=("a@example.org",), webhook_conn_id="hook"))
    assert "a@example.org" in said
    assert "`hook`" in said


def test_the_command_sends_a_test_alert(received, capsys):
    assert alerts.main() == 0
    assert received.headlines == ["prospects: test alert"]
    assert capsys.readouterr().out == "email: sent\nwebhook: sent\n"


# --- what is in a message ---------------------------------------------------------------------------------


def test_nothing_personal_and_no_secret_is_in_any_alert_or_log(received, caplog):
    """Exceptions of others may quote a record; ours may quote an address by mistake; params hold external ids."""
    dag_run = run() | {"conf": {"external_ids": ["K-4711"]}}
    _offer("K-4711", run_id=dag_run["dag_run_id"], awaiting=True)
    alerts.ApprovalAsked()(context(dag_run, external_ids=["K-4711"]))
    alerts.failed(context(run(0, dag_id="a"), "extract", ValueError("Anna Müller, 1980-01-01")))
    alerts.failed(context(run(0, dag_id="b"), "extract", StopRun("refused for anna@example.org")))
    Ledger().held([e.id for e in Ledger().find(PAIR, ["K-4711"]).values()], "expired", "r")
    alerts.reconciled(context(dag_run), counts(40, 40), Limits())
    received.answer = 503
    alerts.failed(context(run(0, dag_id="c"), "extract"))

    assert len(received.mails) == 6
    assert not PERSONAL.search(received.text), PERSONAL.search(received.text)
    assert "refused for …" in received.text
    assert not PERSONAL.search(caplog.text)


def test_a_message_says_pair_window_what_meaning_next_step_and_link(received):
    alerts.failed(context(run(0), "auto_accept"))
    for label in ("Pair", "Window", "What", "What it means", "What to do next", "Run"):
        assert f"*{label}:*" in received.posts[0][1]["text"]
    assert "2026-11-10 12:00 +0100 to 2026-11-10 13:00 +0100" in received.text


def test_every_text_is_there_in_both_languages():
    for table in (TEXTS, FAILED_TASK, LABELS, WHAT):
        assert set(table["en"]) == set(table["de"])


def test_german(received, monkeypatch):
    monkeypatch.setenv("AIRFLOW__PROSPECTS__LANGUAGE", "de")
    alerts.failed(context(run(0), "extract"))
    assert received.headlines == [f"{PAIR}: ein Lauf ist fehlgeschlagen"]
    assert "nichts wurde geladen" in received.text


def test_german_reasons_in_words(received, monkeypatch):
    monkeypatch.setenv("AIRFLOW__PROSPECTS__LANGUAGE", "de")
    found = {"unit_missing": 4, "code_of_tomorrow": 5}
    alerts.reconciled(context(run(0)), counts(40, 9) | {"quarantine_reasons": found}, Limits())
    assert "5 × code_of_tomorrow; 4 × nennt keine Verwaltungseinheit (unit_missing)" in received.text


@given(st.text(max_size=40))
def test_no_text_breaks_out_of_mail_or_card(text):
    run_ = RunFacts(PAIR, text or "r", NOON)
    message = opened_message("failed", run_, "en", task=text, exception=StopRun(text))
    assert json.loads(json.dumps(message.slack()))
    assert "<script" not in message.html()
    assert closed_message("failed", run_, "en", (text,)).plain()


# --- the state, as pure functions -------------------------------------------------------------------------


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), max_size=30))
def test_openings_and_closings_alternate(steps):
    """Whatever the order of good and bad scheduled runs: never told twice what is known, never hidden what is new."""
    incident, told = Incident(), []
    for bad, number in steps:
        end = f"{number}"
        if bad:
            change = opened("failed", incident, f"r{number}", end, NOON)
        else:
            change = went_well(incident, f"r{number}", end, scheduled=True)
        incident = change.after
        if change.tell:
            told.append(change.tell)
            if change.tell == "opened":
                incident = Incident(incident.subjects, incident.since, NOON)
        assert bool(incident.subjects) is (told[-1:] == ["opened"])
    assert told == ["opened", "closed"] * (len(told) // 2) + ["opened"] * (len(told) % 2)


def test_a_telling_that_died_is_made_up_for():
    died = opened("failed", Incident(), "r1", "1", NOON).after
    assert opened("failed", died, "r2", "2", NOON + timedelta(minutes=1)).tell is None
    assert opened("failed", died, "r2", "2", NOON + timedelta(minutes=6)).tell == "opened"
    waits = still_there(Incident(), ["1"], NOON).after
    assert still_there(waits, ["1"], NOON + timedelta(minutes=6)).tell == "opened"


def test_a_run_by_hand_has_the_window_of_its_params_or_its_own_time():
    asked = {"window_start": "2026-11-01T00:00:00+01:00", "window_end": "2026-11-02T00:00:00+01:00"}
    assert facts_of(run() | {"conf": asked}).end == datetime(2026, 11, 1, 23, tzinfo=UTC)
    by_hand = facts_of({"dag_id": "d", "run_id": "r", "run_after": NOON, "run_type": "manual"})
    assert (by_hand.start, by_hand.end, by_hand.scheduled) == (None, NOON, False)
