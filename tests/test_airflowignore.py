"""Airflow's plugin loader may see files named ``plugin.py`` only."""

from __future__ import annotations

from pathlib import Path

from airflow._shared.module_loading import find_path_from_directory

ROOT = Path(__file__).resolve().parent.parent


def test_the_plugin_loader_sees_plugin_files_only() -> None:
    """It executes every other file under its bare name, so that two ``hook.py`` overwrite each other."""
    seen = {Path(path) for path in find_path_from_directory(str(ROOT / "plugins"), ".airflowignore", "glob")}
    code = {path for path in seen if path.suffix == ".py"}

    assert {path.name for path in code} <= {"plugin.py"}
    assert code == set((ROOT / "plugins").rglob("plugin.py"))
