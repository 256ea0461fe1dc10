"""The files with the texts for people: complete in both languages, and each text is used."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from letting_sync import config
from letting_sync.config import Language
from letting_sync.locales.texts import LANGUAGES, text, texts

PACKAGE = Path(__file__).resolve().parents[1] / "plugins" / "letting_sync"
DAGS = PACKAGE.parents[1] / "dags"
PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")
OTHER_READERS = (
    "reasons.*",
    "fields.*",
    "problems.*",
    "next_steps.*",
    "alerts.errors.*",
    "alerts.failed_task.*",
)
"""Texts whose key is a code: tests of their own check that each code has one."""
OTHER_GROUPS = {"reason", "todo"}
"""What the page gets from elsewhere than the texts of the console."""


def test_both_languages_have_the_same_texts_with_the_same_placeholders() -> None:
    english, german = texts("en"), texts("de")

    assert english.keys() == german.keys()
    assert [k for k in english if _placeholders(english[k]) != _placeholders(german[k])] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_empty_or_has_a_broken_placeholder(language: Language) -> None:
    assert [key for key, said in texts(language).items() if not said.strip()] == []
    assert [
        key for key, said in texts(language).items() if re.search(r"[{}]", PLACEHOLDER.sub("", said))
    ] == []


def test_every_text_is_used_and_every_used_text_exists() -> None:
    patterns = {*OTHER_READERS, *_used_by_python(), *_used_by_the_page()}
    assert len(patterns) > 100

    keys = texts("en").keys()
    nobody = [key for key in keys if not any(_matches(pattern, key) for pattern in patterns)]
    missing = [pattern for pattern in patterns if not any(_matches(pattern, key) for key in keys)]

    assert (nobody, missing) == ([], [])


def test_a_missing_value_is_an_error() -> None:
    with pytest.raises(KeyError):
        text("alerts.left.late", "en")
    assert text("alerts.left.late", "en", runs="a, {{b}}") == "Still not finished: a, {{b}}."


def test_numbers_are_written_as_in_the_language() -> None:
    assert text("alerts.kinds.approval.what", "en", total=12_345).endswith(": 12,345")
    assert text("alerts.kinds.approval.what", "de", total=12_345).endswith(": 12.345")


@pytest.mark.parametrize(("set_to", "expected"), [("de", "de"), ("DE_de", "de"), ("fr", "en"), (None, "en")])
def test_language_of_the_deployment(
    monkeypatch: pytest.MonkeyPatch, set_to: str | None, expected: str
) -> None:
    if set_to:
        monkeypatch.setenv("AIRFLOW__PROSPECTS__LANGUAGE", set_to)
    assert config.language() == expected


def _placeholders(said: str) -> set[str]:
    return set(PLACEHOLDER.findall(said))


def _matches(pattern: str, key: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".+"), key) is not None


def _used_by_python() -> Iterator[str]:
    for path in [*PACKAGE.rglob("*.py"), *DAGS.glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and node.args:
                called = getattr(node.func, "id", None)
                if called == "text":
                    yield from _pattern(node.args[0])
                if called == "error_of":
                    yield from (f"errors.{pattern}" for pattern in _pattern(node.args[1]))
                if called == "group" and isinstance(node.args[0], ast.JoinedStr):
                    yield from (f"{pattern}.*" for pattern in _pattern(node.args[0]))


def _pattern(argument: ast.expr) -> Iterator[str]:
    """A key; where it is put together, a pattern."""
    if isinstance(argument, ast.Constant):
        yield str(argument.value)
    elif isinstance(argument, ast.JoinedStr):
        yield "".join(str(v.value) if isinstance(v, ast.Constant) else "*" for v in argument.values)


def _used_by_the_page() -> Iterator[str]:
    for path in PACKAGE.glob("console/static/*.js"):
        code = path.read_text()
        for key in re.findall(r'"([a-z_]+(?:\.[a-z_0-9]+)*)"', code):
            if f"console.{key}" in texts("en"):
                yield f"console.{key}"
        for key in re.findall(r'\b(?:word|section|fact)\(\s*"([\w. ]+)"', code):
            yield f"console.{key}"
        for group in {*re.findall(r'[`"]([a-z_.]*)\.[${]', code)} - OTHER_GROUPS:
            yield f"console.{group}.*"
        for group in {*re.findall(r'\b(?:coded|badge)\(\s*"(\w+)"', code)} - OTHER_GROUPS:
            yield f"console.{group}.*"
