"""A cron timetable whose intervals are contiguous across clock changes and changes of the schedule.

Airflow's ``CronDataIntervalTimetable`` computes with local times. If a clock change skips the local time of a
schedule (02:30 on 29 March 2026 in Berlin), its previous and its next time are equal, so intervals of zero length
appear and a whole day is skipped. This timetable computes with points in time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import pendulum
from airflow.timetables.base import DagRunInfo
from airflow.timetables.interval import CronDataIntervalTimetable
from croniter import croniter

if TYPE_CHECKING:
    from airflow.timetables.base import DataInterval, TimeRestriction
    from pendulum import DateTime

_LONGEST_CHANGE = timedelta(hours=26)
"""The largest clock change of any time zone (Samoa skipped a day in 2011)."""
_SMALLEST_STEP = timedelta(microseconds=1)


class ContiguousCronDataIntervalTimetable(CronDataIntervalTimetable):
    """Data intervals between the times of a cron expression: each point in time is in exactly one interval.

    The boundaries are points in time, sorted and without repetitions:

    * a local time that a clock change skips counts as if the clock had not been changed: 02:30 is then 03:30;
    * if a local time occurs twice, the second one counts, as in Airflow's timetable; for an hourly expression both
      count.

    After a change of the schedule the first interval begins where the last one ended, even between two boundaries.

    Airflow reads the timetable of a stored DAG about 16 times whenever it stores the DAG, and compares timetables each time that
    a mapped task is added to a DAG. DAGs with the same schedule therefore share one timetable (:func:`shared`).
    """

    _is_valid = False

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> ContiguousCronDataIntervalTimetable:
        """Return the timetable of a stored DAG."""
        return shared(data["expression"], data["timezone"])

    def __eq__(self, other: object) -> bool:
        return self is other or super().__eq__(other)

    def __hash__(self) -> int:
        return hash(self._expression)

    def validate(self) -> None:
        """Check the expression, once for all DAGs that share the timetable.

        :raises AirflowTimetableInvalid: it is not a cron expression.
        """
        if not self._is_valid:
            super().validate()
            self._is_valid = True

    @property
    def expression(self) -> str:
        """The cron expression, named as in the task SDK's timetable."""
        return self._expression

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """Return the next interval: from the end of the last one, or from the earliest permitted boundary if that is later."""
        earliest = restriction.earliest
        if not restriction.catchup:
            earliest = self._skip_to_latest(earliest)
        elif earliest is not None:
            earliest = self._align_to_next(earliest)
        starts = [earliest] if earliest is not None else []
        if last := last_automated_data_interval:
            # Two runs cannot have the same logical date, and an older timetable may have created an empty interval.
            starts.append(last.end if last.end > last.start else last.start + _SMALLEST_STEP)
        start = max(starts, default=None)
        if start is None or (restriction.latest is not None and start > restriction.latest):
            return None
        return DagRunInfo.interval(start=start, end=self._get_next(start))

    def _get_next(self, current: DateTime) -> DateTime:
        """Return the first boundary after a point in time."""
        found: datetime | None = None
        for local in self._local_times(self._local(current) - self._change_near(current), croniter.get_next):
            later = [boundary for boundary in self._instants(local) if boundary > current]
            found = min([*later, found] if found else later, default=None)
            # A later local time can be an earlier point in time only around a clock change.
            if found and local - self._local(found) >= self._change_near(found):
                return pendulum.instance(found)
        raise AssertionError("the times of a cron expression have no end")

    def _get_prev(self, current: DateTime) -> DateTime:
        """Return the last boundary before a point in time."""
        found: datetime | None = None
        for local in self._local_times(self._local(current) + self._change_near(current), croniter.get_prev):
            earlier = [boundary for boundary in self._instants(local) if boundary < current]
            found = max([*earlier, found] if found else earlier, default=None)
            if found and self._local(found) - local >= self._change_near(found):
                return pendulum.instance(found)
        raise AssertionError("the times of a cron expression have no beginning")

    def _local_times(
        self, start: datetime, step: Callable[[croniter, type[datetime]], datetime]
    ) -> Iterator[datetime]:
        """Yield local times of the expression before or after a local time, without time zone."""
        times = croniter(self._expression, start_time=start)
        while True:
            yield step(times, datetime)

    def _instants(self, local: datetime) -> Iterator[datetime]:
        """Return the points in time of a local time of the expression, in UTC."""
        first, second = (local.replace(tzinfo=self._timezone, fold=fold) for fold in (0, 1))
        left_out = _offset(first) < _offset(second)
        if left_out or _fires_every_hour(self._expression):
            yield first.astimezone(UTC)
        if not left_out:
            yield second.astimezone(UTC)

    def _local(self, moment: datetime) -> datetime:
        """Return the local time of a point in time, without time zone."""
        return moment.astimezone(self._timezone).replace(tzinfo=None)

    def _change_near(self, moment: datetime) -> timedelta:
        """Return the size of the clock change around a point in time; zero on almost all days."""
        around = (moment - _LONGEST_CHANGE, moment, moment + _LONGEST_CHANGE)
        offsets = [_offset(time.astimezone(self._timezone)) for time in around]
        return max(offsets) - min(offsets)


@cache
def shared(expression: str, timezone: str | int) -> ContiguousCronDataIntervalTimetable:
    """Return the timetable of all DAGs with this schedule; what it says of an interval never changes.

    :param timezone: name, or offset to UTC in seconds.
    """
    return ContiguousCronDataIntervalTimetable(expression, pendulum.timezone(timezone))


@cache
def _fires_every_hour(expression: str) -> bool:
    return bool(croniter(expression).expanded[1] == ["*"])


def _offset(time: datetime) -> timedelta:
    return time.utcoffset() or timedelta(0)
