"""A real SMTP server and a real HTTP receiver for the tests of the alerts."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from aiosmtpd.controller import Controller
from alert_receiver import SECRET, Received, free_port


@pytest.fixture
def received(own_ledger, monkeypatch):
    """An SMTP server and an HTTP receiver, and the deployment set up to use them."""
    inbox = Received()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if inbox.response == 200:
                inbox.posts.append((self.path, json.loads(body)))
            self.send_response(inbox.response)
            self.end_headers()

        def log_message(self, *_):
            pass

    web = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    smtp = Controller(inbox, hostname="127.0.0.1", port=free_port())
    smtp.start()
    extra = {"from_email": "airflow@example.org", "disable_tls": True, "disable_ssl": True, "retry_limit": 1}
    mail = {"conn_type": "smtp", "host": "127.0.0.1", "port": smtp.port, "extra": extra}
    address = f"json://127.0.0.1:{web.server_port}/{SECRET}"
    chat = {"conn_type": "apprise", "extra": {"config": {"path": address}}}
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", json.dumps(mail))
    monkeypatch.setenv("AIRFLOW_CONN_PROSPECT_ALERTS", json.dumps(chat))
    monkeypatch.setenv("AIRFLOW__PROSPECTS__ALERT_EMAIL_TO", "oncall@example.org, lead@example.org")
    monkeypatch.setenv("AIRFLOW__PROSPECTS__ALERT_APPRISE_CONN_ID", "prospect_alerts")
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example.org")
    yield inbox
    smtp.stop()
    web.shutdown()
    web.server_close()
