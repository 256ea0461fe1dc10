"""The words of the page: one dictionary per language, chosen by ``[prospects] language`` (``en`` or ``de``)."""

from __future__ import annotations

from letting_sync.config import Language
from letting_sync.console.words_de import GERMAN
from letting_sync.console.words_en import ENGLISH
from letting_sync.locales import next_steps, reasons

LANGUAGES: dict[Language, dict[str, str]] = {"en": ENGLISH, "de": GERMAN}


def of(language: Language) -> dict[str, str]:
    """All words of a language."""
    said = {f"reason.{code}": words for code, words in reasons.of(language).items()}
    steps = {f"todo.{code}": words for code, words in next_steps.of(language).items()}
    return LANGUAGES[language] | said | steps
