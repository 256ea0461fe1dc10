"""The words of the page: one dictionary per language, chosen by ``[prospects] language`` (``en`` or ``de``)."""

from __future__ import annotations

from airflow.configuration import conf

from include.prospects import reason_words
from prospect_console.words_de import GERMAN
from prospect_console.words_en import ENGLISH

LANGUAGES = {"en": ENGLISH, "de": GERMAN}
DEFAULT = "en"


def language() -> str:
    """The language of the deployment; an unknown one is English."""
    asked = conf.get("prospects", "language", fallback=DEFAULT).strip().lower()[:2]
    return asked if asked in LANGUAGES else DEFAULT


def of(language: str) -> dict[str, str]:
    """All words of a language."""
    return LANGUAGES[language] | {f"reason.{code}": said for code, said in reason_words.of(language).items()}
