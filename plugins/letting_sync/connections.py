"""What all of the product's Airflow connections must fulfil."""

from __future__ import annotations

import json
from typing import Any

from letting_sync.errors import StopRun


def extra_of(connection: Any, conn_id: str | None) -> dict[str, Any]:
    """Return the settings in a connection's extra; empty if it has none.

    Airflow itself takes an extra that it cannot read for an empty one, so settings such as ``verify`` would silently be ignored.

    :raises StopRun: the extra is not a JSON object.
    """
    try:
        extra = json.loads(connection.extra or "{}")
    except ValueError:
        extra = None
    if not isinstance(extra, dict):
        raise StopRun(
            f"The extra of connection {conn_id!r} is not a JSON object. Correct it, then clear the task."
        )
    return extra
