"""The form of a run started by hand, as Airflow shows and checks it."""

from __future__ import annotations

from datetime import datetime

import pytest
from airflow import sdk
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk.definitions.param import ParamsDict
from airflow.sdk.exceptions import ParamValidationError
from airflow.serialization.serialized_objects import DagSerialization

from letting_sync.pipeline.params import pair_params
from tests.conftest import ROOT


def test_every_default_fits_its_schema() -> None:
    """Airflow's own class checks what ours leaves out."""
    for name, field in pair_params().items():
        assert sdk.Param(field.value, schema=field.schema).resolve() == field.value, name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("external_ids", "4711"),
        ("external_ids", [""]),
        ("external_ids", ["x"] * 1001),
        ("dry_run", "no"),
        ("accept", "always"),
    ],
)
def test_what_is_entered_wrongly_is_refused(name: str, value: object) -> None:
    with pytest.raises(ParamValidationError, match=name):
        ParamsDict(pair_params())[name] = value


def test_what_is_entered_comes_first() -> None:
    entered = ParamsDict(pair_params())
    entered.update({"window_start": datetime(2026, 11, 10).astimezone().isoformat(), "accept": "off"})

    assert entered.validate()["accept"] == "off"
    assert pair_params()["accept"].resolve() is None


def test_airflow_shows_the_form_and_stores_it_once() -> None:
    """A copy in each of the five tasks would make what is stored of a pair three times as large."""
    dag = DagBag(ROOT / "dags" / "immomio_yuneo.py").dags["immomio_yuneo"]
    stored = DagSerialization.to_dict(dag)
    shown = DagSerialization.from_dict(stored).params

    assert list(shown) == list(pair_params())
    assert shown.get_param("external_ids").schema == pair_params()["external_ids"].schema
    assert not any(task["__var"].get("params") for task in stored["dag"]["tasks"])
