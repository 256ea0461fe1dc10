"""Plain technical English: words that only this project once used do not come back."""

from __future__ import annotations

import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
INSTEAD = {
    r"mend(s|ed|ing)?": "fix",
    r"who is told|(is|are|was|were|be|been) told(?! apart)|told (of|by|nobody|when)|tells? of": "notify, report",
    r"put(s|ting)? off": "defer",
    r"rehears(e|es|ed|al|als)": "dry run",
    r"settl(e|es|ed|ing)(?![ _-](window|seconds))": "reconcile in-flight entries, read back, decide",
    r"adopt(s|ed|ing)?": "link the existing offer",
    r"surely": "confirmed, certainly",
    r"lost answers?": "lost response",
    r"patience": "retry policy",
    r"trouble": "retryable error, problem",
    r"going out": "before_send",
    r"may still come": "within the settle window",
    r"(on|at) the edge": "external",
    r"at the door": "on input",
    r"what (became|has become|becomes) of|became of": "outcome",
    r"(stands?|lies?) in(?! (for|the way|front))": "is in, is stored in",
    r"of the house|this house|house rules?": "of the project",
    r"well again": "resolved",
    r"ruff: well": "ruff: ok",
    r"keeping times?": "retention period",
}
PRIVATE = re.compile(rf"\b({'|'.join(INSTEAD)})\b", re.IGNORECASE)
ALLOWED = {
    "rehearse": (
        "plugins/letting_sync/dry_run.py",
        "plugins/letting_sync/privacy/subject_requests.py",
        "tests/integration/test_pairs.py",
        "tests/integration/test_runs_side_by_side.py",
        "tests/test_dry_run.py",
        "tests/test_run_conf.py",
    ),
    "rehearsal": (
        "docs/operations.md",
        "plugins/letting_sync/locales/en.json",
        "plugins/letting_sync/reasons.py",
        "tests/test_run_conf.py",
    ),
}
"""Stored codes and the former name of a param, and where they are written."""
NO_TEXT = ("CHANGELOG.md", "docs/licences.md", "tests/test_wording.py")
"""The changelog quotes former names; the list of licences is generated."""


def _files() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    ends = (".py", ".md", ".js", ".toml", ".yaml", ".yml", "/en.json", "Makefile")
    return [name for name in listed if name.endswith(ends) and name not in NO_TEXT]


def _texts(name: str) -> Iterator[str]:
    """What a person reads of a file: of code its comments and strings, no names."""
    written = (ROOT / name).read_text(encoding="utf-8")
    if not name.endswith(".py"):
        yield written
        return
    for token in tokenize.generate_tokens(io.StringIO(written).readline):
        if token.type in (tokenize.COMMENT, tokenize.STRING):
            yield token.string


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="no git repository")
def test_no_private_word_is_in_texts_docs_and_comments() -> None:
    files = _files()
    assert len(files) > 300

    found = [
        f"{name}: {hit[0]!r} in …{said[max(0, hit.start() - 40) : hit.end() + 20]}…"
        for name in files
        for text in _texts(name)
        for said in [re.sub(r"\s+", " ", text)]
        for hit in PRIVATE.finditer(said)
        if name not in ALLOWED.get(hit[0].lower(), ())
    ]

    assert found == []


def test_the_list_finds_what_it_names() -> None:
    assert PRIVATE.search("Nobody is told, or the way is broken")
    assert PRIVATE.search("look until that is mended")
    assert not PRIVATE.search("within the settle window, settle_seconds; cannot be told apart; recommended")
