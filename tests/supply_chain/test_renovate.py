"""Renovate keeps all locks new that ``make lock`` writes, and finds in each the command that made it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = re.findall(r"\$\(LOCK\).*--output-file=(\S+) ", (ROOT / "Makefile").read_text())


def test_there_are_locks() -> None:
    assert "requirements.txt" in LOCKS


@pytest.mark.parametrize("lock", LOCKS)
def test_renovate_knows_the_lock_and_the_lock_its_command(lock: str) -> None:
    command = (ROOT / lock).read_text().splitlines()[1]

    assert re.fullmatch(
        rf"# {{4}}uv pip compile .*--output-file={re.escape(lock)} (pyproject\.toml )?\S+\.in", command
    ), "make lock"
    assert f'"{lock}"' in (ROOT / "renovate.json5").read_text()
