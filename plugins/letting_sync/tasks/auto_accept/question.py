"""Content and deadline of the question that ``auto_accept`` asks."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

from letting_sync.config import language
from letting_sync.locales.reasons import of as reason_words
from letting_sync.locales.texts import LANGUAGES, text
from letting_sync.window import TIMEZONE

if TYPE_CHECKING:
    from letting_sync.tasks.auto_accept.policy import Decision

_MARKUP = re.compile(r"[\\`*_\[\]<>|~&!]")
WORKDAYS = range(5)
DAY_BEGINS, DAY_ENDS, LATE_MORNING = time(8), time(18), time(10)
"""Working hours, Monday to Friday in the customers' time zone (assumed). A question does not end outside of them."""


def written_day(day: date | None) -> str:
    """Return the start of a lease in the language of the deployment."""
    return day.strftime(text("formats.day")) if day else text("approval.start_of_the_erp")


def end_of(asked: datetime, timeout: timedelta, ends: Literal["working_hours", "any_time"]) -> datetime:
    """Return the deadline of a question.

    :param asked: when it is asked, with a time zone.
    :param ends: ``working_hours``: an end at night or on a weekend is moved to the next working day, 10 o'clock.
    """
    end = (asked + timeout).astimezone(ZoneInfo(TIMEZONE))
    if ends == "any_time" or (end.weekday() in WORKDAYS and DAY_BEGINS <= end.time() <= DAY_ENDS):
        return end
    day = end.date() + timedelta(days=end.time() > DAY_ENDS)
    while day.weekday() not in WORKDAYS:
        day += timedelta(days=1)
    return datetime.combine(day, LATE_MORNING, ZoneInfo(TIMEZONE))


def doubts(decision: Decision) -> tuple[str, str, str]:
    """Why a person is asked about an offer, with the numbers of two business partners: the offer's and the other one."""
    entry, offer = decision.entry, decision.offer
    why = reason_words(language()).get(entry.ask_reason, str(entry.ask_reason)) if entry.ask_reason else ""
    return why, (offer and offer.business_partner_number) or "", entry.near_partner_number or ""


def cell(written: str) -> str:
    """Return a text of a system as a cell of a Markdown table, in which it is neither mark-up nor the end of the cell.

    A customer of an ERP may separate the parts of a unit's number by ``|`` or ``*``.
    """
    return _MARKUP.sub(r"\\\g<0>", " ".join(written.split()))


def options_in_all_languages() -> list[str]:
    """Return every possible answer in all languages, since the language may have changed since the question was asked."""
    return [text(f"approval.{answer}", known) for known in LANGUAGES for answer in ("approve", "reject")]


def is_yes(chosen: Collection[str]) -> bool:
    """Return whether an answer accepts the selected offers."""
    return any(text("approval.approve", known) in chosen for known in LANGUAGES)
