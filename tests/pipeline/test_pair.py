"""A wrong setting is refused while the DAG file is read, in a sentence that names setting, value and rule."""

from __future__ import annotations

import copy
import pickle
import pkgutil
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pendulum
import pytest

from letting_sync.erp import ErpSystem, ErpTarget
from letting_sync.errors import InvalidSettings
from letting_sync.pipeline.pair import InvalidPair, Pair
from letting_sync.settings import AcceptancePolicy, AlertLimits, DuplicateCheck, Execution, Timing
from letting_sync.systems.everreal import EVERREAL
from letting_sync.systems.immomio import IMMOMIO
from letting_sync.systems.sigma import SIGMA
from letting_sync.systems.yuneo import YUNEO
from letting_sync.systems.yuneo.operators import YuneoLoadOffersOperator

SETTINGS: dict[str, Any] = {
    "dag_id": "a_pair",
    "partner": IMMOMIO.at("immomio"),
    "erp": YUNEO.at("yuneo", exchange="Immomio"),
    "start_date": pendulum.datetime(2026, 1, 1, tz="Europe/Berlin"),
}


def test_the_default_day_is_a_day() -> None:
    pair = Pair(**SETTINGS)

    assert (pair.timing.schedule, pair.partner.selection, pair.acceptance.accept) == (
        "@daily",
        "partner",
        "auto",
    )
    assert (pair.erp.separator, pair.erp.pool) == ("/", "erp_yuneo")
    assert EVERREAL.at("everreal").options == {"chosen_when": "signed", "several_units": "offer_each"}


@pytest.mark.parametrize(
    "schedule", ["@hourly", "7 * * * *", "7 6-20 * * *", "@weekly", "0 3 1 * *", "59 23 * * 1-5"]
)
def test_schedules_that_fire_at_most_hourly(schedule: str) -> None:
    assert Timing(schedule=schedule).schedule == schedule


@pytest.mark.parametrize(
    "schedule",
    [
        "* * * * *",
        "*/5 * * * *",
        "*/59 * * * *",
        "0,30 6 * * *",
        "0-1 3 * * *",
        "0 * * * * 30",
        "0 0 * * * *",
    ],
)
def test_schedules_that_could_fire_more_often_are_refused(schedule: str) -> None:
    with pytest.raises(InvalidSettings, match="once an hour") as refused:
        Timing(schedule=schedule)

    assert schedule in str(refused.value)


@pytest.mark.parametrize("schedule", ["R 3 * * *", "7 R(1-5) * * *", "7 r * * *", "0 0 30 2 *"])
def test_a_schedule_fires_at_the_same_times_wherever_it_is_computed(schedule: str) -> None:
    """Not at random, which differs from component to component, and some day at least."""
    with pytest.raises(InvalidSettings, match=r"random|no such date|once an hour|cron"):
        Timing(schedule=schedule)


@pytest.mark.parametrize("schedule", ["", "hourly", "@once", "@continuous", "61 * * * *", "@fortnightly"])
def test_what_is_no_schedule_is_refused(schedule: str) -> None:
    with pytest.raises(InvalidSettings, match="schedule"):
        Timing(schedule=schedule)


@pytest.mark.parametrize("dag_id", [".", "..", "", "a/b"])
def test_what_cannot_name_a_folder_is_no_name(dag_id: str) -> None:
    with pytest.raises(InvalidPair, match="dag_id"):
        Pair(**SETTINGS | {"dag_id": dag_id})


@pytest.mark.parametrize("accept", ["auto", "approval"])
def test_nothing_is_accepted_where_prospects_are_chosen_in_the_erp(accept: Any) -> None:
    chosen_in_the_erp = {"partner": EVERREAL.at("everreal", selection="erp")}

    with pytest.raises(InvalidPair, match="nothing may be accepted automatically"):
        Pair(**SETTINGS | chosen_in_the_erp | {"acceptance": AcceptancePolicy(accept=accept)})

    pair = Pair(**SETTINGS | chosen_in_the_erp | {"acceptance": AcceptancePolicy(accept="off")})
    assert pair.partner.selection == "erp"


