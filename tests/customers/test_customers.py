"""A customer's file is right and becomes a pair, or wrong and is said by its line; whatever its bytes are."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import pendulum
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from letting_sync import config
from letting_sync.customers import loader, systems
from letting_sync.customers.yaml_settings import LARGEST, WrongFile
from letting_sync.pipeline.pair import Pair
from letting_sync.settings import GROUPS, Timing
from letting_sync.systems.everreal import EVERREAL
from letting_sync.systems.immomio import IMMOMIO
from letting_sync.systems.sigma import SIGMA
from tests.conftest import ROOT

GOOD = """\
# yaml-language-server: $schema=pair.schema.json
partner: immomio
erp: sigma
partner_conn_id: immomio_nord
erp_conn_id: sigma_nord
exchange: Immomio
erp_separator: "."
start_date: 2026-11-01
"""
LINES = GOOD.count("\n")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AIRFLOW__PROSPECTS__PAIRS", str(tmp_path))
    return tmp_path


def written(folder: Path, text: str | bytes, name: str = "nord.yaml") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_file_says_what_a_dag_file_says(tmp_path: Path) -> None:
    pair = loader.read_customer(written(tmp_path, GOOD))

    assert pair == Pair(
        dag_id="nord",
        partner=IMMOMIO.at("immomio_nord"),
        erp=SIGMA.at("sigma_nord", exchange="Immomio", separator="."),
        start_date=pendulum.datetime(2026, 11, 1, tz="Europe/Berlin"),
        timing=Timing(schedule=loader.daily_schedule("nord")),
    )


@pytest.mark.parametrize(
    ("line", "setting", "value"),
    [
        ("accept: off", "accept", "off"),
        ("clients: [001, 1_0, no]", "clients", ("001", "1_0", "no")),
        ("clients:\n  - 07", "clients", ("07",)),
        ("clients:", "clients", None),
        ("late_after: ~", "late_after", None),
        ("owner: 'null'", "owner", "null"),
        ("approval_timeout: PT10H", "approval_timeout", timedelta(hours=10)),
        ("approval_timeout: 10:00:00", "approval_timeout", timedelta(hours=10)),
        ("approval_timeout: P1DT2H", "approval_timeout", timedelta(hours=26)),
        ("catchup: yes", "catchup", True),
        ("max_accepts_per_run: 7", "max_accepts_per_run", 7),
        ("quarantine_alert_share: 0.5", "quarantine_alert_share", 0.5),
    ],
)
def test_the_text_is_what_is_meant(tmp_path: Path, line: str, setting: str, value: Any) -> None:
    """YAML 1.1 makes ``False`` of ``off``, 1 of ``001`` and 36000 of ``10:00:00``."""
    pair = loader.read_customer(written(tmp_path, GOOD + line))
    places = [pair, *(getattr(pair, group.group) for group in GROUPS)]
    (place,) = [place for place in places if setting in type(place).model_fields]

    assert getattr(place, setting) == value


def test_a_file_without_a_schedule_has_a_minute_of_its_own(tmp_path: Path) -> None:
    """Once a day, always at the same minute, and thousands of customers are spread over the hour but its first minute."""
    assert loader.read_customer(written(tmp_path, GOOD)).timing.schedule == "45 0 * * *"
    assert (
        loader.read_customer(written(tmp_path, GOOD + "schedule: 0 6 * * *")).timing.schedule == "0 6 * * *"
    )
    at = Counter(loader.daily_schedule(f"customer_{number}") for number in range(3000))

    assert set(at) == {f"{minute} 0 * * *" for minute in range(1, 60)}
    assert max(at.values()) < 100


SETTING_OF_EACH_GROUP = {
    "timing": ["schedule: 15 6 * * *", "catchup: yes"],
    "acceptance": ["accept: approval", "approval_timeout: PT10H"],
    "duplicates": ["matching_key: [last_name, email]"],
    "alerts": ["late_after: ~", "quarantine_alert_count: 7"],
    "execution": ["retries: 3", "poll: PT30S"],
}


@pytest.mark.parametrize("grouped", [{*SETTING_OF_EACH_GROUP}, {"acceptance", "alerts"}], ids=["all", "some"])
def test_a_group_is_a_mapping_or_its_settings_alone(tmp_path: Path, grouped: set[str]) -> None:
    """Each group in one of the two forms; the pair is the same."""
    assert set(SETTING_OF_EACH_GROUP) == {group.group for group in GROUPS}
    flat = "\n".join(line for lines in SETTING_OF_EACH_GROUP.values() for line in lines)
    nested = "\n".join(
        "\n  ".join([f"{group}:", *lines]) if group in grouped else "\n".join(lines)
        for group, lines in SETTING_OF_EACH_GROUP.items()
    )

    pair = loader.read_customer(written(tmp_path, GOOD + nested))
    assert pair == loader.read_customer(written(tmp_path, GOOD + flat))
    assert (pair.timing.catchup, pair.alerts.late_after, pair.execution.retries) == (True, None, 3)


def test_the_options_of_a_partner_are_settings_of_its_customers(tmp_path: Path) -> None:
    text = GOOD.replace("immomio\n", "everreal\n", 1) + "chosen_when: started\n"

    pair = loader.read_customer(written(tmp_path, text))
    assert pair.partner == EVERREAL.at("immomio_nord", chosen_when="started")


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("2026-07-01", "2026-06-30T22:00:00Z"),
        ("2026-01-01T06:30:00", "2026-01-01T05:30:00Z"),
        ("2026-01-01T06:30:00+00:00", "2026-01-01T06:30:00Z"),
    ],
)
def test_a_day_begins_at_berlins_midnight(tmp_path: Path, text: str, start: str) -> None:
    pair = loader.read_customer(written(tmp_path, GOOD.replace("2026-11-01", text)))

    assert pair.start_date == pendulum.parse(start)


WRONG = {
    "no YAML": (GOOD + "tags: [a, b\n", LINES + 2, "this is not YAML"),
    "a tab": (GOOD + "tags:\n\t- a\n", LINES + 2, "indent with spaces, YAML allows no tabs"),
    "a tab before a name": (GOOD + "\taccept: off\n", LINES + 1, "this is not YAML"),
    "indented": (GOOD + "  accept: off\n", LINES + 1, "each setting begins at the start of its line"),
    "first one indented": ("  " + GOOD.split("\n", 1)[1], 2, "each setting begins at the start of its line"),
    "a colon in a value": (GOOD + "owner: Team: North\n", LINES + 1, "a value with ': ' in it is quoted"),
    "no colon": (GOOD + "accept off\n", LINES + 1, "a setting is written 'name: value'"),
    "an asterisk": (GOOD + "schedule: '* * * * *'\ntags: * *\n", LINES + 2, "a value that begins with * is quoted"),
    "minutes unquoted": (GOOD + "schedule: */15 * * * *\n", LINES + 1, "write the value out, or quote it"),
    "an unknown alias": (GOOD + "schedule: *daily\n", LINES + 1, "anchors (&) and aliases (*) are not read"),
    "twice, apart": (GOOD + "owner: a\naccept: off\nowner: b\n", LINES + 3, f"owner is set a second time, first on line {LINES + 1}"),
    "wrong type": (GOOD + "retries: many\n", LINES + 1, "retries = 'many'"),
    "a list for one value": (GOOD + "accept: [auto, ~]\n", LINES + 1, "accept = ['auto', None]: "),
    "too often": (GOOD + "schedule: '*/5 * * * *'\n", LINES + 1, "schedule = '*/5 * * * *': must not fire more often"),
    "unknown": (GOOD + "acept: off\n", LINES + 1, "acept: there is no such setting; is accept meant?"),
    "twice": (GOOD + "erp: yuneo\n", LINES + 1, "erp is set a second time, first on line 3"),
    "a class": (GOOD + "extract: os.system\n", LINES + 1, "extract: there is no such setting"),
    "the DAG's name": (GOOD + "dag_id: nord\n", LINES + 1, "dag_id: the file's name says it"),
    "an option of another partner": (GOOD + "chosen_when: signed\n", LINES + 1, "chosen_when: there is no such setting"),
    "unknown partner": (GOOD.replace("immomio\n", "imomio\n", 1), 2, "'imomio': is not known; known are everreal, immomio"),
    "an ERP as partner": (GOOD.replace("immomio\n", "yuneo\n", 1), 2, "has 0 values of PartnerSystem instead of one; known are everreal"),
    "a path as partner": (GOOD.replace("immomio\n", "../../tmp\n", 1), 2, "is not known"),
    "two rules": (GOOD.replace("immomio\n", "everreal\n", 1) + "selection: erp\n", LINES + 1, "nothing may be accepted automatically"),
    "a selection of another partner": (GOOD + "selection: erp\n", LINES + 1, "selection = 'erp': must be partner"),
    "missing": (GOOD.replace("exchange: Immomio\n", ""), 1, "exchange is missing"),
    "no separator": (GOOD.replace('erp_separator: "."\n', ""), 1, "erp_separator is missing"),
    "list of lists": (GOOD + "clients: [[1]]\n", LINES + 1, "clients: each entry of the list must be one value"),
    "mapping inside": (GOOD + "accept: {mode: off}\n", LINES + 1, "accept: must be one value or a list"),
    "merge key": (GOOD + "<<: {a: b}\n", LINES + 1, "must be one value or a list"),
    "no start": (GOOD.replace("2026-11-01", "12:00"), 8, "start_date = '12:00'"),
    "anchor": (GOOD + "tags: &a [x]\n", LINES + 1, "anchors (&) and aliases (*) are not read"),
    "alias bomb": ("a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n", 1, "anchors (&) and aliases (*) are not read"),
    "billion laughs": (
        "a: &a [lol, lol]\n" + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in pairwise("abcdefghi")),
        1, "anchors (&) and aliases (*) are not read",
    ),
    "alias of itself": ("a: &a [*a]\n", 1, "anchors (&) and aliases (*) are not read"),
    "a known tag": (GOOD + "retries: !!int 3\n", LINES + 1, "tags (!) are not read"),
    "a tag of our own": (GOOD + "clients: !include [a]\n", LINES + 1, "tags (!) are not read"),
    "tag": (GOOD + "owner: !!python/object/apply:os.system [true]\n", LINES + 1, "tags (!) are not read"),
    "two documents": (GOOD + "---\nerp: yuneo\n", LINES + 1, "a second document"),
    "not a mapping": ("- erp\n", 1, "a file holds settings"),
    "only text": ("\nimmomio to sigma\n", 2, "a file holds settings"),
    "empty": ("", 1, "the file is empty"),
    "only comments": ("# to be written\n", 1, "the file is empty"),
    "Latin-1": (GOOD.encode() + "owner: Jürgen\n".encode("latin-1"), LINES + 1, "not UTF-8"),
    "binary": (bytes(range(256)) * 4, 2, "not UTF-8"),
    "control character": (GOOD + "owner: a\x07b\n", LINES + 1, "the character U+0007 is not allowed"),
    "too large": (GOOD + "#" * LARGEST, 1, "larger than 64 KiB"),
    "in both forms": (GOOD + "accept: off\nacceptance:\n  accept: off\n", LINES + 1, f"accept belongs to the group acceptance, which is on line {LINES + 2}: write it there"),
    "a group half outside": (GOOD + "acceptance:\n  accept: off\nmax_accepts_per_run: 3\n", LINES + 3, "max_accepts_per_run belongs to the group acceptance"),
    "a group twice": (GOOD + "alerts: {late_after: ~}\nalerts: {late_after: ~}\n", LINES + 2, f"alerts is set a second time, first on line {LINES + 1}"),
    "twice in a group": (GOOD + "execution:\n  retries: 1\n  retries: 2\n", LINES + 3, f"retries is set a second time, first on line {LINES + 2}"),
    "a value for a group": (GOOD + "timing: daily\n", LINES + 1, "timing is a group of settings: write them below it, indented (schedule, catchup, overlap)"),
    "an empty group": (GOOD + "timing:\n", LINES + 1, "timing is a group of settings"),
    "a list for a group": (GOOD + "timing: [daily]\n", LINES + 1, "timing is a group of settings"),
    "of another group": (GOOD + "timing:\n  accept: off\n", LINES + 2, "timing.accept: the group has no such setting; it has schedule, catchup, overlap"),
    "of no group": (GOOD + "timing:\n  owner: me\n", LINES + 2, "timing.owner: the group has no such setting"),
    "a wrong value in a group": (GOOD + "execution:\n  poll: PT1S\n  retries: many\n", LINES + 3, "retries = 'many'"),
    "a rule of its group": (GOOD + "timing:\n  schedule: '*/5 * * * *'\n", LINES + 2, "schedule = '*/5 * * * *': must not fire more often"),
    "a group inside a group": (GOOD + "timing:\n  schedule: {daily: yes}\n", LINES + 2, "schedule: must be one value or a list"),
    "an anchor in a group": (GOOD + "timing: &a\n  catchup: yes\n", LINES + 1, "anchors (&) and aliases (*) are not read"),
    "a misspelt group": (GOOD + "aceptance:\n  accept: off\n", LINES + 2, "aceptance: must be one value or a list"),
    "too deep": ("tags: " + "[" * 60_000, 1, "one value or a list of values"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "line", "rule"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, text: str | bytes, line: int, rule: str) -> None:
    with pytest.raises(WrongFile) as refused:
        loader.read_customer(written(tmp_path, text))

    (sentence, *_) = [one for one in refused.value.sentences if rule in one] or refused.value.sentences
    assert sentence.startswith(f"nord.yaml, line {line}: ")
    assert rule in sentence


def test_the_same_mistake_is_said_of_each_customer(tmp_path: Path) -> None:
    """Customers share the values of equal settings; what is wrong with them is said of each."""
    north, south = (written(tmp_path, GOOD + "retries: many\n", f"{name}.yaml") for name in ("nord", "sued"))

    assert loader.wrong_lines(north)[0].startswith(f"nord.yaml, line {LINES + 1}: retries = 'many'")
    assert loader.wrong_lines(south)[0].startswith(f"sued.yaml, line {LINES + 1}: retries = 'many'")


def test_all_wrong_lines_are_said_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("Immomio", "").replace("sigma\n", "wodis\n", 1) + "retries: -1\nsecret: hunter2\n"

    with pytest.raises(WrongFile) as refused:
        loader.read_customer(written(tmp_path, text))

    lines = [sentence.split(":")[0].split()[-1] for sentence in refused.value.sentences]
    assert lines == ["3", "9", "10"]
    assert "hunter2" not in str(refused.value), "what is no setting may be a secret"


@pytest.mark.parametrize(
    ("name", "rule"),
    [("nord & süd.yaml", "only letters"), ("immomio_sigma.yaml", "dags/immomio_sigma.py has the same name")],
)
def test_a_name_that_cannot_be_a_dags_is_refused(tmp_path: Path, name: str, rule: str) -> None:
    with pytest.raises(WrongFile, match=rule):
        loader.read_customer(written(tmp_path, GOOD, name))


def test_a_broken_package_hides_its_own_customers_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "plugins" / "broken_system"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("PartnerSystem = print\nBROKEN = PartnerSystem(1 / 0)\n")
    monkeypatch.setattr(
        systems, "_packages", lambda: {"broken_system": ("broken_system", package / "__init__.py")}
    )
    monkeypatch.syspath_prepend(str(package.parent))

    with pytest.raises(WrongFile, match=r"line 2: partner = 'broken_system': .*ZeroDivisionError"):
        loader.read_customer(written(tmp_path, GOOD.replace("immomio\n", "broken_system\n", 1)))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.binary(max_size=300), st.text(max_size=300).map(str.encode)))
def test_any_bytes_are_a_pair_or_a_sentence(tmp_path: Path, raw: bytes) -> None:
    assert loader.wrong_lines(written(tmp_path, raw))[0].startswith("nord.yaml, line ")


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(sorted(loader.SETTINGS)),
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=6,
    ),
)
def test_any_value_is_taken_or_said_on_its_line(tmp_path: Path, name: str, value: Any) -> None:
    kept = [line for line in GOOD.splitlines() if not line.startswith(f"{name}:")]
    text = StringIO()
    YAML(typ="safe", pure=True).dump({name: value}, text)

    for sentence in loader.wrong_lines(written(tmp_path, "\n".join([*kept, text.getvalue()]))):
        assert int(sentence.split("line ")[1].split(":")[0]) > len(kept) or name in ("erp", "selection")


def test_the_command_says_the_same_and_ends_with_1(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = written(folder, GOOD)
    assert loader.main([]) == loader.main([str(good)]) == 0

    written(folder, GOOD + "retries: many\n", "süd.yaml".replace("ü", "u"))
    written(folder, GOOD, "west.yml")
    written(folder, "[", ".#nord.yaml")

    assert loader.main([str(good)]) == 0
    assert loader.main([]) == 1
    said = capsys.readouterr().err.splitlines()
    assert [line.split(",")[0].split(":")[0] for line in said] == ["west.yml", "sud.yaml"]


def test_a_folder_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AIRFLOW__PROSPECTS__PAIRS", str(tmp_path / "nowhere"))

    assert "there is no such folder" in loader.wrong_customers()[0]


def test_who_has_no_customers_needs_no_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(config, "project_folder", lambda: tmp_path)

    assert loader.wrong_customers() == []
    assert list(loader.files()) == []


def test_the_schema_that_editors_read_is_that_of_the_settings() -> None:
    """``make schema`` writes it anew."""
    kept = json.loads((ROOT / "include" / "pairs" / "pair.schema.json").read_text())

    assert kept == loader.schema()
    assert set(kept["properties"]) == {*loader.SETTINGS, *loader.GROUPED, *EVERREAL.options}
    assert set(kept["required"]) == {
        "partner",
        "erp",
        "partner_conn_id",
        "erp_conn_id",
        "exchange",
        "start_date",
    }


def test_the_example_in_the_guide_is_right(tmp_path: Path) -> None:
    guide = (ROOT / "include" / "pairs" / "README.md").read_text()
    example = guide.split("```yaml\n")[1].split("```")[0]

    assert loader.read_customer(written(tmp_path, example)).clients == ("001", "002")


def test_wrong_files_are_reported_with_line_and_reason(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One entry a file, however many of its lines are wrong."""
    reported: list[dict[str, str]] = []
    monkeypatch.setattr(loader.callbacks, "customer_files", reported.append)
    written(folder, GOOD)
    written(folder, GOOD.replace("sigma\n", "sigmma\n").replace("2026-11-01", "yesterday"), "sued.yaml")
    written(folder, GOOD, "west.yml")

    assert loader.report_wrong_files() == 2

    assert list(reported[0]) == ["west.yml", "sued.yaml"]
    assert "sued.yaml, line 3: erp" in reported[0]["sued.yaml"]
    assert "line 8: start_date" in reported[0]["sued.yaml"]
    assert "sued.yaml, line 3: erp" in caplog.text
