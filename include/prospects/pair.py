"""The settings of a pair, validated while its DAG file is parsed: what is wrong is said at once, in one sentence.

What each setting means and its default stand in ``docs/settings.md``, which a test holds against the fields here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Annotated, Any, Literal, Self

from croniter import croniter
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from include.prospects.accept_operator import AcceptOffersOperator
from include.prospects.extract import ExtractOperator
from include.prospects.load_operator import LoadOffersOperator
from include.prospects.pools import pool_of

KeyField = Literal["first_name", "last_name", "birth_date", "email", "phone", "postal_code"]
PARTNER_SETTINGS = ("chosen_when", "several_units")
"""Settings that not every partner knows; its extract operator says which it does."""
_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class InvalidPair(ValueError):
    """A setting of a pair is wrong; the message names the setting, the value and the rule.

    :param problems: (name of the setting, or nothing where a rule is about several; sentence) of each.
    """

    def __init__(self, dag_id: str, problems: Sequence[tuple[str, str]]) -> None:
        super().__init__(f"Pair {dag_id!r}: " + "; ".join(sentence for _, sentence in problems))
        self.problems = problems


class Pair(BaseModel):
    """One partner, one ERP, and how prospects go from one to the other.

    :raises InvalidPair: naming each wrong setting, its value and the rule.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    dag_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,200}$")]
    extract: type[ExtractOperator]
    load: type[LoadOffersOperator]
    accept_with: type[AcceptOffersOperator]
    partner_conn_id: _Text
    erp_conn_id: _Text
    erp_pool: _Text = Field(
        default_factory=lambda settings: pool_of(settings.get("erp_conn_id", "")),
        description="Airflow pool that all tasks at this ERP share; by default one of its own, made when first needed",
    )
    exchange: _Text = Field(description="the ERP's name for the place prospects are imported from")
    partner_separator: Literal["-", "_", ".", "/", "|"] | None = Field(
        None, description="None: each unit number tells by itself, if it holds exactly one of the five"
    )
    erp_separator: Annotated[str, StringConstraints(min_length=1, max_length=1)] | None = Field(
        None, description="as the customer has set it, where the ERP does not prescribe its own"
    )

    schedule: _Text = Field("@daily", description="cron expression, fires at most once an hour")
    start_date: datetime = Field(description="first day of the pair; earlier days need a backfill")
    catchup: bool = Field(False, description="whether a pause is made up for, interval by interval")
    overlap: timedelta = Field(timedelta(minutes=5), ge=timedelta(0), le=timedelta(days=1))

    clients: tuple[_Text, ...] | None = Field(None, min_length=1, description="None: all clients (Mandanten)")
    selection: Literal["partner", "erp"] = "partner"
    chosen_when: Literal["signed", "started"] | None = Field(
        None,
        description="from when on a contract chooses its tenant, where the partner has contracts",
    )
    several_units: Literal["offer_each", "quarantine"] | None = Field(
        None,
        description="what becomes of a contract about several units, where the partner has contracts",
    )
    accept: Literal["auto", "approval", "off"] = "auto"
    max_accepts_per_run: Annotated[int, Field(ge=1, le=10_000)] = 50
    approval_timeout: timedelta = Field(timedelta(hours=20), ge=timedelta(minutes=1), le=timedelta(days=30))

    matching_key: tuple[KeyField, ...] = Field(("first_name", "last_name", "birth_date"), min_length=1)
    without_key: Literal["load", "quarantine"] = "load"

    late_after: timedelta | None = Field(
        timedelta(hours=6), gt=timedelta(0), description="a run that takes longer is reported; None: never"
    )
    quarantine_alert_share: Annotated[float, Field(ge=0, le=1)] = 0.2
    quarantine_alert_count: Annotated[int, Field(ge=0)] = 20

    retries: Annotated[int, Field(ge=0, le=20)] = 6
    retry_delay: timedelta = Field(timedelta(seconds=30), gt=timedelta(0), le=timedelta(hours=1))
    poll: timedelta = Field(timedelta(seconds=5), gt=timedelta(0), le=timedelta(minutes=10))
    owner: _Text = "data-platform"
    tags: tuple[_Text, ...] = ()

    def __init__(self, **settings: Any) -> None:
        try:
            super().__init__(**settings)
        except ValidationError as error:
            raise InvalidPair(settings.get("dag_id", "?"), _problems(error)) from None

    @field_validator("schedule")
    @classmethod
    def _at_most_hourly(cls, schedule: str) -> str:
        return _fires_at_most_hourly(schedule)

    @field_validator("start_date")
    @classmethod
    def _with_zone(cls, start: datetime) -> datetime:
        if start.tzinfo is None:
            raise ValueError("must name a time zone, e.g. pendulum.datetime(2026, 11, 1, tz='Europe/Berlin')")
        return start

    @model_validator(mode="after")
    def _one_separator(self) -> Self:
        prescribed = self.load.erp_separator
        if prescribed and self.erp_separator not in (None, prescribed):
            raise ValueError(f"erp_separator = {self.erp_separator!r}: this ERP always writes {prescribed!r}")
        if not prescribed and not self.erp_separator:
            raise ValueError(
                "erp_separator is missing: this ERP's customer sets it freely, so it must be given"
            )
        return self

    @model_validator(mode="after")
    def _erp_selection_accepts_nothing(self) -> Self:
        if self.selection == "erp" and self.accept != "off":
            raise ValueError(
                f"selection='erp' with accept={self.accept!r}: where prospects are chosen in the ERP all of them are "
                "handed over, and nothing may be accepted automatically; set accept='off'"
            )
        return self

    @model_validator(mode="after")
    def _partner_knows_its_settings(self) -> Self:
        for name in PARTNER_SETTINGS:
            value = getattr(self, name)
            if value is not None and name not in self.extract.partner_settings:
                raise ValueError(f"{name} = {value!r}: this partner has no such setting; leave it out")
        return self

    @property
    def partner_settings(self) -> dict[str, str]:
        """Keyword arguments of the extract operator that only this partner knows, those that are set."""
        values = {name: getattr(self, name) for name in PARTNER_SETTINGS}
        return {name: value for name, value in values.items() if value is not None}

    @property
    def written_separator(self) -> str:
        """The separator of unit numbers in the ERP."""
        return self.erp_separator or self.load.erp_separator or ""


@cache  # of thousands of customers most have the same
def _fires_at_most_hourly(schedule: str) -> str:
    if not croniter.is_valid(schedule):
        raise ValueError(
            "must be a cron expression of five fields or one of @hourly, @daily, @weekly, @monthly"
        )
    minutes, *_ = croniter(schedule).expanded
    if len(schedule.split()) > 5 or len(minutes) != 1 or minutes == ["*"]:
        raise ValueError("must not fire more often than once an hour: the minute must be one fixed number")
    return schedule


def _problems(error: ValidationError) -> list[tuple[str, str]]:
    problems = []
    for problem in error.errors(include_url=False):
        # erp_pool has no default where erp_conn_id is wrong, which is a problem of its own.
        if problem["type"] == "default_factory_not_called":
            continue
        setting = str(problem["loc"][0]) if problem["loc"] else ""
        name = ".".join(str(part) for part in problem["loc"])
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "missing":
            message = f"{name} is missing"
        elif name:
            message = f"{name} = {problem['input']!r:.80}: {message}"
        problems.append((setting, message))
    return problems