@pytest.mark.parametrize(
    ("make", "setting", "value"),
    [
        (lambda value: Pair(**SETTINGS | {"dag_id": value}), "dag_id", "a pair"),
        (lambda value: Pair(**SETTINGS | {"start_date": value}), "start_date", datetime(2026, 1, 1)),
        (lambda value: Pair(**SETTINGS | {"clients": value}), "clients", ()),
        (lambda value: Pair(**SETTINGS | {"erp": value}), "erp", "yuneo"),
        (lambda value: Pair(**SETTINGS | {"no_such_setting": value}), "no_such_setting", 17),
        (lambda value: IMMOMIO.at(value), "partner_conn_id", " "),
        (lambda value: IMMOMIO.at("immomio", separator=value), "partner_separator", ","),
        (lambda value: IMMOMIO.at("immomio", selection=value), "selection", "erp"),
        (lambda value: EVERREAL.at("everreal", selection=value), "selection", "both"),
        (lambda value: IMMOMIO.at("immomio", chosen_when=value), "chosen_when", "signed"),
        (lambda value: EVERREAL.at("everreal", chosen_when=value), "chosen_when", "sent"),
        (lambda value: EVERREAL.at("everreal", several_units=value), "several_units", "first"),
        (lambda value: YUNEO.at("yuneo", exchange=value), "exchange", " "),
        (lambda value: YUNEO.at("yuneo", exchange="Immomio", separator=value), "erp_separator", "."),
        (lambda value: SIGMA.at("sigma", exchange="Immomio", separator=value), "erp_separator", ".."),
        (lambda value: Timing(overlap=value), "overlap", timedelta(days=-1)),
        (lambda value: DuplicateCheck(matching_key=value), "matching_key", ("name",)),
        (lambda value: DuplicateCheck(matching_key=value), "matching_key", ()),
        (lambda value: DuplicateCheck(without_key=value), "without_key", "guess"),
        (lambda value: AcceptancePolicy(accept=value), "accept", "always"),
        (lambda value: AcceptancePolicy(max_accepts_per_run=value), "max_accepts_per_run", 0),
        (lambda value: AlertLimits(quarantine_alert_share=value), "quarantine_alert_share", 2),
        (lambda value: Execution(retries=value), "retries", -1),
        (lambda value: Timing(no_such_setting=value), "no_such_setting", 17),
    ],
)
def test_each_wrong_setting_is_named_with_its_value(
    make: Callable[[Any], Any], setting: str, value: Any
) -> None:
    with pytest.raises(InvalidSettings) as refused:
        make(value)

    shown = value[0] if isinstance(value, tuple) and value else value
    assert setting in str(refused.value)
    assert f"{shown!r}" in str(refused.value)


def test_a_pair_can_be_copied_as_airflow_copies_its_tasks() -> None:
    pair = Pair(**SETTINGS | {"partner": EVERREAL.at("everreal")})

    assert copy.deepcopy(pair) == pair
    assert pickle.loads(pickle.dumps(pair.partner.options)) == pair.partner.options


def test_sigma_has_no_separator_of_its_own() -> None:
    assert SIGMA.at("sigma", exchange="Immomio", separator="-").separator == "-"
    with pytest.raises(InvalidSettings, match="erp_separator is missing"):
        SIGMA.at("sigma", exchange="Immomio")


def test_an_operator_of_one_erp_cannot_be_used_for_another() -> None:
    sigma = SIGMA.at("sigma", exchange="Immomio", separator=".")

    with pytest.raises(InvalidSettings, match="erp = 'sigma': this operator is made for 'yuneo'"):
        YuneoLoadOffersOperator(task_id="load", chunk={}, erp=sigma, key=(), poll=timedelta(1))


@pytest.mark.parametrize("system", [YUNEO, SIGMA], ids=lambda system: system.name)
def test_a_target_is_the_same_after_its_way_through_a_trigger(system: ErpSystem) -> None:
    target = system.at("a_connection", exchange="Immomio", separator="/", pool="shared")

    assert ErpTarget.deserialize(target.serialize()) == target
    assert pkgutil.resolve_name(system.path) is system
