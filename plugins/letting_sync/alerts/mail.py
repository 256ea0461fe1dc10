"""Alerts as mails with a text and an HTML part, sent by Airflow's SMTP hook."""

from __future__ import annotations

from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from typing import Any

from airflow.providers.smtp.hooks.smtp import SmtpHook

from letting_sync.alerts.messages import Message
from letting_sync.alerts.settings import AlertSettings


class TextAndHtml(SmtpHook):
    """Airflow's SMTP hook, which sends HTML only, with a text part for programs that do not show HTML.

    :param text: the same message as plain text.
    """

    def __init__(self, text: str, smtp_conn_id: str) -> None:
        super().__init__(smtp_conn_id)
        self.text = text

    def _build_mime_message(self, *args: Any, **kwargs: Any) -> tuple[MIMEMultipart, list[str]]:
        mail, recipients = super()._build_mime_message(*args, **kwargs)
        # The part that is preferred comes last (RFC 2046, 5.1.4).
        mail.set_payload([MIMEText(self.text, "plain", "utf-8"), *mail.get_payload()])
        return mail, recipients


def send_mail(message: Message, settings: AlertSettings) -> None:
    """Send a message to all recipients in one mail."""
    with TextAndHtml(message.plain(), settings.smtp_conn_id) as smtp:
        smtp.send_email_smtp(
            to=list(settings.email_to),
            from_email=settings.email_from,
            subject=message.headline,
            html_content=message.html(),
            mime_subtype="alternative",
        )
