"""The calls with which the base of all hooks is tried, and where they go."""

from __future__ import annotations

import json
import traceback
from typing import Any

import pytest

from letting_sync.systems.yuneo.hook import YuneoHook

IMPORT = "/api/v1/prospect-imports"
OFFERS = "/api/v1/offers"
TOKEN = "/connect/token"
UNIT = "1/2/3/4"
SIGMAS_UNIT = "1.2.3.4"
ANNA = {
    "externalId": "anna-1",
    "unitNumber": UNIT,
    "firstName": "Annegret",
    "lastName": "Geheimrat",
    "email": "annegret@geheim.example",
    "message": "Meine Geheimnummer",
}
PERSONAL = ("Annegret", "eheim", "anna-1", UNIT, "1%2F2", SIGMAS_UNIT)


def connect(monkeypatch: pytest.MonkeyPatch, system: Any, **changes: Any) -> None:
    """Let Airflow's connection point to a system, perhaps with something wrong in it."""
    monkeypatch.setenv(f"AIRFLOW_CONN_{system.name.upper()}", json.dumps(system.connection() | changes))


def read(hook: YuneoHook) -> list[dict[str, Any]]:
    """A call that may be repeated."""
    return list(hook.offers_on_unit(UNIT))


def send(hook: YuneoHook) -> str:
    """A call that must not be repeated on a doubt."""
    return hook.import_prospects("Immomio", [ANNA])


def printed(error: BaseException) -> str:
    """What a log shows of an error, with all that a traceback prints before it."""
    return str(error) + "".join(traceback.format_exception(error))
