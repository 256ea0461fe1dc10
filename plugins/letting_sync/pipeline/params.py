"""The form of a run started by hand: the params of a pair's DAG. A scheduled run has the defaults."""

from __future__ import annotations

from typing import Any

from airflow import sdk

from letting_sync import dry_run
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
    return {
        "window_start": _param("window_start", None, type=["null", "string"], format="date-time"),
        "window_end": _param("window_end", None, type=["null", "string"], format="date-time"),
        "external_ids": _param(
            "external_ids",
            None,
            type=["null", "array"],
            items={"type": "string", "minLength": 1, "maxLength": 64},
            maxItems=1000,
        ),
        dry_run.PARAM: _param("dry_run", False, type="boolean"),
        "accept": _param(
            "accept",
            None,
            type=["null", "string"],
            enum=[None, *ACCEPT_MODES],
            values_display={name: text(f"params.accept.values.{name}") for name in ("null", *ACCEPT_MODES)},
        ),
    }


def _param(name: str, default: Any, **schema: Any) -> Param:
    title, description = text(f"params.{name}.title"), text(f"params.{name}.description")
    return Param(default, title=title, description=description, **schema)
