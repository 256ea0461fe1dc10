"""The console in the Airflow UI: "Prospects" in the navigation. Airflow loads this file in every process."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

from letting_sync import refuse_two_copies
from letting_sync.locales.texts import text

refuse_two_copies(__file__)

PREFIX = "/prospects"
"""Where the console's own app is mounted."""


class _Console:
    """The app, imported at the first request: tasks and schedulers load plugins too and need no web server."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        from letting_sync.console.app import app

        await app(scope, receive, send)


def _root() -> str:
    """The path under which Airflow itself is served, without a slash at its end."""
    return urlsplit(conf.get("api", "base_url", fallback="")).path.rstrip("/")


class ProspectConsolePlugin(AirflowPlugin):
    """Adds the console's app and its place in the navigation."""

    name = "prospect_console"
    fastapi_apps = [{"app": _Console(), "url_prefix": PREFIX, "name": "Prospects"}]
    external_views = [
        {
            "name": text("console.title"),
            "href": f"{_root()}{PREFIX}/",
            "destination": "nav",
            "nav_top_level": True,
            "url_route": "prospects",
            "icon": f"{_root()}{PREFIX}/static/icon.svg",
            "icon_dark_mode": f"{_root()}{PREFIX}/static/icon-dark.svg",
        }
    ]
