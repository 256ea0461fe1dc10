"""Recipients of alerts: section ``[prospects]`` of the Airflow configuration, and the limits of a pair.

``AIRFLOW__PROSPECTS__ALERT_EMAIL_TO``         addresses, separated by commas; empty: no mail
``AIRFLOW__PROSPECTS__ALERT_EMAIL_FROM``       sender; empty: ``from_email`` of the SMTP connection
``AIRFLOW__PROSPECTS__ALERT_SMTP_CONN_ID``     by default ``smtp_default``
``AIRFLOW__PROSPECTS__ALERT_WEBHOOK_CONN_ID``  HTTP connection, see :mod:`letting_sync.alerts.channels`
``AIRFLOW__PROSPECTS__ALERT_WEBHOOK_FORMAT``   ``teams`` or ``slack``; empty: the connection's host tells

Their language is that of the deployment, see :mod:`letting_sync.config`.

Reading them asks no database and no connection, so it may happen while a DAG file is parsed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

from airflow.sdk.configuration import conf

from letting_sync.locales.texts import text

WebhookFormat = Literal["teams", "slack"]

SECTION = "prospects"


class InvalidAlertSettings(ValueError):
    """A setting of the alerts is wrong; the message names it and what it may be."""


@dataclass(frozen=True)
class AlertSettings:
    """Where alerts go."""

    email_to: tuple[str, ...] = ()
    email_from: str | None = None
    smtp_conn_id: str = "smtp_default"
    webhook_conn_id: str | None = None
    webhook_format: WebhookFormat | None = None

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the configured channels."""
        webhook = (self.webhook_conn_id, "webhook")
        return tuple(name for on, name in ((self.email_to, "email"), webhook) if on)


def alert_settings() -> AlertSettings:
    """The deployment's settings.

    :raises InvalidAlertSettings: if the format is none of those we have.
    """
    return AlertSettings(
        email_to=tuple(part.strip() for part in _text("alert_email_to").split(",") if part.strip()),
        email_from=_text("alert_email_from") or None,
        smtp_conn_id=_text("alert_smtp_conn_id") or "smtp_default",
        webhook_conn_id=_text("alert_webhook_conn_id") or None,
        webhook_format=cast(
            "WebhookFormat | None", _one_of("alert_webhook_format", ("teams", "slack")) or None
        ),
    )


def _text(name: str) -> str:
    return str(conf.get(SECTION, name, fallback="")).strip()


def _one_of(name: str, allowed: tuple[str, ...]) -> str:
    value = _text(name).lower()
    if value and value not in allowed:
        raise InvalidAlertSettings(
            f"[{SECTION}] {name} = {value!r}: must be one of {', '.join(allowed)}, or empty"
        )
    return value


def recipients(settings: AlertSettings | None = None) -> str:
    """One sentence for a DAG's page: where its alerts go, or that they go nowhere."""
    settings = settings or alert_settings()
    if not settings.channels:
        return text("alerts.recipients.nobody")
    ways = []
    if settings.email_to:
        to, connection = ", ".join(settings.email_to), settings.smtp_conn_id
        ways.append(text("alerts.recipients.email", to=to, connection=connection))
    if settings.webhook_conn_id:
        ways.append(text("alerts.recipients.webhook", connection=settings.webhook_conn_id))
    return text("alerts.recipients.once", ways="; ".join(ways))
