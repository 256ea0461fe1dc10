"""The texts that a person reads: ``en.json`` and ``de.json``, in the form that Airflow's own UI uses.

Keys are nested and named with dots, ``{{name}}`` is a placeholder. Each file is read once per process.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from letting_sync import config
from letting_sync.config import Language

LANGUAGES: tuple[Language, ...] = ("en", "de")
_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")


def text(key: str, language: Language | None = None, /, **values: object) -> str:
    """Return one text.

    :param key: for example ``alerts.kinds.failed.headline``.
    :param language: by default that of the deployment, see :func:`letting_sync.config.language`.
    :param values: what to put in the place of each placeholder; whole numbers are written as in the language.
    :raises KeyError: if there is no such text, or no value for a placeholder.
    """
    language = language or config.language()
    return _PLACEHOLDER.sub(lambda found: _written(values[found[1]], language), texts(language)[key])


def number(value: int, language: Language) -> str:
    """Return a whole number with the language's separator of thousands."""
    return f"{value:,}".replace(",", {"en": ",", "de": "."}[language])


def _written(value: object, language: Language) -> str:
    return number(value, language) if isinstance(value, int) else str(value)


def group(prefix: str, language: Language) -> dict[str, str]:
    """Return all texts below a key, by the rest of their keys; with their placeholders."""
    start = f"{prefix}."
    return {key.removeprefix(start): value for key, value in texts(language).items() if key.startswith(start)}


@cache
def texts(language: Language) -> Mapping[str, str]:
    """Return all texts of a language by key."""
    return dict(_flat(json.loads(Path(__file__).with_name(f"{language}.json").read_text(encoding="utf-8"))))


def _flat(nested: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    for key, value in nested.items():
        if isinstance(value, str):
            yield f"{path}{key}", value
        else:
            yield from _flat(value, f"{path}{key}.")
