"""Settings of the deployment: section ``[prospects]`` of the Airflow configuration.

``AIRFLOW__PROSPECTS__STAGING``  where runs are staged, any address that ``ObjectStoragePath`` takes
``AIRFLOW__PROSPECTS__LEDGER``   path of the ledger's SQLite file where no connection ``prospect_ledger`` exists
``AIRFLOW__PROSPECTS__PAIRS``    folder of the customers' files (``*.yaml``); by default ``include/pairs``
``AIRFLOW__PROSPECTS__LANGUAGE`` ``en`` or ``de``: what the page, the alerts and the question before a lease are written in
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from airflow.sdk.configuration import conf

Language = Literal["en", "de"]


def airflow_home() -> Path:
    """Where Airflow keeps its files, found as Airflow finds it."""
    return Path(os.path.expandvars(os.environ.get("AIRFLOW_HOME", "~/airflow"))).expanduser()


def staging_address() -> str:
    """Address under which all runs are staged."""
    return str(conf.get("prospects", "staging", fallback=f"file://{airflow_home()}/prospect_staging"))


def ledger_file() -> Path:
    """The ledger's SQLite file."""
    return Path(conf.get("prospects", "ledger", fallback=str(airflow_home() / "prospect_ledger.db")))


def plugins_folder() -> Path:
    """Airflow's plugins folder, where a team's own systems may lie beside this package."""
    return Path(conf.get("core", "plugins_folder", fallback=str(airflow_home() / "plugins"))).expanduser()


def project_folder() -> Path:
    """Where ``dags/`` and ``include/`` lie.

    Beside the folder ``plugins/`` that this package is in; of an installed package beside Airflow's DAGs folder.
    """
    around = Path(__file__).resolve().parents[1]
    dags = Path(conf.get("core", "dags_folder", fallback=str(airflow_home() / "dags"))).expanduser()
    return around.parent if around.name == "plugins" else dags.parent


def pairs_folder() -> Path:
    """Where the customers' files lie."""
    here = project_folder() / "include" / "pairs"
    return Path(conf.get("prospects", "pairs", fallback="") or here).expanduser()


def pairs_folder_is_set() -> bool:
    """Whether somebody has said where they lie; the default folder need not exist."""
    return bool(conf.get("prospects", "pairs", fallback=""))


def language() -> Language:
    """The language in which people are spoken to: German for ``de`` or ``de_DE``, for all else English."""
    return "de" if str(conf.get("prospects", "language", fallback="")).strip().lower()[:2] == "de" else "en"
