"""The form of a run started by hand: the params of a pair's DAG. A scheduled run has the defaults."""

from __future__ import annotations

from typing import Any

from airflow import sdk

from letting_sync import dry_run


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
    """The fields, made anew for each DAG: Airflow writes into them what was entered for a run."""
    return {
        "window_start": Param(
            None,
            type=["null", "string"],
            format="date-time",
            title="Window: start",
            description="Read what changed from here on (inclusive), with an offset. Empty: the run's own window.",
        ),
        "window_end": Param(
            None,
            type=["null", "string"],
            format="date-time",
            title="Window: end",
            description="Read what changed before this time (exclusive), with an offset.",
        ),
        "external_ids": Param(
            None,
            type=["null", "array"],
            items={"type": "string", "minLength": 1, "maxLength": 64},
            maxItems=1000,
            title="Only these external ids",
            description="Send these prospects again after a cause is fixed, whatever their window. One a line.",
        ),
        dry_run.PARAM: Param(
            False,
            type="boolean",
            title="Dry run",
            description="Do everything up to the first write and show what would be loaded and accepted.",
        ),
        "accept": Param(
            None,
            type=["null", "string"],
            enum=[None, "auto", "approval", "off"],
            values_display={
                "null": "as the pair is set",
                "auto": "auto: what nothing speaks against",
                "approval": "approval: a person is asked first",
                "off": "off: no lease is made",
            },
            title="Accept mode of this run",
            description="Where prospects are chosen in the ERP nothing may be accepted.",
        ),
    }
