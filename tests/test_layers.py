"""What import-linter (``make lint``, contracts in pyproject.toml) cannot see of the layers."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PRODUCT = ROOT / "plugins" / "letting_sync"
COMMON = [path for path in sorted(PRODUCT.rglob("*.py")) if not path.is_relative_to(PRODUCT / "systems")]
SYSTEMS = re.compile("Immomio|EverReal|Yuneo|Sigma|Wodis", re.I)


def _imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def _words(path: Path) -> set[str]:
    """Names and texts of a module; what only explains (docstrings, comments) is left out."""
    tree = ast.parse(path.read_text())
    explaining = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in explaining:
            found.add(node.value)
        found |= {getattr(node, field) for field in ("id", "attr", "name", "arg") if hasattr(node, field)}
    return {word for word in found if isinstance(word, str)}


@pytest.mark.parametrize("path", sorted(ROOT.glob("dags/*.py")), ids=lambda path: path.name)
def test_a_dag_file_takes_systems_and_settings_only(path: Path) -> None:
    allowed = re.compile(r"airflow\.sdk\.|pendulum$|datetime\.|letting_sync\.")

    assert [name for name in _imports(path) if not allowed.match(name)] == []


def test_the_sandbox_is_for_demo_tests_benchmarks_trials_and_pictures() -> None:
    told = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, check=True, capture_output=True, text=True)
    importing = {
        name
        for name in told.stdout.split()
        if (ROOT / name).exists() and any(i.startswith("include.sandbox") for i in _imports(ROOT / name))
    }
    elsewhere = {n for n in importing if not n.startswith(("include/sandbox/", "tests/", "benchmarks/"))}

    assert elsewhere <= {"include/demo/__init__.py", "docs/pictures.py"}


def test_tests_use_no_benchmark_and_the_plugins_folder_holds_one_package() -> None:
    tests = {
        path
        for path in (ROOT / "tests").rglob("*.py")
        if any(i.startswith("benchmarks") for i in _imports(path))
    }

    assert tests == set()
    assert [path.parent.name for path in ROOT.glob("plugins/*/__init__.py")] == [PRODUCT.name]


@pytest.mark.parametrize("path", COMMON, ids=lambda path: str(path.relative_to(PRODUCT)))
def test_what_is_true_for_every_pair_names_no_system(path: Path) -> None:
    assert [word for word in _words(path) if SYSTEMS.search(word)] == []
