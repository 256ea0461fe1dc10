"""The words of the page: one dictionary per language, chosen by ``[prospects] language`` (``en`` or ``de``)."""

from __future__ import annotations

from letting_sync.config import Language
from letting_sync.console.words_de import GERMAN
from letting_sync.console.words_en import ENGLISH
from letting_sync.locales import reasons

LANGUAGES: dict[Language, dict[str, str]] = {"en": ENGLISH, "de": GERMAN}


def of(language: Language) -> dict[str, str]:
    """All words of a language."""
    return LANGUAGES[language] | {f"reason.{code}": said for code, said in reasons.of(language).items()}
