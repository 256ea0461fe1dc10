"""The systems under ``plugins/``, found by name.

A partner's package has a :class:`~letting_sync.partner.PartnerSystem` in its ``__init__.py``, an ERP's an
:class:`~letting_sync.erp.ErpSystem`. Nothing else has to know of a new system. A package is imported when a pair
first uses it.
"""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path
from typing import Any, Literal

from letting_sync.erp import ErpSystem
from letting_sync.partner import PartnerSystem

SYSTEMS = Path(__file__).resolve().parents[2] / "plugins"
Kind = Literal["partner", "erp"]
KINDS: dict[Kind, type[PartnerSystem] | type[ErpSystem]] = {"partner": PartnerSystem, "erp": ErpSystem}


class UnknownSystem(ValueError):
    """There is no such partner or ERP; the message lists those there are."""


def partner_named(name: Any) -> PartnerSystem:
    """The letting platform with this name.

    :raises UnknownSystem: also if its package cannot be imported.
    """
    system = _named("partner", name)
    assert isinstance(system, PartnerSystem)  # noqa: S101 - for mypy: _named returns this kind
    return system


def erp_named(name: Any) -> ErpSystem:
    """The ERP with this name; otherwise as :func:`partner_named`."""
    system = _named("erp", name)
    assert isinstance(system, ErpSystem)  # noqa: S101
    return system


def partner_names() -> list[str]:
    """The letting platforms there are."""
    return _known("partner")


def _named(kind: Kind, name: Any) -> PartnerSystem | ErpSystem:
    if not isinstance(name, str) or name not in _names():
        said = f"{kind} is missing" if name is None else f"{kind} = {name!r:.80}: is not known"
        raise UnknownSystem(f"{said}; known are {', '.join(_known(kind))}")
    return _of_package(kind, name)


@cache  # a DAG file asks for thousands of customers
def _of_package(kind: Kind, name: str) -> PartnerSystem | ErpSystem:
    try:
        package = importlib.import_module(name)
    except Exception as error:  # whatever is wrong in one package must hide only the pairs that use it
        raise UnknownSystem(
            f"{kind} = {name!r}: plugins/{name} cannot be imported: {error!r:.200}"
        ) from error
    found = [value for value in vars(package).values() if isinstance(value, KINDS[kind])]
    if len(found) != 1:
        raise UnknownSystem(
            f"{kind} = {name!r}: plugins/{name}/__init__.py has {len(found)} values of {KINDS[kind].__name__} "
            f"instead of one; known are {', '.join(_known(kind))}"
        )
    return found[0]


def _known(kind: Kind) -> list[str]:
    """Found by the text: no package is imported only to be listed."""
    sources = {name: (SYSTEMS / name / "__init__.py").read_text("utf-8") for name in _names()}
    return [name for name, source in sources.items() if f"{KINDS[kind].__name__}(" in source]


@cache
def _names() -> tuple[str, ...]:
    return tuple(sorted(path.parent.name for path in SYSTEMS.glob("*/operators.py")))
