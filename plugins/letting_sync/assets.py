"""The assets of a pair, whose events tell DAGs of others what a run has made.

================================  =======================================================================================
``<pair>_offers_loaded``          published by ``load_offers``, once for each chunk of a run
``<pair>_leases_created``         published by ``auto_accept``, once for each chunk of a run
``<pair>_leases_by_day``          published once by the run with which a day is over, with the day as partition key
================================  =======================================================================================

An event's ``extra`` has the run's window and counts. Events with a partition key start only DAGs that are scheduled by
partitions, so they are those of an asset of their own. Airflow 3.2 has no such events.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow.sdk import Asset

from letting_sync.compat import HAS_PARTITIONED_EVENTS
from letting_sync.dry_run import is_dry_run
from letting_sync.run_conf import ids_asked_for
from letting_sync.window import TIMEZONE, Window

if TYPE_CHECKING:
    from airflow.sdk import Context

DAY = timedelta(days=1)


def offers_loaded(pair: str) -> Asset:
    """Return the asset of the offers that a pair makes."""
    return Asset(name=f"{pair}_offers_loaded", uri=f"prospects://{pair}/offers")


def leases_created(pair: str) -> Asset:
    """Return the asset of the leases that a pair makes."""
    return Asset(name=f"{pair}_leases_created", uri=f"prospects://{pair}/leases")


def leases_by_day(pair: str) -> list[Asset]:
    """Return the asset of the days whose leases are made; none where Airflow has no partition keys for events."""
    asset = Asset(name=f"{pair}_leases_by_day", uri=f"prospects://{pair}/leases_by_day")
    return [asset] if HAS_PARTITIONED_EVENTS else []


def note(context: Context, outlets: Iterable[Any], window: Window | None, counts: Mapping[str, Any]) -> None:
    """Write window and counts into the events that Airflow publishes for a task's assets when it has succeeded.

    :param window: of the run; a replay of single prospects has read none, and writes none.
    :param counts: those that are numbers are written.
    """
    extra = {name: count for name, count in counts.items() if isinstance(count, int)}
    times: dict[str, Any] = {}
    if window and not ids_asked_for(context["params"]):
        times = {"window_start": window.start.isoformat(), "window_end": window.end.isoformat()}
    for outlet in outlets:
        context["outlet_events"][outlet].extra.update(extra | times)


def note_days(
    context: Context, outlets: Iterable[Any], window: Window | None, counts: Mapping[str, Any]
) -> list[Any]:
    """Write window, counts and the days that are over into the events of :func:`leases_by_day`.

    :return: the outlets to publish: none for a dry run, for a replay, and if no day is over with the window.
    """
    replay = ids_asked_for(context["params"])
    days = [] if replay or is_dry_run(context["params"]) or window is None else days_over(window)
    published = list(outlets) if days else []
    note(context, published, window, counts)
    for outlet in published:
        context["outlet_events"][outlet].add_partitions(days)
    return published


def days_over(window: Window) -> list[str]:
    """Return the days of the customers (``2026-11-10``) whose end is in the window: with it, they have been read."""
    zone = ZoneInfo(TIMEZONE)
    start, end = (moment.astimezone(zone) for moment in window)
    first, last = start.date(), (end - timedelta(microseconds=1)).date()
    days = [first + number * DAY for number in range((last - first).days + 1)]
    return [day.isoformat() for day in days if _end_of(day, zone) <= end]


def _end_of(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day + DAY, datetime.min.time(), zone)
