"""What the question of ``auto_accept`` says, in English and German."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from letting_sync.config import Language, language


@dataclass(frozen=True)
class ApprovalWords:
    """The words of the form under *Required Actions*.

    :param without_answer: takes ``{hours}``, how long the question is open.
    """

    subject: str
    approve: str
    reject: str
    columns: tuple[str, str, str]
    start_of_the_erp: str
    without_response: str
    offers: str
    offers_hint: str


WORDS: dict[Language, ApprovalWords] = {
    "en": ApprovalWords(
        subject="Accept these offers and make leases?",
        approve="Accept the selected offers",
        reject="Accept none",
        columns=("Offer", "Unit", "Lease start"),
        start_of_the_erp="as in the ERP",
        without_response="Without an answer within {hours} h they stay held.",
        offers="Offers to accept",
        offers_hint="Remove those that are not to become leases.",
    ),
    "de": ApprovalWords(
        subject="Diese Angebote annehmen und Mietverträge erstellen?",
        approve="Ausgewählte Angebote annehmen",
        reject="Keines annehmen",
        columns=("Angebot", "Einheit", "Vertragsbeginn"),
        start_of_the_erp="wie im ERP",
        without_response="Ohne Antwort innerhalb von {hours} h bleiben sie zurückgestellt.",
        offers="Anzunehmende Angebote",
        offers_hint="Entfernen Sie die, aus denen kein Mietvertrag werden soll.",
    ),
}


def words() -> ApprovalWords:
    """The words in the language of the deployment."""
    return WORDS[language()]


def options_in_all_languages() -> list[str]:
    """Every answer that a question can have offered, whatever the language was when it was put."""
    return [option for words in WORDS.values() for option in (words.approve, words.reject)]


def is_yes(chosen: Collection[str]) -> bool:
    """Whether an answer says that the selected offers are to be accepted."""
    return any(words.approve in chosen for words in WORDS.values())
