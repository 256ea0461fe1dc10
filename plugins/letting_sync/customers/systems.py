"""Finds systems by name.

Systems are the packages in ``letting_sync/systems`` and a team's own packages in Airflow's plugins folder. A partner's package
has a :class:`~letting_sync.partner.PartnerSystem` in its ``__init__.py``, an ERP's an :class:`~letting_sync.erp.ErpSystem`.
A new system needs no registration. Its package is imported when a pair first uses it.
"""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path
from typing import Any, Literal

from letting_sync import config
from letting_sync.erp import ErpSystem
from letting_sync.partner import PartnerSystem

OURS = Path(__file__).resolve().parents[1] / "systems"
Kind = Literal["partner", "erp"]
KINDS: dict[Kind, type[PartnerSystem] | type[ErpSystem]] = {"partner": PartnerSystem, "erp": ErpSystem}


class UnknownSystem(ValueError):
    """There is no such partner or ERP; the message lists the existing ones."""


def partner_named(name: Any) -> PartnerSystem:
    """Return the letting platform with this name.

    :raises UnknownSystem: also if its package cannot be imported.
    """
    system = _named("partner", name)
    assert isinstance(system, PartnerSystem)  # noqa: S101 - for mypy: _named returns this kind
    return system


def erp_named(name: Any) -> ErpSystem:
    """Return the ERP with this name; otherwise as :func:`partner_named`."""
    system = _named("erp", name)
    assert isinstance(system, ErpSystem)  # noqa: S101
    return system


def partner_names() -> list[str]:
    """Return the names of all letting platforms."""
    return _known("partner")


def _named(kind: Kind, name: Any) -> PartnerSystem | ErpSystem:
    if not isinstance(name, str) or name not in _packages():
        said = f"{kind} is missing" if name is None else f"{kind} = {name!r:.80}: is not known"
        raise UnknownSystem(f"{said}; known are {', '.join(_known(kind))}")
    return _of_package(kind, name)


@cache  # a DAG file asks for thousands of customers
def _of_package(kind: Kind, name: str) -> PartnerSystem | ErpSystem:
    package, _ = _packages()[name]
    try:
        module = importlib.import_module(package)
    except Exception as error:  # an error in one package must hide only the pairs that use it
        raise UnknownSystem(f"{kind} = {name!r}: {package} cannot be imported: {error!r:.200}") from error
    found = [value for value in vars(module).values() if isinstance(value, KINDS[kind])]
    if len(found) != 1:
        raise UnknownSystem(
            f"{kind} = {name!r}: {package} has {len(found)} values of {KINDS[kind].__name__} instead of one; "
            f"known are {', '.join(_known(kind))}"
        )
    return found[0]


def _known(kind: Kind) -> list[str]:
    """Search the source text, so that no package is imported only to be listed."""
    sources = {name: path.read_text("utf-8") for name, (_, path) in _packages().items()}
    return [name for name, source in sources.items() if f"{KINDS[kind].__name__}(" in source]


@cache  # a DAG file asks for thousands of customers
def _packages() -> dict[str, tuple[str, Path]]:
    """Return name -> package and its ``__init__.py``; the product's own packages take precedence."""
    own = {
        path.parent.name: path.with_name("__init__.py")
        for path in config.plugins_folder().glob("*/operators.py")
    }
    found = {name: (name, path) for name, path in own.items() if path.exists()}
    found |= {
        path.parent.name: (f"letting_sync.systems.{path.parent.name}", path.with_name("__init__.py"))
        for path in OURS.glob("*/operators.py")
    }
    return dict(sorted(found.items()))
