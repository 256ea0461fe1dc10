"""The settings of a pair, in groups. A group is a frozen value that is validated when it is created.

Meanings and defaults are described in ``docs/settings.md``, which a test compares with the fields here.
"""

from __future__ import annotations

import re
from datetime import timedelta
from functools import cache
from typing import Annotated, Any, ClassVar, Literal

from croniter import CroniterBadDateError, croniter
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from letting_sync.errors import InvalidSettings

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
KeyField = Literal["first_name", "last_name", "birth_date", "email", "phone", "postal_code"]


NearMatch = Literal["ask", "load"]
AcceptMode = Literal["auto", "approval", "off"]
"""How offers become leases: by the policy alone, after a person's answer, or not at all; from least to most strict."""

_RANDOM = re.compile(r"(?<![A-Za-z])[RH](?![A-Za-z])", re.IGNORECASE)


class SettingsGroup(BaseModel):
    """Base class of the groups.

    :cvar group: the group's name among the settings of a pair.
    :raises InvalidSettings: the message names each wrong setting, its value and the rule.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    group: ClassVar[str] = ""

    def __init__(self, **settings: Any) -> None:
        try:
            super().__init__(**settings)
        except ValidationError as error:
            raise InvalidSettings(self.group, problems_of(error)) from None


class Timing(SettingsGroup):
    """When a pair runs, and which interval of time a run reads."""

    group = "timing"

    schedule: Text = Field(default="@daily", description="cron expression, fires at most once an hour")
    catchup: bool = Field(default=False, description="whether a pause is made up for, interval by interval")
    overlap: timedelta = Field(
        default=timedelta(minutes=5),
        ge=timedelta(0),
        le=timedelta(days=1),
        description="how far a window is read backwards beyond its start, against clocks that differ",
    )

    @field_validator("schedule")
    @classmethod
    def _at_most_hourly(cls, schedule: str) -> str:
        return _fires_at_most_hourly(schedule)


class AcceptancePolicy(SettingsGroup):
    """Which offers may become leases automatically, and when a person is asked."""

    group = "acceptance"

    accept: AcceptMode = "auto"
    max_accepts_per_run: Annotated[int, Field(ge=1, le=10_000)] = 50
    approval_timeout: timedelta = Field(
        default=timedelta(hours=20), ge=timedelta(minutes=1), le=timedelta(days=30)
    )
    approval_ends: Literal["working_hours", "any_time"] = "working_hours"
    approvers: tuple[Text, ...] = Field(
        default=(),
        description="ids of the users who may answer, as the auth manager has them; (): all who may",
    )


class DuplicateCheck(SettingsGroup):
    """How persons are identified, as in the ERP's duplicate check (Dublettenprüfung)."""

    group = "duplicates"

    matching_key: tuple[KeyField, ...] = Field(
        default=("first_name", "last_name", "birth_date"), min_length=1
    )
    without_key: Literal["load", "quarantine"] = "load"
    near_match: NearMatch = Field(
        default="ask",
        description="whether a near match among stored business partners needs a person before a lease",
    )


RETRYING_AFTER = timedelta(minutes=20)


class AlertLimits(SettingsGroup):
    """Limits from which a run is reported."""

    group = "alerts"

    late_after: timedelta | None = Field(
        default=timedelta(hours=6),
        gt=timedelta(0),
        description="a run that takes longer is reported; None: never",
    )
    silence_after: timedelta | None = Field(
        default=None,
        ge=timedelta(days=1),
        le=timedelta(days=90),
        description="a pair that has brought no prospect for so long is reported; None: learned from the pair's own past",
    )
    retrying_after: timedelta = Field(
        default=RETRYING_AFTER,
        gt=timedelta(0),
        le=timedelta(days=1),
        description="how long a system may fail to serve a run before that is reported",
    )
    quarantine_alert_share: Annotated[float, Field(ge=0, le=1)] = 0.2
    quarantine_alert_count: Annotated[int, Field(ge=0)] = 20

    def quarantine_exceeded(self, quarantined: int, extracted: int) -> bool:
        """Return whether a run's quarantine has to be reported; a single record never exceeds the share."""
        share = quarantined > 1 and quarantined > self.quarantine_alert_share * extracted
        return quarantined > self.quarantine_alert_count or share


class Execution(SettingsGroup):
    """How tasks are retried and imports are polled."""

    group = "execution"

    retries: Annotated[int, Field(ge=0, le=20)] = 6
    retry_delay: timedelta = Field(default=timedelta(seconds=30), gt=timedelta(0), le=timedelta(hours=1))
    poll: timedelta = Field(default=timedelta(seconds=5), gt=timedelta(0), le=timedelta(minutes=10))


GROUPS: tuple[type[SettingsGroup], ...] = (Timing, AcceptancePolicy, DuplicateCheck, AlertLimits, Execution)


@cache  # of thousands of customers most have the same
def _fires_at_most_hourly(schedule: str) -> str:
    if not croniter.is_valid(schedule):
        raise ValueError(
            "must be a cron expression of five fields or one of @hourly, @daily, @weekly, @monthly"
        )
    if _RANDOM.search(schedule):
        raise ValueError("must not be random (R, H): each component of Airflow would compute other times")
    minutes, *_ = croniter(schedule).expanded
    if len(schedule.split()) > 5 or len(minutes) != 1 or minutes == ["*"]:
        raise ValueError("must not fire more often than once an hour: the minute must be one fixed number")
    try:
        croniter(schedule).get_next()
    except CroniterBadDateError:
        raise ValueError("must fire some day: there is no such date") from None
    return schedule


def problems_of(error: ValidationError) -> list[tuple[str, str]]:
    """Yield (setting, sentence) for each error that pydantic finds."""
    problems = []
    for problem in error.errors(include_url=False):
        setting = str(problem["loc"][0]) if problem["loc"] else ""
        name = ".".join(str(part) for part in problem["loc"])
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "missing":
            message = f"{name} is missing"
        elif name:
            message = f"{name} = {problem['input']!r:.80}: {message}"
        problems.append((setting, message))
    return problems
