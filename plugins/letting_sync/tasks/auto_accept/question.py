"""What the question of ``auto_accept`` says, in English and German."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

from letting_sync.config import Language, language
from letting_sync.locales.reasons import of as reason_words
from letting_sync.window import TIMEZONE

if TYPE_CHECKING:
    from letting_sync.tasks.auto_accept.policy import Decision

WORKDAYS = range(5)
DAY_BEGINS, DAY_ENDS, LATE_MORNING = time(8), time(18), time(10)
"""Office hours, Monday to Friday in the customers' zone (assumed); a question does not end outside of them."""


@dataclass(frozen=True)
class ApprovalWords:
    """The words of the form under *Required Actions*.

    :param without_response: takes ``{end}``, until when the question stands.
    :param day: how a date is written.
    :param moment: how a time is written.
    """

    subject: str
    approve: str
    reject: str
    columns: tuple[str, str, str]
    doubt_columns: tuple[str, str, str]
    start_of_the_erp: str
    without_response: str
    offers: str
    offers_hint: str
    day: str
    moment: str


WORDS: dict[Language, ApprovalWords] = {
    "en": ApprovalWords(
        subject="Accept these offers and make leases?",
        approve="Accept the selected offers",
        reject="Accept none",
        columns=("Offer", "Unit", "Lease start"),
        doubt_columns=("Why you are asked", "Business partner", "May be the same person"),
        start_of_the_erp="as in the ERP",
        without_response="Without an answer by {end} they stay held.",
        offers="Offers to accept",
        offers_hint="Remove those that are not to become leases.",
        day="%Y-%m-%d",
        moment="%Y-%m-%d %H:%M",
    ),
    "de": ApprovalWords(
        subject="Diese Angebote annehmen und Mietverträge erstellen?",
        approve="Ausgewählte Angebote annehmen",
        reject="Keines annehmen",
        columns=("Angebot", "Einheit", "Vertragsbeginn"),
        doubt_columns=("Warum gefragt wird", "Geschäftspartner", "Vielleicht dieselbe Person"),
        start_of_the_erp="wie im ERP",
        without_response="Ohne Antwort bis {end} Uhr bleiben sie zurückgestellt.",
        offers="Anzunehmende Angebote",
        offers_hint="Entfernen Sie die, aus denen kein Mietvertrag werden soll.",
        day="%d.%m.%Y",
        moment="%d.%m.%Y %H:%M",
    ),
}


def words() -> ApprovalWords:
    """The words in the language of the deployment."""
    return WORDS[language()]


def written_day(day: date | None) -> str:
    """A start of a lease in the language of the deployment."""
    return day.strftime(words().day) if day else words().start_of_the_erp


def written_moment(moment: datetime) -> str:
    """A time in the customers' zone, in the language of the deployment."""
    return moment.astimezone(ZoneInfo(TIMEZONE)).strftime(words().moment)


def end_of(asked: datetime, timeout: timedelta, ends: Literal["working_hours", "any_time"]) -> datetime:
    """When a question ends that nobody answers.

    :param asked: when it is asked, with a zone.
    :param ends: ``working_hours``: an end at night or on a weekend is put off to the next working day, 10 o'clock.
    """
    end = (asked + timeout).astimezone(ZoneInfo(TIMEZONE))
    if ends == "any_time" or (end.weekday() in WORKDAYS and DAY_BEGINS <= end.time() <= DAY_ENDS):
        return end
    day = end.date() + timedelta(days=end.time() > DAY_ENDS)
    while day.weekday() not in WORKDAYS:
        day += timedelta(days=1)
    return datetime.combine(day, LATE_MORNING, ZoneInfo(TIMEZONE))


def doubts(decision: Decision) -> tuple[str, str, str]:
    """Why a person is asked about an offer, and the numbers of the business partners: the offer's, and the other one."""
    entry, offer = decision.entry, decision.offer
    why = reason_words(language()).get(entry.ask_reason, str(entry.ask_reason)) if entry.ask_reason else ""
    return why, (offer and offer.business_partner_number) or "", entry.near_partner_number or ""


def options_in_all_languages() -> list[str]:
    """Every answer that a question can have offered, whatever the language was when it was put."""
    return [option for words in WORDS.values() for option in (words.approve, words.reject)]


def is_yes(chosen: Collection[str]) -> bool:
    """Whether an answer says that the selected offers are to be accepted."""
    return any(words.approve in chosen for words in WORDS.values())
