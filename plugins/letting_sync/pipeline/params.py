"""The form of a run started by hand: the params of a pair's DAG. A scheduled run has the defaults."""

from __future__ import annotations

from functools import cache
from typing import Any

from airflow import sdk

from letting_sync import config, dry_run
from letting_sync.config import Language
from letting_sync.locales.texts import text

ACCEPT_MODES = ("auto", "approval", "off")


class Param(sdk.Param):
    """A field of the form whose default is not checked anew each time that Airflow looks at it.

    Airflow looks at it about forty times while it reads and stores one DAG, and each time checks the schema too:
    with 3,000 DAGs that alone takes minutes. A test checks the defaults instead; what a person enters is still checked
    by Airflow.
    """

    # Airflow writes a param down by the name of its class, and takes no other than its own.
    __module__ = sdk.Param.__module__

    def resolve(self, *value: Any, **options: Any) -> Any:
        """The entered value if it fits the schema, else the default."""
        return super().resolve(*value, **options) if value or "value" in options else self.value


def pair_params() -> dict[str, Param]:
    """Return the params, new for each DAG: Airflow writes into them what was entered for a run."""
    return {name: Param(**field) for name, field in _fields(config.language()).items()}


@cache  # a DAG file may contain thousands of pairs
def _fields(language: Language) -> dict[str, dict[str, Any]]:
    """Return the arguments of each param."""
    modes = ("null", *ACCEPT_MODES)
    fields: dict[str, dict[str, Any]] = {
        "window_start": {"default": None, "type": ["null", "string"], "format": "date-time"},
        "window_end": {"default": None, "type": ["null", "string"], "format": "date-time"},
        "external_ids": {
            "default": None,
            "type": ["null", "array"],
            "items": {"type": "string", "minLength": 1, "maxLength": 64},
            "maxItems": 1000,
        },
        dry_run.PARAM: {"default": False, "type": "boolean"},
        "accept": {
            "default": None,
            "type": ["null", "string"],
            "enum": [None, *ACCEPT_MODES],
            "values_display": {mode: text(f"params.accept.values.{mode}", language) for mode in modes},
        },
    }
    for name, field in fields.items():
        field["title"] = text(f"params.{name}.title", language)
        field["description"] = text(f"params.{name}.description", language)
    return fields
