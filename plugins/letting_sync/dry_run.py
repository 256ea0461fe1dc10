"""Whether a run is a dry run: one rule for tasks, alerts, retention and the console."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PARAM = "dry_run"
FORMER_PARAM = "rehearse"
"""Name of the param up to 0.1; a run may still be started with it. To be removed in 0.3."""


def is_dry_run(asked: Any) -> bool:
    """Return whether a run is a dry run, which writes nothing to the ERP or the ledger.

    Any value except ``False`` and ``None`` counts as yes, so that a misspelt value does not start a real run.

    :param asked: the run's params or its ``conf``.
    """
    if not isinstance(asked, Mapping):
        return False
    values = [asked.get(name) for name in (PARAM, FORMER_PARAM)]
    return any(value is not None and value is not False for value in values)
