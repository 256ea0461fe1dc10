"""The differences between the supported versions of Airflow, in one place.

``make test-airflow VERSION=3.2.2`` tests one version. What an older version lacks is left out here; the rest of the
package is written for the newest. On a newer version than tested the package works as usual and warns once per process.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from airflow import __version__ as AIRFLOW_VERSION
from airflow.sdk import AsyncCallback, DeadlineAlert  # type: ignore[attr-defined]  # missing in Airflow's stub
from airflow.sdk.definitions.deadline import BaseDeadlineReference
from airflow.sdk.observability.stats import Stats

OLDEST, NEWEST = (3, 2), (3, 3)
"""The first and the last version of Airflow (major, minor) that the package is tested with."""


class UntestedAirflow(UserWarning):
    """The installed Airflow is newer than the versions that the package is tested with."""


def minor_version(version: str) -> tuple[int, int]:
    """Return the major and minor number of a version of Airflow, of a pre-release too."""
    major, minor, *_ = version.split(".")
    return int(major), int(minor)


def deadline_alert(
    name: str,
    reference: BaseDeadlineReference,
    interval: timedelta,
    callback: Callable[..., Any],
    **kwargs: Any,
) -> DeadlineAlert:
    """Return a deadline whose callback runs in the triggerer with ``kwargs``.

    :param name: shown in Airflow's UI; a deadline of Airflow 3.2 has no name.
    """
    named: dict[str, Any] = {"name": name} if AIRFLOW >= (3, 3) else {}
    return DeadlineAlert(
        reference=reference, interval=interval, callback=AsyncCallback(callback, kwargs=kwargs), **named
    )


def add_to_metric(metric: str, value: int, tags: dict[str, str]) -> None:
    """Add to a metric of the deployment (StatsD or OpenTelemetry); Airflow 3.2 has no functions for this, only ``Stats``."""
    Stats.incr(metric, value, tags=tags)


AIRFLOW = minor_version(AIRFLOW_VERSION)
HAS_PARTITIONED_EVENTS = AIRFLOW >= (3, 3)
"""Whether a task can give the events of its assets partition keys."""
if AIRFLOW > NEWEST:
    warnings.warn(
        f"letting_sync is tested with Airflow {OLDEST[0]}.{OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]}, and this is "
        f"{AIRFLOW_VERSION}. It works on; after an upgrade try a dry run first.",
        UntestedAirflow,
        stacklevel=2,
    )
