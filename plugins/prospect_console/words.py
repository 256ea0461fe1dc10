"""The words of the page: one dictionary per language, chosen by ``[prospects] language`` (``en`` or ``de``)."""

from __future__ import annotations

from include.prospects import reason_words
from include.prospects.deployment import Language
from prospect_console.words_de import GERMAN
from prospect_console.words_en import ENGLISH

LANGUAGES: dict[Language, dict[str, str]] = {"en": ENGLISH, "de": GERMAN}


def of(language: Language) -> dict[str, str]:
    """All words of a language."""
    return LANGUAGES[language] | {f"reason.{code}": said for code, said in reason_words.of(language).items()}
