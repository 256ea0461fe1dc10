"""Recipients of alerts: section ``[prospects]`` of the Airflow configuration, and the limits of a pair.

``AIRFLOW__PROSPECTS__ALERT_EMAIL_TO``         addresses, separated by commas; empty: no mail
``AIRFLOW__PROSPECTS__ALERT_EMAIL_FROM``       sender; empty: ``from_email`` of the SMTP connection
``AIRFLOW__PROSPECTS__ALERT_SMTP_CONN_ID``     by default ``smtp_default``
``AIRFLOW__PROSPECTS__ALERT_APPRISE_CONN_ID``  connection of type ``apprise``, see :mod:`letting_sync.alerts.channels`

Their language is that of the deployment, see :mod:`letting_sync.config`.

Reading them asks no database and no connection, so it may happen while a DAG file is parsed.
"""

from __future__ import annotations

from dataclasses import dataclass

from airflow.sdk.configuration import conf

from letting_sync.errors import StopRun
from letting_sync.locales.texts import text

SECTION = "prospects"
REMOVED = ("alert_webhook_conn_id", "alert_webhook_format")
"""Settings of earlier versions: ignoring them would lose alerts without a word."""


@dataclass(frozen=True)
class AlertSettings:
    """Where alerts go."""

    email_to: tuple[str, ...] = ()
    email_from: str | None = None
    smtp_conn_id: str = "smtp_default"
    apprise_conn_id: str | None = None

    @property
    def channels(self) -> tuple[str, ...]:
        """The configured ways out; a connection of type ``apprise`` may hold several services."""
        ways = (self.email_to, "email"), (self.apprise_conn_id, "apprise")
        return tuple(name for on, name in ways if on)


def alert_settings() -> AlertSettings:
    """Return the deployment's settings.

    :raises StopRun: a setting of an earlier version is set, which no longer sends anything.
    """
    for name in REMOVED:
        if value := _text(name):
            raise StopRun(
                f"[{SECTION}] {name} = {value!r} no longer sends alerts: remove it, and name a connection of type apprise "
                "in alert_apprise_conn_id (docs/operations.md, Configure recipients)."
            )
    return AlertSettings(
        email_to=tuple(part.strip() for part in _text("alert_email_to").split(",") if part.strip()),
        email_from=_text("alert_email_from") or None,
        smtp_conn_id=_text("alert_smtp_conn_id") or "smtp_default",
        apprise_conn_id=_text("alert_apprise_conn_id") or None,
    )


def _text(name: str) -> str:
    return str(conf.get(SECTION, name, fallback="")).strip()


def recipients(settings: AlertSettings | None = None) -> str:
    """One sentence for a DAG's page: where its alerts go, or that they go nowhere."""
    settings = settings or alert_settings()
    if not settings.channels:
        return text("alerts.recipients.nobody")
    ways = []
    if settings.email_to:
        to, connection = ", ".join(settings.email_to), settings.smtp_conn_id
        ways.append(text("alerts.recipients.email", to=to, connection=connection))
    if settings.apprise_conn_id:
        ways.append(text("alerts.recipients.apprise", connection=settings.apprise_conn_id))
    return text("alerts.recipients.once", ways="; ".join(ways))
