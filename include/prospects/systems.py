"""The systems under ``plugins/``, found by name: what each one's ``operators.py`` offers to a pair.

A partner's has ``EXTRACT``, an ERP's has ``LOAD`` and ``ACCEPT``, each an operator class. Nothing else need be told of a
new system. A package is imported when a pair first uses it.
"""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

SYSTEMS = Path(__file__).resolve().parents[2] / "plugins"
OFFERS = {"partner": {"extract": "EXTRACT"}, "erp": {"load": "LOAD", "accept_with": "ACCEPT"}}
"""Kind of system -> setting of a pair -> name of the class."""


class UnknownSystem(ValueError):
    """There is no such partner or ERP; the message lists those there are."""


def classes(kind: str, name: Any) -> dict[str, Any]:
    """The settings of a pair that its partner or its ERP tells.

    :param kind: ``partner`` or ``erp``.
    :param name: of the package; whatever stood in the customer's file.
    :raises UnknownSystem: also if the package cannot be imported.
    """
    if not isinstance(name, str) or name not in _names():
        said = f"{kind} is missing" if name is None else f"{kind} = {name!r:.80}: is not known"
        raise UnknownSystem(f"{said}; known are {', '.join(_known(kind))}")
    module = _operators(kind, name)
    lacking = [offered for offered in OFFERS[kind].values() if not hasattr(module, offered)]
    if lacking:
        known = ", ".join(_known(kind))
        raise UnknownSystem(
            f"{kind} = {name!r}: plugins/{name}/operators.py has no {lacking[0]}, so it is none; known are {known}"
        )
    return {setting: getattr(module, offered) for setting, offered in OFFERS[kind].items()}


def _operators(kind: str, name: str) -> ModuleType:
    try:
        return importlib.import_module(f"{name}.operators")
    except Exception as error:  # whatever is wrong in one package must hide only the pairs that use it
        raise UnknownSystem(
            f"{kind} = {name!r}: plugins/{name} cannot be imported: {error!r:.200}"
        ) from error


def _known(kind: str) -> list[str]:
    """Found by the text: no package is imported only to be listed."""
    sources = {name: (SYSTEMS / name / "operators.py").read_text("utf-8") for name in _names()}
    marks = [f"\n{offered} = " for offered in OFFERS[kind].values()]
    return [name for name, source in sources.items() if all(mark in source for mark in marks)]


@cache  # a DAG file asks for thousands of customers
def _names() -> tuple[str, ...]:
    return tuple(sorted(path.parent.name for path in SYSTEMS.glob("*/operators.py")))
