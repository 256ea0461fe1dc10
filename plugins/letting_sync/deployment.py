"""Check of the deployment's settings, section ``[prospects]`` of the Airflow configuration, while a DAG file is parsed.

Each is read where it is used. What would fail there, or silently mean something else, is refused here: a relative path is another
folder in each component, and a misspelt setting has no effect.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

from airflow.sdk import ObjectStoragePath
from airflow.sdk.configuration import conf

from letting_sync import config
from letting_sync.alerts.settings import REMOVED, SECTION, alert_settings
from letting_sync.errors import InvalidSettings
from letting_sync.privacy.retention import KeepingTimes, keeping_times

_VARIABLES = f"AIRFLOW__{SECTION.upper()}__"


@cache  # a DAG file may contain thousands of pairs
def check_deployment() -> None:
    """Check all settings of the deployment, once a process.

    :raises InvalidSettings: a setting is wrong or unknown.
    :raises StopRun: a retention period is wrong, or a setting of an earlier version is still there.
    """
    alert_settings()
    keeping_times()
    in_files = conf.getsection(SECTION) or {}
    in_variables = {
        name.removeprefix(_VARIABLES).lower() for name in os.environ if name.startswith(_VARIABLES)
    }
    names = sorted({*in_files, *in_variables}.difference(REMOVED))
    problems = list(_problems({name: str(conf.get(SECTION, name, fallback="")).strip() for name in names}))
    if problems:
        raise InvalidSettings(f"Section [{SECTION}] of the Airflow configuration", problems)


def _problems(settings: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in settings.items():
        if name not in RULES:
            yield name, f"{name}: there is no such setting; known are {', '.join(RULES)}"
        elif value and (rule := RULES[name](value)):
            yield name, f"{name} = {value!r}: must be {rule}"


def _anything(value: str) -> None:
    del value


def _language(value: str) -> str | None:
    return None if re.match(r"(?i)(en|de)([^a-z]|$)", value) else "en or de"


def _addresses(value: str) -> str | None:
    parts = [part.strip() for part in value.split(",")]
    right = all(re.fullmatch("[^@;]+@[^@;]+", part) for part in parts if part)
    return None if right else "e-mail addresses, separated by commas"


def _absolute(value: str) -> str | None:
    return None if Path(value).is_absolute() else "an absolute path"


def _storage(value: str) -> str | None:
    protocol, _, path = value.rpartition("://")
    if protocol in config.LOCAL_PROTOCOLS:
        return None if Path(path).is_absolute() else "an address, or an absolute path"
    try:
        ObjectStoragePath(value)
    except ValueError:
        return "an address whose protocol is known to Airflow's ObjectStoragePath, such as file:// or s3://"
    return None


RULES: Mapping[str, Callable[[str], str | None]] = {
    "staging": _storage,
    "ledger": _absolute,
    "pairs": _anything,  # a folder that does not exist is reported like a customer file with errors
    "language": _language,
    "alert_email_to": _addresses,
    "alert_email_from": _anything,
    "alert_smtp_conn_id": _anything,
    "alert_apprise_conn_id": _anything,
    **{f"keep_{name}_days": _anything for name in KeepingTimes.__dataclass_fields__},  # by keeping_times()
}
"""Returns what a setting must be, ``None`` if it is; all settings of the section."""
