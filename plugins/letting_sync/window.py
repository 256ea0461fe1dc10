"""The time window that a run reads: one rule for its tasks, the console and the alerts.

The task ``extract`` computes the window and stores it in the run's folder (``staging.write_extent``), where later tasks
read it. The console and the alerts, which may need it before or without that, use the same function.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

from letting_sync.errors import StopRun

if TYPE_CHECKING:
    from airflow.sdk import Context

    from letting_sync.schedule.timetable import ContiguousCronDataIntervalTimetable

TIMEZONE = "Europe/Berlin"
"""Time zone of the customers: a day begins and ends at their midnight, in summer and in winter."""


def today() -> date:
    """Return the current day in the customers' time zone."""
    return datetime.now(ZoneInfo(TIMEZONE)).date()


class Window(NamedTuple):
    """A half-open time interval ``[start, end)``, never empty."""

    start: datetime
    end: datetime


class WrongWindow(ValueError):
    """A run has no valid window; the message says what to change."""


def window_of(
    asked: Any,
    data_interval: tuple[datetime | None, datetime | None],
    run_after: datetime | None,
    schedule: str | None,
) -> Window:
    """Return the window of a run.

    The params ``window_start`` and ``window_end`` have precedence. A scheduled or backfilled run has its data interval.
    A run started by hand has none in Airflow 3 and gets the last complete interval of the schedule before it.

    :param asked: the run's params or its ``conf``.
    :param run_after: when the run was due; required without params and data interval, as is ``schedule``.
    :param schedule: the pair's cron expression.
    :raises WrongWindow: the params are incomplete, in the wrong order or without an offset, the window is empty, or
        there is no information about it.
    """
    window = _asked_for(asked if isinstance(asked, Mapping) else {})
    start, end = data_interval
    if window is None and start and end:
        window = Window(start, end)
    if window is None:
        if not (schedule and run_after):
            raise WrongWindow("The run has neither params nor a data interval nor a schedule.")
        window = last_whole_interval(schedule, run_after)
    if window.start >= window.end:
        raise WrongWindow(
            f"The run's window from {window.start.isoformat()} to {window.end.isoformat()} (schedule {schedule!r}) is "
            "empty, so nothing could be read. Start the run with the params window_start and window_end."
        )
    return window


def window_from_outside(
    conf: Any,
    data_interval: tuple[datetime | None, datetime | None],
    run_after: datetime | None,
    schedule: str | None,
) -> Window | None:
    """Return the window of a run for display, as :func:`window_of`.

    :return: ``None`` for a run that reads no window: a replay of single ids, or one that its task stops for a wrong one.
    """
    if isinstance(conf, Mapping) and conf.get("external_ids"):
        return None
    try:
        return window_of(conf, data_interval, run_after, schedule)
    except WrongWindow:
        return None


def of_run(context: Context, schedule: str) -> Window:
    """Return the window of a task's run.

    :raises StopRun: instead of :class:`WrongWindow`.
    """
    interval = context.get("data_interval_start"), context.get("data_interval_end")
    run_after = getattr(context.get("dag_run"), "run_after", None)
    try:
        return window_of(context["params"], interval, run_after, schedule)
    except WrongWindow as wrong:
        raise StopRun(str(wrong)) from None


def in_words(window: Window, overlap: timedelta = timedelta(0)) -> str:
    """A window as the customer's people read it: in their time zone, with the overlap that is read before it."""
    zone = ZoneInfo(TIMEZONE)
    start, end = (f"{moment.astimezone(zone):%Y-%m-%d %H:%M %z}" for moment in window)
    before = f", and {overlap.total_seconds() / 60:g} minutes before" if overlap else ""
    return f"from {start} to {end}{before}"


def local_text(moment: datetime, form: str) -> str:
    """Return a time as text in the customers' time zone.

    :param moment: with a time zone.
    :param form: for ``strftime``.
    """
    return moment.astimezone(ZoneInfo(TIMEZONE)).strftime(form)


def last_whole_interval(schedule: str, before: datetime) -> Window:
    """Return the last interval of a schedule that has ended before a given time, in UTC."""
    import pendulum

    interval = timetable(schedule).infer_manual_data_interval(run_after=pendulum.instance(before))
    return Window(interval.start.in_timezone("UTC"), interval.end.in_timezone("UTC"))


def timetable(schedule: str) -> ContiguousCronDataIntervalTimetable:
    """Return the timetable of a pair; pairs differ only in the cron expression."""
    # Imported here, since reading a window does not need the scheduler's code.
    from letting_sync.schedule.timetable import shared

    return shared(schedule, TIMEZONE)


def _asked_for(asked: Mapping[str, Any]) -> Window | None:
    written = [asked.get("window_start"), asked.get("window_end")]
    if not any(written):
        return None
    if not all(written):
        raise WrongWindow("Give both params window_start and window_end, or neither.")
    try:
        start, end = (datetime.fromisoformat(text) for text in written if text)
    except (TypeError, ValueError):
        raise WrongWindow("The params window_start and window_end must be ISO 8601 times.") from None
    if start.tzinfo is None or end.tzinfo is None:
        raise WrongWindow(
            "The params window_start and window_end need an offset, e.g. 2026-11-10T00:00:00+01:00."
        )
    if start >= end:
        raise WrongWindow("The param window_start must be before window_end.")
    return Window(start, end)
