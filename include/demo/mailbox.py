"""The demo's mailbox: takes every mail and shows it on a local page; ``python -m include.demo.mailbox``."""

from __future__ import annotations

import argparse
import email
import email.policy
import html
import threading
import time
from collections import deque
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller

HOST = "127.0.0.1"
MOST_MAILS = 200
STYLE = """
:root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif; }
body { margin: 1.5rem auto; max-width: 60rem; padding: 0 1rem; }
article { border: 1px solid #8886; border-radius: 8px; padding: .5rem 1rem; margin: 1rem 0; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font: inherit; }
"""


class Mailbox:
    """The last mails that have arrived, the newest first."""

    def __init__(self) -> None:
        self.mails: deque[tuple[str, EmailMessage]] = deque(maxlen=MOST_MAILS)
        self._lock = threading.Lock()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """As aiosmtpd hands a mail over."""
        del server, session
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        with self._lock:
            self.mails.appendleft((time.strftime("%H:%M:%S"), mail))
        return "250 OK"

    def page(self) -> str:
        """All of them as a page; what a mail holds is shown as text."""
        with self._lock:
            mails = list(self.mails)
        shown = "".join(
            f"<article><h2>{html.escape(str(mail['subject']))}</h2>"
            f"<p>{at} &rarr; {html.escape(str(mail['to']))}</p><pre>{html.escape(_text(mail))}</pre></article>"
            for at, mail in mails
        )
        return (
            '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Mailbox of the demo</title>'
            f"<style>{STYLE}</style></head><body><h1>Mailbox of the demo</h1>{shown or '<p>No mail yet.</p>'}"
            "</body></html>"
        )


def _text(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    return str(body.get_content()).strip() if body else ""


def serve(smtp_port: int, page_port: int) -> tuple[Controller, ThreadingHTTPServer]:
    """Start both; a page port of 0 is any free one."""
    mailbox = Mailbox()
    controller = Controller(mailbox, hostname=HOST, port=smtp_port)
    controller.start()

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = mailbox.page().encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return controller, ThreadingHTTPServer((HOST, page_port), Page)


def main() -> None:
    """Run until the process is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smtp-port", type=int, required=True)
    parser.add_argument("--page-port", type=int, required=True)
    options = parser.parse_args()
    _, page = serve(options.smtp_port, options.page_port)
    page.serve_forever()


if __name__ == "__main__":
    main()
