"""A pair: one partner, one ERP, and how prospects go from one to the other; checked while its DAG file is parsed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    InstanceOf,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from letting_sync.erp import ErpTarget
from letting_sync.errors import InvalidSettings
from letting_sync.partner import PartnerTarget
from letting_sync.settings import (
    AcceptancePolicy,
    AlertLimits,
    DuplicateCheck,
    Execution,
    Text,
    Timing,
    problems_of,
)


class InvalidPair(InvalidSettings):
    """A setting of a pair is wrong; the message names the pair, the setting, the value and the rule."""

    def __init__(self, dag_id: str, problems: Sequence[tuple[str, str]]) -> None:
        super().__init__(f"Pair {dag_id!r}", problems)


class Pair(BaseModel):
    """One partner, one ERP, and how prospects go from one to the other.

    :raises InvalidPair: naming each wrong setting, its value and the rule.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dag_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,200}$")]
    partner: InstanceOf[PartnerTarget] = Field(description="the letting platform, made by its system's `at`")
    erp: InstanceOf[ErpTarget] = Field(description="the ERP, made by its system's `at`")
    start_date: datetime = Field(description="first day of the pair; earlier days need a backfill")
    clients: tuple[Text, ...] | None = Field(None, min_length=1, description="None: all clients (Mandanten)")
    timing: InstanceOf[Timing] = Timing()
    acceptance: InstanceOf[AcceptancePolicy] = AcceptancePolicy()
    duplicates: InstanceOf[DuplicateCheck] = DuplicateCheck()
    alerts: InstanceOf[AlertLimits] = AlertLimits()
    execution: InstanceOf[Execution] = Execution()
    owner: Text = "data-platform"
    tags: tuple[Text, ...] = ()

    def __init__(self, **settings: Any) -> None:
        try:
            super().__init__(**settings)
        except ValidationError as error:
            raise InvalidPair(settings.get("dag_id", "?"), problems_of(error)) from None

    @field_validator("dag_id")
    @classmethod
    def _names_a_folder(cls, dag_id: str) -> str:
        if not dag_id.strip("."):
            raise ValueError("must not consist of dots only: it is the name of a folder")
        return dag_id

    @field_validator("start_date")
    @classmethod
    def _with_zone(cls, start: datetime) -> datetime:
        if start.tzinfo is None:
            raise ValueError("must name a time zone, e.g. pendulum.datetime(2026, 11, 1, tz='Europe/Berlin')")
        return start

    @model_validator(mode="after")
    def _erp_selection_accepts_nothing(self) -> Self:
        if self.partner.selection == "erp" and self.acceptance.accept != "off":
            raise ValueError(
                f"selection='erp' with accept={self.acceptance.accept!r}: where prospects are chosen in the ERP all of "
                "them are handed over, and nothing may be accepted automatically; set accept='off'"
            )
        return self
