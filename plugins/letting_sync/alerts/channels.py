"""The ways out: Airflow's notifiers for e-mail (SMTP) and web-hook (HTTP).

The web-hook's connection is of type HTTP: scheme and host of the address in ``host``, and the rest of it, which
is the secret, in ``password`` without a ``login``. Airflow masks passwords in its logs; a host it would print.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import tenacity
from airflow.sdk import BaseHook

from letting_sync.alerts.messages import Message
from letting_sync.alerts.settings import AlertSettings, WebhookFormat

log = logging.getLogger(__name__)

TRIES = 3
TIMEOUT_SECONDS = 20
_TEAMS_HOSTS = (".office.com", ".azure.com", ".powerplatform.com", ".microsoft.com")


def send(message: Message, settings: AlertSettings) -> list[str]:
    """Send to all configured channels; returns the names of those that took it.

    A channel that fails is logged and keeps no other from being tried. Without any channel the message is in
    the log, and that counts as sent.
    """
    if not settings.channels:
        log.warning("Alert, sent to nobody as no channel is configured: %s", message.plain())
        return ["log"]
    ways: dict[str, Callable[[Message, AlertSettings], None]] = {"email": _mail, "webhook": _call}
    return [channel for channel in settings.channels if _sent(ways[channel], channel, message, settings)]


def _sent(
    way: Callable[[Message, AlertSettings], None], channel: str, message: Message, settings: AlertSettings
) -> bool:
    retrying = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(TRIES), wait=tenacity.wait_exponential(0.5, max=5), reraise=True
    )
    try:
        retrying(way, message, settings)
    except Exception as error:
        # Only the class: what the libraries say of a failed call holds the web-hook's secret address.
        log.error("Alert not delivered by %s (%s): %s", channel, type(error).__name__, message.headline)
        return False
    log.info("alert sent by %s: %s", channel, message.headline)
    return True


def _mail(message: Message, settings: AlertSettings) -> None:
    from letting_sync.alerts.mail import send_mail

    send_mail(message, settings)


def _call(message: Message, settings: AlertSettings) -> None:
    from airflow.providers.http.notifications.http import HttpNotifier

    connection = BaseHook.get_connection(settings.webhook_conn_id or "")
    message_format = settings.webhook_format or format_of(connection.host or "")
    body: dict[str, Any] = message.teams() if message_format == "teams" else message.slack()
    HttpNotifier(
        http_conn_id=settings.webhook_conn_id or "",
        endpoint=None if connection.login else connection.password,
        json=body,
        extra_options={"timeout": TIMEOUT_SECONDS},
    ).notify({})


def format_of(host: str) -> WebhookFormat:
    """The body that a web-hook's host takes."""
    name = urlsplit(host if "://" in host else f"//{host}").hostname or ""
    return "teams" if name.endswith(_TEAMS_HOSTS) else "slack"
