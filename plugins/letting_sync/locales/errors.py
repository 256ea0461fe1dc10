"""Errors whose message is a text of the locales: in English for logs, in any language for alerts."""

from __future__ import annotations

from typing import TypeVar

from letting_sync.config import Language
from letting_sync.errors import StopRun, WaitAndRepeat
from letting_sync.locales.texts import text

_E = TypeVar("_E", bound=StopRun | WaitAndRepeat)


def error_of(kind: type[_E], key: str, *arguments: object, **values: object) -> _E:
    """Make an error of a text.

    :param key: of the text, below ``errors``.
    :param arguments: of the error's class, besides the message.
    :param values: what to put in the place of each placeholder; not translated.
    """
    error = kind(text(f"errors.{key}", "en", **values), *arguments)
    error.said = key, values
    return error


def message(error: StopRun | WaitAndRepeat, language: Language) -> str:
    """Return an error's message in a language, or in English if it was not made of a text."""
    if error.said is None:
        return str(error)
    key, values = error.said
    return text(f"errors.{key}", language, **values)
