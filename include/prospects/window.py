"""Which stretch of time a run reads."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from include.prospects.errors import StopRun

if TYPE_CHECKING:
    from airflow.sdk import Context

TIMEZONE = "Europe/Berlin"
"""The customers' zone: a day begins and ends at their midnight, in summer and in winter."""


class Window(NamedTuple):
    """A half-open stretch of time ``[start, end)``, both in UTC."""

    start: datetime
    end: datetime


def of_run(context: Context, schedule: str) -> Window:
    """The window of a run.

    The params ``window_start`` and ``window_end`` come first; a scheduled or backfilled run has its data
    interval; a run started by hand has none in Airflow 3 and takes the last whole interval before it.

    :param schedule: the pair's cron expression.
    :raises StopRun: if the params are incomplete, in the wrong order or lack an offset.
    """
    asked = _from_params(context["params"])
    if asked:
        return asked
    start, end = context.get("data_interval_start"), context.get("data_interval_end")
    if start and end:
        return Window(start, end)
    return last_whole_interval(schedule, context["dag_run"].run_after)


def last_whole_interval(schedule: str, before: datetime) -> Window:
    """The last interval of a schedule that had ended at a given time."""
    import pendulum
    from airflow.timetables.interval import CronDataIntervalTimetable

    timetable = CronDataIntervalTimetable(schedule, timezone=TIMEZONE)
    interval = timetable.infer_manual_data_interval(run_after=pendulum.instance(before))
    return Window(interval.start.in_timezone("UTC"), interval.end.in_timezone("UTC"))


def _from_params(params: Any) -> Window | None:
    written = [params.get("window_start"), params.get("window_end")]
    if not any(written):
        return None
    if not all(written):
        raise StopRun("Give both params window_start and window_end, or neither.")
    try:
        start, end = (datetime.fromisoformat(text) for text in written)
    except ValueError:
        raise StopRun("The params window_start and window_end must be ISO 8601 times.") from None
    if start.tzinfo is None or end.tzinfo is None:
        raise StopRun(
            "The params window_start and window_end need an offset, e.g. 2026-11-10T00:00:00+01:00."
        )
    if start >= end:
        raise StopRun("The param window_start must lie before window_end.")
    return Window(start, end)
