"""A licence that nobody has looked at does not slip in, and the page lists the packages that are locked."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest

from supply_chain.licences import EXCEPTIONS, PAGE, Package, main, unexpected

ROOT = Path(__file__).resolve().parents[2]
LOCKED = re.findall(
    r"^([\w.-]+)==([^\s;]+)( ;.*)?$", (ROOT / "deploy/requirements.txt").read_text(), flags=re.M
)


@pytest.mark.parametrize(
    "licence",
    [
        "MIT",
        "Apache Software License; MIT License",
        "BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0",
        "MIT OR GPL-3.0-only",
        "ISC License (ISCL)",
    ],
)
def test_permissive(licence: str) -> None:
    assert unexpected([Package("newcomer", "1.0", licence)]) == []


@pytest.mark.parametrize(
    "licence",
    [
        "GPL-3.0-or-later",
        "AGPL-3.0-only",
        "MIT AND LGPL-2.1-only",
        "MIT License; GNU General Public License v3 (GPLv3)",
        "Mozilla Public License 2.0 (MPL 2.0)",
        "(MIT OR GPL-3.0-only) AND GPL-2.0-only",
        "Apache-2.0 WITH LLVM-exception",
        "Server Side Public License",
        "UNKNOWN",
        "",
    ],
)
def test_for_a_person_to_look_at(licence: str) -> None:
    newcomer = Package("newcomer", "1.0", licence)

    assert unexpected([newcomer]) == [newcomer]


def test_an_exception_is_for_one_package_and_has_a_reason() -> None:
    licence = "GNU Library or Lesser General Public License (LGPL)"

    assert unexpected([Package("psycopg2-binary", "2.9", licence)]) == []
    assert unexpected([Package("another", "2.9", licence)]) != []
    assert all(EXCEPTIONS.values())


def test_the_command_fails_and_says_where_to_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("supply_chain.licences.PAGE", tmp_path / "licences.md")
    listed = json.dumps([{"Name": "newcomer", "Version": "1.0", "License": "AGPL-3.0-only"}])
    monkeypatch.setattr("sys.stdin", io.StringIO(listed))

    assert main() == 1
    assert "newcomer 1.0: AGPL-3.0-only" in capsys.readouterr().err


def test_the_page_lists_the_locked_packages() -> None:
    rows = re.findall(r"^\| ([\w.-]+) \| (\d\S*) \| .+ \|$", PAGE.read_text(), flags=re.M)
    told = {_normal(name): version for name, version in rows}
    everywhere = {_normal(name): version for name, version, marker in LOCKED if not marker}

    assert {name: told.get(name) for name in everywhere} == everywhere, "make licences"
    assert told.keys() <= {_normal(name) for name, _, _ in LOCKED}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
