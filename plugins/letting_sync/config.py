"""Settings of the deployment: section ``[prospects]`` of the Airflow configuration.

``AIRFLOW__PROSPECTS__STAGING``  where runs are staged, any address that ``ObjectStoragePath`` accepts
``AIRFLOW__PROSPECTS__LEDGER``   path of the ledger's SQLite file, used if no connection ``prospect_ledger`` exists
``AIRFLOW__PROSPECTS__PAIRS``    folder of the customers' files (``*.yaml``); by default ``include/pairs``
``AIRFLOW__PROSPECTS__LANGUAGE`` ``en`` or ``de``: language of alerts, approval, trigger form and DAG descriptions
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Literal

from airflow.sdk.configuration import conf

Language = Literal["en", "de"]
LOCAL_PROTOCOLS = frozenset({"file", "local", ""})
"""Of staging addresses that are folders of this machine, or mounted on it."""


def airflow_home() -> Path:
    """Return Airflow's home folder, resolved as Airflow resolves it."""
    return Path(os.path.expandvars(os.environ.get("AIRFLOW_HOME", "~/airflow"))).expanduser()


def staging_address() -> str:
    """Return the address under which all runs are staged."""
    return str(conf.get("prospects", "staging", fallback=f"file://{airflow_home()}/prospect_staging"))


def staging_is_local() -> bool:
    """Return whether runs are staged in a folder, not in an object store."""
    return staging_address().rpartition("://")[0] in LOCAL_PROTOCOLS


def ledger_file() -> Path:
    """Return the path of the ledger's SQLite file."""
    return Path(conf.get("prospects", "ledger", fallback=str(airflow_home() / "prospect_ledger.db")))


def plugins_folder() -> Path:
    """Return Airflow's plugins folder, which may contain a team's own systems beside this package."""
    return Path(conf.get("core", "plugins_folder", fallback=str(airflow_home() / "plugins"))).expanduser()


def project_folder() -> Path:
    """Return the folder that contains ``dags/`` and ``include/``.

    It is the parent of the folder ``plugins/`` with this package or, if the package is installed, of Airflow's DAGs
    folder.
    """
    around = Path(__file__).resolve().parents[1]
    dags = Path(conf.get("core", "dags_folder", fallback=str(airflow_home() / "dags"))).expanduser()
    return around.parent if around.name == "plugins" else dags.parent


def pairs_folder(dag_file: str | None = None) -> Path:
    """Return the folder of the customers' files: the configured one, else ``include/pairs``.

    :param dag_file: a DAG file of the project. Where DAGs are in a bundle, each run has its own version of the files: the
        folder is then the one around this DAG file.
    """
    below = Path("include", "pairs")
    around = (folder / below for folder in Path(dag_file or "").parents)
    here = (
        next(filter(Path.is_dir, around), project_folder() / below) if dag_file else project_folder() / below
    )
    return Path(conf.get("prospects", "pairs", fallback="") or here).expanduser()


def pairs_folder_is_set() -> bool:
    """Return whether the folder is configured; the default one need not exist."""
    return bool(conf.get("prospects", "pairs", fallback=""))


def language() -> Language:
    """Return the language of texts for people: German for ``de`` or ``de_DE``, English for anything else."""
    return _language(os.environ.get("AIRFLOW__PROSPECTS__LANGUAGE"))


@cache  # a DAG file asks for the texts of thousands of pairs, and Airflow's configuration takes long to answer
def _language(environment: str | None) -> Language:
    """Return the configured language; without the variable it is that of a file, which is read once a process."""
    configured = conf.get("prospects", "language", fallback="") if environment is None else environment
    return "de" if str(configured).strip().lower()[:2] == "de" else "en"
