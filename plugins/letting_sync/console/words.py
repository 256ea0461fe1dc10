"""The texts of the page: those of the console, of all reasons, and of what to do about them."""

from __future__ import annotations

from letting_sync.config import Language
from letting_sync.locales import reasons
from letting_sync.locales.texts import group


def of(language: Language) -> dict[str, str]:
    """Return all texts that the page may show, by key."""
    said = {f"reason.{code}": words for code, words in reasons.of(language).items()}
    steps = {f"todo.{code}": words for code, words in reasons.next_steps(language).items()}
    return group("console", language) | said | steps
