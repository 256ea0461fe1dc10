"""A run that was started with something that would be ignored is refused before it does anything."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letting_sync.errors import StopRun
from letting_sync.pipeline.params import pair_params
from letting_sync.run_conf import OF_A_DELETION, OF_A_PAIR, check, ids_asked_for

NOON = datetime(2026, 11, 10, 12, tzinfo=UTC)
A_WINDOW = {"window_start": "2026-11-09T00:00:00+01:00", "window_end": "2026-11-10T00:00:00+01:00"}


@pytest.mark.parametrize(
    ("conf", "sentence"),
    [
        ({"dryrun": True}, "dryrun, which is no param of this DAG; is 'dry_run' meant?"),
        ({"Dry_Run": True}, "is 'dry_run' meant?"),
        ({"dry-run": True}, "is 'dry_run' meant?"),
        ({"rehearsal": True}, "is 'rehearse' meant?"),
        ({"external_id": ["4711"]}, "is 'external_ids' meant?"),
        ({"since": "2026-11-09"}, "there are window_start, window_end, external_ids"),
        ({"dry_run": "true"}, "dry_run must be true or false"),
        ({"external_ids": []}, "external_ids is an empty list"),
        ({"external_ids": [" "]}, "list of texts that are not empty"),
        ({"external_ids": "4711"}, "list of texts"),
        ({"external_ids": ["4711"], **A_WINDOW}, "exclude each other"),
        ({"external_ids": ["4711"], "window_end": A_WINDOW["window_end"]}, "exclude each other"),
        ({**A_WINDOW, "window_end": "2026-11-10T14:00:00+01:00"}, "window_end is in the future"),
        (["4711"], "no JSON object"),
    ],
)
def test_what_would_be_ignored_or_contradicts_itself_is_refused(conf: Any, sentence: str) -> None:
    with pytest.raises(StopRun, match="Nothing was done") as refused:
        check(conf, OF_A_PAIR, NOON)
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    "conf",
    [
        None,
        {},
        A_WINDOW,
        {
            name: field.value for name, field in pair_params().items()
        },  # what the form in the UI sends untouched
        {"external_ids": ["4711"], "window_start": None, "window_end": None, "accept": "off"},
        {"dry_run": True, **A_WINDOW},
        {"rehearse": True},
        {"airflow/task_span_detail_level": 1},
    ],
)
def test_what_a_run_may_be_started_with(conf: Any) -> None:
    check(conf, OF_A_PAIR, NOON)


def test_the_form_has_the_params_that_are_known() -> None:
    assert {*pair_params(), "rehearse"} == set(OF_A_PAIR)


@given(st.dictionaries(st.text(max_size=12), st.booleans(), min_size=1))
def test_a_deletion_is_real_only_if_nobody_can_have_meant_otherwise(conf: dict[str, bool]) -> None:
    if set(conf) <= set(OF_A_DELETION) or all(key.startswith("airflow/") for key in conf):
        check(conf, OF_A_DELETION)
        return
    with pytest.raises(StopRun):
        check(conf, OF_A_DELETION)


def test_an_id_counts_once() -> None:
    assert ids_asked_for({"external_ids": ["2", "1", "2"]}) == ["2", "1"]
    assert ids_asked_for({"external_ids": None}) == []
