"""Prospects chosen in a letting platform become offers and leases in a housing ERP."""

from __future__ import annotations

from pathlib import Path


def refuse_two_copies(plugin: str) -> None:
    """Raise if a plugin file does not belong to the package that ``import letting_sync`` finds.

    If the package is both installed and in the plugins folder, Airflow would load the plugins from one copy and
    everything else from the other: after an upgrade of only one of them their versions differ.

    :param plugin: ``__file__`` of a ``plugin.py``.
    :raises ImportError: the message says which copy to remove; Airflow shows it under its plugins' import errors.
    """
    imported, around = Path(__file__).resolve().parent, Path(plugin).resolve().parents[1]
    if imported != around:
        raise ImportError(
            f"letting_sync exists twice: installed in {imported}, and in the plugins folder as {around}. "
            "The installed one is used. Keep one of them: pip uninstall letting-sync, or remove the folder."
        )
