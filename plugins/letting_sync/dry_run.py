"""Whether a run only shows what it would do: one rule for tasks, alerts, retention and the console."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PARAM = "dry_run"
FORMER_PARAM = "rehearse"
"""What the param was called up to 0.1; a run may still be started with it. To be dropped in 0.3."""


def is_dry_run(asked: Any) -> bool:
    """Return whether a run was asked to write nothing.

    Anything but ``False`` and nothing counts as yes: a run that was meant to be dry must not become a real one.

    :param asked: the run's params or its ``conf``.
    """
    if not isinstance(asked, Mapping):
        return False
    values = [asked.get(name) for name in (PARAM, FORMER_PARAM)]
    return any(value is not None and value is not False for value in values)
