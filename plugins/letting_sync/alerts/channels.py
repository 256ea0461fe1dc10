"""The ways out: Airflow's notifier for e-mail (SMTP), and the chat and on-call services of Apprise.

The services are those of an Airflow connection of type ``apprise``; each address in it is a channel of its own. An address
contains secrets, so it is never logged.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import tenacity

from letting_sync.alerts.messages import Message
from letting_sync.alerts.settings import AlertSettings

log = logging.getLogger(__name__)

TRIES = 3
EMAIL, APPRISE = "email", "apprise"


class NotDelivered(Exception):
    """A service did not accept a message; the message of the error has no address in it."""


def send(message: Message, settings: AlertSettings) -> dict[str, bool]:
    """Send to all configured channels; returns for each channel whether it accepted the message.

    A channel that fails is logged and keeps no other from being tried. Without any channel the message is logged,
    and that counts as sent.
    """
    if not settings.channels:
        log.warning("Alert, sent to nobody as no channel is configured: %s", message.plain())
        return {"log": True}
    return {name: _sent(way, name, message) for name, way in _ways(settings)}


def _ways(settings: AlertSettings) -> Iterator[tuple[str, Callable[[Message], None]]]:
    if settings.email_to:
        yield EMAIL, partial(_mail, settings)
    if settings.apprise_conn_id:
        try:
            services = _services(settings.apprise_conn_id)
        except Exception as error:
            # Only the class: the text may contain what the connection holds.
            log.error(
                "The services of connection %r cannot be read (%s)",
                settings.apprise_conn_id,
                type(error).__name__,
            )
            services = [None]
        for number, service in enumerate(services, start=1):
            name = f"{APPRISE} {number}" + (f" ({service.service_name})" if service else "")
            yield name, partial(_notify, service)


def _sent(way: Callable[[Message], None], channel: str, message: Message) -> bool:
    retrying = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(TRIES), wait=tenacity.wait_exponential(0.5, max=5), reraise=True
    )
    try:
        retrying(way, message)
    except Exception as error:
        # Only the class: what the libraries say of a failed call may contain an address with its secrets.
        log.error("Alert not delivered by %s (%s): %s", channel, type(error).__name__, message.headline)
        return False
    log.info("Alert sent by %s: %s", channel, message.headline)
    return True


def _mail(settings: AlertSettings, message: Message) -> None:
    from letting_sync.alerts.mail import send_mail

    send_mail(message, settings)


def _services(conn_id: str) -> list[Any]:
    """The services of a connection; ``None`` stands for an address that Apprise cannot read."""
    import apprise
    from airflow.providers.apprise.hooks.apprise import AppriseHook
    from airflow.sdk.log import mask_secret

    hook = AppriseHook(apprise_conn_id=conn_id)
    config = hook.get_config_from_conn(hook.get_connection(conn_id))
    found: list[Any] = []
    for entry in config if isinstance(config, list) else [config]:
        mask_secret(entry["path"])
        services = apprise.Apprise()
        with _silent(apprise.logger):
            services.add(entry["path"])
        found += list(services) or [None]
    return found


def _notify(service: Any, message: Message) -> None:
    """Send to one service. Not by the provider's notifier: it does not say whether the message was accepted."""
    import apprise

    if service is None:
        raise NotDelivered("the address cannot be read")
    one = apprise.Apprise()
    one.add(service)
    kind = apprise.NotifyType.SUCCESS if message.resolved else apprise.NotifyType.WARNING
    body = message.text()
    if not one.notify(body, message.headline, notify_type=kind, body_format=apprise.NotifyFormat.TEXT):
        raise NotDelivered("the service did not accept the message")


@contextmanager
def _silent(logger: logging.Logger) -> Iterator[None]:
    """Apprise logs an address that it cannot read, with its secrets."""
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)
