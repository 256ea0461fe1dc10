"""What import-linter (``make lint``, contracts in pyproject.toml) cannot see of the floors."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
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


def test_every_package_of_plugins_stands_under_the_contracts() -> None:
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    packages = {path.parent.name for path in ROOT.glob("plugins/*/__init__.py")}

    assert packages | {"include"} == set(linter["root_packages"])
    for contract in linter["contracts"]:
        lists = (contract.get(key, []) for key in ("layers", "source_modules", "forbidden_modules"))
        named = " ".join(name for names in lists for name in names)
        if "everreal" in named:
            assert packages <= set(re.split(r"[ |]+", named)), contract["name"]


@pytest.mark.parametrize("path", sorted(ROOT.glob("dags/*.py")), ids=lambda path: path.name)
def test_a_dag_file_takes_systems_and_settings_only(path: Path) -> None:
    allowed = re.compile(r"airflow\.sdk\.|pendulum$|datetime\.|include\.prospects\.|(\w+)\.[A-Z]+$")

    assert [name for name in _imports(path) if not allowed.match(name)] == []


def test_the_sandbox_is_for_demo_tests_benchmarks_trials_and_pictures() -> None:
    told = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, check=True, capture_output=True, text=True)
    importing = {
        name
        for name in told.stdout.split()
        if (ROOT / name).exists() and any(i.startswith("include.sandbox") for i in _imports(ROOT / name))
    }
    elsewhere = {n for n in importing if not n.startswith(("include/sandbox/", "tests/", "benchmarks/"))}

    assert elsewhere <= {"include/demo/__init__.py", "tests/harness/cluster_run.py", "docs/pictures.py"}


@pytest.mark.parametrize("path", sorted(ROOT.glob("include/prospects/*.py")), ids=lambda path: path.name)
def test_what_is_true_for_every_pair_names_no_system(path: Path) -> None:
    assert [word for word in _words(path) if SYSTEMS.search(word)] == []
