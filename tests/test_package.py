"""The product as a package: in the plugins folder or installed, but not both."""

from __future__ import annotations

import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import letting_sync
from letting_sync import config, refuse_two_copies
from tests.conftest import ROOT

PLUGINS = sorted((ROOT / "plugins").rglob("plugin.py"))


def test_an_installed_package_names_the_same_plugins_that_the_folder_has() -> None:
    named = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["airflow.plugins"]
    installed = {
        entry.load().__module__ for entry in entry_points(group="airflow.plugins") if entry.name in named
    }

    assert installed == {
        ".".join(path.relative_to(ROOT / "plugins").with_suffix("").parts) for path in PLUGINS
    }


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda path: path.parent.name)
def test_its_own_plugins_are_not_refused(plugin: Path) -> None:
    refuse_two_copies(str(plugin))


def test_two_copies_are_refused_with_both_places(tmp_path: Path) -> None:
    """Half of it would be old after an upgrade of one of them."""
    other = tmp_path / "letting_sync" / "console" / "plugin.py"

    with pytest.raises(ImportError, match="twice") as refused:
        refuse_two_copies(str(other))

    assert str(Path(letting_sync.__file__).parent) in str(refused.value)
    assert str(other.parents[1]) in str(refused.value)


def test_the_project_is_around_the_plugins_folder_else_around_the_dags_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert config.project_folder() == ROOT

    monkeypatch.setattr(config, "__file__", str(tmp_path / "site-packages" / "letting_sync" / "config.py"))
    monkeypatch.setenv("AIRFLOW__CORE__DAGS_FOLDER", str(tmp_path / "project" / "dags"))

    assert config.project_folder() == tmp_path / "project"
