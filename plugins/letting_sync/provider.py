"""The package as an Airflow provider: the connection types of its systems, with their forms.

Airflow asks installed packages only (entry point ``apache_airflow_provider``); where the package is in the plugins folder,
connections are of type HTTP. The forms are in ``connection_type.json`` of each system, so that nobody has to import a system
to show a form. Airflow masks extras by their names: a secret's must have ``secret``, ``password`` or ``token`` in it, or be named
in Airflow's own setting ``sensitive_var_conn_names`` (SECURITY.md).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_SYSTEMS = Path(__file__).with_name("systems")


def get_provider_info() -> dict[str, Any]:
    """What Airflow's ``ProvidersManager`` asks for."""
    files = sorted(_SYSTEMS.glob("*/connection_type.json"))
    return {
        "package-name": "letting-sync",
        "name": "Letting sync",
        "description": "Letting platforms and housing ERPs",
        "connection-types": [json.loads(path.read_text("utf-8")) for path in files],
    }
