"""The demo's mailbox shows what it is sent, as text."""

from __future__ import annotations

import smtplib
import socket
import threading
from email.message import EmailMessage

import requests

from include.demo.mailbox import serve


def test_a_mail_is_shown_as_text() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller, page = serve(port, 0)
    threading.Thread(target=page.serve_forever, daemon=True).start()
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = "a run has failed <b>", "a@example.org", "b@example.org"
    mail.set_content("immomio_yuneo <script>x</script>")
    mail.add_alternative("<p>the same as HTML</p>", subtype="html")
    try:
        with smtplib.SMTP("127.0.0.1", port) as smtp:
            smtp.send_message(mail)
        shown = requests.get(f"http://127.0.0.1:{page.server_port}/", timeout=30).text
    finally:
        page.shutdown()
        controller.stop()

    assert "a run has failed &lt;b&gt;" in shown
    assert "immomio_yuneo" in shown
    assert "<script>" not in shown
    assert "as HTML" not in shown
