"""Files without anything unusual are read by another library, and never otherwise than all files are."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from letting_sync.customers.any_yaml import settings_or_mistake
from letting_sync.customers.usual_yaml import usual_settings
from letting_sync.customers.yaml_settings import LARGEST

GROUPS = {"timing": ("schedule", "overlap"), "alerts": ("late_after",)}
USUAL = """\
# yaml-language-server: $schema=pair.schema.json
partner: immomio   # a comment
exchange: "Börse: die große"
clients: [01, '99', ~]
tags:
- a
- "b"
accept: off
timing:
  schedule: 17 */2 * * *
  overlap:
"""
NAMES = st.sampled_from(
    [
        "partner",
        "timing",
        "schedule",
        "overlap",
        "  schedule",
        "  overlap",
        "alerts",
        "  late_after",
        "accept",
        "- a",
        "",
        "a b",
    ]
)
VALUES = st.sampled_from(
    [
        "",
        "x",
        "'y'",
        '"z"',
        "[1, b]",
        "[",
        "~",
        "* *",
        "&a b",
        "!t c",
        "{a: b}",
        "|",
        "- q",
        "#c",
        "a: b",
        "ä",
        "\x85",
        "\t",
    ]
)
LINES = st.lists(st.builds("{}: {}".format, NAMES, VALUES) | VALUES | NAMES, max_size=6).map("\n".join)
SIGNS = st.text("ab:-[]{},#\"'~ \n\t&*!?|>%@`.01äß\x85\u2028\r\\", max_size=30)


@pytest.mark.parametrize("text", [USUAL, USUAL.replace("accept: off", "accept: 'off'")])
def test_an_ordinary_file_is_read_quickly(text: str) -> None:
    found = usual_settings(text, GROUPS)

    assert found is not None
    assert found == settings_or_mistake(text, GROUPS)


@pytest.mark.parametrize("padding", ["\n", " \n", "\t\n", "#\n", " "])
@pytest.mark.parametrize("start", ["", "exchange: ", "tags:\n- ", "exchange: '"])
def test_the_largest_file_is_looked_at_once(start: str, padding: str) -> None:
    """Airflow gives all customers' files together 30 seconds; one of them must not take these from the others."""
    text = start + padding * (LARGEST // len(padding))
    began = time.process_time()

    usual_settings(text, GROUPS)

    assert time.process_time() - began < 2


@settings(max_examples=1000)
@given(LINES | SIGNS)
@example("a: b\n---\nc: d")
@example("timing:\n  schedule: x\nschedule: y")
@example("timing: x")
@example("timing:\n")
@example("timing:\n\n  &a")
@example("a:\n \n\t- b")
@example("alerts:\n  late_after: 1\n  late_after: 2")
def test_both_ways_read_the_same(text: str) -> None:
    """What is wrong or unusual is left to the way that says so."""
    found = usual_settings(text, GROUPS)

    if found is not None:
        assert found == settings_or_mistake(text, GROUPS)
