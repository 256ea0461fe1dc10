"""Prospects chosen in a letting platform become offers and leases in a housing ERP."""

from __future__ import annotations

from pathlib import Path


def refuse_two_copies(plugin: str) -> None:
    """Raise if a plugin file is not of the package that ``import letting_sync`` finds.

    Where this package is installed and lies in the plugins folder as well, Airflow would take the plugins of the one
    and all else of the other: after an upgrade of only one of them half of it is old.

    :param plugin: ``__file__`` of a ``plugin.py``.
    :raises ImportError: says which of both to remove; Airflow shows it under its plugins' import errors.
    """
    imported, around = Path(__file__).resolve().parent, Path(plugin).resolve().parents[1]
    if imported != around:
        raise ImportError(
            f"letting_sync is there twice: installed in {imported}, and in the plugins folder as {around}. "
            "The installed one is used. Keep one of them: pip uninstall letting-sync, or remove the folder."
        )
