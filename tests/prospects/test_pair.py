"""A wrong setting is refused while the DAG file is read, in a sentence that names setting, value and rule."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pendulum
import pytest

from everreal.operators import EverRealExtractOperator
from immomio.operators import ImmomioExtractOperator
from include.prospects.pair import InvalidPair, Pair
from sigma.operators import SigmaAcceptOffersOperator, SigmaLoadOffersOperator
from yuneo.operators import YuneoAcceptOffersOperator, YuneoLoadOffersOperator

SETTINGS: dict[str, Any] = {
    "dag_id": "a_pair",
    "extract": ImmomioExtractOperator,
    "load": YuneoLoadOffersOperator,
    "accept_with": YuneoAcceptOffersOperator,
    "partner_conn_id": "immomio",
    "erp_conn_id": "yuneo",
    "exchange": "Immomio",
    "start_date": pendulum.datetime(2026, 1, 1, tz="Europe/Berlin"),
}


def test_the_default_day_is_a_day() -> None:
    pair = Pair(**SETTINGS)

    assert (pair.schedule, pair.selection, pair.accept) == ("@daily", "partner", "auto")
    assert pair.written_separator == "/"


@pytest.mark.parametrize(
    "setting",
    [{"chosen_when": "signed"}, {"several_units": "quarantine"}],
    ids=lambda setting: next(iter(setting)),
)
def test_a_setting_that_only_another_partner_knows_is_refused(setting: dict[str, str]) -> None:
    """Immomio's "als Mieter akzeptiert" is one moment, and its application is about one unit."""
    ((name, value),) = setting.items()
    with pytest.raises(InvalidPair, match=f"{name} = '{value}': this partner has no such setting"):
        Pair(**SETTINGS | setting)

    pair = Pair(**SETTINGS | setting | {"extract": EverRealExtractOperator})
    assert pair.partner_settings == setting


@pytest.mark.parametrize(
    ("setting", "value"), [("chosen_when", "sent"), ("several_units", "first"), ("chosen_when", True)]
)
def test_a_value_that_the_partners_setting_does_not_have_is_refused(setting: str, value: Any) -> None:
    with pytest.raises(InvalidPair, match=f"{setting} = {value!r}"):
        Pair(**SETTINGS | {setting: value, "extract": EverRealExtractOperator})


@pytest.mark.parametrize(
    "schedule", ["@hourly", "7 * * * *", "7 6-20 * * *", "@weekly", "0 3 1 * *", "59 23 * * 1-5"]
)
def test_schedules_that_fire_at_most_hourly(schedule: str) -> None:
    assert Pair(**SETTINGS | {"schedule": schedule}).schedule == schedule


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
    with pytest.raises(InvalidPair, match="once an hour") as refused:
        Pair(**SETTINGS | {"schedule": schedule})

    assert schedule in str(refused.value)
    assert "a_pair" in str(refused.value)


@pytest.mark.parametrize("schedule", ["", "hourly", "@once", "@continuous", "61 * * * *", "@fortnightly"])
def test_what_is_no_schedule_is_refused(schedule: str) -> None:
    with pytest.raises(InvalidPair, match="schedule"):
        Pair(**SETTINGS | {"schedule": schedule})


@pytest.mark.parametrize("accept", ["auto", "approval"])
def test_nothing_is_accepted_where_prospects_are_chosen_in_the_erp(accept: str) -> None:
    with pytest.raises(InvalidPair, match="nothing may be accepted automatically"):
        Pair(**SETTINGS | {"selection": "erp", "accept": accept})


def test_selection_in_the_erp_without_acceptance_is_fine() -> None:
    assert Pair(**SETTINGS | {"selection": "erp", "accept": "off"}).selection == "erp"


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("dag_id", "a pair"),
        ("partner_separator", ","),
        ("erp_separator", "."),
        ("start_date", datetime(2026, 1, 1)),
        ("overlap", timedelta(days=-1)),
        ("clients", ()),
        ("matching_key", ("name",)),
        ("matching_key", ()),
        ("without_key", "guess"),
        ("accept", "always"),
        ("max_accepts_per_run", 0),
        ("retries", -1),
        ("exchange", " "),
        ("no_such_setting", 1),
    ],
)
def test_each_wrong_setting_is_named_with_its_value(setting: str, value: Any) -> None:
    with pytest.raises(InvalidPair, match=setting):
        Pair(**SETTINGS | {setting: value})


def test_sigma_has_no_separator_of_its_own() -> None:
    sigma = SETTINGS | {"load": SigmaLoadOffersOperator, "accept_with": SigmaAcceptOffersOperator}

    assert Pair(**sigma | {"erp_separator": "-"}).written_separator == "-"
    with pytest.raises(InvalidPair, match="erp_separator is missing"):
        Pair(**sigma)
